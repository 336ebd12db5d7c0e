"""The command line: `diffsim experiment=NAME [group=choice] [key=value] [-m]`.

What is wrong with a configuration is said in one sentence on stderr, exit code 2, before anything is compiled or
written (HYDRA_FULL_ERROR=1 shows the traceback instead). Nothing heavy is imported before a run starts.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from diffsim.config import CONF, compositions, plain

_TRACEBACK = os.environ.get("HYDRA_FULL_ERROR") == "1"  # asked for by the user: `main` sets the same variable


def main() -> None:
    """The console script."""
    if "--version" in sys.argv:
        print(f"diffsim {version('diffsim')}")
        return
    with errors_as_sentences():
        args = parsed(sys.argv[1:])
        refuse_early(args)
        flags = [argument for argument in sys.argv[1:] if argument not in args.overrides]
        sys.argv[1:] = [*flags, *args.overrides]  # Hydra wants all overrides in one place
        os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands errors on instead of printing them
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(run)()


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Prints what a person can put right in one line and exits with 2; errors of the program keep their traceback."""
    try:
        yield
    except (ValueError, OSError, HydraException, OmegaConfBaseException) as error:
        if _TRACEBACK:
            raise
        print(f"diffsim: {sentence(error)}", file=sys.stderr)
        sys.exit(2)


def sentence(error: Exception) -> str:
    """An error's message as one line, without the frame that OmegaConf puts around ours."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.strerror}: {error.filename!r}"
    lines = str(error).splitlines()
    text = lines[0] if isinstance(error, OmegaConfBaseException) else " ".join(line.strip() for line in lines)
    return text.removeprefix("ValueError raised while resolving interpolation: ")


def parsed(arguments: list[str]) -> Namespace:
    """Hydra's own options, with overrides before or after them; a mistake is a `ValueError`."""

    def refuse(message: str) -> NoReturn:
        raise ValueError(f"{message}: see diffsim --help")

    parser = get_args_parser()
    parser.error = refuse
    return parser.parse_intermixed_args(arguments)


def refuse_early(args: Namespace) -> None:
    """Everything that can be known to be wrong before Hydra starts."""
    if args.experimental_rerun or args.config_path or args.config_name:
        raise ValueError(
            "--config-path, --config-name and --experimental-rerun are not read: add files with --config-dir"
        )
    if args.help or args.hydra_help or args.shell_completion or args.info or args.cfg:
        return
    for config in compositions(args.overrides, config_dir=args.config_dir, multirun=args.multirun):
        settings = config.hydra.sweep if args.multirun else config.hydra.run
        check_folder(Path(settings.dir))


def check_folder(folder: Path) -> None:
    """Refuses a folder that holds anything, or that cannot be made."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write to {str(folder)!r}: choose another folder with hydra.run.dir=FOLDER")
    if existing == folder and any(folder.iterdir()):
        raise ValueError(f"{str(folder)!r} is not empty: choose another folder with hydra.run.dir=FOLDER")


def run(config: DictConfig) -> None:
    """One run, in the folder that Hydra has made for it."""
    import jax

    jax.config.update("jax_enable_x64", bool(config.x64))
    from diffsim import report
    from diffsim.instantiate import instantiate
    from diffsim.io.manifest import manifest

    folder = Path(HydraConfig.get().runtime.output_dir)
    with errors_as_sentences():
        check_folder(folder)
        try:
            parts = instantiate(plain(config))
            results = report.run(parts, folder, manifest(OmegaConf.to_yaml(config), config.seed), record(config))
        finally:
            if not any(folder.iterdir()):
                folder.rmdir()  # nothing came of it
    print(report.overview(results, Path(os.path.relpath(folder))))


def record(config: DictConfig) -> dict[str, str]:
    """What Hydra keeps of a run: the configuration, the overrides that made it, and Hydra's own."""
    settings = HydraConfig.get()
    return {
        "config.yaml": OmegaConf.to_yaml(config),
        "overrides.yaml": OmegaConf.to_yaml(settings.overrides.task),
        "hydra.yaml": OmegaConf.to_yaml(OmegaConf.create({"hydra": settings})),
    }
