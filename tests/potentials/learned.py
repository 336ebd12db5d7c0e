"""The tests that every learned potential has to pass. A new one gets them all by saying how a tiny one is made:

    class TestSchNet(Learned):
        def make(self, species):
            return SchNet.init(species, jax.random.key(0), cutoff=4.0, features=4)

What these tests cost is compiling. So all structures and all displaced potentials are one batch of one shape, evaluated
once, and second derivatives have one shape too. `make` gets two species, and gives a cutoff between 3 and 6 Å.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsim
from diffsim import AbstractPotential, Schedule, System, VelocityVerlet, units
from diffsim.data.batching import batch
from diffsim.fields import get, parameters
from diffsim.gradients import Backprop, Reversible
from diffsim.io.potential import load_potential, save_potential
from diffsim.mechanics import total_energy
from diffsim.neighbors import Neighbors, alike
from diffsim.system import stack
from tests.helpers import layered, rattled

SPECIES = ("Si", "C")
SKIN = 0.3  # Å: steps of cutoff, positions and strain stay within the list
STEP = 5e-4  # Å, or of a parameter: truncation h⁴ f⁽⁵⁾ ≈ 1e-10, rounding ε E/h ≈ 1e-12
NEAR = 1e-7  # Å: that far from the cutoff
MOVES = ["translated", "permuted", "rotated", "reflected"]
_STENCIL = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}  # f′h to fourth order


class Seen(NamedTuple):
    """Of one structure, its padding left out."""

    energy: np.ndarray  # eV
    forces: np.ndarray  # eV/Å
    stress: np.ndarray  # eV/Å³


class Learned:
    """A test class inherits from this one and says `make`. What a model does not claim is switched off below it."""

    smooth = True  # whether the second derivative is continuous at the cutoff

    def make(self, species: Sequence[str]) -> AbstractPotential:
        """A tiny one, with random weights, for these two species."""
        raise NotImplementedError

    def test_atoms_feel_each_other_and_know_their_species(self):
        """Else the tests below would pass for nothing."""
        seen = evaluated(type(self))
        assert np.abs(seen["base"].forces).max() > 1e-3
        assert np.abs(seen["base"].stress).max() > 1e-4
        assert abs(seen["base"].energy - seen["exchanged"].energy) > 1e-3

    @pytest.mark.parametrize("move", MOVES)
    def test_energy_stays_and_forces_turn_with_the_structure(self, move):
        seen, (order, turn) = evaluated(type(self)), _moves()[move][1:]
        base, moved = seen["base"], seen[move]
        assert abs(moved.energy - base.energy) < 1e-10 * len(order)
        np.testing.assert_allclose(moved.forces, base.forces[order] @ turn.T, rtol=0, atol=1e-10)
        np.testing.assert_allclose(moved.stress, turn @ base.stress @ turn.T, rtol=0, atol=1e-10)

    def test_a_supercell_repeats_energy_and_forces(self):
        base, double = (evaluated(type(self))[name] for name in ("base", "double"))
        assert abs(double.energy - 2 * base.energy) < 1e-10 * len(double.forces)
        np.testing.assert_allclose(double.forces, np.repeat(base.forces, 2, axis=0), rtol=0, atol=1e-10)
        np.testing.assert_allclose(double.stress, base.stress, rtol=0, atol=1e-10)

    def test_one_atom_in_a_cell_smaller_than_the_cutoff_has_no_force(self):
        one, eight = (evaluated(type(self))[name] for name in ("one atom", "eight atoms"))
        assert abs(eight.energy - 8 * one.energy) < 1e-10 * 8
        for seen in (one, eight):
            np.testing.assert_allclose(seen.forces, 0.0, rtol=0, atol=1e-10)
        np.testing.assert_allclose(one.stress, eight.stress, rtol=0, atol=1e-10)

    def test_atoms_alone_and_beyond_the_cutoff_do_not_interact(self):
        seen = evaluated(type(self))
        alone = seen["first alone"].energy + seen["second alone"].energy
        for name in ("pair at the cutoff", "pair beyond the cutoff"):
            assert seen[name].energy == pytest.approx(alone, abs=1e-13)  # rounding of a sum
            assert not seen[name].forces.any()
            assert not seen[name].stress.any()

    @pytest.mark.parametrize("way", ["positions 0", "positions 1", "strain 0", "strain 1"])
    def test_forces_and_stress_are_differences_of_energy(self, way):
        seen, base = evaluated(type(self)), _base()
        positions, strain = _ways()[way]
        expected = _difference(seen, way).energy
        volume = float(base.volume)
        slope = volume * np.sum(seen["base"].stress * strain) - np.sum(seen["base"].forces * positions)
        np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)

    def test_energy_forces_and_curvature_pass_smoothly_through_the_cutoff(self):
        """Of an atom that comes into the reach of one that has a bond; at 0.7 r_c to see what matters."""
        inner, inside, at, outside = (curved(type(self))[name] for name in ("inner", "inside", "at", "outside"))
        scale = abs(inner.hessian[1, 0, 1, 0])
        assert scale > 1e-4  # eV/Å²: it does matter there
        for found in (at, outside):
            np.testing.assert_allclose(inside.energy, found.energy, rtol=0, atol=1e-12)
            np.testing.assert_allclose(inside.forces, found.forces, rtol=0, atol=1e-8)  # NEAR times a curvature
            if self.smooth:
                # NEAR times a third derivative, which may be some 100 times the curvature
                np.testing.assert_allclose(inside.hessian, found.hessian, rtol=0, atol=1e-4 * scale)
        assert not at.forces[[1, 3]].any()
        assert not at.hessian[1].any()

    def test_second_derivatives_are_finite_symmetric_and_differences_of_forces(self):
        base = curved(type(self))["base"]
        n = base.forces.size
        hessian = base.hessian.reshape(n, n)
        assert np.isfinite(hessian).all()
        np.testing.assert_allclose(hessian, hessian.T, rtol=0, atol=1e-10 * max(1.0, np.abs(hessian).max()))
        v = _ways()["positions 0"][0]
        along = base.hessian.reshape(n, n) @ v.reshape(-1)
        np.testing.assert_allclose(base.hessian_by_reverse.reshape(-1), along, rtol=0, atol=1e-10 * np.abs(along).max())
        expected = -_difference(evaluated(type(self)), "positions 0").forces
        np.testing.assert_allclose(along, expected.reshape(-1), rtol=1e-6, atol=1e-7)

    def test_derivatives_by_each_parameter_agree(self):
        """∂E/∂θ and ∂F/∂θ along a random direction of each array: forward, reverse (of v·F), and differences."""
        base, v = curved(type(self))["base"], _ways()["positions 0"][0]
        for name, found in base.by_parameters.items():
            expected = _difference(evaluated(type(self)), name)
            scale = max(1.0, np.abs(found.forces).max())
            np.testing.assert_allclose(found.energy, expected.energy, rtol=1e-6, atol=1e-8, err_msg=name)
            np.testing.assert_allclose(found.forces, expected.forces, rtol=1e-6, atol=1e-7 * scale, err_msg=name)
            along = np.sum(v * found.forces)
            np.testing.assert_allclose(found.by_reverse, along, rtol=1e-9, atol=1e-10 * scale, err_msg=name)

    def test_padding_and_batches_change_nothing(self):
        """What the public functions say of the structure alone, a block of atoms at a time."""
        seen, potential = evaluated(type(self))["base"], _potential(type(self))
        neighbors = Neighbors.allocate(_base(), potential.cutoff)
        np.testing.assert_allclose(diffsim.energy(potential, _base(), neighbors), seen.energy, rtol=0, atol=1e-11)
        np.testing.assert_allclose(diffsim.forces(potential, _base(), neighbors), seen.forces, rtol=0, atol=1e-11)

    def test_a_trajectory_is_differentiated_backwards_by_all_weights(self):
        """Three steps: the adjoint that runs them backwards against the one that has stored them."""
        potential, simulator = _potential(type(self)), VelocityVerlet(1 * units.fs)
        state = simulator.init(potential, _base(), jax.random.key(0), 300.0)
        weights = jnp.cos(jnp.arange(state.momenta.size)).reshape(state.momenta.shape)
        record = lambda _, state: jnp.sum(weights * state.momenta)  # noqa: E731
        theta, rest = eqx.partition(potential, eqx.is_inexact_array)

        def slope(method: Any) -> np.ndarray:
            def value(theta: Any) -> jax.Array:
                moving = eqx.combine(theta, rest)
                return jnp.sum(method.sample(moving, simulator, state, Schedule(frames=1, stride=3), record).records)

            return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(jax.jit(jax.grad(value))(theta))])

        expected = slope(Backprop())
        assert np.abs(expected).max() > 0
        found = slope(Reversible(measured=False))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())

    def test_it_is_stored_to_the_last_digit(self, tmp_path):
        potential = _potential(type(self))
        save_potential(tmp_path / "potential.json", potential)
        again = load_potential(tmp_path / "potential.json")
        assert jax.tree.structure(again) == jax.tree.structure(potential)
        jax.tree.map(np.testing.assert_array_equal, again, potential)


@functools.cache
def _potential(suite: type[Learned]) -> AbstractPotential:
    potential = suite().make(SPECIES)
    assert 3 <= float(potential.cutoff) <= 6, "the structures below are made for a cutoff of some 4 Å"
    return potential


@functools.cache
def _base() -> System:
    """Four atoms of two species, rattled and strained, in a triclinic cell smaller than the cutoff."""
    return rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


@functools.cache
def _moves() -> dict[str, tuple[System, np.ndarray, np.ndarray]]:
    """The base moved, with the order of its atoms and how it has been turned."""
    base, rng = _base(), np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turn *= np.linalg.det(turn)
    mirror = turn @ np.diag([1.0, 1.0, -1.0])
    order, same = np.array([2, 0, 3, 1]), np.arange(4)
    away = rng.integers(-2, 3, (4, 3)) @ np.asarray(base.cell) + rng.standard_normal(3)
    mixed = System(base.positions[order], base.cell, base.numbers[order], base.masses[order])
    turned = lambda q: base.replace(positions=base.positions @ q.T, cell=base.cell @ q.T)  # noqa: E731
    return {
        "translated": (base.replace(positions=base.positions + away), same, np.eye(3)),
        "permuted": (mixed, order, np.eye(3)),
        "rotated": (turned(turn), same, turn),
        "reflected": (turned(mirror), same, mirror),
    }


@functools.cache
def _ways() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Random displacements of all atoms, and random strains."""
    rng = np.random.default_rng(1)
    no_move, no_strain = np.zeros((4, 3)), np.zeros((3, 3))
    strains = [0.5 * (e + e.T) for e in rng.uniform(-1, 1, (2, 3, 3))]
    moves = {f"positions {k}": (rng.standard_normal((4, 3)), no_strain) for k in range(2)}
    return moves | {f"strain {k}": (no_move, strain) for k, strain in enumerate(strains)}


