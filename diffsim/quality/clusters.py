"""Few atoms in empty space: two that approach each other, and a third that comes into the reach of a bonded pair."""

from collections.abc import Callable
from itertools import combinations_with_replacement, product

import numpy as np
from jaxtyping import Float

from diffsim.quality.structures import bond_length, in_a_box
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import Verdict, at_least, at_most

_SHORT, _BOND = 0.3, 0.75  # times the sum of covalent radii: where curves end, and where bonds begin
_POINTS = 192  # of a curve
_WALL = 10.0  # eV: two atoms at three tenths of a bond's length cost more
_HOLE = 1e-3  # eV
_JUMP = 1e-4  # eV/Å, and eV: smooth ones change less within the last interval
_PLACES, _PARTS, _LEVELS = 3, 16, 7  # places that are looked at closer, each time eight times as close
_WEAK = 0.01  # eV/Å
_MARGIN = 0.02  # of the cutoff, beyond it


def dimers(subject: Subject) -> Verdict:
    """Whether two atoms of any two elements repel each other at short distance, the more the closer they are."""
    subject.require_energies()
    walls, holes, columns = {}, {}, {}
    for pair in combinations_with_replacement(subject.species, 2):
        cutoff, bond = float(subject.potential.cutoff), bond_length(*pair)
        r = np.linspace(_SHORT * bond, max(cutoff, 1.5 * bond), _POINTS)
        found = subject.evaluated([in_a_box([[0, 0, 0], [x, 0, 0]], pair, cutoff) for x in r], alike=True)
        energy = found.energy - found.energy[-1]
        walls[pair], holes[pair] = wall_and_hole(r, energy, _BOND * bond)
        columns |= {f"distance of {_name(*pair)} (Å)": r.tolist(), f"{_name(*pair)} (eV)": energy.tolist()}
    lowest, deepest = min(walls, key=lambda pair: walls[pair]), max(holes, key=lambda pair: holes[pair])
    if not np.isfinite(holes[deepest]):
        return at_least(_WALL, float("nan"), "eV", f"The energy of {_name(*deepest)} is not a number.", columns)
    if holes[deepest] > _HOLE:
        sentence = f"Below the bond of {_name(*deepest)} the energy falls again, by {holes[deepest]:.3g} eV."
        return at_least(_WALL, -holes[deepest], "eV", sentence, columns)
    sentence = f"Energies rise all the way, for {_name(*lowest)} by {walls[lowest]:.3g} eV, to three tenths of a bond."
    return at_least(_WALL, walls[lowest], "eV", sentence, columns)


def wall_and_hole(r: Float[np.ndarray, " points"], energy: Float[np.ndarray, " points"], bond: float):
    """How far the energy rises from its minimum beyond `bond` inward, and how far it falls again on the way."""
    start = int(np.argmin(np.where(r >= bond, energy, np.inf)))
    inward = energy[start::-1]
    if not np.isfinite(inward).all():
        return float("nan"), float("inf")
    return float(inward[-1] - inward[0]), float(np.max(np.maximum.accumulate(inward) - inward))


def smoothness(subject: Subject) -> Verdict:
    """Whether energy and forces have no jumps while an atom leaves the reach of two others.

    Where forces bend most on a grid, eight times as fine a grid is looked at, and so on: what is left within 1e-8 Å is
    a jump.
    """
    worst, columns = (-1.0, 0.0, ""), {}
    for mover, host in product(subject.species, repeat=2):
        cutoff, bond = float(subject.potential.cutoff), bond_length(mover, host)
        r = np.linspace(_BOND * bond, (1 + _MARGIN) * cutoff, _POINTS)
        found, energy, force = jumps(lambda at: _passing(subject, mover, host, at), r)  # noqa: B023
        columns |= {f"distance of {_name(mover, host)} (Å)": r.tolist()}
        columns |= {f"energy of {_name(mover, host)} (eV)": (energy - energy[-1]).tolist()}
        columns |= {f"force on {_name(mover, host)} (eV/Å)": force[:, 0].tolist()}
        worst = max([worst, *((jump, place, _name(mover, host)) for jump, place in found)])
    sentence = f"The largest jump of energy (eV) or force (eV/Å) is {worst[0]:.1e}, at {worst[1]:.5g} Å ({worst[2]})."
    return at_most(_JUMP, worst[0], "eV, eV/Å", sentence, columns)


def jumps(
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], r: np.ndarray
) -> tuple[list[tuple[float, float]], np.ndarray, np.ndarray]:
    """The largest jumps of `function(r) -> energy, force` and where they are; energies and forces at `r`."""
    energy, force = function(r)
    around = [(r[n], r[n + 2]) for n in sorted(_bent(energy, force))]  # the shared list is that of the smallest r
    found = []
    for _ in range(_LEVELS):
        grids = [np.linspace(low, high, _PARTS + 1) for low, high in around]
        energies, forces = (np.split(part, len(grids)) for part in function(np.concatenate(grids)))
        found = list(zip(grids, energies, forces, strict=True))
        places = [_bent(*curves)[0] for _, *curves in found]
        around = [(grid[n], grid[n + 2]) for grid, n in zip(grids, places, strict=True)]
    size = lambda e, f: float(np.nan_to_num(np.max([np.ptp(e), np.ptp(f, axis=0).max()]), nan=np.inf))  # noqa: E731
    return [(size(e, f), float(grid.mean())) for grid, e, f in found], energy, force


def _bent(energy: np.ndarray, force: np.ndarray) -> list[int]:
    """Where a grid's curves are least of a straight line, relative to how strong forces are: the point before."""
    bent = np.abs(np.diff(force, 2, axis=0)).max(axis=1) + np.abs(np.diff(energy, 2))
    scale = np.abs(force).max(axis=1)[1:-1] + _WEAK
    return np.argsort(-bent / scale)[:_PLACES].tolist()


def _passing(subject: Subject, mover: int, host: int, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energy, and force on an atom at (r, 0, 0), in the presence of a bonded pair."""
    bond, cutoff = bond_length(host, host), float(subject.potential.cutoff)
    pair = [[0, 0, 0], [-0.4 * bond, 0.9 * bond, 0.1 * bond]]
    found = subject.evaluated([in_a_box([*pair, [x, 0, 0]], [host, host, mover], cutoff) for x in r], alike=True)
    return np.asarray(found.energy), np.asarray(found.forces[:, 2])


def _name(first: int, second: int) -> str:
    from ase.data import chemical_symbols

    return f"{chemical_symbols[first]}–{chemical_symbols[second]}"
