"""The virtual twin of a measurement: a system, how it is sampled, and what it must reproduce."""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.compiled import jit
from diffsim.fields import as_array, constant
from diffsim.gradients import AbstractGradient, Implicit
from diffsim.mechanics import neighbors_of
from diffsim.observables.base import AbstractObservable
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import State
from diffsim.system import System

_SKIN = 0.6  # Å: room for the structure to change during a fit before its list has to be made again


class Target(eqx.Module):
    """A prediction and the number it must reproduce: residual = √w (prediction − reference) / scale, dimensionless.

    `scale` is the uncertainty that is allowed, in the unit of the observable, one for all components or one for each.

    **Raises** `ValueError` for a unit other than the observable's, a reference that is not finite, a scale ≤ 0.
    """

    observable: AbstractObservable
    reference: Float[Array, "..."] = eqx.field(converter=as_array)
    scale: Float[Array, "..."] = eqx.field(converter=as_array)
    weight: Float[Array, ""] = eqx.field(converter=as_array, default=1.0)
    unit: str | None = constant(default=None)  # where given, checked against the observable's

    def __check_init__(self) -> None:
        name = type(self.observable).__name__
        if self.unit is not None and self.unit != self.observable.unit:
            raise ValueError(f"{name} is predicted in {self.observable.unit!r}, but its reference is in {self.unit!r}")
        if not np.isfinite(self.reference).all():
            raise ValueError(f"the reference of {name} must be finite, got {self.reference}")
        if not (np.isfinite(self.scale).all() and (np.asarray(self.scale) > 0).all()):
            raise ValueError(f"the scale of {name} must be positive, got {self.scale} {self.observable.unit}")
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise ValueError(f"the weight of {name} must not be negative, got {self.weight}")
        if self.scale.ndim and self.scale.shape != self.reference.shape:
            raise ValueError(
                f"the scale of {name} must be one number or have the reference's shape "
                f"{list(self.reference.shape)}, got {list(self.scale.shape)}"
            )

    def residuals(self, prediction: Float[Array | np.ndarray, "..."]) -> Float[Array, " components"]:
        """Dimensionless residuals, flat."""
        return jnp.sqrt(self.weight) * ((prediction - self.reference) / self.scale).reshape(-1)


class Experiment(eqx.Module):
    """One system, sampled one way, and its named targets."""

    system: System
    targets: dict[str, Target] = eqx.field(converter=dict)
    gradient: AbstractGradient = eqx.field(default_factory=Implicit)
    simulator: Any = None
    schedule: Any = None

    @property
    def is_static(self) -> bool:
        """Whether nothing moves: all its properties are those of one relaxed structure."""
        return self.simulator is None

    def start(self, potential: AbstractPotential, system: System | None = None) -> State:
        """The state to sample from: the system (or what became of it) and its neighbours, with room to move."""
        system = self.system if system is None else system
        return State(system, neighbors_of(potential, system, None, skin=_SKIN))

    def predict(self, potential: AbstractPotential, state: State) -> tuple[dict[str, Array], State, dict[str, Array]]:
        """Predictions of all targets from one sample, its last state, and its diagnostics."""

        def record(potential: AbstractPotential, state: State) -> dict[str, Any]:
            return {name: target.observable.record(potential, state) for name, target in self.targets.items()}

        sample = self.gradient.sample(potential, self.simulator, state, self.schedule, record)
        predictions = {
            name: target.observable.estimate(sample.records[name], sample.weights)
            for name, target in self.targets.items()
        }
        return predictions, sample.state, sample.diagnostics

    def residuals(self, predictions: Mapping[str, Any]) -> Float[Array, " components"]:
        """Those of all targets, one after the other."""
        return jnp.concatenate([target.residuals(predictions[name]) for name, target in self.targets.items()])


def components(target: Target) -> list[tuple[str, float, float]]:
    """Label, reference and scale of each number of a target."""
    reference = np.asarray(target.reference)
    scale = np.broadcast_to(np.asarray(target.scale), reference.shape)
    names = component_names(target.observable.labels, reference.shape)
    return [
        (name, float(number), float(allowed))
        for name, number, allowed in zip(names, reference.flat, scale.flat, strict=True)
    ]


def component_names(labels: Sequence[str], shape: tuple[int, ...]) -> list[str]:
    """A name for each number of a prediction: its label, and its place along further axes counted from 1."""
    return [labels[place[0] if place else 0] + "".join(f" {i + 1}" for i in place[1:]) for place in np.ndindex(shape)]


def check(name: str, experiment: Experiment, potential: AbstractPotential, state: State) -> None:
    """Refuses, before anything is compiled, targets whose reference has not the shape of the prediction."""
    predictions = eqx.filter_eval_shape(lambda p, s: experiment.predict(p, s)[0], potential, state)
    for target_name, target in experiment.targets.items():
        expected, given = predictions[target_name].shape, target.reference.shape
        if expected != given:
            raise ValueError(
                f"target {target_name!r} of experiment {name!r} predicts an array of shape {list(expected)}, "
                f"but its reference has shape {list(given)}"
            )


def evaluate(potential: AbstractPotential, experiments: Mapping[str, Experiment]) -> dict[str, dict[str, np.ndarray]]:
    """Predictions of every target of every experiment: `{experiment: {target: array}}`.

    **Raises** `ValueError` where a prediction is not finite.
    """
    everything: dict[str, dict[str, np.ndarray]] = {}
    for name, experiment in experiments.items():
        state = experiment.start(potential)
        check(name, experiment, potential, state)
        predictions = _predicted(experiment, potential, state)
        everything[name] = {key: np.asarray(value) for key, value in predictions.items()}
        for key, value in everything[name].items():
            if not np.isfinite(value).all():
                raise ValueError(
                    f"target {key!r} of experiment {name!r} is not finite: no minimum was found from its start, "
                    "or a structure outgrew the radius of its neighbour list"
                )
    return everything


def _predicted(experiment: Experiment, potential: AbstractPotential, state: State) -> dict[str, Array]:
    """Predictions, with longer neighbour lists again where they were too short; NaN where that does not end."""
    for _ in range(20):
        predictions, last, diagnostics = _predict(experiment, potential, state)
        if not (diagnostics["overflow"] and np.isfinite(last.system.positions).all()):
            return predictions
        state = experiment.start(potential, last.system)
    return {name: jnp.full_like(value, jnp.nan) for name, value in predictions.items()}


_predict = jit(
    lambda experiment, potential, state: experiment.predict(potential, state), at_rest=lambda one: one.is_static
)