def _free(positions: Any, numbers: Sequence[int]) -> System:
    """Atoms that see no image of each other."""
    return System(positions, 60 * np.eye(3), numbers, np.full(len(numbers), 20.0))


def _structures(cutoff: float) -> dict[str, System]:
    base, (si, c) = _base(), (14, 6)
    small = System([[0.3, 0.1, 0.2]], [[2.3, 0.1, 0.0], [0.3, 2.5, 0.2], [0.1, -0.4, 2.6]], [si], [28.0])
    far = lambda r: _free([[0.0, 0, 0], [r, 0, 0]], [si, c])  # noqa: E731
    found = {"base": base, "double": base.supercell((2, 1, 1)), "one atom": small}
    found["eight atoms"] = small.supercell((2, 2, 2))
    found["exchanged"] = base.replace(numbers=jnp.where(base.numbers == si, c, si))
    found |= {name: system for name, (system, *_) in _moves().items()}
    found |= {"first alone": _free([[0.0, 0, 0]], [si]), "second alone": _free([[0.0, 0, 0]], [c])}
    found |= {"pair at the cutoff": far(cutoff), "pair beyond the cutoff": far(cutoff + 0.1)}
    for way, (move, strain) in _ways().items():
        for n in _STENCIL:
            moved = base.replace(positions=base.positions + n * STEP * move)
            found[f"{way} {n}"] = moved.strained(jnp.asarray(n * STEP * strain))
    return found


