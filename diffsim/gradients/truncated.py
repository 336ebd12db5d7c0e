"""Through the last stretch of the path only, where chaos has made the rest of the derivative noise."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample, each_replica, framed, uniform
from diffsim.gradients.growth import growth_rate
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, over_replicas

_E_FOLDS = 3.0  # growth of a derivative over a measured window: twenty-fold
_PILOT = 1000  # steps


class Truncated(AbstractGradient):
    """Reverse-mode differentiation that forgets what lies before the last multiple of `window` steps.

    Derivatives of a chaotic path grow as e^{λt}; those of averages do not. Cutting the path every `window` steps keeps
    the first few e-foldings: biased, with a variance that does not explode. Without a window it is three Lyapunov
    times, 3/λ, measured on the way (`growth_rate`); the diagnostics say how many steps that was. `clip` bounds the norm
    of what flows back through each step of the path, and is repeated in the diagnostics.
    """

    window: int | None = constant(default=None)  # steps
    clip: float | None = constant(default=None)  # of the cotangent of positions and momenta
    mode: Literal["reverse", "forward"] = constant(default="reverse")

    def __check_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise ValueError(f"window must be at least one step, got {self.window}")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be positive, got {self.clip}")

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        window, diagnostics = jnp.asarray(self.window or 0), {}
        if self.window is None:
            given = jax.lax.stop_gradient((potential, simulator))
            rate = lambda s: growth_rate(*given, simulator.evaluate(given[0], s), _PILOT, jax.random.key(0))  # noqa: E731
            mean = jnp.mean(over_replicas(rate, jax.lax.stop_gradient(state)))
            longest = jnp.asarray(schedule.steps, mean.dtype)
            window = jnp.clip(_E_FOLDS / jnp.maximum(mean, 1e-300) / simulator.dt, 1, longest).astype(int)
            diagnostics["growth_rate"] = mean
        each = each_replica(lambda self, *given: self._cut(window, *given))
        found = each(self, potential, simulator, state, schedule, record)
        diagnostics |= {"window": window} | ({} if self.clip is None else {"clip": jnp.asarray(self.clip)})
        return found._replace(diagnostics=found.diagnostics | diagnostics)

    def _cut(
        self,
        window: Int[Array, ""],
        potential: AbstractPotential,
        simulator: Any,
        state: State,
        schedule: Schedule,
        record: Record,
    ) -> Sample:
        """One trajectory. Steps are counted apart from the state: replicas are cut together, at the price of one."""

        @jax.checkpoint
        def step(carry: tuple[State, Array], _: None) -> tuple[tuple[State, Array], None]:
            state, done = carry
            forget = lambda: simulator.evaluate(potential, jax.lax.stop_gradient(state))  # noqa: E731
            state = jax.lax.cond(done % window == 0, forget, lambda: state)
            if self.clip is not None:
                state = state.moved(*_clipped((state.system.positions, state.momenta), self.clip))
            return (simulator.step(potential, state), done + 1), None

        steps = lambda carry, n: jax.lax.scan(step, carry, length=n)[0]  # noqa: E731
        begin = simulator.evaluate(potential, state), jnp.zeros((), int)
        seen = lambda potential, carry: record(potential, carry[0])  # noqa: E731
        records, (state, _) = framed(steps, potential, begin, schedule, seen)
        return Sample(records, uniform(schedule), state, {"overflow": state.overflow})


@eqx.filter_custom_vjp
def _clipped(moving: Any, clip: float) -> Any:
    """What flows back through it is not longer than `clip`."""
    del clip
    return moving


@_clipped.def_fwd
def _forth(perturbed: Any, moving: Any, clip: float) -> tuple[Any, None]:
    del perturbed, clip
    return moving, None


@_clipped.def_bwd
def _back(residuals: None, cotangent: Any, perturbed: Any, moving: Any, clip: float) -> Any:
    del residuals, perturbed, moving
    norm: Float[Array, ""] = jnp.sqrt(sum(jnp.sum(c**2) for c in jax.tree.leaves(cotangent)))
    return jax.tree.map(lambda c: c * jnp.minimum(1.0, clip / jnp.maximum(norm, 1e-300)), cotangent)
