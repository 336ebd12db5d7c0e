"""Derivatives of every potential: in both modes against each other and against differences, and where they could break.

What these tests cost is compiling, so each compiled function answers several questions.
"""

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from diffsim import Neighbors, System
from diffsim.fields import parameters
from diffsim.graph import graph
from diffsim.mechanics import _whole_forces, total_energy
from tests.helpers import POTENTIALS

SKIN = 0.1  # Å, so that steps of cutoff, positions and strain stay within the list
# truncation h⁴ f⁽⁵⁾ ≤ 1e-7 with an edge 0.015 Å inside a cutoff; rounding ε f/h ≈ 1e-12
PARAMETER_STEP = 5e-5  # relative
POSITION_STEP = 5e-4  # Å
BRANCHED = ["stillinger_weber", "edip", "tersoff"]  # with guarded singularities, three-body
every_potential = pytest.mark.parametrize("name", sorted(POTENTIALS))


def compiled_once(f: Callable) -> Callable:
    """`jax.jit` without XLA's fusion emitters, where this version has them to switch off: half the time to compile."""
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        options = {}
    return jax.jit(f, compiler_options=options)


class Case(NamedTuple):
    """A potential as a function of one flat vector, each parameter in units of itself (or of 1 where it is 0)."""

    parameters: jax.Array
    build: Callable
    system: System
    neighbors: Neighbors


@functools.cache
def case(name: str) -> Case:
    potential, system = POTENTIALS[name]()
    arrays, static = eqx.partition(potential, eqx.is_inexact_array)
    theta, unravel = ravel_pytree(arrays)
    assert theta.size == sum(p.value.size for p in parameters(potential).values()), "an array is not a parameter"
    unit = jnp.where(theta == 0, 1.0, jnp.abs(theta))
    build = lambda scaled: eqx.combine(unravel(unit * scaled), static)  # noqa: E731
    return Case(theta / unit, build, system, Neighbors.allocate(system, float(potential.cutoff) + SKIN))


def difference(values: jax.Array, step: float) -> jax.Array:
    """f′ to fourth order from f(−2h), f(−h), f(h), f(2h)."""
    return jnp.tensordot(jnp.array([1.0, -8.0, 8.0, -1.0]), values, 1) / (12 * step)


def around(start: jax.Array, step: float) -> jax.Array:
    """`start` and, along each of its entries, the four points that `difference` takes: [1 + 4·entries, entries]."""
    moves = jnp.array([-2.0, -1.0, 1.0, 2.0])[:, None, None] * step * jnp.eye(start.size)
    return jnp.concatenate([start[None], (start + moves).reshape(-1, start.size)])


def observe(build: Callable, theta: jax.Array, system: System, neighbors: Neighbors) -> jax.Array:
    """E and Σ|F|²."""
    energy = lambda x: total_energy(build(theta), system.replace(positions=x), neighbors)  # noqa: E731
    e, slope = jax.value_and_grad(energy)(system.positions)
    return jnp.stack([e, jnp.sum(slope**2)])


@functools.cache
def by_parameters(name: str) -> Callable:
    """(system, neighbors) → E and Σ|F|², and their derivatives by the parameters in both modes."""
    theta, build, *_ = case(name)

    def derive(system: System, neighbors: Neighbors) -> tuple[jax.Array, jax.Array, jax.Array]:
        twice = lambda theta: (observe(build, theta, system, neighbors),) * 2  # noqa: E731
        forward, values = jax.jacfwd(twice, has_aux=True)(theta)
        reverse, _ = jax.jacrev(twice, has_aux=True)(theta)
        return values, forward, reverse

    return compiled_once(derive)


@every_potential
def test_parameter_gradients_agree(name: str):
    """∂E/∂θ and ∂Σ|F|²/∂θ of every parameter: reverse mode, forward mode, and differences over stacked potentials."""
    theta, build, system, neighbors = case(name)
    values, forwards, reverses = (np.asarray(x) for x in by_parameters(name)(system, neighbors))
    stacked = compiled_once(jax.vmap(lambda theta: observe(build, theta, system, neighbors)))
    points = stacked(around(theta, PARAMETER_STEP))
    np.testing.assert_allclose(points[0], values, rtol=1e-12)
    differences = np.asarray(difference(points[1:].reshape(4, theta.size, 2), PARAMETER_STEP).T)
    for reverse, forward, expected in zip(reverses, forwards, differences, strict=True):
        scale = np.abs(reverse).max()
        np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-10 * scale)
        np.testing.assert_allclose(reverse, expected, rtol=1e-6, atol=1e-9 * scale)


