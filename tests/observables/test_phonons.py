"""Lattice dynamics against tables, phonopy with LAMMPS' forces, and analytic limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import Neighbors, StillingerWeber, System, units
from diffsim.parametrization import Parametrization
from diffsim.potentials import EDIP, LennardJones
from diffsim.relax import relax
from tests.helpers import POTENTIALS, differences, rattled
from tests.oracles.lammps import evaluate

SW = StillingerWeber.silicon()
SILICON = System.from_ase(bulk("Si", a=5.43094978))
POINTS = np.array([[0, 0, 0], [0.5, 0, 0.5], [0.5, 0.5, 0.5]])  # Γ, X, L
RANDOM = np.random.default_rng(5).uniform(-0.5, 0.5, (50, 3))


@pytest.mark.parametrize(
    ("potential", "edge", "expected"),
    [
        (SW, 5.43094978, [[17.83255] * 3, [6.65189] * 2 + [12.99356] * 2 + [15.62862] * 2,
                          [4.70359] * 2 + [11.76846, 13.39787] + [16.76683] * 2]),
        (EDIP.silicon(), 5.43049777, [[18.69717] * 3, [7.95503] * 2 + [13.74245] * 2 + [15.62412] * 2,
                                    [5.62506] * 2 + [13.10621, 13.33459] + [17.2293] * 2]),
    ],
    ids=["stillinger_weber", "edip"],
)  # fmt: skip
def test_silicon_at_high_symmetry(potential, edge, expected):
    frequencies = diffsim.phonon_frequencies(potential, System.from_ase(bulk("Si", a=edge)), POINTS)
    expected[0] = [0.0] * 3 + expected[0]
    np.testing.assert_allclose(frequencies, expected, atol=1.1e-5)  # the last digit of the table


def test_argon_at_high_symmetry():
    frequencies = diffsim.phonon_frequencies(LennardJones.argon(), System.from_ase(bulk("Ar", a=5.25532)), POINTS)
    np.testing.assert_allclose(frequencies, [[0] * 3, [1.409] * 2 + [2.067], [0.938] * 2 + [2.068]], atol=6e-4)


CHARGES = "fix charges all property/atom q ghost yes"  # zero, but the style asks for them
ORACLES = {  # potential, structure, supercell, displacement Å, LAMMPS commands
    "stillinger_weber": (SW, bulk("Si", a=5.431, cubic=True), 2, 1e-3, "sw"),
    "edip": (EDIP.silicon(), bulk("Si", a=5.43, cubic=True), 2, 1e-3, "edip/multi"),
    "argon": (LennardJones.argon(), bulk("Ar", a=5.2553, cubic=True), 4, 1e-3, "lj/charmm/coul/charmm 9.0 10.5"),
}


@pytest.mark.parametrize("name", ORACLES)
def test_fifty_wave_vectors_against_phonopy_with_lammps(name, tmp_path):
    """Finite displacements in supercells that hold the force constants; the same masses on both sides."""
    from diffsim.io.phonopy import to_phonopy

    potential, cubic, n, displacement, style = ORACLES[name]
    symbol = cubic.get_chemical_symbols()[0]
    if name == "argon":
        coefficients = f"{float(potential.epsilon):.17g} {float(potential.sigma):.17g}"
        commands = [CHARGES, f"pair_style {style}", f"pair_coeff * * {coefficients}"]
    else:
        potential.to_lammps(tmp_path / "file")
        commands = [f"pair_style {style}", f"pair_coeff * * {tmp_path / 'file'} {symbol}"]
    system = System.from_ase(cubic)
    phonon = to_phonopy(system, (n, n, n))
    phonon.generate_displacements(distance=displacement, is_plusminus=True, is_diagonal=False)
    cells = phonon.supercells_with_displacements
    phonon.forces = [
        evaluate(
            System(c.positions, c.cell, c.numbers, np.full(len(c.numbers), system.masses[0])),
            commands,
            symbols=[symbol],
        ).forces
        for c in cells
    ]
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants(level=3)
    phonon.run_qpoints(RANDOM)
    theirs = phonon.qpoints.frequencies
    ours = diffsim.phonon_frequencies(potential, system, RANDOM)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)  # THz


def test_dynamical_matrix_of_a_low_symmetry_cell_is_the_sum_over_its_force_constants():
    potential, start = POTENTIALS["stillinger_weber"]()
    system = relax(potential, start)
    q = np.array([[0.13, -0.31, 0.22]])
    n = 7  # images up to two cutoffs away, without wrapping
    constants = np.asarray(diffsim.force_constants(potential, system, (n, n, n)))
    cells = np.array([[i, j, k] for k in range(n) for j in range(n) for i in range(n)])
    cells = (cells + n // 2) % n - n // 2
    rows = constants[[0, n**3]].reshape(2, 2, n**3, 3, 3)
    x = np.asarray(system.positions)
    offsets = cells @ np.asarray(system.cell)
    r = x[None, :, None] + offsets - x[:, None, None]
    phases = np.exp(2j * np.pi * (r @ np.linalg.inv(np.asarray(system.cell)) @ q[0]))
    matrix = np.einsum("ijcxy,ijc->ixjy", rows, phases).reshape(6, 6) / 28.085
    ours = diffsim.dynamical_matrix(potential, system, q)[0]
    np.testing.assert_allclose(ours, matrix, atol=1e-10)


def test_two_atoms_give_what_the_sixty_four_atom_cell_gives():
    cubic = System.from_ase(bulk("Si", a=5.43094978, cubic=True)).supercell((2, 2, 2))
    folded = diffsim.phonon_frequencies(SW, cubic, np.zeros((1, 3)))[0]
    primitive = np.asarray(SILICON.cell)
    mesh = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)]) / 2
    centring = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])  # points that the cubic cell folds onto Γ
    cartesian = (mesh[:, None] + centring[None]).reshape(-1, 3) / 5.43094978
    unfolded = diffsim.phonon_frequencies(SW, SILICON, cartesian @ primitive.T)
    # squares: where a frequency vanishes its root magnifies rounding
    np.testing.assert_allclose(np.sort(folded**2), np.sort(np.asarray(unfolded).ravel() ** 2), atol=1e-8)


@pytest.mark.parametrize("name", ["stillinger_weber", "gupta", "tersoff_mixture"])
def test_derivatives_in_every_parameter(name):
    """Sums of squares over each q do not care for degeneracies; nor for the sign of unstable modes' squares."""
    potential, start = POTENTIALS[name]()
    neighbors = Neighbors.allocate(start, float(potential.cutoff) * 1.03)
    parametrization = Parametrization.of(potential)
    free = parametrization.free(potential)
    weights = np.array([0.3, -1.2, 0.7])

    @jax.jit
    def value(x):
        matrices = diffsim.dynamical_matrix(parametrization.rebuild(potential, x), start, RANDOM[:3], neighbors)
        return jnp.sum(weights[:, None] * jnp.linalg.eigvalsh(matrices) ** 3)

    reverse, forward = jax.jit(jax.grad(value))(free), jax.jit(jax.jacfwd(value))(free)
    scale = np.abs(forward).max()
    np.testing.assert_allclose(reverse, forward, atol=1e-10 * scale)
    np.testing.assert_allclose(forward, differences(value, free), atol=1e-6 * scale)


