"""What the network learns from, and what it is tested on; all of it labelled by EDIP."""

from typing import NamedTuple

import jax
import numpy as np
from ase.build import bulk

from diffsim import (
    EDIP,
    Configuration,
    Langevin,
    Schedule,
    System,
    read_configurations,
    relabelled,
    simulate,
    units,
    unlabelled,
)
from diffsim.system import stack
from experiments.fine_tuning.size import Size
from experiments.silicon_liquid.melts import HOT, crystal

LIQUID = "silicon_liquid/snapshots.xyz"  # 16 frames at 1500 K, then 16 at 2500 K
_MELTS = 8
_SIZES, _STRAIN, _AMPLITUDES = (5.25, 5.65), 0.04, (0.03, 0.3)  # Å, of each component, Å


class Learned(NamedTuple):
    """What is learned from."""

    pretraining: list[Configuration]  # crystals, frames at 5000 K, and two at each temperature of the liquid
    validation: list[Configuration]
    tuning: list[Configuration]  # frames of the liquid, and of what it has learned an eighth of those at 5000 K


class Unseen(NamedTuple):
    """What no network has seen."""

    crystals: list[Configuration]
    liquids: list[Configuration]


def learned(size: Size) -> Learned:
    """The structures to learn from, and a quarter as many crystals to validate with."""
    count, cells = size.crystals, crystals(size)
    cold, hot = _liquids()
    hottest = boiling(size.boiling, 8 * size.stride, size.melting)
    return Learned(
        pretraining=cells[:count] + hottest + cold[:2] + hot[:2],
        validation=cells[count : count + _quarter(size)] + cold[2:3] + hot[2:3],
        tuning=cold[3:11] + hot[3:11] + hottest[::8],
    )


def unseen(size: Size) -> Unseen:
    """As many crystals as for validation, and the last frames of the liquid."""
    cold, hot = _liquids()
    return Unseen(crystals(size)[-_quarter(size) :], cold[11:] + hot[11:])


def _quarter(size: Size) -> int:
    return max(size.crystals // 4, 2)


def _liquids() -> tuple[list[Configuration], list[Configuration]]:
    frames = [one._replace(group="liquid") for one in relabelled(EDIP.silicon(), read_configurations(LIQUID))]
    return frames[:16], frames[16:]


def boiling(frames: int, stride: int, melting: int) -> list[Configuration]:
    """Melts at 5000 K, so many frames of each: who learns these does not explode when it is hot."""
    edip, start = EDIP.silicon(), crystal(2)
    simulator = Langevin(1 * units.fs, HOT, 5 / units.ps)
    keys = jax.random.split(jax.random.key(0), _MELTS)
    state = stack([simulator.init(edip, start, key, HOT) for key in keys])
    seen, _ = simulate(edip, simulator, state, Schedule(frames, stride, melting))
    systems = [start.replace(positions=positions) for melt in seen for positions in melt]
    return [one._replace(group="boiling") for one in relabelled(edip, unlabelled(systems))]


def crystals(size: Size) -> list[Configuration]:
    """Diamond in cubes of eight atoms, compressed and stretched, sheared, rattled: to learn, validate and test."""
    rng = np.random.default_rng(0)
    cells = []
    for seed in range(size.crystals + 2 * _quarter(size)):
        atoms = bulk("Si", a=rng.uniform(*_SIZES), cubic=True)
        atoms.set_cell(atoms.cell @ (np.eye(3) + rng.uniform(-_STRAIN, _STRAIN, (3, 3))), scale_atoms=True)
        atoms.rattle(rng.uniform(*_AMPLITUDES), seed=seed)
        cells.append(System.from_ase(atoms))
    return [one._replace(group="crystal") for one in relabelled(EDIP.silicon(), unlabelled(cells))]
