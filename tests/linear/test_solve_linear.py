"""Linear least squares: rows against potentials, known coefficients found again, and another potential's labels."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import ZBL, MomentTensors, Scales, StillingerWeber, Sum, System, relabelled, solve_linear, units
from diffsim.data.batching import batch
from diffsim.data.configurations import Configuration, unlabelled
from diffsim.linear import solve
from diffsim.linear.rows import Linear, rows
from tests.helpers import layered, rattled

SCALES = Scales(energy=1e-3, force=0.05, stress=1e-3)
FREE = {"coefficients": 0.0, "reference": 0.0}
CRYSTALS = [
    *(rattled(layered("Si", "C", 4.6), 0.2, seed, strain=0.05) for seed in range(12)),
    *(rattled(bulk(symbol, "diamond", a=4.6), 0.2, seed, strain=0.05) for seed in (0, 1) for symbol in ("Si", "C")),
]
MIXTURE = MomentTensors.init(("Si", "C"), 0, cutoff=3.5, level=8, basis=3)
TINY = MomentTensors.init(("Si",), 1, cutoff=3.5, level=4, basis=2)
SILICON = [rattled(bulk("Si"), 0.1, seed, strain=0.05) for seed in range(6)]


def labels(potential, systems) -> list[Configuration]:
    """What a potential says of structures."""
    return relabelled(potential, unlabelled(systems))


def voigt(stress) -> np.ndarray:
    return np.asarray(stress)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def test_energies_are_linear_in_the_coefficients():
    linear = Linear(MIXTURE, ("coefficients", "reference"))
    rng = np.random.default_rng(0)
    first, second = (jnp.asarray(rng.standard_normal(len(linear.vector))) for _ in range(2))
    found = [diffsim.energy(linear.at(c), CRYSTALS[0]) for c in (first, second, first - 2 * second)]
    np.testing.assert_allclose(found[2], found[0] - 2 * found[1], rtol=0, atol=1e-14 * len(first) * abs(found[0]))


@pytest.mark.parametrize("potential", [MomentTensors.init(("Si",), 1, cutoff=3.5, level=12), TINY])
def test_rows_are_what_each_coefficient_adds(potential):
    """By coordinates where coefficients are many, else by the coefficients."""
    linear = Linear(potential, ("coefficients", "reference"))
    system = rattled(layered("Si", "Si", 4.6), 0.2, strain=0.05)
    matrix, fixed = (part[0] for part in rows(linear, linear.vector, *batch([system], 3.5)))
    assert (len(matrix) - 1 <= 2 * len(linear.vector)) == (potential is not TINY)
    for k, one in enumerate(np.eye(len(linear.vector))):
        only = linear.at(jnp.asarray(one))
        forces = np.asarray(diffsim.forces(only, system)).reshape(-1)
        expected = np.array([diffsim.energy(only, system), *forces, *voigt(diffsim.stress(only, system))])
        # rounding of sums of thousands
        np.testing.assert_allclose(matrix[:, k], expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(fixed, 0.0, atol=1e-12)


def test_coefficients_are_found_again_from_the_labels_they_made():
    """Of two species and the energies of their atoms alone, which crystals of the elements tell apart.

    What silicon has of a carbon atom and that of silicon can be shared in any way: three functions of the distance.
    """
    truth = eqx.tree_at(lambda p: p.reference, MIXTURE, jnp.array([-100.0, -150.0]))
    found = solve_linear(MIXTURE, labels(truth, CRYSTALS), SCALES, ridge=FREE)
    assert found.rank == MIXTURE.coefficients.size + 2 - 3
    assert found.misfit < 1e-6  # rounding of energies of 600 eV, some 1e-12 eV, in units of 4 meV

    def unique(potential):
        c = np.asarray(potential.coefficients)
        return np.concatenate([c[0, 3:6] + c[1, :3], c[0, :3], c[1, 3:6], c[:, 6:].reshape(-1), potential.reference])

    value, expected = unique(found.potential), unique(truth)
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-8)  # 150 eV · 1e-16 times the condition, 2e4, is 3e-10


def test_the_same_is_found_block_by_block(monkeypatch):
    given = labels(StillingerWeber.silicon(), SILICON)
    expected = solve_linear(TINY, given, SCALES, ridge={"coefficients": 1e-3})
    monkeypatch.setattr(solve, "_ROWS", 20)  # two structures of 13 rows
    found = solve_linear(TINY, given, SCALES, ridge={"coefficients": 1e-3})
    # rounding times the condition of some 100
    np.testing.assert_allclose(found.potential.coefficients, expected.potential.coefficients, rtol=1e-12)
    np.testing.assert_allclose(found.misfit, expected.misfit, rtol=1e-12)


def test_the_minimum_is_that_of_the_sum_of_squares():
    """Normal equations of rows made here, with ridge, prior and an energy that is there without coefficients."""
    repulsion = ZBL(cutoff=3.0, onset=1.0)
    potential, names = Sum((repulsion, TINY)), ("parts.1.coefficients", "parts.1.reference")
    given = labels(StillingerWeber.silicon(), SILICON)
    prior = np.pad(np.random.default_rng(0).standard_normal((5, 3)), ((0, 0), (0, 1)))
    ridge = dict(zip(names, (1e-2, 0.0), strict=True))
    found = solve_linear(potential, given, SCALES, ridge=ridge, prior={names[0]: prior[:, :3]})
    columns, target = [], []
    for n, system in enumerate(SILICON):
        weights = np.array([1 / (2 * 1e-3), *[1 / 0.05] * 6, *[1 / 1e-3] * 6])
        of = lambda p, s=system: np.array(  # noqa: E731
            [diffsim.energy(p, s), *np.ravel(diffsim.forces(p, s)), *voigt(diffsim.stress(p, s))]
        )
        label = np.array([given[n].energy, *np.ravel(given[n].forces), *voigt(given[n].stress)])
        linear = Linear(TINY, ("coefficients", "reference"))
        columns.append(weights[:, None] * np.stack([of(linear.at(jnp.asarray(one))) for one in np.eye(4)], axis=1))
        target.append(weights * (label - of(repulsion)))
    matrix, right = np.concatenate(columns), np.concatenate(target)
    strength = np.diag(np.array([1e-2] * 3 + [0.0]) * np.sum(matrix**2, axis=0))
    expected = np.linalg.solve(matrix.T @ matrix + strength + prior.T @ prior, matrix.T @ right)
    solved = found.potential.parts[1]
    np.testing.assert_allclose([*solved.coefficients[0], *solved.reference], expected, rtol=1e-9)
    misfit = np.sqrt(np.mean((matrix @ expected - right) ** 2))
    np.testing.assert_allclose(found.misfit, misfit, rtol=1e-9)
    covariance = found.covariance_root @ found.covariance_root.T
    np.testing.assert_allclose(covariance, np.linalg.inv(matrix.T @ matrix + strength + prior.T @ prior), rtol=1e-8)


def test_labels_may_be_missing():
    """An atom alone has an energy, no stress, and is not periodic; some forces and an energy are unknown."""
    alone = System(np.zeros((1, 3)), 10 * np.eye(3), [14], [28.085], False)
    truth = eqx.tree_at(lambda p: p.reference, TINY, jnp.array([-5.0]))
    given = labels(truth, [*SILICON, alone])
    for n in range(1, 7):
        given[n] = given[n]._replace(forces=np.full_like(given[n].forces, np.nan))
    given[0] = given[0]._replace(stress=np.full((3, 3), np.nan))
    given[5] = given[5]._replace(energy=np.nan)
    found = solve_linear(TINY, given, SCALES, ridge=FREE)
    np.testing.assert_allclose(found.potential.reference, -5.0, rtol=1e-11)
    np.testing.assert_allclose(found.potential.coefficients, TINY.coefficients, rtol=1e-9)


def test_each_structure_can_have_its_own_scales():
    """Two of half the scales count as much as each of them four times."""
    given = labels(StillingerWeber.silicon(), SILICON)
    of_each = Scales(*(np.where(np.arange(6) < 2, scale / 2, scale) for scale in SCALES))
    found = solve_linear(TINY, given, of_each, ridge=FREE)
    expected = solve_linear(TINY, [*given, *3 * given[:2]], SCALES, ridge=FREE)
    np.testing.assert_allclose(found.potential.coefficients, expected.potential.coefficients, rtol=1e-10)


def test_what_no_label_tells_is_left_at_zero():
    """Carbon, which is not there."""
    start = MomentTensors.init(("Si", "C"), 1, cutoff=3.5, level=4, basis=2)
    found = solve_linear(start, labels(TINY, SILICON), SCALES, ridge=FREE)
    assert found.rank == 3 + 1
    np.testing.assert_array_equal(found.potential.coefficients[1], 0.0)
    np.testing.assert_allclose(found.misfit, 0.0, atol=1e-10)


@pytest.mark.slow
def test_silicon_of_stillinger_and_weber_is_learned():
    """24 rattled and strained cells of 8 atoms, with forces of some 2 eV/Å; errors in 8 that were not seen."""
    seeds = [*range(29), 30, 31, 32]  # 29 has a bond of 1.90 Å, and the shortest that is learned from is 2.05 Å
    cells = [rattled(bulk("Si", a=5.431, cubic=True), 0.08, seed, strain=0.03) for seed in seeds]
    given = labels(StillingerWeber.silicon(), cells)
    start = MomentTensors.init(("Si",), 0, cutoff=3.9, level=12, nearest=1.6)
    ridge = {"coefficients": 1e-10, "reference": 0.0}
    linear = Linear(solve_linear(start, given[:24], SCALES, ridge=ridge).potential, tuple(ridge))
    matrix, fixed = rows(linear, linear.vector, *batch(cells, 3.9))
    found = np.asarray(matrix @ linear.vector + fixed)[24:]
    rms = lambda errors: np.sqrt(np.mean(np.square(errors)))  # noqa: E731
    energies = np.array([one.energy for one in given[24:]])
    forces = np.reshape([one.forces for one in given[24:]], (8, 24))
    stresses = np.array([voigt(one.stress) for one in given[24:]])
    # measured: 0.27 meV/atom, 0.010 eV/Å and 0.051 GPa
    assert rms(forces) > 1.5
    assert rms(found[:, 0] - energies) / 8 < 4e-4
    assert rms(found[:, 1:25] - forces) < 0.013
    assert rms(found[:, 25:] - stresses) < 0.07 * units.GPa


def test_bad_labels_and_parameters_are_refused():
    given = labels(TINY, SILICON)
    with pytest.raises(ValueError, match=r"the energy is not linear in coefficients, radial"):
        solve_linear(TINY, given, SCALES, ridge={"coefficients": 0.0, "radial": 0.0})
    with pytest.raises(ValueError, match=r"ridge must name parameters of coefficients.*got \['weights'\]"):
        solve_linear(TINY, given, SCALES, ridge={"weights": 0.0})
    with pytest.raises(ValueError, match=r"prior must name parameters that ridge names too, coeff.*got \['radial'\]"):
        solve_linear(TINY, given, SCALES, ridge=FREE, prior={"radial": np.eye(2)})
    with pytest.raises(ValueError, match=r"the forces of structure 0 must be \(2, 3\), got an array \(3,\)"):
        solve_linear(TINY, [given[0]._replace(forces=np.zeros(3))], SCALES, ridge=FREE)
    with pytest.raises(ValueError, match="the energy of structure 1 is not finite: give all of it, or NaN for unknown"):
        solve_linear(TINY, [given[0], given[1]._replace(energy=np.inf)], SCALES, ridge=FREE)
    with pytest.raises(ValueError, match="there are no structures to fit"):
        solve_linear(TINY, [], SCALES, ridge=FREE)
    with pytest.raises(ValueError, match="no label says anything of these parameters"):
        solve_linear(TINY, unlabelled(SILICON[:1]), SCALES, ridge=FREE)
    with pytest.raises(ValueError, match="has parameters for Si, but the system contains C"):
        solve_linear(TINY, labels(MIXTURE, CRYSTALS[:1]), SCALES, ridge=FREE)
    with pytest.raises(ValueError, match="there are 6 structures, but 5 scales of force"):
        solve_linear(TINY, given, SCALES._replace(force=[0.1] * 5), ridge=FREE)
    with pytest.raises(ValueError, match="scales must be positive"):
        solve_linear(TINY, given, Scales(0.0, 1.0, 1.0), ridge=FREE)
