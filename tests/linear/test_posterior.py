"""The posterior of a linear fit: explicit matrices, the Gaussian process that it is, truths drawn from its prior."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import (
    GAP,
    LinearPosterior,
    MomentTensors,
    Neighbors,
    Scales,
    StillingerWeber,
    calibration,
    errors_of,
    load_potential,
    referenced,
    relabelled,
    save_potential,
    solve_linear,
    standardised,
    unlabelled,
)
from diffsim.data.batching import batch
from diffsim.graph import graph
from diffsim.training import predicted
from tests.helpers import differences, rattled

SILICON = [rattled(bulk("Si"), 0.1, seed, strain=0.05) for seed in range(12)]
SCALES = Scales(energy=1e-3, force=0.05, stress=1e-3)
TENSORS = MomentTensors.init(("Si",), 1, cutoff=3.5, level=4, basis=2)
PROCESS = GAP.init(("Si",), cutoff=3.5, degree=3, radial=4, points=24, zeta=2, delta=0.5)


def of_energies(configurations):
    nothing = lambda array: np.full_like(array, np.nan)  # noqa: E731
    return [one._replace(forces=nothing(one.forces), stress=nothing(one.stress)) for one in configurations]


@pytest.fixture(scope="module")
def labels():
    return relabelled(StillingerWeber.silicon(), unlabelled(SILICON))


@pytest.fixture(scope="module")
def tensors(labels) -> LinearPosterior:
    return solve_linear(TENSORS, labels, SCALES, ridge={"coefficients": 0.0, "reference": 0.0}).posterior


def test_deviations_are_those_of_the_coefficients_times_what_each_adds(tensors):
    system, size = SILICON[0], tensors.root.shape[0]
    covariance = np.asarray(tensors.root @ tensors.root.T)
    base = eqx.tree_at(lambda p: (p.coefficients, p.reference), tensors.mean, replace_fn=jnp.zeros_like)
    only = lambda c: eqx.tree_at(lambda p: (p.coefficients, p.reference), base, (c[None, :-1], c[-1:]))  # noqa: E731
    for function, deviation, axes in (
        (diffsim.energy, lambda *given: 2 * diffsim.energy_deviation(*given), ()),
        (diffsim.forces, diffsim.force_deviation, (1,)),
        (diffsim.stress, diffsim.stress_deviation, (0, 1)),
    ):
        each = np.stack([function(only(c), system) for c in jnp.eye(size)], axis=-1)
        variance = np.einsum("...k,kl,...l->...", each, covariance, each)
        expected = np.sqrt(variance.sum(axes))
        np.testing.assert_allclose(deviation(tensors, system), expected, rtol=1e-8)
        np.testing.assert_allclose(function(tensors, system), function(tensors.mean, system), rtol=1e-12)


def test_deviations_have_exact_derivatives(tensors):
    """Of those of forces, by positions, in both modes."""
    neighbors, way = Neighbors.allocate(SILICON[0], 3.8), np.random.default_rng(0).standard_normal((2, 3))
    moved = lambda at: SILICON[0].replace(positions=SILICON[0].positions + at[0] * way)  # noqa: E731
    value = lambda at: diffsim.force_deviation(tensors, moved(at), neighbors)  # noqa: E731
    expected = differences(jax.jit(value), jnp.zeros(1), h=1e-3)
    for mode in (jax.jacfwd, jax.jacrev):
        np.testing.assert_allclose(jax.jit(mode(value))(jnp.zeros(1)), expected, rtol=1e-6, atol=1e-9)


def test_a_posterior_is_stored_to_the_last_digit(tensors, tmp_path):
    save_potential(tmp_path / "potential.json", tensors)
    again = load_potential(tmp_path / "potential.json")
    assert jax.tree.structure(again) == jax.tree.structure(tensors)
    jax.tree.map(np.testing.assert_array_equal, again, tensors)


def covariances(potential: GAP) -> np.ndarray:
    """⟨E E'⟩ of the energies of all structures: the sum of the kernel over all pairs of their atoms."""
    near = [Neighbors.allocate(one, 3.5) for one in SILICON]
    q = np.stack([np.asarray(potential.soap(graph(*given)))[:, :2] for given in zip(SILICON, near, strict=True)])
    dots = np.einsum("axi,bxj->abij", q, q)
    return float(potential.delta) ** 2 * np.sum(dots**potential.zeta, axis=(2, 3))


def test_with_all_atoms_as_points_it_is_the_exact_gaussian_process(labels):
    """Energies of four structures from those of eight: mean and variance by the formulas of the process."""
    potential = standardised(PROCESS, labels)
    ridge, seen = {"coefficients": 0.0}, of_energies(labels[:8])
    found = solve_linear(potential, seen, SCALES, ridge=ridge, prior=potential.prior).posterior
    k, noise = covariances(potential), (2 * SCALES.energy) ** 2 * np.eye(8)
    energies = np.array([one.energy for one in labels])
    gain = np.linalg.solve(k[:8, :8] + noise, k[:8]).T
    mean, variance = gain @ energies[:8], np.diag(k - gain @ k[:8])
    assert np.std(energies) > 0.05  # eV, to be told apart
    for n, system in enumerate(SILICON):
        # points that tell nothing new beyond 1e-10 of the variance are left out
        np.testing.assert_allclose(diffsim.energy(found, system), mean[n], rtol=0, atol=1e-4)
        np.testing.assert_allclose(2 * diffsim.energy_deviation(found, system), np.sqrt(variance[n]), rtol=1e-3)


