"""Dropout: networks some of whose hidden units are missing, others at each update and for each opinion."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.dense import Dense, Perceptron, as_key
from diffsim.potentials.ensemble import Ensemble

Potential = TypeVar("Potential", bound=AbstractPotential)


def thinned(potential: Potential, rate: float, key: Array | int) -> Potential:
    """The potential without some hidden units of its networks: each is missing with probability `rate`.

    Those that stay count 1/(1 − rate) times as much. A unit is missing for all atoms of all structures alike, so this
    is a potential like any other, as smooth and as invariant (doi:10.1038/s41524-020-00390-8).

    **Raises** `ValueError` for a rate outside [0, 1), and a potential without networks of hidden layers.
    """
    check_rate(rate)
    draw, is_network = as_key(key), lambda part: isinstance(part, Perceptron)
    parts, form = jax.tree.flatten(potential, is_leaf=is_network)
    if not any(is_network(part) and len(part.layers) > 1 for part in parts):
        raise ValueError(
            f"{type(potential).__name__} has no networks with hidden layers, of which units could be dropped"
        )
    keys = jax.random.split(draw, len(parts))
    thin = [_without(part, rate, k) if is_network(part) else part for part, k in zip(parts, keys, strict=True)]
    return jax.tree.unflatten(form, thin)


def dropout_ensemble(potential: AbstractPotential, rate: float, members: int, key: Array | int) -> Ensemble:
    """Monte-Carlo dropout: so many thinned copies of a potential that was trained with dropout, as an `Ensemble`.

    Their disagreement stands for that of networks drawn from the posterior (doi:10.48550/arXiv.1506.02142). **Raises**
    as `thinned` and `Ensemble`.
    """
    keys = jax.random.split(as_key(key), members)
    return Ensemble(tuple(thinned(potential, rate, one) for one in keys))  # pyright: ignore


def check_rate(rate: float) -> None:
    """Refuses what is no probability, and that of leaving everything out."""
    if not 0 <= rate < 1:
        raise ValueError(f"a rate of dropout must be from 0 on and below 1, got {rate}")


def _without(network: Perceptron, rate: float, key: Array) -> Perceptron:
    """What a missing unit gives is not read by the layer behind it."""
    first, *others = network.layers
    keys = jax.random.split(key, len(network.layers))
    return Perceptron((first, *(_deaf(*pair, rate) for pair in zip(others, keys[1:], strict=True))), network.activation)


def _deaf(layer: Dense, key: Array, rate: float) -> Dense:
    *stack, _, inputs = layer.weight.shape
    stays = jax.random.bernoulli(key, 1 - rate, (*stack, 1, inputs))
    return eqx.tree_at(lambda one: one.weight, layer, jnp.where(stays, layer.weight / (1 - rate), 0.0))
