"""`diffsim experiment=NAME [group=choice] [key=value] [-m]`: a run, or with -m a sweep, through Hydra."""

import json
import os
import sys
import traceback
from argparse import Namespace
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from diffsim.commands import listing
from diffsim.commands.sentences import MISTAKES, errors_as_sentences, sentence
from diffsim.config import CONF, compositions, expanded, plain, resolved

OmegaConf.register_new_resolver("commands", listing, replace=True)


def main(arguments: list[str]) -> None:
    """Makes the run, or the runs of a sweep and its table."""
    args = parsed(arguments)
    folder = refuse_early(args)
    flags = [argument for argument in arguments if argument not in args.overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands errors on instead of printing them
    sys.argv[1:] = [*flags, *expanded(args.overrides)]  # Hydra wants all overrides in one place
    if folder is None:
        return hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(run)()
    sys.argv.append("hydra.sweep.dir=" + json.dumps(str(folder)))  # resolved once: it holds the time
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")(run)()
    except BaseException:  # a worker that was killed, Ctrl-C: the runs that are finished get their table all the same
        with suppress(ValueError):
            conclude(folder)
        raise
    if failed := conclude(folder):
        raise ValueError(f"{failed} of the runs in {str(folder)!r} failed")


def conclude(folder: Path) -> int:
    """Leaves table and figure of a sweep, shows the table, and counts the failures."""
    from diffsim.report.sweep import overview, read_sweep, write_sweep

    jobs = read_sweep(folder)
    write_sweep(jobs, folder)
    print(overview(jobs, folder))
    return sum(job.outcome == "failed" for job in jobs)


def parsed(arguments: list[str]) -> Namespace:
    """Hydra's own options, with overrides before or after them; a mistake is a `ValueError`."""

    def refuse(message: str) -> NoReturn:
        raise ValueError(f"{message}: see diffsim --help")

    parser = get_args_parser()
    parser.error = refuse
    return parser.parse_intermixed_args(arguments)


def refuse_early(args: Namespace) -> Path | None:
    """Everything that can be known to be wrong before Hydra starts; the folder of a sweep."""
    if args.experimental_rerun or args.config_path or args.config_name:
        raise ValueError(
            "--config-path, --config-name and --experimental-rerun are not read: add files with --config-dir"
        )
    if args.help or args.hydra_help or args.shell_completion or args.info or args.cfg:
        return None
    configs = compositions(args.overrides, config_dir=args.config_dir, multirun=args.multirun)
    folders = [Path((config.hydra.sweep if args.multirun else config.hydra.run).dir) for config in configs]
    for folder in folders:
        check_folder(folder)
    return folders[0] if args.multirun else None


def check_folder(folder: Path, option: str = "hydra.run.dir") -> None:
    """Refuses a folder that holds anything, or that cannot be made."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write to {str(folder)!r}: choose another folder with {option}=FOLDER")
    if existing == folder and any(folder.iterdir()):
        raise ValueError(f"{str(folder)!r} is not empty: choose another folder with {option}=FOLDER")


def run(config: DictConfig) -> None:
    """One run, alone or in a sweep, in the folder that Hydra has made for it."""
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    if settings.mode == RunMode.MULTIRUN:
        return run_in_sweep(config, folder)
    with errors_as_sentences():
        results = made(config, folder)
        print(kind_of(config).overview(results, Path(os.path.relpath(folder))))


def run_in_sweep(config: DictConfig, folder: Path) -> None:
    """A run whose failure is written down, and leaves the others alone."""
    overrides = list(HydraConfig.get().overrides.task)
    try:
        results = made(config, folder)
        outcome = f"loss {kind_of(config).loss_of(results):.6g}"
    except Exception as error:
        if not isinstance(error, MISTAKES):
            traceback.print_exc()
        outcome = f"failed: {sentence(error)}"
        folder.mkdir(exist_ok=True)
        text = json.dumps({"error": sentence(error), "overrides": overrides}, ensure_ascii=False)
        (folder / "failed.json").write_text(text + "\n", encoding="utf-8")
    print(f"{folder.name}: {' '.join(overrides)}: {outcome}")


def made(config: DictConfig, folder: Path) -> Any:
    """The results of one run."""
    import jax

    jax.config.update("jax_enable_x64", bool(config.x64))
    from diffsim.instantiate import instantiate
    from diffsim.io.manifest import manifest

    check_folder(folder)
    try:
        parts: Any = instantiate(plain(config))
        return kind_of(config).run(parts, folder, manifest(OmegaConf.to_yaml(config), config.seed), record(config))
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()  # nothing came of it


def kind_of(config: DictConfig) -> ModuleType:
    """Where `run`, `resume` and `overview` are: of a training, or of a fit."""
    from diffsim.report import study, training

    return training if "training" in config else study


def record(config: DictConfig) -> dict[str, str]:
    """What is kept of a run: its whole configuration, the overrides that made it, and Hydra's own.

    Interpolations are resolved: the run can be gone on with, and its report made again, whatever becomes of `conf/`.
    """
    settings = HydraConfig.get()
    return {
        "config.yaml": resolved(config),
        "overrides.yaml": OmegaConf.to_yaml(settings.overrides.task),
        "hydra.yaml": OmegaConf.to_yaml(OmegaConf.create({"hydra": settings})),
    }
