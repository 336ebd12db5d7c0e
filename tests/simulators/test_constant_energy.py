"""Newton's equations: energy, momentum, another program's trajectory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from diffsim import Schedule, State, StillingerWeber, System, VelocityVerlet, simulate, units
from diffsim.mechanics import total_energy
from diffsim.potentials import AbstractPotential
from diffsim.simulators.momenta import kinetic_energy
from tests.helpers import rattled
from tests.oracles.lammps import trajectory
from tests.simulators.ensembles import optimised

fs = units.fs
SW = StillingerWeber.silicon()
CRYSTAL = System.from_ase(bulk("Si", a=5.431, cubic=True).repeat(3))
SMALL = rattled(bulk("Si", a=5.431, cubic=True), 0.05, strain=0.03)


def energy_per_atom(potential: AbstractPotential, state: State) -> jax.Array:
    whole = total_energy(potential, state.system, state.neighbors) + kinetic_energy(state)
    return whole / len(state.system.numbers)


@pytest.mark.slow
def test_energy_does_not_drift_in_a_hundred_picoseconds():
    """216 atoms of silicon at 300 K and 1 fs: the bar is 1e-6 eV/atom/ps."""
    simulator = VelocityVerlet(1 * fs)
    state = simulator.init(SW, CRYSTAL, jax.random.key(0), 600.0)  # half of it becomes potential energy
    with optimised():
        energies, last = simulate(SW, simulator, state, Schedule(frames=2000, stride=50), energy_per_atom)
    slope = np.polyfit(0.05 * np.arange(2000), np.asarray(energies), 1)[0]  # eV/atom/ps
    assert abs(slope) < 1e-6
    assert jnp.abs(last.momenta.sum(axis=0)).max() / 216 < 1e-12  # √(amu eV), after 1e5 steps


def test_energy_fluctuates_with_the_square_of_the_time_step():
    def spread(dt: float) -> float:
        simulator = VelocityVerlet(dt)
        state = simulator.init(SW, SMALL, jax.random.key(0), 600.0)
        energies, _ = simulate(SW, simulator, state, Schedule(frames=round(200 * fs / dt)), energy_per_atom)
        return float(np.std(energies))

    assert 3.6 < spread(1 * fs) / spread(0.5 * fs) < 4.4


def test_the_trajectory_is_that_of_lammps(tmp_path):
    simulator = VelocityVerlet(1 * fs)
    state = simulator.init(SW, SMALL, jax.random.key(3), 600.0)
    SW.to_lammps(tmp_path / "file")
    positions, _ = simulate(SW, simulator, state, Schedule(frames=1, stride=100))
    commands = ["pair_style sw", f"pair_coeff * * {tmp_path / 'file'} Si"]
    theirs = trajectory(state, commands, symbols=["Si"], dt=1 * fs, steps=100)
    assert np.abs(theirs - state.system.positions).max() > 0.1  # Å
    np.testing.assert_allclose(positions[-1], theirs, rtol=0, atol=1e-6)
