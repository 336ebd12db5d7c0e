"""Every way to differentiate one experiment, side by side."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
from jaxtyping import Array

from diffsim.choice import Choice, judged, paths, score, truncated
from diffsim.experiment import Experiment
from diffsim.gradients import (
    AbstractGradient,
    Adjoint,
    Backprop,
    Forward,
    FromEquilibrium,
    Implicit,
    Reversible,
    Reweighting,
)
from diffsim.measured import Gradient, gradient_by
from diffsim.parametrization import Trainable
from diffsim.pilot import Pilot, pilot
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.temperature import kelvin


class Comparison(NamedTuple):
    """What each method makes of one experiment."""

    labels: tuple[str, ...]  # of the free numbers
    gradients: list[Gradient]
    seconds: float  # of a run without derivatives
    memory: int  # bytes of it
    frames: int  # of all replicas
    growth: float  # λ, 1/ps
    memory_time: float  # ps; NaN where the run is too short to tell
    length: float  # ps that a path method differentiates
    recommendation: Choice


def compare_gradients(
    potential: AbstractPotential,
    experiment: Experiment,
    methods: Mapping[str, AbstractGradient] | None = None,
    *,
    trainable: Trainable = None,
    repeats: int = 4,
    key: Array | None = None,
) -> Comparison:
    """The gradient of the loss of an experiment that moves, by all methods or those given; and which to take.

    Each is evaluated `repeats` times with other momenta and noise: mean, standard deviation of one evaluation, time and
    temporary memory, or the sentence by which it refuses. All have the same residuals, those of the mean prediction.

    **Raises** `ValueError` for what is at rest, and for fewer than two repeats.
    """
    if experiment.is_static:
        raise ValueError("gradients are compared where something moves; at rest there is Implicit alone")
    if repeats < 2:
        raise ValueError(f"an error needs at least 2 repeats, got {repeats}")
    run = pilot(potential, experiment, trainable, repeats, jax.random.key(0) if key is None else key)
    known: dict[str, Gradient] = {}

    def look(name: str, method: AbstractGradient) -> Gradient:
        if name not in known:
            known[name] = gradient_by(run, name, method)
        return known[name]

    for name, method in (every_method(run) if methods is None else methods).items():
        look(name, method)
    rows = list(known.values())
    assert experiment.schedule is not None
    return Comparison(
        run.held.labels,
        rows,
        run.seconds,
        run.memory,
        experiment.schedule.frames * experiment.replicas,
        run.growth,
        run.memory_time,
        run.length,
        judged(run, look),
    )


def every_method(run: Pilot) -> dict[str, AbstractGradient]:
    """One of each kind, with settings from the pilot run."""
    methods = {
        "Reversible": Reversible(measured=False),
        "Backprop": Backprop(),
        "Forward": Forward(),
        "Adjoint": Adjoint(),
        "Truncated": truncated(run),
        "Reweighting": Reweighting(),
        "Score": score(run),
        "Implicit": Implicit(),
    }
    heat = getattr(run.experiment.simulator, "temperature", None)
    if heat is not None:  # else the starts are of no known ensemble
        through = next(iter(paths(run).values()))
        methods["FromEquilibrium"] = FromEquilibrium(through, temperature=kelvin(heat, 0.0))  # type: ignore[call-arg]
    return methods
