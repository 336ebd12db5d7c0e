"""Layers of neural networks over features that run along the first axis, atoms along the last."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim.fields import constant, parameter

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": jnp.tanh,
    "silu": jax.nn.silu,  # x / (1 + e⁻ˣ), doi:10.1016/j.neunet.2017.12.012
    "softplus": lambda x: jax.nn.softplus(x) - jnp.log(2.0),  # SchNet's ln(½eˣ + ½), doi:10.1063/1.5019779
}


class Dense(eqx.Module):
    """h ↦ W h + b over the first axis of features `[inputs …]`; without `bias`, W h.

    A stack of layers, one for each species, has an axis more in front; it is called under `vmap` (`by_species`).
    """

    weight: Float[Array, "*stack outputs inputs"] = parameter("")
    bias: Float[Array, "*stack outputs"] | None = parameter("", default=None)

    def __call__(self, features: Float[Array, "inputs *rest"]) -> Float[Array, "outputs *rest"]:
        found = jnp.tensordot(self.weight, features, axes=1)
        return found if self.bias is None else found + self.bias.reshape(-1, *(1,) * (features.ndim - 1))

    @staticmethod
    def init(inputs: int, outputs: int, key: Array, *, bias: bool = True, gain: float = 1.0) -> "Dense":
        """Weights drawn from a normal distribution of variance gain / inputs, no bias yet.

        A gain of 1 keeps the size of features where activations are nearly linear (LeCun, doi:10.1007/3-540-49430-8_2),
        one of 2 where they cut off the negative half (He, doi:10.1109/ICCV.2015.123).
        """
        weight = jnp.sqrt(gain / inputs) * jax.random.normal(key, (outputs, inputs), jnp.result_type(float))
        return Dense(weight, jnp.zeros(outputs) if bias else None)


class Perceptron(eqx.Module):
    """Dense layers with an activation after each but the last.

    `activation` is one of `tanh`, `silu` and `softplus`, which all are smooth: second derivatives exist everywhere.

    **Raises** `ValueError` for another name.
    """

    layers: tuple[Dense, ...] = eqx.field(converter=tuple)
    activation: str = constant(default="silu")

    def __check_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {self.activation!r}")

    def __call__(self, features: Float[Array, "inputs *rest"]) -> Float[Array, "outputs *rest"]:
        *hidden, last = self.layers
        for layer in hidden:
            features = ACTIVATIONS[self.activation](layer(features))
        return last(features)

    @staticmethod
    def init(
        sizes: Sequence[int], key: Array | int, *, activation: str = "silu", bias: bool = True, last: float = 1.0
    ) -> "Perceptron":
        """Layers from each of `sizes` to the next, inputs first and outputs last.

        Weights of the last layer are `last` times as large as would keep the size of features: a network that begins
        with small energies does not have to unlearn large forces.

        **Raises** `ValueError` for fewer than two sizes, and for a size below 1.
        """
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"a network needs at least two positive sizes, of inputs and outputs, got {[*sizes]}")
        gain = 1.0 if activation == "tanh" else 2.0
        gains = [gain] * (len(sizes) - 2) + [last**2]
        keys = jax.random.split(as_key(key), len(gains))
        pairs = zip(sizes[:-1], sizes[1:], keys, gains, strict=True)
        return Perceptron(tuple(Dense.init(i, o, k, bias=bias, gain=g) for i, o, k, g in pairs), activation)

    @staticmethod
    def stack(count: int, sizes: Sequence[int], key: Array | int, **kwargs: Any) -> "Perceptron":
        """So many networks, for `by_species`: each weight with an axis more in front."""
        keys = jax.random.split(as_key(key), count)
        return eqx.filter_vmap(lambda key: Perceptron.init(sizes, key, **kwargs))(keys)


def as_key(key: Array | int) -> Array:
    """A random key, or that of a seed: what a configuration can say."""
    return jax.random.key(key) if isinstance(key, int) else key


def of_atoms(table: Float[Array, "species *fields"], kinds: Int[Array, " atoms"]) -> Float[Array, "*fields atoms"]:
    """The entry of each atom's kind: by a product, whose derivative has no scatter."""
    chosen = (kinds == jnp.arange(len(table))[:, None]).astype(table.dtype)
    return jnp.tensordot(jnp.moveaxis(table, 0, -1), chosen, axes=1)


def by_species(
    stack: Callable[[Array], Array], features: Float[Array, "inputs atoms"], kinds: Int[Array, " atoms"]
) -> Float[Array, "outputs atoms"]:
    """What the network of each atom's kind makes of its features; `stack` holds one for each kind.

    Every network sees all atoms: a look-up of weights for each atom would cost more, and have a scatter.
    """
    every = eqx.filter_vmap(lambda network: network(features))(stack)
    chosen = kinds == jnp.arange(len(every))[:, None]
    return jnp.sum(jnp.where(chosen[:, None], every, 0.0), axis=0)
