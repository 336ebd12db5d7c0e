"""A potential as a JSON file: what a configuration's `potential:` takes, with the units beside it."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from diffsim.fields import parameters
from diffsim.instantiate import instantiate
from diffsim.potentials.base import AbstractPotential


def save_potential(path: str | Path, potential: AbstractPotential) -> None:
    """Writes all of a potential's fields, to the last digit, and the units of its parameters.

    **Raises** `ValueError` for one that is made of a Python function: files hold no code.
    """
    units = {name: parameter.unit for name, parameter in parameters(potential).items()}
    text = json.dumps({"potential": _fields(potential), "units": units}, indent=1, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def load_potential(path: str | Path) -> AbstractPotential:
    """Reads what `save_potential` wrote.

    **Raises** `ValueError` for a file that is not there or not such JSON, or that names anything but public potentials.
    """
    try:
        tree = json.loads(Path(path).read_text(encoding="utf-8"))["potential"]
    except FileNotFoundError:
        raise ValueError(f"there is no potential {str(path)!r}: name a file that a run has left") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a potential written by diffsim: {error!r}") from error
    return instantiate(tree)


def write_lammps(folder: Path, potential: AbstractPotential) -> Path | None:
    """Writes the potential's LAMMPS file into a folder, if its form has one, and says where."""
    for name, file in (("to_lammps", "potential.lammps"), ("to_setfl", "potential.eam.alloy")):
        if hasattr(potential, name):
            getattr(potential, name)(folder / file)
            return folder / file
    return None


def _fields(value: Any) -> Any:
    if isinstance(value, eqx.Module):
        made_from = [field.name for field in dataclasses.fields(value) if field.init]
        return {"_target_": f"diffsim.{type(value).__name__}"} | {n: _fields(getattr(value, n)) for n in made_from}
    if isinstance(value, tuple | list):
        return [_fields(part) for part in value]
    if callable(value):
        raise ValueError(
            f"a file cannot hold the function {getattr(value, '__name__', repr(value))!r}: keep its weights instead "
            "(equinox.tree_serialise_leaves), and make the potential with the function again"
        )
    return np.asarray(value).tolist() if hasattr(value, "dtype") else value
