"""Elastic constants of Stillinger–Weber silicon at 1477 K against runs of LAMMPS of the same crystal."""

import numpy as np
import pytest
from ase.build import bulk
from observables.stiffness import beside

from diffsim import Langevin, Schedule, StillingerWeber, System, units

# pair_style sw, a 5.457 Å, 216 atoms, 0.4 ns of fix langevin at 1477 K (τ 0.5 ps) by 1 fs; `compute born/matrix
# numdiff`; stress–strain coefficients C11, C12, C44 in GPa and their standard errors
LAMMPS = np.array([[133.18, 73.86, 46.1], [0.07, 0.05, 1.0]])


@pytest.mark.slow
def test_hot_silicon_is_as_stiff_as_lammps_finds_it():
    crystal = System.from_ase(bulk("Si", a=5.457, cubic=True).repeat(3))
    schedule = Schedule(frames=4000, stride=50, equilibration=5000)
    langevin = Langevin(1 * units.fs, 1477.0, 2 / units.ps)
    off, error = beside(LAMMPS, StillingerWeber.silicon(), crystal, langevin, schedule, seed=1, blocks=50)
    assert np.all(error < [0.2, 0.2, 2])  # the comparison says something
    assert np.all(np.abs(off) < 2 * error)
