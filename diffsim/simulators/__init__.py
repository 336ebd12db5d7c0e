"""Integrators, one a file, and the state that they advance."""

from diffsim.simulators.base import State as State
