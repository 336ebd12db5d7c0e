"""Elastic constants of Stillinger–Weber silicon at 1477 K against runs of LAMMPS of the same crystal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from observables.test_argon import Cubic

from diffsim import FiniteTemperatureElasticConstants, Langevin, Schedule, StillingerWeber, System, simulate, units
from diffsim.observables import standard_error

# pair_style sw, a 5.457 Å, 216 atoms, 0.4 ns of fix langevin at 1477 K (τ 0.5 ps) by 1 fs; `compute born/matrix
# numdiff`; stress–strain coefficients C11, C12, C44 in GPa and their standard errors
LAMMPS = np.array([[133.18, 73.86, 46.1], [0.07, 0.05, 1.0]])


@pytest.mark.slow
def test_hot_silicon_is_as_stiff_as_lammps_finds_it():
    crystal = System.from_ase(bulk("Si", a=5.457, cubic=True).repeat(3))
    silicon = StillingerWeber.silicon()
    simulator = Langevin(1 * units.fs, 1477.0, 2 / units.ps)
    state = simulator.init(silicon, crystal, jax.random.key(1), 2954.0)  # half of it goes into the springs
    cubic = Cubic(FiniteTemperatureElasticConstants(1477.0))
    schedule = Schedule(frames=4000, stride=50, equilibration=5000)
    records, _ = simulate(silicon, simulator, state, schedule, cubic.record)
    found = cubic.estimate(records, jnp.full(4000, 1 / 4000))
    error = np.hypot(standard_error(cubic, records, blocks=50), LAMMPS[1])
    assert np.all(error < [0.2, 0.2, 2])  # the comparison says something
    assert np.all(np.abs(found - LAMMPS[0]) < 2 * error)
