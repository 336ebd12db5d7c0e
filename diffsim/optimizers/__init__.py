"""How free numbers are moved, one family of methods a file, and which one an optimizer calls for."""

from typing import Any

import optax
import optimistix as optx

from diffsim.optimizers.base import AbstractMethod as AbstractMethod
from diffsim.optimizers.base import Moved as Moved
from diffsim.optimizers.damped import DampedGaussNewton as DampedGaussNewton
from diffsim.optimizers.descent import Descent as Descent
from diffsim.optimizers.problem import Linear as Linear
from diffsim.optimizers.problem import Outcome as Outcome
from diffsim.optimizers.problem import Problem as Problem
from diffsim.optimizers.problem import linear_model as linear_model
from diffsim.optimizers.room import with_room as with_room
from diffsim.optimizers.scipy import Scipy as Scipy
from diffsim.optimizers.stepped import LeastSquares as LeastSquares
from diffsim.optimizers.stepped import QuasiNewton as QuasiNewton


def method_for(optimizer: Any) -> AbstractMethod:
    """The method that an optimizer of any of the libraries calls for."""
    if isinstance(optimizer, AbstractMethod):
        return optimizer
    if isinstance(optimizer, optx.AbstractGaussNewton):
        return LeastSquares(optimizer)
    if isinstance(optimizer, optx.AbstractQuasiNewton):
        return QuasiNewton(optimizer)
    if isinstance(optimizer, optax.GradientTransformation):
        return Descent(optimizer)
    raise ValueError(
        "the optimizer must be an optax transformation, one of optimistix's LevenbergMarquardt, GaussNewton, Dogleg, "
        f"BFGS, or diffsim.Scipy, got {optimizer!r}"
    )
