"""Constant pressure: the pressure is that of the energy, and volumes and shapes are distributed as they should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import (
    Bussi,
    Langevin,
    NoseHoover,
    Schedule,
    StochasticCellRescaling,
    System,
    VelocityVerlet,
    simulate,
    units,
)
from diffsim.graph import Graph
from diffsim.neighbors import Neighbors
from diffsim.potentials import AbstractPotential
from diffsim.simulators.cell_rescaling import pressure_tensor
from tests.helpers import POTENTIALS, differences
from tests.simulators.ensembles import LJ, assert_boltzmann_in_volume, replicas, sampled

fs = units.fs
kT = units.kB * 30.0
ARGON = System.from_ase(bulk("Ar", a=5.5, cubic=True))  # as wide as it becomes, so that lists last
WAYS = pytest.mark.parametrize("full_cell", [False, True], ids=["isotropic", "full_cell"])


class Nothing(AbstractPotential):
    """An ideal gas."""

    cutoff: jax.Array
    species: tuple[int, ...] = ()

    def atomic_energies(self, graph: Graph) -> jax.Array:
        return 0.0 * jnp.sum(jnp.where(graph.mask, graph.distances, 0.0), axis=0)


def barostat(pressure: float = 0.0, full_cell: bool = False, thermostat=None) -> StochasticCellRescaling:
    """Of argon, 0.5 Å³/meV, about half as compressible as in truth."""
    thermostat = thermostat or Langevin(5 * fs, 30.0, friction=1 / (100 * fs))
    return StochasticCellRescaling(thermostat, pressure, 100 * fs, compressibility=50.0, full_cell=full_cell)


@pytest.mark.parametrize("name", ["stillinger_weber", "lennard_jones", "tersoff_mixture"])
def test_the_virial_is_the_derivative_of_the_energy_by_the_cell(name):
    potential, system = POTENTIALS[name]()
    virial = barostat().init(potential, system, jax.random.key(0)).bath.virial
    wide = Neighbors.allocate(system, potential.cutoff + 0.2)
    strained = lambda e: diffsim.energy(potential, system.strained(jnp.asarray(e).reshape(3, 3)), wide)  # noqa: E731
    slopes = differences(lambda e: np.asarray(strained(e)), np.zeros(9)).reshape(3, 3)
    np.testing.assert_allclose(virial, -slopes, rtol=0, atol=1e-8 * np.abs(slopes).max() + 1e-8)  # h⁴, and rounding / h


@pytest.mark.slow
@pytest.mark.parametrize(
    ("full_cell", "n", "count"), [(False, 6, 1000), (True, 20, 300)], ids=["isotropic", "full_cell"]
)
def test_volumes_of_an_ideal_gas_are_gamma_distributed(full_cell, n, count):
    """p(V) ∝ V^(N−1) e^(−PV/kT) where the total momentum is zero: ⟨V⟩ = N kT/P."""
    pressure = 2e-5
    edge = np.cbrt(n * kT / pressure)
    points = np.random.default_rng(0).uniform(0, edge, (n, 3))
    gas = System.from_ase(Atoms(f"Ar{n}", points, cell=3 * [edge], pbc=True))
    simulator = StochasticCellRescaling(
        Langevin(20 * fs, 30.0, friction=1 / (100 * fs)), pressure, 200 * fs, 1 / pressure, full_cell=full_cell
    )
    state = replicas(simulator, Nothing(jnp.asarray(0.1)), gas, count, 30.0)
    schedule = Schedule(frames=1, equilibration=60)  # six times τ; a cell without atoms that push may take any shape
    volumes, _ = simulate(Nothing(jnp.asarray(0.1)), simulator, state, schedule, lambda _, s: s.system.volume)
    test = scipy.stats.kstest(np.ravel(volumes), scipy.stats.gamma(n, scale=kT / pressure).cdf)
    assert test.pvalue > 0.01, f"mean {np.mean(volumes) * pressure / kT} instead of {n} kT/P"
    assert np.mean(volumes) == pytest.approx(n * kT / pressure, rel=4 / np.sqrt(n * volumes.size))


@pytest.mark.slow
@pytest.mark.parametrize("thermostat", [None, Bussi(5 * fs, 30.0, timescale=50 * fs)], ids=["langevin", "bussi"])
@WAYS
def test_volumes_at_two_pressures_are_distributed_as_the_ensemble_says(full_cell, thermostat):
    pressures = (0.0, 8e-4)
    schedule = Schedule(frames=12, stride=80, equilibration=200)
    low, high = (sampled(barostat(P, full_cell, thermostat), 30.0, schedule, 400, ARGON)[2] for P in pressures)
    assert_boltzmann_in_volume(low, high, pressures, 30.0, 4)


@pytest.mark.slow
def test_the_stress_of_a_full_cell_is_the_pressure():
    """⟨V(Π − P₀)⟩ = −kT 1, an identity of the ensemble: shear vanishes."""
    simulator = barostat(5e-4, full_cell=True)
    excess = lambda _, s: s.system.volume * (pressure_tensor(s, s.bath.virial) - 5e-4 * jnp.eye(3))  # noqa: E731
    state = replicas(simulator, LJ, ARGON, 100, 30.0)
    seen, _ = simulate(LJ, simulator, state, Schedule(frames=20, stride=40, equilibration=300), excess)
    per_replica = np.mean(seen, axis=1)
    error = per_replica.std(axis=0) / np.sqrt(len(per_replica))
    assert (np.abs(per_replica.mean(axis=0) + kT * np.eye(3)) < 4 * error).all()
    assert error.max() < 0.05 * 5e-4 * 166  # of P₀V: so the identity says something


@WAYS
def test_forces_are_those_of_the_positions_whatever_the_cell_did(full_cell):
    simulator = barostat(0.0, full_cell, NoseHoover(5 * fs, 30.0, timescale=50 * fs))
    _, last = simulate(LJ, simulator, simulator.init(LJ, ARGON, jax.random.key(0)), Schedule(frames=1, stride=20))
    assert jnp.abs(last.system.cell - ARGON.cell).max() > 0.01
    np.testing.assert_allclose(last.forces, diffsim.forces(LJ, last.system), rtol=0, atol=1e-12)


def test_a_cell_that_is_not_periodic_has_no_pressure():
    cluster = System.from_ase(Atoms("Ar2", [[0, 0, 0], [3.8, 0, 0]]))
    with pytest.raises(ValueError, match="constant pressure needs a cell that is periodic in all three directions"):
        barostat().init(LJ, cluster, jax.random.key(0))


def test_constant_pressure_wants_a_thermostat():
    with pytest.raises(ValueError, match="thermostat must be one, such as Bussi or Langevin, got VelocityVerlet"):
        barostat(thermostat=VelocityVerlet(5 * fs))
