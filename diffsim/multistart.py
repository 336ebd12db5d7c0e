"""Several fits at once: the same problem from different starts, mapped over in one compiled program."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.experiment import Experiment
from diffsim.fit import Plateau, problem_of
from diffsim.fit_state import FitState, state_of
from diffsim.neighbors import alike
from diffsim.optimizers import AbstractMethod, Moved, Problem, Scipy, method_for
from diffsim.parametrization import Trainable
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.starts import perturbed
from diffsim.system import stack

_TRIES = 5  # times that neighbour lists are made longer for one update


def multistart(
    potential: AbstractPotential,
    experiments: Mapping[str, Experiment] | Sequence[Experiment],
    optimizer: Any,
    *,
    key: Array,
    starts: int = 8,
    spread: float = 0.1,
    steps: int = 50,
    trainable: Trainable = None,
    stop: Plateau | None = None,
) -> list[FitState]:
    """The last state of each fit, lowest loss first. Each can be handed to `fit` to go on from.

    The first start is the potential itself, the others are `perturbed` by `spread`. Starts from which no structure is
    found are left out. Everything else as in `fit`; an update takes about as long as all its fits one after another
    would in compiled code, without what stands between them.

    **Raises** `ValueError` for less than one start, SciPy's methods, trajectories, and where no start has a structure.
    """
    if starts < 1:
        raise ValueError(f"starts must be positive, got {starts}")
    method = method_for(optimizer)
    if isinstance(method, Scipy):
        raise ValueError("SciPy's methods run one fit at a time: take an optimizer of optax or optimistix")
    problem = problem_of(potential, experiments, trainable)
    if not all(experiment.is_static for experiment in problem.experiments.values()):
        raise ValueError(
            "starts run side by side only for what is at rest: run one fit after the other for trajectories"
        )
    others = [perturbed(potential, spread, k, trainable) for k in jax.random.split(key, starts)[1:]]
    frees = jnp.stack([problem.parametrization.free(p) for p in (potential, *others)])
    began = time.perf_counter()
    batch = _stacked([_started(problem, free) for free in frees])
    batch, moved = _with_room(problem, batch, frees, lambda s, f: method.start(problem.starting_from(s), f))
    known = [_member(problem, batch, moved, m, time.perf_counter() - began, None) for m in range(starts)]
    for _ in range(steps):
        if all(_ended(state, stop) for state in known):
            break
        batch, moved = _updated(problem, method, batch, moved)
        seconds = time.perf_counter() - began
        known = [s if _ended(s, stop) else _member(problem, batch, moved, m, seconds, s) for m, s in enumerate(known)]
    found = sorted((state for state in known if np.isfinite(state.loss)), key=lambda state: state.loss)
    if not found:
        raise ValueError(f"none of {starts} starts has a structure: start closer to a sensible potential")
    return found


def _updated(problem: Problem, method: AbstractMethod, batch: Any, moved: Moved) -> tuple[Any, Moved]:
    update = lambda s, f, memory: method.update(problem.starting_from(s), f, memory)  # noqa: E731
    return _with_room(problem, batch, moved.free, update, moved.memory)


def _with_room(problem: Problem, batch: Any, frees: Float[Array, "starts free"], move: Any, *memory: Any):
    """Moves all, again with longer neighbour lists where one of them was too short."""
    for _ in range(_TRIES):
        moved = eqx.filter_vmap(move)(batch, frees, *memory)
        finite = [jnp.isfinite(s.positions).all(axis=(1, 2)) for s in moved.outcome.systems.values()]
        short = moved.outcome.overflow & jnp.all(jnp.stack(finite), axis=0)
        if not short.any():
            break
        systems = [_taken(moved.outcome.systems, m) if short[m] else None for m in range(len(frees))]
        batch = _stacked([_started(problem, moved.free[m], systems[m]) for m in range(len(frees))])
    return batch, moved


def _started(problem: Problem, free: Float[Array, " free"], systems: Any = None) -> dict[str, State]:
    """Where each experiment of one fit starts, with neighbour lists of its own."""
    potential, experiments = problem.at(free), problem.experiments
    return {n: experiment.start(potential, systems and systems[n]) for n, experiment in experiments.items()}


def _stacked(states: list[dict[str, State]]) -> dict[str, State]:
    """One state with a leading axis for the fits; lists as wide as the widest."""
    found = {}
    for name in states[0]:
        mine = [state[name] for state in states]
        lists = alike([state.neighbors for state in mine])
        mine = [dataclasses.replace(s, neighbors=neighbors) for s, neighbors in zip(mine, lists, strict=True)]
        found[name] = stack(mine)
    return found


def _taken(tree: Any, m: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[m] if eqx.is_array(leaf) else leaf, tree)


def _member(problem: Problem, batch: Any, moved: Moved, m: int, seconds: float, before: FitState | None) -> FitState:
    step = before.step + 1 if before else 0
    return state_of(step, problem.starting_from(_taken(batch, m)), _taken(moved, m), seconds, before)


def _ended(state: FitState, stop: Plateau | None) -> bool:
    return state.memory.done or not np.isfinite(state.loss) or (stop is not None and stop.reached(state.losses))