@pytest.mark.parametrize("name", [name for name in sorted(POTENTIALS) if name.endswith("mixture")])
def test_mixtures_use_every_entry(name: str):
    """Otherwise a mix-up of species would go unseen. (Switching functions matter only to the edges inside them.)"""
    switching = {"R", "D"} if name == "tersoff_mixture" else {"c", "alpha"}
    theta, build, system, neighbors = case(name)
    slopes = np.abs(by_parameters(name)(system, neighbors)[-1]).max(0)
    fields = [field for field, p in parameters(build(theta)).items() for _ in range(p.value.size)]
    unused = {field for field, slope in zip(fields, slopes, strict=True) if slope < 1e-6}  # eV, (eV/Å)²
    assert unused <= switching


@every_potential
def test_derivatives_are_finite_at_the_edge_of_reach(name: str):
    """Atoms alone, and two exactly at each radius where a branch is taken, one of them bonded to a third or not."""
    theta, build, system, neighbors = case(name)
    potential, n = build(theta), len(system.numbers)
    apart = np.arange(n)[:, None] * np.array([8 * float(potential.cutoff), 0, 0])
    placements = [(apart, None)]
    for radius in special_radii(potential):
        for i, j in {(0, 1), (0, n - 1), (n - 2, n - 1)}:
            positions = apart - apart[i]
            positions[j] = [radius, 0, 0]
            placements.append((positions, radius))
            if n > 2:
                bonded = positions.copy()
                bonded[min({0, 1, 2} - {i, j})] = [0, 0.7 * radius, 0]
                placements.append((bonded, radius))
    for positions, radius in placements:
        placed = System(positions, 20 * apart[-1, 0] * np.eye(3), system.numbers, system.masses)
        list_ = Neighbors.allocate(placed, float(neighbors.radius), capacity=len(neighbors.index))
        list_ = list_.searched(neighbors.search)  # compiled once
        edges = graph(placed, list_).distances[list_.mask]
        assert radius in edges if radius else not len(edges)
        for derivative in by_parameters(name)(placed, list_):
            assert np.isfinite(derivative).all(), f"at {radius} Å: {derivative}"


def special_radii(potential: eqx.Module) -> list[float]:
    """Every Å where a formula changes: cutoffs, onsets, the ends of the switching functions, of each pair."""
    radii = [np.ravel(potential.cutoff)]
    for name in ("onset", "short_cutoff", "coulomb_cutoff", "c"):
        if name in parameters(potential) and parameters(potential)[name].unit == "Å":
            radii.append(np.ravel(getattr(potential, name)))
    if hasattr(potential, "R"):
        radii += [np.ravel(potential.R - potential.D), np.ravel(potential.R + potential.D)]
    elif hasattr(potential, "a"):
        radii.append(np.ravel(potential.a * (potential.sigma if parameters(potential)["a"].unit == "" else 1.0)))
    return sorted(set(np.concatenate(radii).tolist()))


@every_potential
def test_forces_and_stress_are_differences_of_energy(name: str):
    theta, build, system, neighbors = case(name)

    @compiled_once
    def derive(start: jax.Array) -> tuple[jax.Array, jax.Array]:
        def energy(moved: jax.Array) -> jax.Array:
            displaced = system.replace(positions=system.positions + moved[9:].reshape(-1, 3))
            return total_energy(build(theta), displaced.strained(moved[:9].reshape(3, 3)), neighbors)

        values = jax.vmap(energy)(around(start, POSITION_STEP))
        return jax.grad(energy)(start), difference(values[1:].reshape(4, -1), POSITION_STEP)

    gradient, differences = (np.asarray(x) for x in derive(jnp.zeros(9 + system.positions.size)))
    # strain in eV, forces in eV/Å; rounding: ε|E|/h ≈ 1e-15 · 10 eV / 5e-4, truncation as above
    np.testing.assert_allclose(differences, gradient, rtol=1e-6, atol=1e-8)


