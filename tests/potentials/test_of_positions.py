"""Functions of positions as potentials: a hand-written Lennard-Jones against ours, in all that is derived from it."""

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import Ensemble, FunctionOfPositions, LennardJones, Neighbors, Schedule, Sum, System, VelocityVerlet, units
from diffsim.data.batching import batch
from diffsim.fields import parameters
from diffsim.gradients import Backprop, Reversible
from diffsim.io.ase import Calculator
from diffsim.io.potential import save_potential
from diffsim.mechanics import forces_and_virial, total_energy, work
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

CUTOFF, ONSET = 4.0, 0.0
SYSTEM = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)
FREE = {"epsilon": np.array([[0.2, 0.3], [0.3, 0.1]]), "sigma": 1.7}
OURS = LennardJones(**FREE, cutoff=CUTOFF, onset=ONSET, species=("Si", "C"))


def lattice_sum(weights, positions, numbers, cell, images: int = 3):
    """½ Σ_ijL φ(|x_j − x_i + L|) with XPLOR's switch, over all pairs of atoms and so many images in each direction."""
    count = jnp.arange(-images, images + 1)
    lattice = jnp.stack(jnp.meshgrid(count, count, count), -1).reshape(-1, 3) @ cell
    inside = jnp.floor(jax.lax.stop_gradient(positions @ jnp.linalg.inv(cell)))
    x = positions - inside @ cell
    r = x[None, :, None] - x[:, None, None] + lattice  # [i j L 3]
    square = jnp.sum(r * r, -1)
    real = numbers > 0
    near = (square > 1e-6) & (square < CUTOFF**2) & (real[:, None] & real)[..., None]
    square = jnp.where(near, square, 1.0)
    kinds = jnp.where(numbers == 14, 0, 1)
    s6 = (weights["sigma"] ** 2 / square) ** 3
    table = 0.5 * (weights["epsilon"] + weights["epsilon"].T)
    pair = 4 * table[kinds[:, None], kinds][..., None] * (s6**2 - s6)
    switch = (CUTOFF**2 - square) ** 2 * (CUTOFF**2 + 2 * square - 3 * ONSET**2) / (CUTOFF**2 - ONSET**2) ** 3
    return 0.5 * jnp.sum(jnp.where(near, pair * switch, 0.0), (1, 2))


def total(*given):
    return jnp.sum(lattice_sum(*given))


THEIRS = FunctionOfPositions(FREE, total, species=("Si", "C"))


class TestFunctionOfPositions(Learned):
    """In the cell of one atom three images are as far as 6.9 Å; where atoms are free, all but one lie beyond."""

    def make(self, species):
        return FunctionOfPositions(FREE, lattice_sum, cutoff=CUTOFF, species=species)

    smooth = False  # the switch of Lennard-Jones has a continuous slope

    def test_it_is_stored_to_the_last_digit(self, tmp_path):
        """A file holds no code."""
        with pytest.raises(ValueError, match="a file cannot hold the function 'lattice_sum': keep its weights"):
            save_potential(tmp_path / "potential.json", self.make(("Si", "C")))
        assert not (tmp_path / "potential.json").exists()


def close(found, expected, tolerance: float = 1e-10) -> None:
    """The two sum in another order: rounding, times the largest number."""
    jax.tree.map(
        lambda f, e: np.testing.assert_allclose(f, e, rtol=0, atol=tolerance * max(1.0, np.abs(e).max())),
        found,
        expected,
    )


@pytest.mark.parametrize("quantity", ["energy", "forces", "stress", "hessian", "elastic_constants"])
def test_a_function_of_positions_gives_what_the_same_function_of_edges_gives(quantity):
    """In a cell smaller than the cutoff, from a list of 1 Å that holds no edge."""
    function = getattr(diffsim, quantity)
    assert float(THEIRS.cutoff) < 1.5
    close(function(THEIRS, SYSTEM), function(OURS, SYSTEM))


def test_force_constants_of_a_supercell_are_those_of_edges():
    primitive = rattled(bulk("SiC", "zincblende", a=4.4), 0.1)
    close(*(diffsim.force_constants(potential, primitive, (2, 1, 1)) for potential in (THEIRS, OURS)))


def test_forces_virial_and_their_adjoint_are_those_of_edges():
    w = jnp.asarray(np.random.default_rng(0).standard_normal((4, 3)))
    neighbors = Neighbors.allocate(SYSTEM, CUTOFF)
    found, expected = (eqx.filter_jit(forces_and_virial)(p, SYSTEM, neighbors) for p in (THEIRS, OURS))
    close(found, expected)
    found, expected = (eqx.filter_jit(work)(p, SYSTEM, neighbors, w) for p in (THEIRS, OURS))
    close(found[:2], expected[:2])
    symmetric = lambda table: 0.5 * (table + table.T)  # noqa: E731
    close(symmetric(found[2].weights["epsilon"]), symmetric(expected[2].epsilon))
    close(found[2].weights["sigma"], expected[2].sigma)


