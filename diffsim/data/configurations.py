"""Structures with energies, forces and stresses, as a first-principles code leaves them: what potentials learn from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from diffsim.data.reference import FOLDER
from diffsim.system import System

_STRESS = "stress"
HUGE = 100.0  # eV/atom: more is another unit, or the zero of energy of another code


class Configuration(NamedTuple):
    """One labelled structure; a label that it has not is NaN."""

    system: System
    energy: float  # eV
    forces: Float[np.ndarray, "atoms 3"]  # eV/Å
    stress: Float[np.ndarray, "3 3"]  # eV/Å³, tension positive
    group: str  # what kind of structure it is: errors are told for each


def read_configurations(
    path: str | Path,
    energy: str = "energy",
    forces: str = "forces",
    stress: str | None = _STRESS,
    group: str = "config_type",
    zero: Mapping[str, float] | None = None,
) -> list[Configuration]:
    """All structures of an extended XYZ file (compressed too), or of any other that ASE reads, with their labels.

    `NAME/FILE` is one of a data set that comes with diffsim, `silicon_liquid/snapshots.xyz`.
    `energy`, `forces` and `stress` are the keys that they stand under; the stress may be left out, by some structures
    or by all (`None`). `group` is the key of a word that tells structures apart. `zero` are energies of elements in eV,
    `{"Si": -106.4}`, from which energies are counted: most first-principles codes have a zero of their own.

    **Raises** `ValueError` for a file that is missing, empty or cannot be read, and for structures without energy or
    forces, with labels that are not finite, with more than 100 eV an atom, or that are there twice; and where a key of
    the stress is named and no structure has it.
    """
    keys = {"energy": energy, "forces": forces, "stress": stress}
    frames = _frames(path)
    _check_stress(frames, path, stress, group)
    found = [_labelled(atoms, f"structure {n} of {path}", keys, group) for n, atoms in enumerate(frames)]
    found = [_counted_from(zero or {}, one) for one in found]
    check(found, str(path))
    return found


def check(configurations: Sequence[Configuration], where: str) -> None:
    """Refuses labels that cannot be learned from. Structures are counted from 0.

    **Raises** `ValueError` for no structures, and for what is not finite, in another unit, or there twice.
    """
    if not configurations:
        raise ValueError(f"{where} holds no structures: there is nothing to learn from")
    seen: dict[bytes, int] = {}
    for number, one in enumerate(configurations):
        name, atoms = f"structure {number} of {where}", len(one.system.numbers)
        known = [("an energy that is", one.energy), ("forces that are", one.forces)]
        if not np.isnan(one.stress).all():
            known.append(("a stress that is", one.stress))
        for what, label in known:
            if not np.isfinite(label).all():
                raise ValueError(f"{name} has {what} not finite: label it again or leave it out")
        if abs(one.energy) > HUGE * atoms:
            raise ValueError(
                f"{name} has {one.energy / atoms:.6g} eV/atom, more than {HUGE:g}: if that is another unit, convert "
                "it; if it is counted from another zero, say what elements have there, zero={'Si': -106.4}"
            )
        same = _fingerprint(one)
        if same in seen:
            raise ValueError(
                f"structures {seen[same]} and {number} of {where} are the same: leave one out, or what a "
                "potential is tested on may be what it has learned"
            )
        seen[same] = number


def check_apart(training: Sequence[Configuration], validation: Sequence[Configuration]) -> None:
    """Refuses a structure that is in both sets."""
    learned = {_fingerprint(one): number for number, one in enumerate(training)}
    for number, one in enumerate(validation):
        if (same := learned.get(_fingerprint(one))) is not None:
            raise ValueError(
                f"structure {number} of the validation set is structure {same} of the training set: leave one out, or "
                "the potential is judged by what it has learned"
            )


def unlabelled(systems: Sequence[System]) -> list[Configuration]:
    """Structures of which nothing is known: `relabelled(potential, unlabelled(systems))` has a potential's labels."""
    nothing = lambda *shape: np.full(shape, np.nan)  # noqa: E731
    return [Configuration(one, np.nan, nothing(len(one.numbers), 3), nothing(3, 3), "all") for one in systems]


