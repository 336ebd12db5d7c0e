"""What is left of a trajectory that went wrong: its last steps for the eye, its last good state to go on from."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim.io.checkpoint import replace_file, save_state
from diffsim.io.trajectory import pictured
from diffsim.simulators import members
from diffsim.trouble import SimulationError, Still, is_sound


@contextmanager
def crash_written(path: str | Path) -> Iterator[None]:
    """Where a `SimulationError` passes through, writes what `write_crash` does, and lets the error name the files.

    `with crash_written("crash.extxyz"): simulate(...)`; `chunks`, `evaluate` and the updates of a `fit` likewise.
    """
    try:
        yield
    except SimulationError as error:
        try:
            where = write_crash(path, error)
        except ValueError as other:
            where = str(other)
        error.args = (f"{error}; {where}",)
        raise


def write_crash(path: str | Path, error: SimulationError) -> str:
    """Its last steps as extended XYZ, its last good state as a checkpoint (`.npz`) beside them, and a word on both.

    The atom that was pushed hardest is the one whose `marked` is 1. Steps that are not finite are left out.

    **Raises** `ValueError` where a file cannot be written.
    """
    import ase.io

    path, checkpoint = Path(path), Path(path).with_suffix(".npz")
    steps = [jax.tree.map(lambda leaf, n=n: leaf[n], error.film) for n in range(len(error.film.step))]
    images = [_image(step, error.atom) for step in steps if np.isfinite(step.system.positions).all()]
    text = io.StringIO()
    ase.io.write(text, images or [_image(Still.of(members(error.state)[0]), error.atom)], format="extxyz")
    replace_file(path, text.getvalue().encode(), "the last steps")
    said = f"the last steps are in {str(path)!r}"
    if not all(is_sound(one, jnp.asarray(jnp.inf)) for one in members(error.state)):
        return said
    save_state(checkpoint, error.state)
    return f"{said}, the last good state is in {str(checkpoint)!r}"


def _image(step: Still, atom: int | None) -> Any:
    """As `pictured`, with forces and the mark."""
    from ase.calculators.singlepoint import SinglePointCalculator

    real = np.asarray(step.system.numbers) > 0
    atoms, forces = pictured(step.system, step), np.asarray(step.forces)[real]
    atoms.set_array("marked", (np.arange(len(real)) == atom)[real].astype(int))
    atoms.calc = SinglePointCalculator(atoms, forces=forces) if np.isfinite(forces).all() else None
    return atoms
