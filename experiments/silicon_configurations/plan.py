"""Which structures the data set holds, each drawn from a seed of its own, and in what order they are labelled.

No structure is another one moved, and no two liquids share a trajectory, so however they are divided nothing of a test
set is in training.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from ase import Atoms

from experiments.silicon_configurations.crystals import OTHERS, beta_tin, cube, two_cubes
from experiments.silicon_configurations.melts import liquid

STRAIN = 0.06  # largest component
CLOSEST = 1.75  # Å: rattled atoms that come closer are drawn again
_WARM = 0.02  # strain of cells that are rattled
_DIGITS = 6  # of positions and cells in Å: what is in the file is what was labelled, exactly


class Planned(NamedTuple):
    """A structure to be labelled."""

    kind: str
    seed: int

    def build(self) -> Atoms:
        """The structure, with what it was drawn from in `info`."""
        rng = np.random.default_rng(self.seed)
        atoms, info = KINDS[self.kind].draw(rng)
        atoms.wrap()
        atoms.set_cell(np.round(atoms.cell.array, _DIGITS))
        atoms.positions = np.round(atoms.positions, _DIGITS)
        atoms.info = {"config_type": self.kind, "seed": self.seed} | info
        return atoms


class Kind(NamedTuple):
    """How many of a kind, and how one is drawn."""

    count: int
    draw: Callable[[np.random.Generator], tuple[Atoms, dict]]


def strained(atoms: Atoms, rng: np.random.Generator, largest: float) -> Atoms:
    """Under a symmetric strain whose components are uniform within ±`largest`."""
    strain = rng.uniform(-largest, largest, (3, 3))
    strain = np.tril(strain) + np.tril(strain, -1).T
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


def rattled(atoms: Atoms, rng: np.random.Generator, amplitude: float) -> Atoms:
    """Every atom moved by Gaussians, on average as far as `amplitude` in Å (root mean square)."""
    while True:
        moved = atoms.copy()
        moved.positions += rng.normal(scale=amplitude / np.sqrt(3), size=moved.positions.shape)
        if closest(moved) > CLOSEST:
            return moved


def closest(atoms: Atoms) -> float:
    """The shortest distance in Å, to images too."""
    images = atoms * (3, 3, 3)
    middle = len(atoms) * 13
    distances = np.linalg.norm(images.positions[middle : middle + len(atoms), None] - images.positions, axis=2)
    return float(distances[distances > 1e-9].min())


def plan() -> list[Planned]:
    """All structures, in an order of which any beginning has its share of each kind."""
    total = sum(kind.count for kind in KINDS.values())
    left = {name: [Planned(name, seed) for seed in _seeds(name)] for name in KINDS}
    order: list[Planned] = []
    while len(order) < total:
        due = {n: KINDS[n].count * (len(order) + 1) / total - (KINDS[n].count - len(rest)) for n, rest in left.items()}
        order.append(left[max(due, key=lambda name: due[name])].pop(0))
    return order


def _seeds(name: str) -> Iterator[int]:
    first = 1000 * (1 + list(KINDS).index(name))
    return iter(range(first, first + KINDS[name].count))


def _cell(rng: np.random.Generator, large: float) -> Atoms:
    return two_cubes() if rng.uniform() < large else cube()


def _strained(rng: np.random.Generator) -> tuple[Atoms, dict]:
    largest = rng.uniform(0.01, STRAIN)
    return rattled(strained(cube(), rng, largest), rng, 0.03), {"strain": round(largest, 4)}


def _rattled(least: float, most: float) -> Callable[[np.random.Generator], tuple[Atoms, dict]]:
    def draw(rng: np.random.Generator) -> tuple[Atoms, dict]:
        amplitude = rng.uniform(least, most)
        return rattled(strained(_cell(rng, 0.05), rng, _WARM), rng, amplitude), {"amplitude": round(amplitude, 4)}

    return draw


def _vacancy(rng: np.random.Generator) -> tuple[Atoms, dict]:
    """Diamond without one atom; its four neighbours have moved, mostly into the hole, then all are rattled."""
    atoms = strained(_cell(rng, 0.14), rng, _WARM)
    away = atoms.get_distances(0, range(len(atoms)), mic=True, vector=True)
    near = np.argsort(np.linalg.norm(away, axis=1))[1:5]
    atoms.positions[near] -= rng.uniform(-0.02, 0.16) * away[near]
    del atoms[0]
    amplitude = rng.uniform(0.05, 0.3)
    return rattled(atoms, rng, amplitude), {"amplitude": round(amplitude, 4)}


def _beta_tin(rng: np.random.Generator) -> tuple[Atoms, dict]:
    largest, amplitude = rng.uniform(0.01, STRAIN), rng.uniform(0.05, 0.3)
    atoms = rattled(strained(beta_tin(), rng, largest), rng, amplitude)
    return atoms, {"strain": round(largest, 4), "amplitude": round(amplitude, 4)}


def _other(rng: np.random.Generator) -> tuple[Atoms, dict]:
    name = rng.choice(list(OTHERS))
    largest, amplitude = rng.uniform(0.0, 0.04), rng.uniform(0.05, 0.2)
    atoms = rattled(strained(OTHERS[name](), rng, largest), rng, amplitude)
    return atoms, {"structure": str(name), "strain": round(largest, 4), "amplitude": round(amplitude, 4)}


KINDS = {
    "strained": Kind(72, _strained),
    "rattled": Kind(84, _rattled(0.1, 0.3)),
    "strongly rattled": Kind(44, _rattled(0.3, 0.5)),
    "vacancy": Kind(40, _vacancy),
    "beta-tin": Kind(128, _beta_tin),
    "other": Kind(64, _other),
    "liquid": Kind(50, liquid),
}