def _directions(potential: AbstractPotential) -> dict[str, jax.Array]:
    """A random direction for each parameter array, of its own size (1 where it is zero)."""
    rng, found = np.random.default_rng(2), {}
    for name, parameter in parameters(potential).items():
        value = np.asarray(parameter.value)
        size = np.sqrt(np.mean(value**2)) or 1.0
        found[name] = jnp.asarray(0.1 * size * rng.standard_normal(value.shape))
    return found


def _displaced(potential: AbstractPotential) -> dict[str, AbstractPotential]:
    moved = {}
    for name, direction in _directions(potential).items():
        for n in _STENCIL:
            value = get(potential, name) + n * STEP * direction
            moved[f"{name} {n}"] = eqx.tree_at(lambda p: get(p, name), potential, value)  # noqa: B023
    return moved


def _difference(seen: Mapping[str, Seen], name: str) -> Seen:
    """The derivative of everything along a way or a direction."""
    terms = [[weight / STEP * part for part in seen[f"{name} {n}"]] for n, weight in _STENCIL.items()]
    return Seen(*(sum(parts) for parts in zip(*terms, strict=True)))


@functools.cache
def evaluated(suite: type[Learned]) -> dict[str, Seen]:
    """Energy, forces and stress of all structures, and of the base by all displaced potentials, in one batch."""
    potential = _potential(suite)
    structures = _structures(float(potential.cutoff))
    given = {name: (potential, system) for name, system in structures.items()}
    given |= {name: (moved, _base()) for name, moved in _displaced(potential).items()}
    radius = float(potential.cutoff) + SKIN
    systems, neighbors = batch([system for _, system in given.values()], radius, potential.angular_cutoff)
    arrays = stack([eqx.filter(moved, eqx.is_inexact_array) for moved, _ in given.values()])
    rest = eqx.filter(potential, eqx.is_inexact_array, inverse=True)

    @jax.jit
    @jax.vmap
    def evaluate(theta: Any, system: System, neighbors: Neighbors) -> tuple[jax.Array, ...]:
        def energy(x: jax.Array, strain: jax.Array) -> jax.Array:
            return total_energy(eqx.combine(theta, rest), system.replace(positions=x).strained(strain), neighbors)

        value, (slope, by_strain) = jax.value_and_grad(energy, (0, 1))(system.positions, jnp.zeros((3, 3)))
        return value, -slope, 0.5 * (by_strain + by_strain.T) / system.volume

    found = zip(*map(np.asarray, evaluate(arrays, systems, neighbors)), strict=True)
    return {
        name: Seen(energy, forces[: len(system.numbers)], stress)
        for (name, (_, system)), (energy, forces, stress) in zip(given.items(), found, strict=True)
    }


