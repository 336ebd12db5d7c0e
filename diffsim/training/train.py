"""Training: a generator that goes through the data once an epoch, and remembers what was best on the validation set.

The caller owns the loop: `for state in train(potential, training, validation, optax.adam(1e-3)): ...`.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from diffsim import units
from diffsim.data.configurations import Configuration, check
from diffsim.data.labels import Labelled, chosen, labelled, minibatches
from diffsim.potentials.base import AbstractPotential, check_species
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.potentials.dropout import thinned
from diffsim.training.loss import Loss, squares
from diffsim.training.predictions import predicted
from diffsim.training.weights import Moving, Weights
from diffsim.trees import Packed

_LATE = 10**9  # updates: where every schedule of a loss has come to its end
_PART = 32  # structures that are validated at a time


class Epoch(NamedTuple):
    """What is known after the data have been gone through once."""

    epoch: int
    loss: float  # mean over its updates; NaN before the first
    validation_loss: float
    energy_rmse: float  # meV/atom, of the validation set, as the next two
    forces_rmse: float  # meV/Å
    stress_rmse: float  # MPa; NaN without labels


class Memory(NamedTuple):
    """What the next epoch needs."""

    moving: Moving
    averaged: Moving
    optimizer: Any
    updates: Array


class TrainingState(NamedTuple):
    """What is known after an epoch; handing it back to `train` goes on from it, without yielding it again."""

    step: int  # epochs that are done
    potential: AbstractPotential  # its weights averaged over past updates
    best: AbstractPotential  # the one whose loss on the validation set was lowest
    best_epoch: int
    history: tuple[Epoch, ...]
    seconds: float  # since training began, compilation included
    memory: Memory


def train(
    potential: AbstractPotential,
    training: Sequence[Configuration],
    validation: Sequence[Configuration],
    optimizer: optax.GradientTransformation,
    *,
    loss: Loss | None = None,
    epochs: int = 100,
    batch_size: int = 8,
    average: float = 0.99,
    dropout: float = 0.0,
    trainable: Sequence[str] | None = None,
    seed: int = 0,
    state: TrainingState | Packed | None = None,
) -> Iterator[TrainingState]:
    """Yields a `TrainingState` before the first of `epochs` epochs, and after each.

    Each update takes `batch_size` structures. `average` is the decay of the exponential moving average of the weights,
    which is what is validated and kept: 0 for the last weights. With `dropout` each update leaves out hidden units of
    the networks, each with that probability (`thinned`). `trainable` names parameters, or modules for all that is
    inside (`networks`); by default all move but cutoffs. `seed` orders the structures and draws what is left out.
    `state` is one that an earlier training of the same things yielded, or that `load_state` read, to go on from.

    **Raises** `ValueError`, before anything is compiled, for data that cannot be learned from, elements that the
    potential has not, and numbers out of range; later, where the loss stops being finite.
    """
    for name, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if not 0 <= average < 1:
        raise ValueError(f"average must be from 0 on and below 1, got {average}")
    for name, part in (("the training set", training), ("the validation set", validation)):
        check(part, name)
        for one in part:
            check_species(potential, one.system)
    loss = loss or Loss()
    if isinstance(potential, AbstractDirectForces) and (loss.energy or loss.stress):
        raise ValueError(
            f"{type(potential).__name__} predicts forces directly, so it cannot learn energies or stresses: train it "
            "with Loss(energy=0, stress=0)"
        )
    if dropout:
        thinned(potential, dropout, seed)
    step = _Step(Weights.of(potential, trainable), optimizer, loss, average, dropout)
    if isinstance(state, Packed):
        state = restored(state, potential, optimizer, trainable)
    plan, data = _Plan(epochs, batch_size, seed), labelled(training, potential)
    return _epochs(step, potential, data, labelled(validation, potential), plan, state)


def restored(
    state: Packed, potential: AbstractPotential, optimizer: Any, trainable: Sequence[str] | None = None
) -> TrainingState:
    """A state that was stored, of the training of these very things.

    **Raises** `ValueError` for that of another potential, optimizer or choice of weights.
    """
    step = _Step(Weights.of(potential, trainable), optimizer, Loss(), 0.0, 0.0)
    try:
        return state.unpack(_start(step, potential, (0.0,) * 4))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the state to go on from is not one of this training: {error}") from error


class _Plan(NamedTuple):
    epochs: int
    batch_size: int
    seed: int


class _Step(eqx.Module):
    """One update, and one look at the validation set."""

    weights: Weights
    optimizer: optax.GradientTransformation = eqx.field(static=True)
    loss: Loss
    average: float = eqx.field(static=True)
    dropout: float = eqx.field(static=True)

    def start(self, potential: AbstractPotential) -> Memory:
        moving = self.weights.start(potential)
        return Memory(moving, moving, self.optimizer.init(moving), jnp.zeros((), jnp.int32))

    @eqx.filter_jit
    def update(
        self, potential: AbstractPotential, memory: Memory, data: Labelled, places: Array, seed: Array
    ) -> tuple[Memory, Float[Array, ""]]:
        part = chosen(data, places)
        draw = jax.random.fold_in(jax.random.key(seed), memory.updates)

        def value(moving: Moving) -> Float[Array, ""]:
            whole = self.weights.at(potential, moving)
            learning = thinned(whole, self.dropout, draw) if self.dropout else whole
            found = predicted(learning, part.systems, part.neighbors)
            return self.loss(squares(found, part), memory.updates)

        loss, slope = jax.value_and_grad(value)(memory.moving)
        change, inner = self.optimizer.update(slope, memory.optimizer, memory.moving)
        moving = optax.apply_updates(memory.moving, change)
        updates = memory.updates + 1
        decay = jnp.minimum(self.average, updates / (updates + 9.0))  # short at first: the start is soon forgotten
        averaged = optax.incremental_update(moving, memory.averaged, 1 - decay)
        return Memory(moving, averaged, inner, updates), loss

    def validated(self, potential: AbstractPotential, data: Sequence[Labelled]) -> tuple[float, ...]:
        """The loss with its last weights, and the errors of `Epoch`."""
        sums = np.zeros((3, 2))
        for part in data:
            count = len(part.present)
            for start in range(0, count, _PART):
                places = np.arange(start, start + min(_PART, count))  # beyond the last: one that counts for nothing
                sums += _squares(potential, part, jnp.asarray(np.where(places < count, places, -1)))
        in_units = np.array([1000, 1000, 1000 / units.GPa])  # meV/atom, meV/Å, MPa
        with np.errstate(invalid="ignore"):  # 0/0 where no structure has a stress
            rmse = in_units * np.sqrt(sums[:, 0] / sums[:, 1])
        return float(self.loss(jnp.asarray(sums), _LATE)), *map(float, rmse)


@eqx.filter_jit
def _squares(potential: AbstractPotential, data: Labelled, places: Array) -> Float[Array, "3 2"]:
    part = chosen(data, places)
    return squares(predicted(potential, part.systems, part.neighbors), part)


def _start(step: _Step, potential: AbstractPotential, validated: Sequence[float]) -> TrainingState:
    return TrainingState(0, potential, potential, 0, (Epoch(0, np.nan, *validated),), 0.0, step.start(potential))


def _epochs(
    step: _Step,
    potential: AbstractPotential,
    training: Sequence[Labelled],
    validation: Sequence[Labelled],
    plan: _Plan,
    last: TrainingState | None,
) -> Iterator[TrainingState]:
    if last is None:
        last = _start(step, potential, step.validated(potential, validation))
        yield last
    began = time.perf_counter() - last.seconds
    for epoch in range(last.step + 1, last.step + plan.epochs + 1):
        memory, losses = last.memory, []
        for number, places in minibatches(training, plan.batch_size, np.random.default_rng((plan.seed, epoch))):
            memory, loss = step.update(potential, memory, training[number], jnp.asarray(places), jnp.asarray(plan.seed))
            losses.append(loss)
        mean = float(np.mean(losses))
        if not np.isfinite(mean):
            raise ValueError(
                f"the loss is no longer finite in epoch {epoch}: learn more slowly, or clip gradients "
                "(optax.chain(optax.clip_by_global_norm(1.0), …))"
            )
        averaged = step.weights.at(potential, memory.averaged)
        validation_loss, *rmse = step.validated(averaged, validation)
        better = validation_loss < min(one.validation_loss for one in last.history)
        last = TrainingState(
            step=epoch,
            potential=averaged,
            best=averaged if better else last.best,
            best_epoch=epoch if better else last.best_epoch,
            history=(*last.history, Epoch(epoch, mean, validation_loss, *rmse)),
            seconds=time.perf_counter() - began,
            memory=memory,
        )
        yield last