def species_of(configurations: Sequence[Configuration]) -> tuple[str, ...]:
    """Symbols of the elements that occur, in the order of their numbers."""
    from ase.data import chemical_symbols

    numbers = sorted({int(z) for one in configurations for z in np.asarray(one.system.numbers)})
    return tuple(chemical_symbols[z] for z in numbers)


def located(path: str | Path) -> Path:
    """A file of the user's, or else one of a data set that comes with diffsim."""
    shipped = FOLDER / path
    return shipped if shipped.is_file() and not Path(path).is_file() else Path(path)


def _fingerprint(one: Configuration) -> bytes:
    """The same for the same structure."""
    return b"".join(np.asarray(part).tobytes() for part in (one.system.positions, one.system.cell, one.system.numbers))


def _frames(path: str | Path) -> list[Any]:
    import ase.io

    path = located(path)
    if not path.is_file():
        raise ValueError(f"cannot read the data set {path}: there is no such file")
    if path.stat().st_size == 0:
        raise ValueError(f"cannot read the data set {path}: the file is empty")
    try:
        return list(ase.io.iread(str(path), index=":", do_not_split_by_at_sign=True))
    except Exception as error:  # ASE's readers raise anything on a broken file
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ValueError(
            f"cannot read the data set {path}: it is broken, truncated, or of an unknown format ({reason})"
        ) from None


def _counted_from(zero: Mapping[str, float], one: Configuration) -> Configuration:
    if not zero:
        return one
    if lacking := [symbol for symbol in species_of([one]) if symbol not in zero]:
        raise ValueError(f"zero has no energy of {', '.join(lacking)}: it has {', '.join(zero)}")
    from ase.data import chemical_symbols

    own = sum(float(zero[chemical_symbols[int(z)]]) for z in np.asarray(one.system.numbers))
    return one._replace(energy=one.energy - own)


def _labelled(atoms: Any, name: str, keys: dict[str, str | None], group: str) -> Configuration:
    from ase.stress import voigt_6_to_full_3x3_stress

    known = _known(atoms)
    for what in ("energy", "forces"):
        if keys[what] not in known:
            raise ValueError(_lacks(name, what, keys[what], known, group))
    energy = known[keys["energy"]]
    forces = np.asarray(known[keys["forces"]], float)
    stress = np.full((3, 3), np.nan) if keys["stress"] not in known else np.asarray(known[keys["stress"]], float)
    if np.ndim(energy) or forces.shape != (len(atoms), 3) or stress.size not in (6, 9):
        shapes = f"{np.shape(energy)}, {forces.shape} and {stress.shape}"
        raise ValueError(
            f"{name} has labels of shapes {shapes}: an energy is a number, forces are [{len(atoms)} 3], "
            "a stress has 6 numbers or 9"
        )
    stress = voigt_6_to_full_3x3_stress(stress) if stress.size == 6 else stress.reshape(3, 3)
    return Configuration(System.from_ase(atoms), float(energy), forces, stress, str(atoms.info.get(group, "all")))


def _check_stress(frames: Sequence[Any], path: str | Path, key: str | None, group: str) -> None:
    """Refuses a key that one has named and no structure has; the usual one may be that of no structure."""
    if frames and key not in (None, _STRESS) and not any(key in _known(atoms) for atoms in frames):
        raise ValueError(_lacks(f"structure 0 of {path}", "stress", key, _known(frames[0]), group))


def _known(atoms: Any) -> dict[str, Any]:
    """All that a structure brings, by its key."""
    return dict(atoms.calc.results if atoms.calc is not None else {}) | atoms.info | atoms.arrays


def _lacks(name: str, what: str, key: str | None, known: Mapping[str, Any], group: str) -> str:
    own = {"numbers", "positions", "masses", "tags", "momenta", group}
    return f"{name} has no {what} under {key!r}: say {what}=KEY, it has {', '.join(known.keys() - own)}"