def test_a_trajectory_and_its_gradients_are_those_of_edges():
    """Stored, and run backwards."""
    simulator = VelocityVerlet(1 * units.fs)
    schedule = Schedule(frames=1, stride=5)
    record = lambda _, state: jnp.sum(state.system.positions[0] * state.momenta[1])  # noqa: E731

    def slope(potential, method, sigma) -> float:
        state = simulator.init(potential, SYSTEM, jax.random.key(0), 300.0)

        def value(changed):
            moving = eqx.tree_at(sigma, potential, changed)
            return jnp.sum(method.sample(moving, simulator, state, schedule, record).records)

        return float(jax.jit(jax.grad(value))(sigma(potential)))

    expected = slope(OURS, Backprop(), lambda p: p.sigma)
    for method in (Backprop(), Reversible(measured=False)):
        assert slope(THEIRS, method, lambda p: p.weights["sigma"]) == pytest.approx(expected, rel=1e-10)


def test_an_energy_alone_or_energies_of_atoms_and_both_in_a_sum():
    """Atomic energies add up to the same; with edges they make a sum and an ensemble."""
    parts = FunctionOfPositions(FREE, lattice_sum, species=("Si", "C"))
    for function in (diffsim.energy, diffsim.forces, diffsim.stress):
        close(function(parts, SYSTEM), function(THEIRS, SYSTEM))
        close(function(Sum([OURS, parts]), SYSTEM), 2 * function(OURS, SYSTEM))
        close(function(Ensemble([OURS, parts]), SYSTEM), function(OURS, SYSTEM))


def test_ase_sees_a_function_of_positions():
    atoms = SYSTEM.to_ase()
    atoms.calc = Calculator(THEIRS)
    close(atoms.get_forces(), diffsim.forces(OURS, SYSTEM))
    close(atoms.get_potential_energy(), diffsim.energy(OURS, SYSTEM))
    found = atoms.get_stress(voigt=False)
    close(found, diffsim.stress(OURS, SYSTEM))


def test_weights_are_differentiated_over_a_padded_batch():
    systems, neighbors = batch([SYSTEM, SYSTEM.supercell((2, 1, 1))], CUTOFF)

    def slope(potential, where) -> jax.Array:
        def energies(sigma):
            changed = eqx.tree_at(where, potential, sigma)
            return jnp.sum(jax.vmap(total_energy, (None, 0, 0))(changed, systems, neighbors))

        return jax.jit(jax.grad(energies))(where(potential))

    close(slope(THEIRS, lambda p: p.weights["sigma"]), slope(OURS, lambda p: p.sigma))


@pytest.mark.parametrize(
    "quantity",
    [
        lambda p: diffsim.CohesiveEnergy().record(p, state()),
        lambda p: diffsim.FiniteTemperatureElasticConstants(300.0).record(p, state()),
    ],
    ids=["isolated atoms", "elastic constants at finite temperature"],
)
def test_what_is_taken_apart_by_edges_is_refused(quantity):
    """Else derivatives by edges would be zero; in a sum too, that has edges besides."""
    for potential in (THEIRS, Sum([OURS, THEIRS])):
        with pytest.raises(ValueError, match="a function of positions has no energy of edges alone"):
            quantity(potential)


def state():
    return VelocityVerlet(1 * units.fs).init(OURS, SYSTEM, jax.random.key(0), 300.0)


def test_phonons_at_a_wave_vector_are_refused():
    with pytest.raises(ValueError, match="take force_constants of a supercell instead"):
        diffsim.phonon_frequencies(THEIRS, SYSTEM, [[0.5, 0.0, 0.0]])


def test_weights_are_parameters_with_the_names_of_their_places():
    tree = {"layers": [{"w": np.ones((2, 2)), "b": 0.5}, {"w": jnp.ones(3, jnp.float32), "b": None}]}
    potential = FunctionOfPositions(tree, total)
    known = parameters(potential)
    assert list(known) == ["weights.layers.0.b", "weights.layers.0.w", "weights.layers.1.w"]
    assert [known[name].value.dtype for name in known] == ["float64", "float64", "float32"]


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"a": "text"}, "weights must be floating-point numbers, got 'text'"),
        ({"a": np.arange(3)}, r"weights must be floating-point numbers, got array\(\[0, 1, 2\]\)"),
        ([jax.nn.relu], "weights must be floating-point numbers, got <"),
        ({"a.b": 1.0}, "the place 'weights.a.b' is no name"),
        ({0: 1.0}, "the place 'weights.0' is no name"),
    ],
    ids=["text", "integers", "function", "dot", "number"],
)
def test_weights_that_cannot_be_trained_are_refused(tree, sentence):
    with pytest.raises(ValueError, match=sentence):
        FunctionOfPositions(tree, total)


def test_results_that_are_no_energies_are_refused():
    potential = FunctionOfPositions(1.0, lambda w, x, numbers, cell: w * x)
    with pytest.raises(ValueError, match=r"4 atoms must give one energy or 4, got an array of shape \(4, 3\)"):
        diffsim.energy(potential, SYSTEM)


def test_unknown_elements_are_refused():
    gold = System.from_ase(ase.Atoms("Au", cell=[4.0] * 3, pbc=True))
    with pytest.raises(ValueError, match="has parameters for Si, C, but the system contains Au"):
        diffsim.energy(THEIRS, gold)
