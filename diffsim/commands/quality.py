"""`diffsim quality model=NAME|FILE|FOLDER [data=FILE] [structure=FILE] [key=value]`: is this potential fit for use?"""

import contextlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from diffsim.commands.options import options_of
from diffsim.commands.resume import read_manifest
from diffsim.commands.run import check_folder
from diffsim.commands.sentences import Arguments
from diffsim.commands.stored import stored
from diffsim.config import CONF, plain
from diffsim.instantiate import instantiate, suggestion

if TYPE_CHECKING:
    from diffsim.data.configurations import Configuration
    from diffsim.potentials.base import AbstractPotential

_OPTIONS = {"model": str, "data": str, "structure": str, "to": str, "temperature": float, "keys": dict, "zero": dict}
_LABELS = ("energy", "forces", "stress", "group")


def main(arguments: list[str]) -> None:
    """Makes all checks, shows what each finds, and leaves the page; a check that fails is no error."""
    parser = Arguments("diffsim quality", add_help=False)
    parser.add_argument("options", nargs="*")
    given = read(parser.parse_args(arguments).options)
    source = Path(given["model"])
    now = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    to = Path(given.get("to", source / "quality" if source.is_dir() else Path("outputs/quality") / now))
    check_folder(to, "to")
    import jax

    jax.config.update("jax_enable_x64", True)
    from diffsim.io.manifest import manifest
    from diffsim.io.structures import read_structure
    from diffsim.quality import Subject, known_crystal
    from diffsim.report.quality import overview, write

    potential = potential_of(source)
    training, test = data_of(source, given)
    structure = read_structure(given["structure"]) if "structure" in given else known_crystal(potential, training)
    subject = Subject(potential, structure, training, test, given.get("temperature", 300.0))
    name = source.resolve().name if source.is_dir() else source.stem
    results = write(subject, name, to, manifest(yaml.safe_dump(given), 0))
    print(overview(results, to))


def read(options: list[str]) -> dict[str, Any]:
    """The options, each `key=value`; a word alone is the model.

    **Raises** `ValueError` for what is no option or no value of one, and without a model.
    """
    given = options_of(options)
    for key, value in given.items():
        if key not in _OPTIONS:
            raise ValueError(f"unknown option {key!r}{suggestion(key, [*_OPTIONS])}")
        inner = _OPTIONS[key] is dict
        if isinstance(value, dict) != inner or value is None:
            raise ValueError(f"{key} must be given as {key}{'.NAME' if inner else ''}=VALUE, got {value!r}")
        try:
            given[key] = _OPTIONS[key](value)
        except (TypeError, ValueError):
            raise ValueError(f"{key} must be a number, got {value!r}") from None
    if unknown := given.get("keys", {}).keys() - {*_LABELS}:
        raise ValueError(f"keys has no {min(unknown)!r}: it has {', '.join(_LABELS)}")
    if "model" not in given:
        raise ValueError("there is nothing to examine: say model=NAME, model=POTENTIAL.json or model=FOLDER of a run")
    return given


def potential_of(source: Path) -> "AbstractPotential":
    """The potential of a run's folder, of a JSON file, or of that name in `conf/potential`."""
    from diffsim.io.potential import load_potential

    named = CONF / "potential" / f"{source}.yaml"
    path = source / "potential.json" if source.is_dir() else source
    if path.is_file():
        return load_potential(path)
    if source.is_dir():
        raise ValueError(f"{str(source)!r} holds no finished run: potential.json is missing")
    if not named.is_file():
        known = suggestion(str(source), [one.stem for one in named.parent.glob("*.yaml")])
        raise ValueError(f"there is no potential {str(source)!r}, nor a file or a folder of that name{known}")
    return instantiate(yaml.safe_load(named.read_text(encoding="utf-8")))


def data_of(source: Path, given: dict[str, Any]) -> "tuple[list[Configuration], list[Configuration]]":
    """Training and test set: those of the run in a folder, or else of `data`, divided as a training divides it."""
    from diffsim.data.configurations import read_configurations
    from diffsim.data.splitting import split

    config = plain(stored(source)) if source.is_dir() else {}
    if "training" in config:
        if told := [key for key in ("data", "keys", "zero") if key in given]:
            raise ValueError(f"{told[0]} is known from the run in {str(source)!r}: leave it out")
        home = Path(read_manifest(source)["folder"])
        with contextlib.chdir(home if home.is_dir() else "."):  # where the configuration's paths begin
            parts = instantiate(config["training"]).parts(config["seed"])
        return parts.training, parts.test
    if "data" not in given:
        return [], []
    found = read_configurations(given["data"], **given.get("keys", {}), zero=given.get("zero", {}))
    training, _, test = split(found)
    return training, test