def test_gradients_at_degenerate_points_and_zero_modes():
    """At Γ, X and L: finite, both modes alike, and symmetric sums equal to differences."""
    neighbors = Neighbors.allocate(SILICON, 3.9)
    parametrization = Parametrization.of(SW)
    free = parametrization.free(SW)

    @jax.jit
    def sums(x):
        f = diffsim.phonon_frequencies(parametrization.rebuild(SW, x), SILICON, POINTS, neighbors)
        return jnp.stack([f[0, 3:].sum(), f[1, :2].sum(), f[1, 2:4].sum(), f[2, 4:].sum(), f[0, :3].sum()])

    forward, reverse = jax.jacfwd(sums)(free), jax.jacrev(sums)(free)
    np.testing.assert_allclose(forward, reverse, atol=1e-10 * np.abs(forward).max())
    np.testing.assert_allclose(forward[:4], differences(sums, free)[:4], atol=1e-6 * np.abs(forward).max())
    np.testing.assert_array_equal(forward[4], 0.0)  # translations stand still whatever the parameters


def test_group_velocities_are_slopes_of_the_bands():
    h = 1e-5  # 1/Å
    velocities = diffsim.group_velocities(SW, SILICON, RANDOM[:4])
    assert np.abs(velocities).max() > 10
    for axis in range(3):
        step = np.asarray(SILICON.cell)[:, axis] * h
        ahead, behind = (diffsim.phonon_frequencies(SW, SILICON, RANDOM[:4] + s * step) for s in (1, -1))
        np.testing.assert_allclose(velocities[:, :, axis], (ahead - behind) / (2 * h), atol=1e-5)