class ByParameter(NamedTuple):
    """Derivatives along the direction of one parameter array."""

    energy: np.ndarray
    forces: np.ndarray
    by_reverse: np.ndarray  # of v·F


class Curved(NamedTuple):
    """Of one structure of four atoms."""

    energy: np.ndarray
    forces: np.ndarray  # [4 3]
    hessian: np.ndarray  # [4 3 4 3]
    hessian_by_reverse: np.ndarray  # times v
    by_parameters: dict[str, ByParameter]


@functools.cache
def curved(suite: type[Learned]) -> dict[str, Curved]:
    """Second derivatives of the base, and of an atom at 0.7 r_c and around r_c from one that has a bond."""
    potential = _potential(suite)
    cutoff = float(potential.cutoff)
    bonded = lambda r: _free([[0, 0, 0], [r, 0, 0], [-0.5, 2.1, 0.3], [30, 30, 30]], [14, 6, 6, 14])  # noqa: E731
    structures = {"base": _base(), "inner": bonded(0.7 * cutoff), "inside": bonded(cutoff - NEAR)}
    structures |= {"at": bonded(cutoff), "outside": bonded(cutoff + NEAR)}
    list_of = lambda one: Neighbors.allocate(one, cutoff + SKIN).for_angles(one, potential.angular_cutoff)  # noqa: E731
    lists = alike([list_of(system) for system in structures.values()])
    derive = jax.jit(_curves(potential))
    found = {}
    for (name, system), neighbors in zip(structures.items(), lists, strict=True):
        (energy, forces), (energies, slopes), (reverse, by_theta) = jax.tree.map(np.asarray, derive(system, neighbors))
        by_parameters = {}
        for k, (parameter, direction) in enumerate(_directions(potential).items(), start=12):
            by_reverse = np.sum(get(by_theta, parameter) * direction)
            by_parameters[parameter] = ByParameter(energies[k], slopes[k], by_reverse)
        hessian = -slopes[:12].reshape(4, 3, 4, 3)
        found[name] = Curved(energy, forces, hessian, -reverse, by_parameters)
    return found


def _curves(potential: AbstractPotential) -> Any:
    """(system, neighbors) → E and F; their derivatives by each coordinate and along each direction; those of v·F."""
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)
    directions, v = _directions(potential), jnp.asarray(_ways()["positions 0"][0])
    moves = jnp.concatenate([jnp.eye(12), jnp.zeros((len(directions), 12))]).reshape(-1, 4, 3)
    changes = jax.tree.map(lambda leaf: jnp.zeros((len(moves), *leaf.shape)), theta)
    for k, (name, direction) in enumerate(directions.items(), start=12):
        changes = eqx.tree_at(lambda p: get(p, name), changes, get(changes, name).at[k].set(direction))  # noqa: B023

    def derive(system: System, neighbors: Neighbors) -> Any:
        def observe(theta: Any, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            energy = lambda x: total_energy(eqx.combine(theta, rest), system.replace(positions=x), neighbors)  # noqa: E731
            value, slope = jax.value_and_grad(energy)(x)
            return value, -slope

        given = theta, system.positions
        forward = jax.vmap(lambda change, move: jax.jvp(observe, given, (change, move))[1])(changes, moves)
        by_theta, by_x = jax.grad(lambda theta, x: jnp.vdot(v, observe(theta, x)[1]), (0, 1))(*given)
        return observe(*given), forward, (by_x, by_theta)

    return derive
