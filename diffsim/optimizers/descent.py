"""Any optax transformation on the loss."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from diffsim.optimizers.base import AbstractMethod, Moved
from diffsim.optimizers.problem import Problem, slope


class Descent(AbstractMethod):
    """Gradient descent, projected onto the bounds; the gradient in the mode of each experiment's gradient method."""

    optimizer: optax.GradientTransformation = eqx.field(static=True)

    def start(self, problem: Problem, free: Float[Array, " free"]) -> Moved:
        gradient, outcome = slope(problem, free)
        return Moved(free, (self.optimizer.init(free), gradient, outcome.loss), outcome, 1, False)

    def update(self, problem: Problem, free: Float[Array, " free"], memory: Any) -> Moved:
        free, inner = _descend(self, problem, free, memory)
        gradient, outcome = slope(problem, free)
        tried = optax.tree_utils.tree_get_all_with_path(inner, "num_linesearch_steps")
        return Moved(free, (inner, gradient, outcome.loss), outcome, 1 + sum(n for _, n in tried), False)


# Compiled apart from the evaluation that follows it, which is large, and the same at the start and later.
@eqx.filter_jit
def _descend(method: Descent, problem: Problem, free: Float[Array, " free"], memory: Any) -> tuple[Array, Any]:
    inner, gradient, loss = memory
    update = optax.with_extra_args_support(method.optimizer).update
    change, inner = update(gradient, inner, free, value=loss, grad=gradient, value_fn=lambda u: problem.loss(u)[0])
    return problem.parametrization.inside(jnp.asarray(optax.apply_updates(free, change))), inner
