"""The derivative of one average by every method, from runs of growing length."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from diffsim import Aboba, Schedule, State, growth_rate, units
from diffsim.gradients import (
    AbstractGradient,
    Backprop,
    Forward,
    FromEquilibrium,
    Reversible,
    Reweighting,
    Score,
    Truncated,
)
from diffsim.simulators import AbstractSimulator, members, trajectory
from diffsim.system import stack
from diffsim.timing import compiled, timed
from experiments.gradient_methods.liquid import (
    ARGON,
    DT,
    FRICTION,
    HEAT,
    LIQUID,
    NAMES,
    STRIDE,
    averages,
    differences,
    energy,
    melted,
    with_parameters,
)

NOISY = Aboba(DT, HEAT, FRICTION)
LENGTHS = (100, 400, 1600, 6400, 12_800)  # steps
_BURN_IN = 3000  # steps of 4 fs
_ROOM = 48  # neighbours of an atom: 28 on average, and never so many
_TIMED = 3  # trajectories of methods whose derivative another has already


def measured(*, quick: bool = False) -> dict[str, Any]:
    """References, the growth rate, and for each method and length: slopes, their errors, time and memory."""
    count, long, burn_in = (2, 400, 200) if quick else (8, 16_000, _BURN_IN)
    lengths = (100,) if quick else LENGTHS
    expected = averages(count, long)
    liquids = melted(LIQUID, count, burn_in)
    starts = members(liquids.replace(neighbors=jax.vmap(lambda n: n.widened(_ROOM))(liquids.neighbors)))
    rates = jax.jit(lambda s: growth_rate(ARGON, LIQUID, s, min(2000, long), jax.random.key(0)))
    rate = float(np.mean([rates(s) for s in starts[:8]])) * units.ps
    window = max(1, round(3 / max(rate, 0.1) * units.ps / DT))
    scored = STRIDE * max(1, int(np.ceil(3 * np.nan_to_num(expected["memory_ps"], nan=0.1) * units.ps / DT / STRIDE)))
    methods: dict[str, tuple[AbstractGradient, AbstractSimulator, int]] = {
        "Reversible": (Reversible(measured=False), LIQUID, 0),
        "Backprop": (Backprop(), LIQUID, 0),
        "Forward": (Forward(), LIQUID, 0),
        "Truncated": (Truncated(window=window), LIQUID, 0),
        "Reweighting": (Reweighting(), LIQUID, 0),
        "Score": (Score(window=scored), NOISY, scored),
    }
    found: dict[str, Any] = {
        "reference": {"covariance": _plain(expected["slopes"]), "differences": _plain(differences(count, 2 * long))},
        "U": expected["U"],
        "memory_ps": expected["memory_ps"],
        "growth_per_ps": rate,
        "windows": {"Truncated": window, "Score": scored},
        "replicas": count,
        "lengths": list(lengths),
        "step_ps": DT / units.ps,
        "methods": {name: [] for name in (*methods, "FromEquilibrium")},
    }
    for steps in lengths:
        plain = _alone(Schedule(frames=steps // STRIDE, stride=STRIDE), starts)
        for name, (method, simulator, burn_in) in methods.items():
            schedule = Schedule(frames=steps // STRIDE, stride=STRIDE, equilibration=burn_in)
            some = starts[:_TIMED] if name in ("Reversible", "Backprop") else starts
            found["methods"][name].append(_entry(method, simulator, schedule, some, plain))
            print(steps, name, found["methods"][name][-1], flush=True)
        found["methods"]["FromEquilibrium"].append(_jointly(Schedule(frames=steps // STRIDE, stride=STRIDE), starts))
        print(steps, "FromEquilibrium", found["methods"]["FromEquilibrium"][-1], flush=True)
    return found


def _values() -> jax.Array:
    return jnp.stack([ARGON.epsilon, ARGON.sigma])


def _alone(schedule: Schedule, starts: list[State]) -> float:
    """Seconds of a run without derivatives."""
    run = lambda s: trajectory(ARGON, LIQUID, s, schedule.frames, schedule.stride, energy)[0]  # noqa: E731
    program, _ = compiled(run, starts[0])
    return timed(program, [(s,) for s in starts])[1]


def _entry(
    method: AbstractGradient, simulator: AbstractSimulator, schedule: Schedule, starts: list[State], plain: float
) -> dict[str, Any]:
    """Mean over trajectories, standard error, time in runs and bytes."""

    def average(values: jax.Array, state: State) -> tuple[jax.Array, jax.Array]:
        found = method.sample(with_parameters(ARGON, values), simulator, state, schedule, energy)
        return jnp.sum(found.weights * found.records), found.diagnostics["overflow"]

    derivative = (jax.jacfwd if method.mode == "forward" else jax.grad)(average, has_aux=True)
    given = [(_values(), method.prepare(ARGON, simulator, s, schedule)) for s in starts]
    program, memory = compiled(derivative, *given[0])
    each, seconds = timed(program, given)
    assert not any(overflow for _, overflow in each)
    return _told(np.array([slope for slope, _ in each])) | {"time": seconds / plain, "memory": memory}


def _jointly(schedule: Schedule, starts: list[State]) -> dict[str, Any]:
    """FromEquilibrium over all trajectories together, whose covariance it needs; what each of them adds."""
    method = FromEquilibrium(Forward(), temperature=HEAT)  # type: ignore[call-arg]

    def run(values: jax.Array, state: State) -> tuple[jax.Array, jax.Array]:
        found = method.sample(with_parameters(ARGON, values), LIQUID, state, schedule, energy)
        return found.records, found.weights

    def both(state: State) -> Any:
        return run(_values(), state), jax.jacfwd(run)(_values(), state)

    (records, weights), (by_records, by_weights) = jax.jit(both)(stack(starts))
    away = (records - jnp.sum(weights * records))[..., None]
    return _told(len(starts) * np.sum(weights[..., None] * by_records + away * by_weights, axis=1))


def _told(each: np.ndarray) -> dict[str, Any]:
    """Of slopes [trajectories 2]."""
    error = each.std(axis=0, ddof=1) / len(each) ** 0.5
    return {
        "slopes": dict(zip(NAMES, each.mean(axis=0).tolist(), strict=True)),
        "errors": dict(zip(NAMES, error.tolist(), strict=True)),
    }


def _plain(expected: Any) -> dict[str, Any]:
    return {name: one._asdict() for name, one in expected.items()}
