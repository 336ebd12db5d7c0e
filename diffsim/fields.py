"""What a field of a potential is: a trainable `parameter` with its unit, a `constant` that decides shapes, or `fixed`;
`weights` where there is a tree of them.

A Python float in an `eqx.Module` silently gets no gradient, and YAML hands over Python floats. `parameter` therefore
converts to an array of explicit dtype (a weakly typed one would make the first update recompile) and carries the unit.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

ArrayLike = jax.Array | np.ndarray | Sequence[Any]  # what a user may hand over where an array is meant


def as_array(value: Any) -> jax.Array:
    """A strongly typed floating-point array of jax's default precision; floating arrays of jax are left as they are.

    What comes from numpy is copied: `asarray` may look at the caller's memory, which the caller goes on writing to.
    """
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jnp.floating) and not value.weak_type:
        return value
    return jnp.array(
        np.asarray(value, dtype=float) if not isinstance(value, jax.Array) else value, jnp.result_type(float)
    )


def _maybe_array(value: Any) -> jax.Array | None:
    return None if value is None else as_array(value)


def parameter(unit: str, *, positive: bool = False, **kwargs: Any) -> Any:
    """A trainable array; `positive` lets `fit` optimise its logarithm."""
    return eqx.field(converter=_maybe_array, metadata={"unit": unit, "positive": positive}, **kwargs)


def weights(unit: str = "", **kwargs: Any) -> Any:
    """A tree of trainable arrays, as other libraries keep the weights of a network; each is named by its path.

    **Raises** `ValueError` for leaves that are not floating-point numbers, and for a tree whose paths are no names.
    """
    return eqx.field(converter=_tree, metadata={"unit": unit, "positive": False}, **kwargs)


def _tree(value: Any) -> Any:
    made = jax.tree.map(_floating, value)
    for name, leaf in _leaves("weights", made):
        try:
            found = get(made, name.partition(".")[2]) if "." in name else made
        except (KeyError, AttributeError, IndexError, TypeError):
            found = None
        if found is not leaf:
            raise ValueError(
                f"the place {name!r} is no name: weights must be arrays in plain dictionaries, whose keys are strings "
                "without dots, in lists, tuples or modules"
            )
    return made


def _floating(leaf: Any) -> jax.Array:
    if not isinstance(leaf, float) and not jnp.issubdtype(getattr(leaf, "dtype", int), jnp.floating):
        raise ValueError(
            f"weights must be floating-point numbers, got {leaf!r:.80}: what is not trained belongs into the function"
        )
    return as_array(leaf)


def fixed(unit: str = "", **kwargs: Any) -> Any:
    """An array that is data and that no fit moves, like what inputs are standardised by."""
    return eqx.field(converter=_maybe_array, metadata={"unit": unit}, **kwargs)


def constant(unit: str = "", *, converter: Callable[[Any], Any] | None = None, **kwargs: Any) -> Any:
    """A static value: it decides shapes or branches, and changing it recompiles."""
    if converter is not None:
        kwargs["converter"] = converter
    return eqx.field(static=True, metadata={"unit": unit}, **kwargs)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What `parameters` tells of one trainable field."""

    name: str
    value: Any
    unit: str
    positive: bool


def parameters(module: eqx.Module) -> dict[str, Parameter]:
    """The trainable fields of a module, in the order of their declaration.

    Those of modules inside are `outer.inner`, where there are several of them `outer.0.inner`.
    """
    found: list[Parameter] = []
    for field in dataclasses.fields(module):
        value = getattr(module, field.name)
        if "positive" in field.metadata:
            unit, positive = field.metadata["unit"], field.metadata["positive"]
            found += [Parameter(name, leaf, unit, positive) for name, leaf in _leaves(field.name, value)]
            continue
        for place, part in _modules(field.name, value):
            found += [dataclasses.replace(p, name=f"{place}.{p.name}") for p in parameters(part).values()]
    return {parameter.name: parameter for parameter in found}


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of a field by name: one, or those of a tree."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(value):
        yield ".".join([place, *(jax.tree_util.keystr((key,), simple=True) for key in path)]), leaf


def _modules(place: str, value: Any) -> Iterator[tuple[str, eqx.Module]]:
    if isinstance(value, eqx.Module):
        yield place, value
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from _modules(f"{place}.{number}", part)


def get(module: Any, name: str) -> Any:
    """What stands in a module under a name of `parameters`."""
    value: Any = module
    for part in name.split("."):
        value = value[part] if isinstance(value, dict) else _part(value, part)
    return value


def _part(value: Any, part: str) -> Any:
    return value[int(part)] if part.isdigit() else getattr(value, part)


def concrete(value: Any) -> np.ndarray | None:
    """The numbers behind an array, also while `grad` or `jvp` looks on; None where `jit` or `vmap` hides them."""
    try:
        return np.asarray(jax.lax.stop_gradient(value))
    except jax.errors.TracerArrayConversionError:
        return None


def require_x64(array: jax.Array, what: str) -> None:
    """Refuses 32-bit input for what would lose its digits there."""
    if array.dtype != jnp.float64:
        raise ValueError(
            f"{what} needs 64-bit floats, got {array.dtype}: "
            'call jax.config.update("jax_enable_x64", True) before making the system and the potential'
        )


def with_floats(tree: Any, bits: int) -> Any:
    """The same tree, its arrays of floats having so many bits, 32 or 64, and twice as many those of complex numbers."""

    def changed(leaf: Any) -> Any:
        if not eqx.is_inexact_array(leaf):
            return leaf
        return jnp.asarray(leaf, f"complex{2 * bits}" if np.iscomplexobj(leaf) else f"float{bits}")

    return jax.tree.map(changed, tree)