def test_labels_of_little_noise_are_met_and_known(labels):
    potential, scales = standardised(PROCESS, labels), Scales(1e-6, 1e-2, 1e-2)
    seen = of_energies(labels[:8])
    found = solve_linear(potential, seen, scales, ridge={"coefficients": 0.0}, prior=potential.prior).posterior
    for system, one in zip(SILICON[:8], seen, strict=True):
        assert abs(diffsim.energy(found, system) - one.energy) / 2 < 3e-6
        assert diffsim.energy_deviation(found, system) < 1.1e-6  # eV/atom: the noise
    assert all(diffsim.energy_deviation(found, system) > 1e-4 for system in SILICON[8:])


def test_deviations_grow_away_from_the_data(labels):
    potential = standardised(PROCESS, labels)
    found = solve_linear(potential, labels, SCALES, ridge={"coefficients": 0.0}, prior=potential.prior).posterior
    largest = lambda amplitude: np.mean(  # noqa: E731
        [np.max(diffsim.force_deviation(found, rattled(bulk("Si"), amplitude, seed))) for seed in range(20, 26)]
    )
    deviations = [largest(amplitude) for amplitude in (0.05, 0.1, 0.2, 0.3)]
    assert (np.diff(deviations) > 0).all()
    assert deviations[-1] > 3 * deviations[0]


def test_deviations_are_the_errors_where_the_truth_is_drawn_from_the_prior(labels):
    """Of energies and forces of six structures that were not seen: twelve truths, their labels with noise.

    Errors are Σ_k z_k times what can be off in the k-th way, so the z are normal and independent.
    """
    potential, rng, draws = standardised(PROCESS, labels), np.random.default_rng(0), 12
    root, scales = np.asarray(potential.prior["coefficients"]), Scales(1e-2, 0.1, 1e-2)
    flat = lambda given: np.concatenate([np.append(np.ravel(one.forces), one.energy) for one in given])  # noqa: E731
    systems, neighbors = batch(SILICON[6:], 3.5)

    @eqx.filter_jit
    def predictions(one):
        found = predicted(one, systems, neighbors)
        return jnp.concatenate([found.forces.reshape(6, -1), found.energy[:, None]], axis=1).reshape(-1)

    together, alone = [], []
    for _ in range(draws):
        drawn = np.linalg.lstsq(root, rng.standard_normal(len(root)), rcond=1e-12)[0]
        exact = relabelled(eqx.tree_at(lambda p: p.coefficients, potential, jnp.asarray(drawn)[None]), labels)
        noisy = [
            one._replace(
                energy=one.energy + 2 * scales.energy * rng.standard_normal(),
                forces=one.forces + scales.force * rng.standard_normal((2, 3)),
                stress=np.full((3, 3), np.nan),
            )
            for one in exact[:6]
        ]
        known = solve_linear(potential, noisy, scales, ridge={"coefficients": 0.0}, prior=potential.prior).posterior
        ways = np.asarray(eqx.filter_jit(lambda p: p.spread(predictions))(known))
        errors = flat(exact[6:]) - np.asarray(predictions(known))
        z, *_ = np.linalg.lstsq(ways.T, errors, rcond=1e-9)
        np.testing.assert_allclose(ways.T @ z, errors, rtol=0, atol=1e-6 * np.abs(errors).max())
        together.append(z)
        alone.append(calibration(known, exact[6:], exact[6:])["forces"].scale ** 2)
    assert np.sum(np.square(together)) == pytest.approx(np.size(together), abs=3 * np.sqrt(2 * np.size(together)))
    assert np.mean(alone) == pytest.approx(1.0, abs=0.3)  # those of one structure are not independent


@pytest.mark.slow
def test_silicon_of_stillinger_and_weber_is_learned_and_deviations_follow_the_errors():
    """48 rattled and strained cells of 8 atoms, with forces of some 2 eV/Å; then 16 others, and 16 for the scale."""
    cells = [rattled(bulk("Si", a=5.431, cubic=True), 0.08, seed, strain=0.03) for seed in [*range(48), *range(64, 96)]]
    data = relabelled(StillingerWeber.silicon(), unlabelled(cells))
    seen, held_out, others = data[:48], data[48:64], data[64:]
    potential = referenced(standardised(GAP.init(("Si",), cutoff=4.0, points=384), seen), seen)
    ridge = {"coefficients": 0.0}
    found = solve_linear(potential, seen, Scales(1e-5, 1e-3, 1e-5), ridge=ridge, prior=potential.prior).posterior
    errors = errors_of(relabelled(found, [*held_out, *others]), [*held_out, *others])["all"]
    # measured: 0.077 meV/atom, 4.3 meV/Å and 16.5 MPa
    assert errors.energy_rmse < 0.1
    assert errors.forces_rmse < 5.5
    assert errors.stress_rmse < 22
    known = calibration(found, held_out, others)
    assert all(one.after < one.before for one in known.values())
    assert known["forces"].error[-1] > 2 * known["forces"].error[0]  # it knows where it is worst
