"""Liquid argon: 32 Lennard-Jones atoms at constant temperature, and what d⟨U⟩/dε and d⟨U⟩/dσ must be."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk

from diffsim import Langevin, LennardJones, Schedule, State, System, error_of_mean, simulate, units
from diffsim.mechanics import total_energy
from diffsim.simulators import AbstractSimulator
from diffsim.system import stack

EDGE = 2 * 5.78  # Å: 1.374 g/cm³, the liquid of doi:10.1103/PhysRev.136.A405
HEAT, FRICTION, DT = 100.0, 1 / units.ps, 4 * units.fs  # K
STRIDE = 20  # steps between frames
STEPS = {"epsilon": 0.03, "sigma": 0.01}  # of ln θ in differences; σ 3 % larger is 9 % denser: it freezes
ARGON = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=6.5, onset=6.0)
NAMES = tuple(STEPS)
LIQUID = Langevin(DT, HEAT, FRICTION)


class Expected(NamedTuple):
    """A number and its standard error."""

    value: float
    error: float


def energy(potential: LennardJones, state: State) -> jax.Array:
    """U in eV of all atoms."""
    return total_energy(potential, state.system, state.neighbors)


def melted(simulator: AbstractSimulator, count: int, steps: int, potential: LennardJones = ARGON, seed: int = 0) -> Any:
    """So many independent liquids: crystals that have run for so many steps."""
    system = System.from_ase(bulk("Ar", a=EDGE / 2, cubic=True).repeat(2))
    keys = jax.random.split(jax.random.key(seed), count)
    state = stack([simulator.init(potential, system, key, 2 * HEAT) for key in keys])
    return simulate(potential, simulator, state, Schedule(frames=1, stride=steps), energy)[1]


def with_parameters(potential: LennardJones, values: Any) -> LennardJones:
    """The potential with other ε and σ."""
    return dataclasses.replace(potential, **dict(zip(NAMES, values, strict=True)))


def averages(count: int, steps: int) -> dict[str, Any]:
    """U of all frames of liquids, and the covariances that the derivatives of ⟨U⟩ are.

    d⟨U⟩/dθ = ⟨∂U/∂θ⟩ − β cov(U, ∂U/∂θ); for ε, in which U is linear, that is the scaling identity
    ε d⟨U⟩/dε = ⟨U⟩ − T ∂⟨U⟩/∂T with T ∂⟨U⟩/∂T = β var(U).
    """

    def record(potential: LennardJones, state: State) -> Any:
        by = jax.grad(lambda values: energy(with_parameters(potential, values), state))
        return energy(potential, state), by(jnp.stack([potential.epsilon, potential.sigma]))

    schedule = Schedule(frames=steps // STRIDE, stride=STRIDE)
    (u, by), _ = simulate(ARGON, LIQUID, melted(LIQUID, count, steps // 4, seed=1), schedule, record)
    u, by = np.asarray(u), np.asarray(by)
    beta, away = 1 / (units.kB * HEAT), (u - u.mean())[..., None]
    each = np.mean(by - beta * away * (by - by.mean((0, 1))), axis=1)  # [replicas 2], whose spread is the error
    found = [Expected(float(m), float(s)) for m, s in zip(each.mean(0), each.std(0, ddof=1) / count**0.5, strict=True)]
    inefficiency = np.mean([np.var(one) / error_of_mean(one) ** 2 for one in u])
    memory = 0.5 * u.shape[1] / inefficiency * STRIDE * DT / units.ps
    return {"slopes": dict(zip(NAMES, found, strict=True)), "U": float(u.mean()), "memory_ps": float(memory)}


def differences(count: int, steps: int) -> dict[str, Expected]:
    """Differences of ⟨U⟩ between liquids of other parameters, each equilibrated anew."""
    found = {}
    for name in NAMES:
        means = []
        for seed, sign in ((2, 1), (3, -1)):
            value = getattr(ARGON, name) * np.exp(sign * STEPS[name])
            moved = dataclasses.replace(ARGON, **{name: value})
            start = melted(LIQUID, count, steps // 4, moved, seed)
            u, _ = simulate(moved, LIQUID, start, Schedule(frames=steps // STRIDE, stride=STRIDE), energy)
            means.append(np.mean(u, axis=1))
        width = 2 * np.sinh(STEPS[name]) * float(getattr(ARGON, name))
        apart = (means[0].mean() - means[1].mean()) / width
        error = np.hypot(*(m.std(ddof=1) / count**0.5 for m in means)) / width
        found[name] = Expected(float(apart), float(error))
    return found
