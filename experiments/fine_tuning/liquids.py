"""g(r) of a potential's liquid, quenched from 5000 K at the rate of the truth, by diffsim."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from diffsim import Langevin, RadialDistribution, Ramp, Schedule, simulate, units
from diffsim.fields import with_floats
from diffsim.potentials import AbstractPotential
from diffsim.system import stack
from experiments.fine_tuning.size import Size
from experiments.silicon_liquid.melts import HOT, crystal
from experiments.silicon_liquid.truth import CENTERS, WIDTH

STEP, FRICTION = 2 * units.fs, 5 / units.ps
_CEILING = 30_000.0  # K


class Distribution(NamedTuple):
    """g(r) in the bins of the truth, and its standard error from the spread of replicas."""

    value: Float[np.ndarray, " bins"]
    error: Float[np.ndarray, " bins"]


def distribution(potential: AbstractPotential, temperature: float, repeats: int, size: Size) -> Distribution:
    """Of 8 `repeats`³ atoms at a temperature in K, in 32-bit floats.

    **Raises** `SimulationError` where the liquid explodes.
    """
    simulator = Langevin(STEP, Ramp(HOT, temperature, size.quench * STEP), FRICTION)
    potential, system, simulator, observable = with_floats(
        (potential, crystal(repeats), simulator, RadialDistribution(CENTERS, WIDTH)), 32
    )
    keys = jax.random.split(jax.random.key(round(temperature) + repeats), size.melts)
    state = stack([simulator.init(potential, system, key, jnp.float32(HOT)) for key in keys])
    schedule = Schedule(size.judged, size.stride, size.quench + size.resting)
    frames, _ = simulate(potential, simulator, state, schedule, observable.record, ceiling=_CEILING)
    g = np.asarray(frames, float).reshape(size.melts, size.judged, -1).mean(axis=1)
    return Distribution(g.mean(axis=0), g.std(axis=0, ddof=1) / np.sqrt(size.melts))
