"""How often a vacancy hops: molecular dynamics at fixed volume, long enough to count."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from diffsim import units
from diffsim.fields import with_floats
from diffsim.observables.hops import Rate, hops_of, memory_of_direction, poisson_rate
from diffsim.observables.vacancy_site import VacancySite, spacing_of
from diffsim.potentials.base import AbstractPotential
from diffsim.simulate import simulate
from diffsim.simulators import Bussi, Schedule
from diffsim.solid.motion import SKIN, nothing
from diffsim.solid.pace import Pace
from diffsim.system import System

_FRAMES = 500  # of a stretch, after which the lattice is followed
_MEMORY = 3  # periods of the fastest mode: a hop that is undone within them is a recrossing
_HEATING = 100  # periods before the first frame
_COUPLING = 20  # periods: the thermostat's time
_NAMED = 0.5  # share of a stretch's frames that must name an empty site: else it is no crystal with a vacancy
_FAR = 1.2  # times the distance between neighbouring sites


class HopRate(NamedTuple):
    """Hops of a vacancy at one temperature."""

    temperature: float  # K
    time: float  # ps
    hops: int
    recrossings: int  # returns within three periods of the fastest mode; not among the hops
    far: int  # of the hops, further than to a neighbouring site of the same element
    rate: Rate  # THz: hops over time, ± one standard deviation
    likely: Rate  # THz: 95 %
    cosine: float  # ⟨cos θ⟩ of successive hops: 0 for a random walk
    cosine_error: float
    named: float  # share of frames that name an empty site
    atoms: int


def hop_rate(
    potential: AbstractPotential,
    crystal: System,
    kelvin: float,
    pace: Pace,
    *,
    repeats: tuple[int, int, int],
    hops: int = 30,
    steps: int = 2_000_000,
    seed: int = 0,
) -> HopRate:
    """Hops of the vacancy of the repeated crystal's first atom, in its own cell.

    Counting ends with the stretch of 500 frames in which the last of `hops` or of `steps` falls. All velocities are
    rescaled alike (`Bussi`), slowly, so that the motion is that at constant energy. In 32-bit floats; only the empty
    site of each frame is kept.

    **Raises** `ValueError` where the atoms leave the lattice, `SimulationError` where they explode.
    """
    whole = crystal.supercell(repeats)
    potential, tracker = with_floats((potential, VacancySite.of(whole, 0)), 32)
    lacking = with_floats(System(whole.positions[1:], whole.cell, whole.numbers[1:], whole.masses[1:]), 32)
    step = pace.dt * units.fs
    bussi = with_floats(Bussi(step, kelvin, _COUPLING * pace.period * step), 32)
    skin = SKIN * float(tracker.spacing)
    state = bussi.init(potential, lacking, jax.random.key(seed), jnp.float32(2 * kelvin), skin=skin)
    _, state = simulate(potential, bussi, state, Schedule(1, round(_HEATING * pace.period)), nothing)
    stretch, series = Schedule(_FRAMES, pace.stride), []
    memory = round(_MEMORY * pace.period / pace.stride)
    found = None
    for _ in range(max(1, steps // stretch.steps)):
        tracker = tracker.following(state.system.positions)
        seen, state = simulate(potential, bussi, state, stretch, tracker.record)
        series.append(np.asarray(seen))
        if np.mean(series[-1] >= 0) < _NAMED:
            raise ValueError(
                f"at {kelvin:g} K the atoms do not stay on the lattice: after "
                f"{len(series) * _FRAMES * pace.every:.3g} ps most frames have no single empty site"
            )
        found = hops_of(np.concatenate(series), whole, memory)
        if len(found.frames) >= hops:
            break
    assert found is not None
    time = len(series) * _FRAMES * pace.every
    count = len(found.frames)
    return HopRate(
        kelvin,
        time,
        count,
        found.recrossings,
        farther(found.vectors, whole),
        poisson_rate(count, time),
        poisson_rate(count, time, 0.95),
        *memory_of_direction(found.vectors),
        found.named,
        len(lacking.numbers),
    )


def farther(vectors: Float[np.ndarray, "hops 3"], whole: System) -> int:
    """How many hops in Å lead further than to the nearest site of the first atom's own element."""
    alike = np.flatnonzero(np.asarray(whole.numbers) == int(whole.numbers[0]))
    own = System(whole.positions[alike], whole.cell, whole.numbers[alike], whole.masses[alike])
    return int(np.sum(np.linalg.norm(vectors, axis=1) > _FAR * spacing_of(own)))


def rate_of(law: Mapping[str, float], kelvin: float) -> float:
    """ν exp(−E/kT) in THz of `{prefactor: THz, barrier: eV}`."""
    return law["prefactor"] * math.exp(-law["barrier"] / (units.kB * kelvin))
