"""The stiffest vibration where a trajectory starts, which its time step has to resolve."""

import warnings
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from diffsim import units
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, evaluate_now
from diffsim.simulators.schedule import Schedule, members
from diffsim.simulators.state import State

_PRODUCTS = 10
_SHIFT = 1e-3  # Å, of the atom that moves furthest
_STEPS = 10  # a period; velocity Verlet is then 1.7 % too fast
_LONG = 1000  # steps that make the estimate, some twenty, cheap


def warn_of_long_step(
    potential: AbstractPotential, simulator: AbstractSimulator, state: State, schedule: Schedule
) -> None:
    """Warns where the stiffest vibration gets fewer than ten steps a period; of replicas the first is looked at.

    Velocity Verlet and its kin are stable up to ω dt = 2, π steps a period, and less accurate long before. Not looked
    at where a short stretch goes on from another.
    """
    state = members(state)[0]
    if not simulator.vibrates or (int(state.step) > 0 and schedule.steps < _LONG):
        return
    omega, dt = fastest_vibration(potential, simulator, state), float(simulator.dt)
    if omega * dt <= 2 * np.pi / _STEPS:
        return
    period = 2 * np.pi / omega
    warnings.warn(
        f"a time step of {dt / units.fs:.3g} fs makes {period / dt:.2g} steps a period of the stiffest vibration at "
        f"the start, {omega / (2 * np.pi * units.THz):.3g} THz or {period / units.fs:.3g} fs: take {_STEPS} of them, "
        f"{period / _STEPS / units.fs:.2g} fs (the motion is unstable from {2 / omega / units.fs:.3g} fs on)",
        stacklevel=2,
    )


def fastest_vibration(potential: AbstractPotential, simulator: AbstractSimulator, state: State) -> float:
    """ω_max, the root of the largest eigenvalue of D = M^{-1/2} H M^{-1/2}, in radians per unit of time.

    D v is a central difference of the forces, D v ≈ M^{-1/2} [F(x − h u) − F(x + h u)]/2h, u = M^{-1/2} v, of forces
    that are compiled already: `jax.jvp` of them is a program of its own, which takes seconds to compile. Atoms that are
    held do not vibrate. Zero where no eigenvalue is positive.
    """
    system = state.system
    free = np.asarray(system.numbers)[:, None] > 0
    free = free if state.mobile is None else free & np.asarray(state.mobile)
    if not free.any():
        return 0.0
    x, root = np.asarray(system.positions), np.sqrt(np.where(free, np.asarray(system.masses)[:, None], np.inf))
    start = state.replace(forces=None, kept=None)  # as `init` has compiled it

    def forces(positions: np.ndarray) -> np.ndarray:
        there = start.replace(system=system.replace(positions=jnp.asarray(positions, x.dtype)))
        return np.asarray(evaluate_now(simulator, potential, there).forces, float)

    def product(v: np.ndarray) -> np.ndarray:
        h = _SHIFT / np.linalg.norm(v / root, axis=1).max()
        return (forces(x - h * v / root) - forces(x + h * v / root)) / (2 * h * root)

    noise = np.where(free, np.random.default_rng(0).standard_normal(x.shape), 0.0)
    return float(np.sqrt(max(largest_eigenvalue(product, noise), 0.0)))


def largest_eigenvalue(product: Callable[[np.ndarray], np.ndarray], start: Float[np.ndarray, "..."]) -> float:
    """Of a symmetric matrix that is known by its products: Lanczos' method, from below.

    β_k v_{k+1} = A v_k − α_k v_k − β_{k−1} v_{k−1}; the largest eigenvalue of the tridiagonal matrix of α and β.
    """
    before, v, beta = np.zeros_like(start), start / np.linalg.norm(start), 0.0
    matrix = np.zeros((_PRODUCTS, _PRODUCTS))
    for k in range(_PRODUCTS):
        w = product(v) - beta * before
        matrix[k, k] = np.vdot(w, v)
        w -= matrix[k, k] * v
        beta = float(np.linalg.norm(w))
        if k + 1 == _PRODUCTS or not beta > 1e-6 * np.abs(matrix).max():  # the next would be rounding, or NaN
            break
        matrix[k, k + 1] = matrix[k + 1, k] = beta
        before, v = v, w / beta
    return float(np.linalg.eigvalsh(matrix[: k + 1, : k + 1])[-1]) if np.isfinite(matrix).all() else 0.0
