"""Forces that are predicted directly: their equations, their derivatives, and what is refused without an energy."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsim
from diffsim import (
    DirectSchNet,
    Langevin,
    Neighbors,
    Schedule,
    SchNet,
    System,
    VelocityVerlet,
    units,
)
from diffsim.fields import parameters
from diffsim.gradients import Backprop, Forward, Reversible
from diffsim.io.potential import load_potential, save_potential
from diffsim.mechanics import total_forces, work
from tests.helpers import assert_repeats, differences, layered, rattled
from tests.potentials.test_schnet import network

MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)
DIRECT = DirectSchNet.init(("Si", "C"), 0, cutoff=4.0, depth=2, features=4, radial=5)
CONSERVATIVE = SchNet.init(("Si", "C"), 0, cutoff=4.0, depth=2, features=4, radial=5, activation="silu")
NEIGHBORS = Neighbors.allocate(MIXTURE, 4.3)
WAY = np.random.default_rng(0).standard_normal(MIXTURE.positions.shape)


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def test_forces_are_those_of_the_equation_edge_by_edge():
    x, cell = np.asarray(MIXTURE.positions), np.asarray(MIXTURE.cell)
    kinds = [DIRECT.species.index(z) for z in np.asarray(MIXTURE.numbers)]
    images = np.indices((7, 7, 7)).reshape(3, -1).T - 3
    read = functools.partial(network, activation=silu)
    edges = []
    for i in range(4):
        for j in range(4):
            for vector in x[j] - x[i] + images @ cell:
                if 0 < (r := float(np.linalg.norm(vector))) < 4.0:
                    basis = np.exp(-float(DIRECT.eta) * (r - np.asarray(DIRECT.centers)) ** 2)
                    u = 1 - 28 * (r / 4) ** 6 + 48 * (r / 4) ** 7 - 21 * (r / 4) ** 8
                    edges.append((i, j, vector / r, basis, u))
    h = np.asarray(DIRECT.embedding)[kinds]
    for step in range(2):
        sums = np.zeros_like(h)
        for i, j, _, basis, u in edges:
            sums[i] += (np.asarray(DIRECT.inward)[step] @ h[j]) * read(DIRECT.filters, basis, step) * u
        h = h + np.array([read(DIRECT.outward, one, step) for one in sums])
    expected = np.zeros((4, 3))
    for i, j, unit, basis, u in edges:
        expected[i] -= float(DIRECT.scale) * read(DIRECT.readout, np.concatenate([h[i] + h[j], basis]))[0] * u * unit
    np.testing.assert_allclose(diffsim.forces(DIRECT, MIXTURE), expected, rtol=0, atol=1e-12)
    assert np.abs(expected).max() > 0.05


def test_forces_turn_with_the_structure_and_follow_its_atoms():
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]  # a rotation or a reflection
    base = np.asarray(diffsim.forces(DIRECT, MIXTURE))
    for q in (turn, -turn):
        turned = MIXTURE.replace(positions=MIXTURE.positions @ q.T + 0.7, cell=MIXTURE.cell @ q.T)
        np.testing.assert_allclose(diffsim.forces(DIRECT, turned), base @ q.T, rtol=0, atol=1e-12)
    order = np.array([2, 0, 3, 1])
    mixed = System(MIXTURE.positions[order], MIXTURE.cell, MIXTURE.numbers[order], MIXTURE.masses[order])
    np.testing.assert_allclose(diffsim.forces(DIRECT, mixed), base[order], rtol=0, atol=1e-12)


def test_momentum_is_kept_and_a_small_cell_repeats():
    assert np.abs(np.sum(diffsim.forces(DIRECT, MIXTURE), axis=0)).max() < 1e-14  # rounding
    assert_repeats(DIRECT, MIXTURE)
    alone = System([[0.3, 0.1, 0.2]], [[2.3, 0.1, 0.0], [0.3, 2.5, 0.2], [0.1, -0.4, 2.6]], [14], [28.0])
    np.testing.assert_allclose(diffsim.forces(DIRECT, alone), 0.0, rtol=0, atol=1e-13)


def test_forces_and_their_first_two_derivatives_pass_through_the_cutoff():
    def pull(r: jax.Array) -> jax.Array:
        positions = jnp.zeros((3, 3)).at[1, 0].set(r).at[2].set(jnp.array([-0.5, 2.1, 0.3]))
        return total_forces(DIRECT, system.replace(positions=positions), neighbors)[1, 0]

    system = System([[0.0, 0, 0], [4.0, 0, 0], [-0.5, 2.1, 0.3]], 60 * np.eye(3), [14, 6, 6], [20.0] * 3)
    neighbors = Neighbors.allocate(system, 5.0)
    curves = jax.jit(jax.vmap(lambda r: jnp.stack([pull(r), jax.grad(pull)(r), jax.grad(jax.grad(pull))(r)])))
    inner, inside, at, outside = np.asarray(curves(jnp.array([2.8, 4.0 - 1e-7, 4.0, 4.1])))
    assert (np.abs(inner) > 1e-3).all()
    np.testing.assert_allclose(inside, 0.0, rtol=0, atol=1e-4)  # 1e-7 Å times a third derivative
    assert not at.any()
    assert not outside.any()


def test_the_hessian_is_of_forces_and_not_symmetric():
    hessian = np.asarray(diffsim.hessian(DIRECT, MIXTURE)).reshape(12, 12)
    moved = lambda u: diffsim.forces(DIRECT, MIXTURE.replace(positions=MIXTURE.positions + u[0] * WAY))  # noqa: E731
    expected = -differences(lambda u: np.asarray(moved(u)), np.zeros(1))[..., 0].reshape(-1)
    np.testing.assert_allclose(hessian @ WAY.reshape(-1), expected, rtol=0, atol=1e-9)
    assert asymmetry(hessian) > 1e-3
    assert asymmetry(np.asarray(diffsim.hessian(CONSERVATIVE, MIXTURE)).reshape(12, 12)) < 1e-14


def asymmetry(hessian: np.ndarray) -> float:
    return float(np.linalg.norm(hessian - hessian.T) / np.linalg.norm(hessian + hessian.T))


def test_force_constants_are_the_hessian_of_the_supercell_rows_and_columns():
    found = np.asarray(diffsim.force_constants(DIRECT, MIXTURE, (2, 1, 1)))
    whole = np.asarray(diffsim.hessian(DIRECT, MIXTURE.supercell((2, 1, 1))))
    np.testing.assert_allclose(found.transpose(0, 2, 1, 3), whole, rtol=0, atol=1e-12)
    assert np.abs(found - found.transpose(1, 0, 3, 2)).max() > 1e-3


def test_work_on_a_closed_path_is_done_by_these_forces_alone():
    """Around an ellipse in the space of all positions."""
    angles = 2 * np.pi * np.arange(64) / 64
    a, b = 0.05 * np.random.default_rng(3).standard_normal((2, 4, 3))

    def around(potential: Any) -> float:
        at = jax.jit(lambda x: total_forces(potential, MIXTURE.replace(positions=MIXTURE.positions + x), NEIGHBORS))
        steps = [np.vdot(at(np.cos(t) * a + np.sin(t) * b), -np.sin(t) * a + np.cos(t) * b) for t in angles]
        return float(np.mean(steps)) * 2 * np.pi

    done = abs(around(DIRECT))
    assert done > 1e-5
    assert abs(around(CONSERVATIVE)) < 1e-3 * done  # the error of the sum, as edges come into reach


def flat(potential: Any) -> tuple[np.ndarray, Callable]:
    theta, rest = eqx.partition(potential, eqx.is_inexact_array)
    numbers, unravel = jax.flatten_util.ravel_pytree(theta)
    assert numbers.size == sum(p.value.size for p in parameters(potential).values())
    return np.asarray(numbers), lambda values: eqx.combine(unravel(values), rest)


def test_derivatives_by_every_parameter_agree():
    """Of v·F: reverse, forward, differences; and of the adjoint's own pass, which gives those by positions too."""
    at, build = flat(DIRECT)
    value = lambda numbers: jnp.vdot(WAY, total_forces(build(numbers), MIXTURE, NEIGHBORS))  # noqa: E731
    reverse, forward = jax.jit(lambda n: (jax.grad(value)(n), jax.jacfwd(value)(n)))(at)
    np.testing.assert_allclose(forward, reverse, rtol=0, atol=1e-12 * np.abs(reverse).max())
    h = 1e-4
    moves = at + h * np.array([-2, -1, 1, 2])[:, None, None] * np.eye(len(at))
    values = np.asarray(jax.jit(lambda m: jax.lax.map(jax.vmap(value), m))(moves))
    expected = np.array([1.0, -8.0, 8.0, -1.0]) @ values / (12 * h)
    np.testing.assert_allclose(reverse, expected, rtol=1e-6, atol=1e-9)
    found, by_x, by_theta = eqx.filter_jit(work)(DIRECT, MIXTURE, NEIGHBORS, jnp.asarray(WAY))
    np.testing.assert_allclose(found, diffsim.forces(DIRECT, MIXTURE), rtol=0, atol=1e-14)
    np.testing.assert_allclose(flat(by_theta)[0], reverse, rtol=0, atol=1e-12)
    hessian = np.asarray(diffsim.hessian(DIRECT, MIXTURE))
    np.testing.assert_allclose(by_x, -np.einsum("iajb,ia->jb", hessian, WAY), rtol=0, atol=1e-12)


