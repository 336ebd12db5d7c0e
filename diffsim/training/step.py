"""One update of what is learned, and one look at the validation set."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from diffsim import units
from diffsim.data.labels import Labelled, chosen
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.dropout import thinned
from diffsim.training.loss import Loss, squares
from diffsim.training.predictions import predicted
from diffsim.training.weights import Moving, Weights

_LATE = 10**9  # updates: where every schedule of a loss has come to its end
_PART = 32  # structures that are validated at a time


class Memory(NamedTuple):
    """What the next epoch needs."""

    moving: Moving
    averaged: Moving
    optimizer: Any
    updates: Array


class Step(eqx.Module):
    """What does not change from update to update."""

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
