"""Elastic constants of solid argon at 60 K against a run of LAMMPS of the same crystal."""

import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from observables.stiffness import beside

from diffsim import Langevin, LennardJones, Schedule, System, units

# lj/charmm, whose switch is ours, from 10 to 12 Å; ε 0.238067 kcal/mol, σ 3.405 Å, a 5.4094542 Å, 108 atoms, 0.8 ns of
# fix langevin at 60 K (τ 0.5 ps) by 4 fs; `compute born/matrix numdiff`, since the analytic one is 7 % off these
# differences in a rough crystal; stress–strain coefficients C11, C12, C44 in GPa and their standard errors
LAMMPS = np.array([[2.174, 1.226, 1.407], [0.023, 0.022, 0.005]])


@pytest.mark.slow
def test_argon_is_as_stiff_as_lammps_finds_it():
    crystal = System.from_ase(bulk("Ar", a=27.047271 / 5, cubic=True).repeat(3)).replace(masses=jnp.full(108, 39.948))
    argon = LennardJones(epsilon=0.238067 * units.kcal_per_mol, sigma=3.405, cutoff=12.0, onset=10.0)
    schedule = Schedule(frames=1500, stride=15, equilibration=1000)
    langevin = Langevin(4 * units.fs, 60.0, 2 / units.ps)
    off, error = beside(LAMMPS, argon, crystal, langevin, schedule, seed=0, blocks=150)
    assert np.all(error < [0.12, 0.12, 0.03])  # the comparison says something
    assert np.all(np.abs(off) < 3 * error)
