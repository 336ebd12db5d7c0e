"""Trees of arrays, modules and tuples as plain data and back: numbers in arrays, the rest in JSON.

What is stored names no classes and holds no code. Reading fills the numbers into a tree of the same kind that the
program has made itself, which also brings what is not data (functions, types).
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

_PLAIN = (bool, int, float, str, type(None))


class Packed(NamedTuple):
    """A tree as plain data."""

    skeleton: Any  # JSON: where in the tree which array stands, and plain values
    arrays: dict[str, np.ndarray]

    def unpack(self, like: Any) -> Any:
        """The tree, made of the classes of `like`, whose arrays may have other shapes.

        **Raises** `ValueError` where the two have not the same structure.
        """
        return _filled(self.skeleton, like, self.arrays, "state")

    def plain(self, *place: str) -> Any:
        """What stands at a place of the tree, if that is plain values and mappings of them; None where nothing is."""
        node = self.skeleton
        for name in place:
            node = node.get("children", {}).get(name, {})
        return _plain(node)


def _plain(node: Any) -> Any:
    if "children" in node:
        return {name: _plain(child) for name, child in node["children"].items()}
    return node.get("value")


def pack(tree: Any) -> Packed:
    """A tree of arrays, plain values, dictionaries, lists, tuples and modules as plain data."""
    arrays: dict[str, np.ndarray] = {}
    return Packed(_skeleton(tree, arrays), arrays)


def _skeleton(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(node, _PLAIN):
        return {"value": node}
    if isinstance(node, jax.Array | np.ndarray | np.generic):
        name = str(len(arrays))
        arrays[name] = np.asarray(jax.random.key_data(node) if _is_key(node) else node)
        return {"array": name}
    children = _children(node)
    if children is None:
        return {"same": True}  # a function or a type: no data
    return {"children": {key: _skeleton(child, arrays) for key, child in children.items()}}


def _is_key(node: Any) -> bool:
    return hasattr(node, "dtype") and jnp.issubdtype(node.dtype, jax.dtypes.prng_key)


def _children(node: Any) -> dict[str, Any] | None:
    """The parts of a node by name, None for one that has no parts."""
    if isinstance(node, eqx.Module):
        return {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return node._asdict()  # type: ignore[attr-defined]
    if isinstance(node, dict):
        return {str(key): value for key, value in node.items()}
    if isinstance(node, list | tuple):
        return {str(index): value for index, value in enumerate(node)}
    return None


def _filled(skeleton: Any, like: Any, arrays: dict[str, np.ndarray], path: str) -> Any:
    if "value" in skeleton:
        return skeleton["value"]
    if "array" in skeleton:
        return _restored(arrays[skeleton["array"]], like)
    if "same" in skeleton:
        return like
    children = _children(like)
    stored = skeleton["children"]
    if children is None or (isinstance(like, eqx.Module | dict) and set(stored) != set(children)):
        raise ValueError(f"what was stored as {path} ({', '.join(stored)}) is not what this program keeps there")
    new = {}
    for number, (key, inner) in enumerate(stored.items()):
        near = children.get(key, next(iter(children.values()), None) if number else None)  # lists may have grown
        new[key] = _filled(inner, near, arrays, f"{path}.{key}")
    return _rebuilt(like, new)


def _restored(array: np.ndarray, like: Any) -> Any:
    if _is_key(like):
        return jax.random.wrap_key_data(jnp.asarray(array))
    return array if isinstance(like, np.ndarray | np.generic) else jnp.asarray(array)


def _rebuilt(like: Any, new: dict[str, Any]) -> Any:
    if isinstance(like, eqx.Module):
        names = [field.name for field in dataclasses.fields(like)]
        made = object.__new__(type(like))
        for name in names:
            object.__setattr__(made, name, new[name])
        return made
    if isinstance(like, tuple) and hasattr(like, "_fields"):
        return type(like)(**new)
    if isinstance(like, dict):
        return new
    return type(like)(new.values())
