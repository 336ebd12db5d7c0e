"""The virtual twin of a measurement: a system, how it is sampled, and what it must reproduce."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.compiled import jit
from diffsim.fields import constant
from diffsim.gradients import AbstractGradient, Implicit
from diffsim.mechanics import neighbors_of
from diffsim.observables.base import AbstractObservable
from diffsim.potentials.base import AbstractPotential
from diffsim.simulate import later
from diffsim.simulators import AbstractSimulator, Schedule, State, over_replicas
from diffsim.simulators.base import evaluate_now
from diffsim.simulators.momenta import temperature
from diffsim.simulators.schedule import roomier
from diffsim.simulators.vibrations import warn_of_long_step
from diffsim.system import System, stack
from diffsim.targets import Target
from diffsim.trouble import CEILING, SimulationError, explained

_SKIN = 0.6  # Å: room for the structure to change during a fit before its list has to be made again


class Experiment(eqx.Module):
    """One system, sampled one way, and its named targets.

    Without a simulator it is at rest. With one, `schedule` says how long it moves; momenta are drawn at `temperature`
    in K (that of the thermostat, if there is one and nothing else is said) for each of `replicas` trajectories, over
    which predictions are averaged. Predictions are NaN where a frame is hotter than the `ceiling` in K.

    **Raises** `ValueError` where frames that are to be weighed are asked for correlations in time, and for a simulator
    without a schedule.
    """

    system: System
    targets: dict[str, Target] = eqx.field(converter=dict)
    gradient: AbstractGradient = eqx.field(default_factory=Implicit)
    simulator: AbstractSimulator | None = None
    schedule: Schedule | None = None
    temperature: float | None = constant(default=None)  # K
    replicas: int = constant(default=1)
    ceiling: float = constant(default=CEILING)  # K

    def __check_init__(self) -> None:
        if (self.simulator is None) != (self.schedule is None):
            raise ValueError("what moves needs both a simulator and a schedule, and what is at rest neither")
        if self.is_static and not self.gradient.rests:
            raise ValueError(
                f"{type(self.gradient).__name__} differentiates trajectories: give a simulator= and schedule="
            )
        if not self.is_static and not self.gradient.moves:
            raise ValueError(
                f"{type(self.gradient).__name__} is for what is at rest: choose how to differentiate, gradient="
            )
        if self.replicas < 1:
            raise ValueError(f"replicas must be at least 1, got {self.replicas}")
        if not self.ceiling > 0:
            raise ValueError(f"the ceiling of the temperature must be positive, got {self.ceiling} K")
        for name, target in self.targets.items():
            if target.observable.correlates_times and self.gradient.weighs_frames:
                raise ValueError(
                    f"target {name!r} correlates times, which {type(self.gradient).__name__} cannot reweight: the "
                    "weights of frames say nothing about the motion between them; differentiate the path "
                    "(Reversible, Forward, Truncated), or Score without a window over replicas"
                )

    @property
    def is_static(self) -> bool:
        """Whether nothing moves: all its properties are those of one relaxed structure."""
        return self.simulator is None

    def start(self, potential: AbstractPotential, system: System | None = None, key: Array | None = None) -> State:
        """The state to sample from: the system (or what became of it) and its neighbours, with room to move."""
        system = self.system if system is None else system
        if self.simulator is None:
            return State(system, neighbors_of(potential, system, None, skin=_SKIN))
        simulator, heat = self.simulator, self.temperature
        key = jax.random.key(0) if key is None else key
        state = simulator.init(potential, system, key, heat)
        if self.replicas > 1:
            others = [simulator.init(potential, system, k, heat) for k in jax.random.split(key, self.replicas - 1)]
            state = stack([state, *others])
        return self.gradient.prepare(potential, simulator, state, self.schedule)

    def again(self, potential: AbstractPotential, state: State, last: System) -> State:
        """Where to start once more after a list was too short: from `last` if at rest, else as before, with room.

        How much it takes a run without derivatives tells, where compiling one with them would take minutes.
        """
        if self.simulator is None or self.schedule is None:
            return self.start(potential, last)
        state = roomier(potential, state)
        if potential.light:
            return state
        try:
            ended = later(potential, self.simulator, self._begun(potential, state), self.schedule.steps, self.ceiling)
        except SimulationError:  # who finds it says in which experiment
            return state
        return roomier(potential, state, like=ended)

    def _begun(self, potential: AbstractPotential, state: State) -> State:
        """A state to run from without derivatives."""
        simulator = self.simulator
        assert simulator is not None
        return over_replicas(lambda one: evaluate_now(simulator, potential, one), state.replace(kept=None))

    def predict(self, potential: AbstractPotential, state: State) -> tuple[dict[str, Array], State, dict[str, Array]]:
        """Predictions of all targets from one sample, its last state, and its diagnostics."""

        def record(potential: AbstractPotential, state: State) -> tuple[dict[str, Any], Any]:
            hot = jnp.asarray(False) if self.is_static else temperature(state) > self.ceiling
            return self.record(potential, state), hot

        sample = self.gradient.sample(potential, self.simulator, state, self.schedule, record)
        records, hot = sample.records
        predictions = self.estimate(records, sample.weights)
        if not self.is_static:
            predictions = jax.tree.map(lambda p: jnp.where(jnp.any(hot), jnp.nan, p), predictions)
        diagnostics = sample.diagnostics | {"overflow": jnp.any(sample.diagnostics["overflow"])}
        return predictions, sample.state, diagnostics

    def record(self, potential: AbstractPotential, state: State) -> dict[str, Any]:
        """What all targets keep of one frame."""
        return {name: target.observable.record(potential, state) for name, target in self.targets.items()}

    def estimate(self, records: Mapping[str, Any], weights: Float[Array, "..."]) -> dict[str, Array]:
        """Predictions of all targets from what they kept of all frames."""
        return {name: _estimate(target.observable, records[name], weights) for name, target in self.targets.items()}

    def explained(self, name: str, potential: AbstractPotential, state: State) -> SimulationError | None:
        """What went wrong on the way from a state; None where nothing did but that a list was too short."""
        if self.simulator is None or self.schedule is None:
            return None
        begun = self._begun(potential, state)
        steps = self.schedule.steps + self.schedule.stride  # a method may take some more
        where = f" in experiment {name!r}"
        return explained(potential, self.simulator, begun, steps, self.ceiling, where)

    def warn_of_long_step(self, potential: AbstractPotential, state: State) -> None:
        """Warns where something moves and its time step is long for the stiffest vibration of the start."""
        if self.simulator is not None and self.schedule is not None:
            warn_of_long_step(potential, self.simulator, state, self.schedule)

    def residuals(self, predictions: Mapping[str, Any]) -> Float[Array, " components"]:
        """Those of all targets, one after the other."""
        return jnp.concatenate([target.residuals(predictions[name]) for name, target in self.targets.items()])


def _estimate(observable: AbstractObservable, records: Any, weights: Float[Array, "..."]) -> Float[Array, "..."]:
    """From one trajectory; or the mean over replicas, each with the sum of its frames' weights."""
    if weights.ndim == 1:
        return observable.estimate(records, weights)
    shares = jnp.sum(weights, axis=1)
    found = jax.vmap(observable.estimate)(records, weights / shares[:, None])
    return jnp.tensordot(shares, found, axes=1)


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

    **Raises** `SimulationError` where a trajectory stops being finite or gets hotter than its experiment's ceiling, and
    any other `ValueError` where a prediction is not finite.
    """
    everything: dict[str, dict[str, np.ndarray]] = {}
    for name, experiment in experiments.items():
        state = experiment.start(potential)
        check(name, experiment, potential, state)
        experiment.warn_of_long_step(potential, state)
        predictions = _predicted(name, experiment, potential, state)
        everything[name] = {key: np.asarray(value) for key, value in predictions.items()}
        for key, value in everything[name].items():
            if not np.isfinite(value).all():
                why = "no minimum was found from its start, or a structure outgrew the radius of its neighbour list"
                why = why if experiment.is_static else "though the trajectory is, this observable of it is not"
                raise ValueError(f"target {key!r} of experiment {name!r} is not finite: {why}")
    return everything


def _predicted(name: str, experiment: Experiment, potential: AbstractPotential, state: State) -> dict[str, Array]:
    """Predictions, with longer neighbour lists again where they were too short; NaN where that does not end."""
    for _ in range(20):
        predictions, last, diagnostics = _predict(experiment, potential, state)
        lost = not np.isfinite(last.system.positions).all()
        broken = lost or not all(np.isfinite(value).all() for value in predictions.values())
        if broken and (error := experiment.explained(name, potential, state)):
            raise error
        if not diagnostics["overflow"] or (lost and experiment.is_static):
            return predictions
        state = experiment.again(potential, state, last.system)
    return {name: jnp.full_like(value, jnp.nan) for name, value in predictions.items()}


_predict = jit(
    lambda experiment, potential, state: experiment.predict(potential, state), at_rest=lambda one: one.is_static
)
