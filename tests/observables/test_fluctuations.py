"""Averages and their responses, against derivatives of reweighted averages and against harmonic crystals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import (
    AverageStress,
    Density,
    FiniteTemperatureElasticConstants,
    HeatCapacity,
    Neighbors,
    PotentialEnergy,
    Pressure,
    State,
    StillingerWeber,
    System,
    Temperature,
    ThermalExpansion,
    VelocityVerlet,
    units,
)
from diffsim.observables.fluctuations import Enthalpies
from diffsim.observables.thermal_elastic import born_terms
from diffsim.potentials import LennardJones, Morse
from diffsim.relax import strain_matrix
from tests.helpers import differences, rattled

SW = StillingerWeber.silicon()
MORSE = Morse(D=1.8, alpha=1.6, r0=2.35, cutoff=4.2, shift=True)
ROUGH = rattled(bulk("Si", a=5.5), 0.15, seed=2, strain=0.05)
NAMES = tuple(f"C{i}{j}" for i in range(1, 7) for j in range(1, 7))
HOT = 1500.0


@pytest.fixture(scope="module")
def frames():
    """Five rough frames of one cell with unequal weights, at a temperature of their own."""
    rng = np.random.default_rng(0)
    moved = ROUGH.positions + 0.1 * rng.standard_normal((5, 2, 3))
    return jnp.asarray(moved), jnp.asarray([0.1, 0.3, 0.2, 0.15, 0.25]), Neighbors.allocate(ROUGH, 5.0)


def recorded(observable, potential, states, neighbors: Neighbors, **more):
    """Records of systems that are stacked along their first axis."""
    one = lambda system: observable.record(potential, State(system, neighbors, **more))  # noqa: E731
    return eqx.filter_jit(eqx.filter_vmap(one))(states)


def stacked(positions) -> System:
    n = len(positions)
    spread = lambda leaf: jnp.broadcast_to(leaf, (n, *leaf.shape))  # noqa: E731
    return jax.tree.map(spread, ROUGH).replace(positions=positions)


def reweighted(frames, strain, heat):
    """⟨σ⟩ in Voigt order in eV/Å³ and ⟨U⟩ of frames carried along with a strain, weights ∝ w e^{−U/kT + U₀/kT₀}."""
    positions, weights, neighbors = frames

    def at(x, strain):
        system = ROUGH.replace(positions=x).strained(strain_matrix(strain))
        s = diffsim.stress(SW, system, neighbors)
        return diffsim.energy(SW, system, neighbors), s[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]

    start, _ = jax.vmap(at, (0, None))(positions, jnp.zeros(6))
    energies, stresses = jax.vmap(at, (0, None))(positions, strain)
    shares = weights * jnp.exp(-energies / (units.kB * heat) + start / (units.kB * HOT))
    shares = shares / jnp.sum(shares)
    return shares @ stresses, shares @ energies


def test_isothermal_constants_are_the_derivative_of_the_mean_stress(frames):
    """Of the same frames, reweighted with the strain: an identity at any temperature, in any cell."""
    observable = FiniteTemperatureElasticConstants(HOT, NAMES)
    records = recorded(observable, SW, stacked(frames[0]), frames[2])
    found = observable.estimate(records, frames[1]).reshape(6, 6)
    expected = jax.jacfwd(lambda e: reweighted(frames, e, HOT)[0])(jnp.zeros(6)) / units.GPa
    ideal = units.kB * HOT / ROUGH.volume / units.GPa  # (N − 1) kT/V
    expected = expected.at[:3, :3].add(ideal)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())


def test_adiabatic_constants_add_the_heat_of_the_mean_stress(frames):
    observable = FiniteTemperatureElasticConstants(HOT, NAMES, adiabatic=True)
    records = recorded(observable, SW, stacked(frames[0]), frames[2])
    isothermal = FiniteTemperatureElasticConstants(HOT, NAMES).estimate(records, frames[1])
    found = (observable.estimate(records, frames[1]) - isothermal).reshape(6, 6)
    by_heat, capacity = jax.jacfwd(lambda t: reweighted(frames, jnp.zeros(6), t))(HOT)
    by_heat = by_heat.at[:3].add(-units.kB / ROUGH.volume)
    capacity = capacity + 1.5 * units.kB
    expected = ROUGH.volume * HOT / capacity * np.outer(by_heat, by_heat) / units.GPa
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)


def test_a_cold_crystal_has_the_constants_of_lattice_statics():
    """±√d σ_s along each of d modes have exactly the covariance kT H⁻¹: relaxed constants without sampling."""
    cubic = System.from_ase(bulk("Si", a=5.43094978, cubic=True))
    neighbors, cold = Neighbors.allocate(cubic, 4.2), 1e-3
    hessian = np.asarray(diffsim.hessian(SW, cubic, neighbors)).reshape(24, 24)
    stiff, modes = np.linalg.eigh(hessian)
    steps = (np.sqrt(21 * units.kB * cold / stiff[3:]) * modes[:, 3:]).T.reshape(21, 8, 3)
    positions = np.asarray(cubic.positions) + np.concatenate([steps, -steps])
    observable = FiniteTemperatureElasticConstants(cold, ("C11", "C12", "C44", "C14"))
    one = lambda x: observable.record(SW, State(cubic.replace(positions=x), neighbors))  # noqa: E731
    records = jax.jit(jax.vmap(one))(jnp.asarray(positions))
    found = observable.estimate(records, jnp.full(42, 1 / 42))
    # anharmonic terms are linear in T: some 1e-2 GPa/K; the table has two digits
    np.testing.assert_allclose(found, [151.42, 76.42, 56.45, 0.0], atol=5e-3)


def test_born_terms_are_the_clamped_constants(frames):
    stress, born = born_terms(SW, State(ROUGH, frames[2]))
    clamped = diffsim.elastic_constants(SW, ROUGH, relaxed=False)
    np.testing.assert_allclose(born / units.GPa, clamped, rtol=0, atol=1e-9)
    expected = diffsim.stress(SW, ROUGH)
    np.testing.assert_allclose(stress, expected[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)], rtol=0, atol=1e-12)


def test_fluctuations_are_derivatives_by_temperature():
    """C_P = ∂⟨H⟩/∂T and α = ∂ ln⟨V⟩/∂T of weights ∝ e^{−H/kT}, whatever the frames."""
    rng = np.random.default_rng(0)
    energy, volume, weights = jnp.asarray(rng.uniform(size=(3, 6)))
    weights, volume, pressure, heat = weights / weights.sum(), 50 + 5 * volume, 0.02, 900.0
    records = Enthalpies(energy, volume, jnp.full(6, 3.0))
    enthalpy = energy + pressure * volume

    def means(t):
        shares = weights * jnp.exp(-enthalpy / units.kB * (1 / t - 1 / heat))
        shares = shares / shares.sum()
        return shares @ enthalpy, jnp.log(shares @ volume)

    capacity, expansion = jax.jacfwd(means)(heat)
    found = HeatCapacity(heat, pressure).estimate(records, weights)
    assert float(found) == pytest.approx(float(capacity) / units.kB + 1.5, rel=1e-12)
    found = ThermalExpansion(heat, pressure).estimate(records, weights)
    assert float(found) == pytest.approx(1e6 * float(expansion), rel=1e-12)


def test_a_harmonic_crystal_has_dulong_and_petits_heat():
    """U of d = 45 classical oscillators, drawn exactly: C_V = d k_B."""
    energy = 0.5 * units.kB * 100 * np.random.default_rng(0).standard_normal((20000, 45)) ** 2
    records = Enthalpies(jnp.asarray(energy.sum(1)), jnp.ones(20000), jnp.full(20000, 45.0))
    found = float(HeatCapacity(100.0).estimate(records, jnp.full(20000, 1 / 20000)))
    assert found == pytest.approx(45, rel=0.03)  # d/2 ± √(2/20000) (1 + …)


def test_an_ideal_gas_has_its_pressure_and_bulk_modulus():
    """Atoms that do not see each other: P V = (N − 1) kT of the temperature at hand, C = (N − 1) kT/V, no shear."""
    atoms = Atoms("Ar20", 20 * np.random.default_rng(0).uniform(size=(20, 3)), cell=[20] * 3, pbc=True)
    nothing = LennardJones(epsilon=0.0, sigma=0.1, cutoff=0.2)
    state = VelocityVerlet(1.0).init(nothing, System.from_ase(atoms), jax.random.key(0), 300.0)
    heat = Temperature().record(nothing, state)
    ideal = float(19 * units.kB * heat / 8000 / units.GPa)
    assert float(Pressure().record(nothing, state)) == pytest.approx(ideal, rel=1e-12)
    stress = AverageStress().record(nothing, state)
    assert float(jnp.sum(stress[:3])) == pytest.approx(-3 * ideal, rel=1e-12)
    observable = FiniteTemperatureElasticConstants(heat, ("C11", "C12", "C44"))
    records = jax.tree.map(lambda leaf: leaf[None], observable.record(nothing, state))
    np.testing.assert_allclose(observable.estimate(records, jnp.ones(1)), [ideal, ideal, 0], rtol=1e-12, atol=1e-15)


def test_simple_averages_are_what_they_say(frames):
    system = System.from_ase(bulk("Si", a=5.43094978))
    state = VelocityVerlet(1.0).init(SW, system, jax.random.key(0), 300.0)
    assert float(Density().record(SW, state)) == pytest.approx(2.3294, abs=1e-3)  # g/cm³, 28.085 amu in 20.0 Å³
    assert float(PotentialEnergy().record(SW, state)) == pytest.approx(2 * -4.33652, abs=1e-6)
    squeezed = state.replace(system=system.strained(-0.01 * jnp.eye(3)), momenta=0 * state.momenta)
    assert Pressure().record(SW, squeezed) > 2.0  # 3 % of 100 GPa
    assert (AverageStress().record(SW, squeezed)[:3] < -2.0).all()
    values = jnp.asarray([1.0, 3.0])
    assert float(Pressure().estimate(values, jnp.array([0.75, 0.25]))) == pytest.approx(1.5)


def test_what_rests_has_no_kinetic_part(frames):
    with pytest.raises(ValueError, match="needs a state that moves"):
        Pressure().record(SW, State(ROUGH, frames[2]))
    with pytest.raises(ValueError, match=r"temperature must be positive, got 0\.0 K"):
        HeatCapacity(0.0)
    with pytest.raises(ValueError, match="elastic constants are called C11 … C66, got 'C17'"):
        FiniteTemperatureElasticConstants(300.0, ("C17",))


def test_derivatives_by_positions_and_parameters_are_differences_in_both_modes(frames):
    momenta = jnp.asarray(np.random.default_rng(1).standard_normal((2, 3)))
    time = jnp.zeros(())
    observables = (
        FiniteTemperatureElasticConstants(HOT, ("C11", "C23", "C56"), adiabatic=True),
        AverageStress(),
    )
    _, weights, neighbors = frames

    def predictions(z):
        potential = eqx.tree_at(lambda p: p.alpha, MORSE, z[-1])
        at = z[:-1].reshape(2, 2, 3)

        def record(x):
            system = ROUGH.replace(positions=x).strained(0.01 * jnp.mean(x) * jnp.eye(3))
            state = State(system, neighbors, momenta=momenta * x[0, 0], time=time)
            return [one.record(potential, state) for one in observables]

        records = jax.vmap(record)(at)
        shares = weights[:2] / weights[:2].sum()
        found = [one.estimate(kept, shares) for one, kept in zip(observables, records, strict=True)]
        return sum(jnp.sum(one * jnp.arange(1, 1 + one.size)) for one in found)

    at = jnp.append(frames[0][:2].reshape(-1), MORSE.alpha)
    reverse, forward = jax.jit(jax.grad(predictions))(at), jax.jit(jax.jacfwd(predictions))(at)
    np.testing.assert_allclose(reverse, forward, rtol=1e-9, atol=1e-9 * np.abs(forward).max())
    expected = differences(jax.jit(predictions), at, 1e-3)
    np.testing.assert_allclose(forward, expected, rtol=0, atol=1e-7 * np.abs(expected).max())  # fourth order at 1e-3 Å
