"""`jit` for the functions of experiments: in a hurry where compiling takes minutes and running milliseconds."""

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
from jax.core import Tracer

_Result = TypeVar("_Result")
_lock = threading.Lock()

# Half the time of the compiler, the same numbers; what moves large systems for many steps is 1.5 times slower with it.
_HURRIED = {"xla_cpu_use_fusion_emitters": False, "xla_backend_optimization_level": 1}


def jit(function: Callable[..., _Result], at_rest: Callable[[Any], bool]) -> Callable[..., _Result]:
    """`eqx.filter_jit`; `at_rest` tells from the first argument whether all of it is static properties.

    Inside another `jit`, what that one asks of the compiler counts.
    """
    careful, hurried = eqx.filter_jit(function), None

    @functools.wraps(function)
    def call(first: Any, *others: Any) -> _Result:
        nonlocal hurried
        traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((first, others)))
        if traced or not at_rest(first):
            return careful(first, *others)
        with _lock:  # threads that compile side by side must find each other's code later
            hurried = hurried or eqx.filter_jit(function, compiler_options=_understood())  # type: ignore[call-overload]
        return hurried(first, *others)

    return call


@functools.cache
def _understood() -> dict[str, Any]:
    """Those of the options that this version of XLA knows, and that nobody has decided on already."""
    found = {}
    for name, value in _HURRIED.items():
        if name == "xla_backend_optimization_level" and jax.config.read("jax_disable_most_optimizations"):
            continue  # lower than that already
        try:
            jax.jit(lambda: 0, compiler_options={name: value})()
            found[name] = value
        except jax.errors.JaxRuntimeError:
            continue
    return found
