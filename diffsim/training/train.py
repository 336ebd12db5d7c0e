"""Training: a generator that goes through the data once an epoch, and remembers what was best on the validation set.

The caller owns the loop: `for state in train(potential, training, validation, optax.adam(1e-3)): ...`.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from diffsim.data.configurations import Configuration, check, check_apart
from diffsim.data.labels import Labelled, labelled, minibatches
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.potentials.dropout import thinned
from diffsim.training.loss import Loss
from diffsim.training.step import Memory, Step
from diffsim.training.weights import Weights
from diffsim.trees import Packed


class Epoch(NamedTuple):
    """What is known after the data have been gone through once."""

    epoch: int
    loss: float  # mean over its updates; NaN before the first
    validation_loss: float
    energy_rmse: float  # meV/atom, of the validation set, as the next two
    forces_rmse: float  # meV/Å
    stress_rmse: float  # MPa; NaN without labels


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
    potential has not, structures that both sets have, and numbers out of range; later, where the loss stops being
    finite, or what is learned looks farther than lists of neighbours, which the first cutoff has made.
    """
    for name, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if not 0 <= average < 1:
        raise ValueError(f"average must be from 0 on and below 1, got {average}")
    for name, part in (("the training set", training), ("the validation set", validation)):
        check(part, name)
    check_apart(training, validation)
    loss = loss or Loss()
    if isinstance(potential, AbstractDirectForces) and (loss.energy or loss.stress):
        raise ValueError(
            f"{type(potential).__name__} predicts forces directly, so it cannot learn energies or stresses: train it "
            "with Loss(energy=0, stress=0)"
        )
    if dropout:
        thinned(potential, dropout, seed)
    step = Step(Weights.of(potential, trainable), optimizer, loss, average, dropout)
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
    step = Step(Weights.of(potential, trainable), optimizer, Loss(), 0.0, 0.0)
    try:
        return state.unpack(_start(step, potential, (0.0,) * 4))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the state to go on from is not one of this training: {error}") from error


class _Plan(NamedTuple):
    epochs: int
    batch_size: int
    seed: int


def _start(step: Step, potential: AbstractPotential, validated: Sequence[float]) -> TrainingState:
    return TrainingState(0, potential, potential, 0, (Epoch(0, np.nan, *validated),), 0.0, step.start(potential))


def _epochs(
    step: Step,
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
    radius = min(float(part.neighbors.radius.min()) for part in (*training, *validation))
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
        _check_lists(averaged, radius, epoch)
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


def _check_lists(potential: AbstractPotential, radius: float, epoch: int) -> None:
    """Refuses a potential that has come to look farther than lists do, but for rounding."""
    cutoff = float(potential.cutoff)
    if cutoff > radius * (1 + 1e-6):
        raise ValueError(
            f"parameters that determine the cutoff were learned: in epoch {epoch} it is {cutoff:.6g} Å, beyond the "
            f"{radius:.6g} Å of the lists of neighbours; leave these parameters out of trainable"
        )
