"""Which gradient method an experiment should have, and why: the rules of `Auto`, over what a pilot run has measured.

1. What is at rest: Implicit.
2. Averages under a thermostat, over many correlation times: Reweighting. It needs frames of a canonical ensemble.
3. Whatever is short against the chaos: the path, by the fastest of its methods.
4. Longer than that: Score where the simulator's noise allows it (Aboba), else Truncated, which is biased.

Each is measured, and taken where the noise of one evaluation is shorter than the gradient. That of a path without
chaos is taken anyway: it is the exact derivative of what is fitted, and replicas make its noise small.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from diffsim.experiment import Experiment
from diffsim.gradients import (
    AbstractGradient,
    Adjoint,
    Auto,
    Backprop,
    Forward,
    Implicit,
    Reversible,
    Reweighting,
    Score,
    Truncated,
)
from diffsim.measured import Gradient, gradient_by
from diffsim.parametrization import Trainable
from diffsim.pilot import Pilot, pilot
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Aboba, AbstractReversible, Ode

E_FOLDS = 7.0  # of growth along a path whose derivative is used: a thousand-fold
_WINDOW = 3.0  # e-foldings that Truncated keeps, if the lags of a correlation do not need more
_MEMORIES = 10.0  # correlation times that make an average over an ensemble of one over a path
_NOISE = 1.0  # of the gradient, in one evaluation
_CALM = 1.0  # e-foldings of a path without chaos
_FEW = 4  # free numbers that tangents may be carried for
_REPEATS = 4

Look = Callable[[str, AbstractGradient], Gradient]


class Choice(NamedTuple):
    """A method, None where none is valid, and a sentence or two."""

    method: AbstractGradient | None
    certificate: str


def decided(
    potential: AbstractPotential,
    experiments: Mapping[str, Experiment],
    trainable: Trainable = None,
    *,
    kept: Mapping[str, str] | None = None,
) -> dict[str, Experiment]:
    """The experiments, those with `Auto` with what it chooses for them; `kept` are choices of an earlier fit.

    **Raises** `ValueError` for one that no method is valid for, with the reasons.
    """
    found = {}
    for name, experiment in experiments.items():
        undecided = isinstance(experiment.gradient, Auto) and experiment.gradient.chosen is None
        if undecided and kept and name in kept:
            experiment = dataclasses.replace(experiment, gradient=Auto.from_words(kept[name]))
        elif undecided:
            choice = choose(potential, experiment, trainable)
            if choice.method is None:
                raise ValueError(f"no gradient method is valid for experiment {name!r}: {choice.certificate}")
            experiment = dataclasses.replace(experiment, gradient=Auto(choice.method, choice.certificate))
        found[name] = experiment
    return found


def choose(
    potential: AbstractPotential, experiment: Experiment, trainable: Trainable = None, key: Array | None = None
) -> Choice:
    """By a pilot run where the experiment moves."""
    if experiment.is_static:
        return Choice(Implicit(), "Implicit: the structure is at rest; its cell stays (Implicit(cell=True) relaxes it)")
    run = pilot(potential, experiment, trainable, _REPEATS, jax.random.key(0) if key is None else key)
    return judged(run, lambda name, method: gradient_by(run, name, method))


def judged(run: Pilot, look: Look) -> Choice:
    """The first kind of method, in the order of the rules, that is valid and precise enough."""
    against = []
    for because, methods in _kinds(run):
        if not methods:
            against.append(because)
            continue
        seen = [look(name, method) for name, method in methods.items()]
        if not (usable := [one for one in seen if not one.refusal]):
            against.append(seen[0].refusal)
            continue
        best = min(usable, key=lambda one: one.seconds)
        calm = best.name in paths(run) and run.growth * run.length < _CALM and math.isfinite(best.relative_error)
        if best.relative_error > _NOISE and not calm:
            against.append(f"{best.name}: one evaluation has an error of {best.relative_error:.0%} of the gradient")
            continue
        numbers = f"s.e. {best.relative_error:.1%} of the gradient; {costs(best, run)}"
        return Choice(best.method, "; ".join([f"{best.name}: {because}", numbers, *against]))
    return Choice(None, "; ".join(against))


def costs(one: Gradient, run: Pilot) -> str:
    """Time relative to a run without derivatives, and memory."""
    return f"{one.seconds / run.seconds:.1f} × the time of the run, {one.memory / 1e6:.1f} MB"


def _kinds(run: Pilot) -> Iterator[tuple[str, dict[str, AbstractGradient]]]:
    """What to try, one kind after the other: why it is valid and its methods, or why it is not and none."""
    ensemble, path = _ensemble(run), _path(run)
    yield from (ensemble, path) if _is_long(run) else (path, ensemble)
    yield _score(run)
    yield _truncated(run)


def _is_long(run: Pilot) -> bool:
    return run.seen >= _MEMORIES * run.memory_time  # False where it is not known


def _path(run: Pilot) -> tuple[str, dict[str, AbstractGradient]]:
    folds = max(run.growth, 0.0) * run.length
    limit = f", so a path can be differentiated to {reach(run):.2g} ps" if run.growth > 0 else ""
    told = f"over {run.length:.3g} ps neighbouring paths part by e^{folds:.1f} (λ = {run.growth:.2g}/ps{limit})"
    return (told, paths(run)) if folds <= E_FOLDS else (f"no path: {told}", {})


def reach(run: Pilot) -> float:
    """ps that a path may be long; infinite without chaos."""
    return E_FOLDS / run.growth if run.growth > 0 else math.inf


def paths(run: Pilot) -> dict[str, AbstractGradient]:
    """Exact derivatives of the path, all the same number, by what the simulator allows."""
    simulator, positions = run.experiment.simulator, run.experiment.system.positions
    methods: dict[str, AbstractGradient] = {}
    if isinstance(simulator, Ode):
        methods["Adjoint"] = Adjoint()
    elif isinstance(simulator, AbstractReversible) and positions.dtype == jnp.float64:
        methods["Reversible"] = Reversible(measured=False)
    else:
        methods["Backprop"] = Backprop()
    return methods | ({"Forward": Forward()} if len(run.held.start) <= _FEW else {})


def _ensemble(run: Pilot) -> tuple[str, dict[str, AbstractGradient]]:
    if correlated(run.experiment):
        return "no Reweighting: the weights of frames say nothing about the motion between them", {}
    if getattr(run.experiment.simulator, "temperature", None) is None:
        return f"no Reweighting: {type(run.experiment.simulator).__name__} keeps no temperature", {}
    if not _is_long(run):
        memory = "unknown" if math.isnan(run.memory_time) else f"{run.memory_time:.2g} ps"
        return f"no Reweighting: frames of {run.seen:.3g} ps are not ten correlation times ({memory})", {}
    times = f"{run.seen:.3g} ps are {run.seen / run.memory_time:.0f} correlation times of {run.memory_time:.2g} ps"
    return f"an average over an ensemble, {times}", {"Reweighting": Reweighting()}


def _score(run: Pilot) -> tuple[str, dict[str, AbstractGradient]]:
    if not isinstance(run.experiment.simulator, Aboba):
        return "no Score: only the noise of the simulator Aboba has one", {}
    return "the noise of Aboba has a score, whatever the chaos", {"Score": score(run)}


def score(run: Pilot) -> Score:
    """Over whole paths for correlations in time, else over three correlation times."""
    if correlated(run.experiment) or math.isnan(run.memory_time):
        return Score()
    assert run.experiment.schedule is not None
    stride = run.experiment.schedule.stride
    return Score(window=stride * max(1, math.ceil(3 * run.memory_time / (run.step * stride))))


def _truncated(run: Pilot) -> tuple[str, dict[str, AbstractGradient]]:
    lag = longest_lag(run)
    if run.growth * lag > E_FOLDS:
        return f"no Truncated: within the longest lag of {lag:.2g} ps it grows by e^{run.growth * lag:.1f}", {}
    window = truncated(run).window
    assert window is not None
    told = f"what is more than {window * run.step:.2g} ps before is forgotten, a bias that is not measured"
    return told, {"Truncated": truncated(run)}


def truncated(run: Pilot) -> Truncated:
    """Three Lyapunov times, or the longest lag of a correlation where that is longer."""
    assert run.experiment.schedule is not None
    kept = max(_WINDOW / run.growth if run.growth > 0 else math.inf, longest_lag(run))
    return Truncated(window=max(1, math.ceil(min(kept, run.length) / run.step - 1e-9)))


def correlated(experiment: Experiment) -> bool:
    """Whether a target correlates times."""
    return any(target.observable.correlates_times for target in experiment.targets.values())


def longest_lag(run: Pilot) -> float:
    """ps between the frames that a target correlates, at most."""
    assert run.experiment.schedule is not None
    observables = [target.observable for target in run.experiment.targets.values()]
    lags = max(getattr(one, "lags", 0) for one in observables)
    return lags * run.experiment.schedule.stride * run.step
