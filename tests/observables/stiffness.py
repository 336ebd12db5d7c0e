"""C11, C12 and C44 of a hot crystal, sampled, beside what LAMMPS found for the same one."""

import jax
import jax.numpy as jnp
import numpy as np

from diffsim import FiniteTemperatureElasticConstants, simulate, units
from diffsim.observables import standard_error
from diffsim.observables.base import AbstractObservable
from diffsim.observables.thermal_elastic import Strains


class Cubic(AbstractObservable):
    """C11, C12 and C44, equivalent directions averaged."""

    all: FiniteTemperatureElasticConstants
    unit = "GPa"
    labels = ("C11", "C12", "C44")

    def record(self, potential, state):
        return self.all.record(potential, state)

    def estimate(self, records: Strains, weights):
        c = self.all.matrix(records, weights) / units.GPa
        return jnp.stack([jnp.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2], jnp.trace(c[3:, 3:])]) / 3


def beside(lammps, potential, crystal, simulator, schedule, *, seed: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """Ours less LAMMPS's, in GPa, and the standard error of that; `lammps` holds its values and their errors."""
    heat = float(simulator.temperature)
    state = simulator.init(potential, crystal, jax.random.key(seed), 2 * heat)  # half of it goes into the springs
    cubic = Cubic(FiniteTemperatureElasticConstants(heat))
    records, _ = simulate(potential, simulator, state, schedule, cubic.record)
    found = cubic.estimate(records, jnp.full(schedule.frames, 1 / schedule.frames))
    return found - lammps[0], np.hypot(standard_error(cubic, records, blocks=blocks), lammps[1])
