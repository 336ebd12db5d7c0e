"""`diffsim solid model=NAME|FILE|FOLDER [reference=…] [structure=FILE|ELEMENT] [key=value]`: what a crystal does."""

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from diffsim.commands.options import options_of
from diffsim.commands.quality import data_of, potential_of
from diffsim.commands.run import check_folder
from diffsim.commands.sentences import Arguments
from diffsim.instantiate import suggestion

if TYPE_CHECKING:
    from diffsim.potentials.base import AbstractPotential
    from diffsim.system import System

_OPTIONS = ("model", "reference", "structure", "to")


def main(arguments: list[str]) -> None:
    """Measures all parts, shows what was found, and leaves the page; a part that cannot be measured is no error."""
    parser = Arguments("diffsim solid", add_help=False)
    parser.add_argument("options", nargs="*")
    import jax

    jax.config.update("jax_enable_x64", True)
    given = read(parser.parse_args(arguments).options)
    source = Path(given["model"])
    now = f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    to = Path(given.get("to", source / "solid" if source.is_dir() else Path("outputs/solid") / now))
    check_folder(to, "to")
    from diffsim.io.manifest import manifest
    from diffsim.report.solid import overview, write
    from diffsim.solid.settings import Settings
    from diffsim.solid.study import Study

    settings = Settings.of({key: value for key, value in given.items() if key not in _OPTIONS})
    model = potential_of(source)
    potentials = {_name(source): model}
    if "reference" in given:
        other = Path(given["reference"])
        potentials[_name(other) + (" (reference)" if _name(other) in potentials else "")] = potential_of(other)
    structure = structure_of(given.get("structure"), list(potentials.values()), source)
    study = Study.of(potentials, structure, settings)
    results = write(study, to, manifest(yaml.safe_dump(given), settings.seed))
    print(overview(results, to))


def read(options: list[str]) -> dict[str, Any]:
    """The options, each `key=value`; a word alone is the model.

    **Raises** `ValueError` for what is no option or no value of one, and without a model.
    """
    from diffsim.solid.settings import Settings

    given = options_of(options)
    known = [*_OPTIONS, *(field.name for field in dataclasses.fields(Settings))]
    for key, value in given.items():
        if key not in known:
            raise ValueError(f"unknown option {key!r}{suggestion(key, known)}")
        if value is None or isinstance(value, dict):
            raise ValueError(f"{key} must be given as {key}=VALUE, got {value!r}")
        if key in _OPTIONS:
            given[key] = str(value)
    if "model" not in given:
        raise ValueError("there is nothing to look at: say model=NAME, model=POTENTIAL.json or model=FOLDER of a run")
    return given


def structure_of(given: str | None, potentials: "list[AbstractPotential]", source: Path) -> "System":
    """The structure of a file, the crystal of an element as ASE knows it, or that of a potential's own element.

    **Raises** `ValueError` where there is none.
    """
    from ase.build import bulk
    from ase.data import chemical_symbols

    from diffsim.io.structures import read_structure
    from diffsim.quality import known_crystal
    from diffsim.system import System

    if given in chemical_symbols[1:] and not Path(given).is_file():
        try:
            return System.from_ase(bulk(given))
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"ASE knows no crystal of {given} ({error}): say structure=FILE") from None
    if given is not None:
        return read_structure(given)
    training, _ = data_of(source, {}) if source.is_dir() else ([], [])
    for potential in potentials:
        if (found := known_crystal(potential, training)) is not None:
            return found
    raise ValueError("the potential takes all atoms alike: say which crystal, structure=FILE or structure=ELEMENT")


def _name(source: Path) -> str:
    """That of a folder or a file; potentials of runs and experiments are all called potential.json in their folder."""
    path = source.resolve()
    return path.parent.name if path.name == "potential.json" else path.name if path.is_dir() else path.stem