def test_sound_travels_as_the_elastic_constants_say():
    """v_LA along [100] = √(C11/ρ), v_TA = √(C44/ρ)."""
    constants = diffsim.elastic_constants(SW, SILICON)
    density = float(jnp.sum(SILICON.masses) / SILICON.volume)
    direction = np.asarray(SILICON.cell)[:, 0]  # fractional wave vector along x
    slow = diffsim.group_velocities(SW, SILICON, 1e-4 * direction[None])[0, :3, 0]
    speeds = np.sqrt(np.array([constants[3, 3]] * 2 + [constants[0, 0]]) * units.GPa / density) / units.THz
    np.testing.assert_allclose(slow, speeds, rtol=1e-5)


def test_gruneisen_parameters_are_logarithmic_slopes_in_volume():
    """In a triclinic, loaded cell whose atoms follow; and silicon's transverse modes are negative."""
    system = relax(SW, rattled(bulk("Si", a=5.5), 0.1, seed=3, strain=0.03))
    h = 1e-4
    neighbors = Neighbors.allocate(system, 4.5)

    def logarithms(dilation):
        scaled = system.strained(((1 + dilation) ** (1 / 3) - 1) * jnp.eye(3))
        scaled = relax(SW, scaled, neighbors=neighbors)
        return jnp.log(diffsim.phonon_frequencies(SW, scaled, RANDOM[:3], neighbors))

    expected = -(logarithms(h) - logarithms(-h)) / (2 * h)
    np.testing.assert_allclose(diffsim.mode_gruneisen(SW, system, RANDOM[:3]), expected, atol=1e-5)
    at_points = diffsim.mode_gruneisen(SW, SILICON, POINTS)
    assert np.isfinite(at_points).all()
    assert (at_points[1, :2] < 0).all()


@pytest.mark.parametrize("function", [diffsim.group_velocities, diffsim.mode_gruneisen])
def test_responses_have_derivatives_at_degenerate_points(function):
    neighbors = Neighbors.allocate(SILICON, 3.9)
    parametrization = Parametrization.of(SW, ["epsilon", "lam", "sigma"])
    free = parametrization.free(SW)
    points = np.array([[0.25, 0, 0.25], [0.5, 0, 0.5]])

    @jax.jit
    def value(x):
        values = function(parametrization.rebuild(SW, x), SILICON, points, neighbors)
        return jnp.sum(values**2)

    reverse, forward = jax.grad(value)(free), jax.jacfwd(value)(free)
    scale = np.abs(forward).max()  # γ does not depend on ε at all
    np.testing.assert_allclose(reverse, forward, atol=1e-9 * scale)
    np.testing.assert_allclose(forward, differences(value, free), atol=1e-6 * scale)


def test_wrong_wave_vectors_are_refused():
    with pytest.raises(ValueError, match="shape"):
        diffsim.phonon_frequencies(SW, SILICON, np.zeros(3))