LANGEVIN = Langevin(1 * units.fs, 300.0, 1 / units.ps)


@pytest.mark.parametrize("simulator", [VelocityVerlet(1 * units.fs), pytest.param(LANGEVIN, marks=pytest.mark.slow)])
def test_a_trajectory_is_differentiated_as_every_other(simulator):
    """Backwards, stored, and forwards along one direction: the matrix of second derivatives must not be transposed."""
    state = simulator.init(DIRECT, MIXTURE, jax.random.key(0), 300.0)
    at, build = flat(DIRECT)
    record = lambda _, state: jnp.vdot(WAY, state.system.positions) + jnp.sum(state.forces**2)  # noqa: E731
    schedule = Schedule(frames=2, stride=10)

    def value(method: Any, numbers: Any) -> jax.Array:
        found = method.sample(build(numbers), simulator, state, schedule, record)
        return jnp.sum(found.records * found.weights)

    expected = np.asarray(jax.jit(jax.grad(functools.partial(value, Backprop())))(at))
    found = np.asarray(jax.jit(jax.grad(functools.partial(value, Reversible(measured=False))))(at))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    way = np.random.default_rng(4).standard_normal(len(at))
    along = jax.jit(lambda t: jax.jvp(functools.partial(value, Forward()), (at,), (t,))[1])(way)
    assert along == pytest.approx(way @ expected, rel=1e-9)


def test_it_is_stored_to_the_last_digit(tmp_path):
    save_potential(tmp_path / "potential.json", DIRECT)
    jax.tree.map(np.testing.assert_array_equal, load_potential(tmp_path / "potential.json"), DIRECT)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="depth of at least 1, got 0"):
        DirectSchNet.init(("Si",), 0, depth=0)
    with pytest.raises(ValueError, match="networks are made for elements"):
        DirectSchNet.init((), 0)