def _along(name: str) -> tuple[Callable, jax.Array, jax.Array]:
    theta, build, system, neighbors = case(name)
    direction = np.random.default_rng(0).standard_normal(system.positions.shape)
    energy = lambda x: total_energy(build(theta), system.replace(positions=x), neighbors)  # noqa: E731
    return energy, system.positions, jnp.asarray(direction)


@pytest.mark.parametrize(
    "name", [n if n in BRANCHED else pytest.param(n, marks=pytest.mark.slow) for n in sorted(POTENTIALS)]
)
def test_third_derivatives_agree(name: str):
    """v·∇(v·∇(v·∇E)): reverse over reverse over reverse, forward three times, and a second difference of v·∇E."""
    energy, x, v = _along(name)

    def forward(f: Callable) -> Callable:
        return lambda x: jax.jvp(f, (x,), (v,))[1]

    def reverse(f: Callable) -> Callable:
        return lambda x: jnp.vdot(jax.grad(f)(x), v)

    @compiled_once
    def derive(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        slopes = jax.vmap(lambda t: reverse(energy)(x + t * v))(POSITION_STEP * jnp.arange(-2, 3))
        curvature = jnp.array([-1.0, 16.0, -30.0, 16.0, -1.0]) @ slopes / (12 * POSITION_STEP**2)
        return reverse(reverse(reverse(energy)))(x), forward(forward(forward(energy)))(x), curvature

    by_reverse, by_forward, by_difference = derive(x)
    np.testing.assert_allclose(by_reverse, by_forward, rtol=1e-10)
    # rounding: ε |v·∇E| / h² ≈ 1e-15 · 10 / 2.5e-7
    np.testing.assert_allclose(by_difference, by_forward, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", BRANCHED)
def test_third_derivatives_are_finite_at_the_edge_of_reach(name: str):
    """Of an atom that crosses each special radius of one that has a bond, down to the last bit on both sides."""
    potential, _ = POTENTIALS[name]()
    radii = [float(r) for r in special_radii(potential)]
    gaps = np.array([-1e-2, -1e-4, -1e-6, -1e-9, -1e-12, 0, 1e-12, 1e-9, 1e-6])
    crossing = [np.append(radius + gaps, np.nextafter(radius, [0, np.inf])) for radius in radii]
    positions = jnp.array([[0, 0, 0], [radii[-1], 0, 0], [-0.5, 2.2, 0]])
    trimer = System(positions, np.zeros((3, 3)), [14] * 3, [28.0] * 3, pbc=False)
    neighbors = Neighbors.allocate(trimer, radii[-1] + SKIN)

    def energy(r: jax.Array) -> jax.Array:
        return total_energy(potential, trimer.replace(positions=positions.at[1, 0].set(r)), neighbors)

    reverse = jax.grad(jax.grad(jax.grad(energy)))
    forward = jax.jacfwd(jax.jacfwd(jax.jacfwd(energy)))
    r = jnp.asarray(np.concatenate(crossing))
    by_reverse, by_forward = compiled_once(jax.vmap(lambda r: (reverse(r), forward(r))))(r)
    assert np.isfinite(by_reverse).all(), r[~np.isfinite(by_reverse)]
    np.testing.assert_allclose(by_forward, by_reverse, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["stillinger_weber", "edip"])
def test_forces_have_no_scatter(name: str):
    """Sums over edges that end on an atom are gathers (see diffsim.graph): a scatter is what XLA is slow at on CPUs."""
    theta, build, system, neighbors = case(name)
    assert "scatter" not in _operations(_whole_forces, build(theta), system, neighbors)
    assert "scatter" in _operations(jax.grad(lambda x: jnp.sum(x[neighbors.index] ** 2)), system.positions)


def _operations(f: Callable, *arguments) -> set[str]:
    return set(re.findall(r"stablehlo\.([a-z_]+)", jax.jit(f).lower(*arguments).as_text()))
