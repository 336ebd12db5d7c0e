"""From plain YAML values to objects, and only to those that a configuration may name.

`_target_: name` calls the name with the other entries as keyword arguments, innermost first; with `_partial_: true` it
is left to be called with what is still lacking. Since that is code in a
text file, every name of the whole tree is checked before the first is called: public names of diffsim and of its
report, optimizers of optax and optimistix, crystals of ASE, nothing else.
"""

import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

import diffsim

_PUBLIC = re.compile(r"diffsim\.(\w+)(?:\.([a-z]\w*))?")  # a public name, or a constructor of a public class
_OTHERS = re.compile(r"diffsim\.report\.[A-Z]\w*|optax\.[a-z]\w*|optimistix\.[A-Z]\w*|ase\.build\.bulk")

_WRITES = (
    "crash_written",
    "save_potential",
    "save_state",
    "write_frames",
)  # public, but a configuration writes no files


def instantiate(tree: Any) -> Any:
    """The tree with every `_target_` replaced by what it makes.

    **Raises** `ValueError` naming the place in the tree: a target outside the allow-list, an unknown one, arguments
    that do not fit, or what the constructor itself refuses.
    """
    check_targets(tree)
    for path, target in targets(tree):
        _locate(target, path)
    return _make(tree, "")


def check_targets(tree: Any) -> None:
    """Refuses names outside the allow-list, without importing anything."""
    for path, target in targets(tree):
        public = isinstance(target, str) and _PUBLIC.fullmatch(target)
        allowed = isinstance(target, str) and _OTHERS.fullmatch(target)
        if not (allowed or (public and public[1] in diffsim.HOMES and public[1] not in _WRITES)):
            raise ValueError(
                f"{path} is {target!r}, which a configuration may not call: "
                "take a public name of diffsim, an optimizer of optax or optimistix, or ase.build.bulk"
            )


def targets(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Where in the tree something is called, and what."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        inner = f"{path}.{key}" if path else str(key)
        if key == "_target_":
            yield inner, value
        else:
            yield from targets(value, inner)


def suggestion(name: str, known: list[str]) -> str:
    """': did you mean …? available: …', the end of a sentence about an unknown name."""
    near = get_close_matches(name, known, n=1)
    return (f": did you mean {near[0]!r}?" if near else ";") + f" available: {', '.join(sorted(known)) or 'none'}"


def _locate(target: str, path: str) -> Callable[..., Any]:
    names = target.split(".")
    home, rest = (".".join(names[:2]), names[2:]) if names[1] in ("report", "build") else (names[0], names[1:])
    found = importlib.import_module(home)
    for name in rest:
        known = [n for n in dir(found) if not n.startswith("_")]
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise ValueError(f"{path}: {target} does not exist" + (f": did you mean {near[0]!r}?" if near else ""))
        owner, found = found, getattr(found, name)
    makes = (
        len(names) == 2 or not inspect.isclass(owner) or isinstance(inspect.getattr_static(owner, name), staticmethod)
    )
    if not (callable(found) and makes):
        raise ValueError(f"{path}: {target} makes nothing: take a class, or a constructor like StillingerWeber.silicon")
    return found


def _make(node: Any, path: str) -> Any:
    at = lambda key: f"{path}.{key}" if path else str(key)  # noqa: E731
    if isinstance(node, list):
        return [_make(value, at(i)) for i, value in enumerate(node)]
    if not isinstance(node, dict):
        return node
    arguments = {key: _make(value, at(key)) for key, value in node.items() if key not in ("_target_", "_partial_")}
    if "_target_" not in node:
        return arguments
    maker, later = _locate(node["_target_"], path), node.get("_partial_", False)
    try:
        (inspect.signature(maker).bind_partial if later else inspect.signature(maker).bind)(**arguments)
    except TypeError as error:
        raise ValueError(f"{path or 'configuration'}: {node['_target_']} {error}") from None
    if later:
        return functools.partial(maker, **arguments)
    try:
        return maker(**arguments)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path or 'configuration'}: {error}") from error
