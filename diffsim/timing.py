"""What a compiled function costs: the seconds that it takes and the memory that it needs."""

import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np


def compiled(function: Callable[..., Any], *given: Any) -> tuple[Callable[..., Any], int]:
    """A compiled function, and how many bytes it needs beside what goes in and comes out."""
    program = eqx.filter_jit(function).lower(*given).compile()
    return program, program.compiled.memory_analysis().temp_size_in_bytes


def timed(program: Callable[..., Any], calls: list[tuple[Any, ...]]) -> tuple[list[Any], float]:
    """What a compiled function returns to each call, and the median of the seconds that they took.

    On a processor those that it has worked, so that what else the machine does is not counted.
    """
    clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
    found, seconds = [], []
    for given in calls:
        began = clock()
        found.append(jax.block_until_ready(program(*given)))
        seconds.append(clock() - began)
    return found, float(np.median(seconds))
