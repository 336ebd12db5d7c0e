"""What is learned from and tested on: frames of Lennard-Jones argon's own dynamics, far apart in time."""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from jaxtyping import Bool

from diffsim import (
    Configuration,
    Langevin,
    LennardJones,
    Schedule,
    System,
    read_configurations,
    relabelled,
    simulate,
    split,
    units,
    unlabelled,
)
from experiments.argon.size import Size

STEP, FRICTION = 10 * units.fs, 1 / units.ps
EDGE, EXPANSION = 5.25532, 2.5e-3  # Å at 0 K, and Å for each K
SPREAD, SHEAR = 0.015, 0.01  # of the edge, and of each component of the strain of every other crystal
DENSITIES = (0.0165, 0.0190, 0.0215)  # atoms in an Å³; along the vapour line from 0.0161 at 130 K to 0.0212 at 85 K
TRUTH = "Lennard-Jones"
HOT = 400.0  # K, where the crystal melts at once
_SHARES = (0.75, 0.10, 0.15)


class Parts(NamedTuple):
    """The frames, divided: those of one trajectory stay together."""

    training: list[Configuration]
    validation: list[Configuration]
    test: list[Configuration]


def make_frames(size: Size, folder: Path) -> None:
    """Leaves `frames.xyz` in the folder."""
    write_frames([*crystals(size), *liquids(size)], folder / "frames.xyz")


def write_frames(trajectories: Iterable[list[Configuration]], path: Path) -> None:
    """With Lennard-Jones' energies, forces and stresses."""
    images = []
    for one in relabelled(LennardJones.argon(), [one for trajectory in trajectories for one in trajectory]):
        images.append(one.system.to_ase())
        images[-1].info["config_type"] = one.group
        labels = {"energy": one.energy, "forces": one.forces, "stress": one.stress}
        images[-1].calc = SinglePointCalculator(images[-1], **labels)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, images)


def parts(size: Size, path: Path) -> Parts:
    """Of a file of frames, without those of one trajectory in two parts."""
    return Parts(*split(read_configurations(path), _SHARES, block=size.frames))


def crystals(size: Size) -> Iterator[list[Configuration]]:
    """Trajectories of FCC crystals around the size they have at each temperature, every other one sheared."""
    rng = np.random.default_rng(0)
    for number, temperature in enumerate(np.repeat(size.cold, size.crystals)):
        edge = (EDGE + EXPANSION * temperature) * (1 + rng.uniform(-SPREAD, SPREAD))
        strain = rng.uniform(-SHEAR, SHEAR, (3, 3)) * (number % 2)
        yield trajectory("crystal", cubes(edge, size.repeats, strain), [float(temperature)], size, number)


def liquids(size: Size) -> Iterator[list[Configuration]]:
    """Trajectories of liquids that were crystals before they were molten."""
    for number, (density, temperature) in enumerate(product(DENSITIES, size.warm)):
        cell = cubes(float(np.cbrt(4 / density)), size.repeats)
        yield trajectory("liquid", cell, [HOT, float(temperature)], size, 1000 + number)


def cubes(edge: float, repeats: int, strain: np.ndarray | float = 0.0) -> System:
    """FCC cubes of four atoms, `repeats` along each edge."""
    atoms = bulk("Ar", a=edge, cubic=True) * ((repeats,) * 3)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return System.from_ase(atoms)


def trajectory(
    group: str,
    system: System,
    temperatures: list[float],
    size: Size,
    seed: int,
    mobile: Bool[np.ndarray, " atoms"] | None = None,
) -> list[Configuration]:
    """Frames at the last of these temperatures, after a rest at each; where `mobile` is False atoms are held."""
    potential, key = LennardJones.argon(), jax.random.key(seed)
    state = Langevin(STEP, temperatures[0], FRICTION).init(potential, system, key, mobile=mobile)
    for temperature in temperatures:
        simulator = Langevin(STEP, temperature, FRICTION)
        schedule = Schedule(size.frames, size.stride, size.rest)
        frames, state = simulate(potential, simulator, state, schedule)
    print(f"{group} at {temperatures[-1]:g} K", flush=True)
    return [one._replace(group=group) for one in unlabelled([system.replace(positions=x) for x in frames])]
