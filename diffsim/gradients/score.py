"""Derivatives of averages and correlations from the probability of the noise: no path is differentiated."""

import functools
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample
from diffsim.mechanics import work
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, over_replicas, replicated
from diffsim.simulators.aboba import Aboba
from diffsim.simulators.lists import refreshed


class Score(AbstractGradient):
    """Likelihood-ratio weights of Langevin paths (Malliavin weights, doi:10.1103/PhysRevLett.109.250601).

    d⟨A⟩/dθ = ⟨A S⟩ − ⟨A⟩⟨S⟩,   S = Σ_n ∂ ln P(p_{n+1} | x_n, p_n)/∂θ over the steps before A

    With `Aboba` θ enters only the mean of a Gaussian, so S is exact for the discrete steps: Σ_n w_n·∂F(x_n)/∂θ with w_n
    the noise over its variance, one reverse pass a step. Its variance grows with the number of steps that are summed,
    not exponentially. An average over frames needs the last `window` steps before each, a few correlation times;
    equilibration counts among them. Without a window all frames have the score of the whole path: what correlations in
    time need, over many replicas. The start is taken as independent of θ: let a scored equilibration forget it.

    **Raises** `ValueError` for another simulator, a window that is not a multiple of the stride, and for a single
    trajectory without a window: weighed against itself it has no derivative.
    """

    window: int | None = constant(default=None)  # steps
    mode: Literal["reverse", "forward"] = constant(default="reverse")
    goes_on: ClassVar[bool] = True

    @property
    def weighs_frames(self) -> bool:  # type: ignore[override]
        return self.window is not None  # else whole trajectories are weighed

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        if not isinstance(simulator, Aboba):
            raise ValueError(
                f"the noise of {type(simulator).__name__} does not follow its only force: Score needs the simulator "
                "Aboba (Langevin dynamics, split so that it does)"
            )
        stride = schedule.stride
        if self.window is not None and (self.window < stride or self.window % stride):
            raise ValueError(f"window must be a multiple of the stride of {stride} steps, got {self.window}")
        if self.window is None and not replicated(state):
            raise ValueError(
                "Score without a window weighs trajectories against each other, but there is one: start several, "
                "replicas=, or give a window"
            )
        begun = -(-schedule.equilibration // stride)  # frames that are only scored
        run = lambda s: _scored(potential, simulator, s, begun, schedule, record)  # noqa: E731
        records, scores, last = over_replicas(run, jax.lax.stop_gradient(state))

        # S itself is constant; its product with θ − θ̂ = 0 has the derivative S
        theta = eqx.filter(potential, eqx.is_inexact_array)
        moved = jax.tree.map(lambda t: t - jax.lax.stop_gradient(t), theta)
        along = jax.tree.map(lambda s, t: jnp.tensordot(s, t, axes=t.ndim), scores, moved)
        logs = functools.reduce(jnp.add, jax.tree.leaves(along))  # [*replicas frames], over all steps up to each
        if self.window is None:
            logs = jnp.broadcast_to(logs[..., -1:], (*logs.shape[:-1], schedule.frames))
        else:
            back = self.window // stride
            earlier = jnp.pad(logs, [(0, 0)] * (logs.ndim - 1) + [(back, 0)])[..., : logs.shape[-1]]
            logs = (logs - earlier)[..., begun:]
        return Sample(records, jax.nn.softmax(logs, axis=None), last, {"overflow": jnp.any(last.overflow)})


def _scored(
    potential: AbstractPotential, simulator: Aboba, state: State, begun: int, schedule: Schedule, record: Record
) -> tuple[Any, AbstractPotential, State]:
    """Records of the frames after the first `begun`, the scores summed up to every frame, and the last state."""
    fixed = jax.lax.stop_gradient(potential)

    def step(_: Any, carry: tuple[State, AbstractPotential]) -> tuple[State, AbstractPotential]:
        state, score = carry
        halfway = simulator.halfway(state)
        neighbors, near, overflow = refreshed(halfway.neighbors, halfway.system, fixed.cutoff)
        w = simulator.score(halfway)
        forces, _, by_theta = work(fixed, halfway.system, near, w)
        if state.mobile is not None:
            forces = jnp.where(state.mobile, forces, 0.0)
        halfway = halfway.replace(neighbors=neighbors, forces=forces, overflow=state.overflow | overflow)
        return simulator.after(halfway), jax.tree.map(jnp.add, score, by_theta)

    def frame(carry: Any, number: Array) -> tuple[Any, Any]:
        carry = jax.lax.fori_loop(0, schedule.stride, step, carry)
        return carry, carry[1]

    def seen(carry: Any, number: Array) -> tuple[Any, Any]:
        carry, score = frame(carry, number)
        return carry, (record(potential, simulator.evaluate(potential, carry[0])), score)

    nothing = jax.tree.map(jnp.zeros_like, eqx.filter(fixed, eqx.is_inexact_array))
    carry, early = jax.lax.scan(frame, (state, nothing), jnp.arange(begun))
    (last, _), (records, late) = jax.lax.scan(seen, carry, jnp.arange(schedule.frames))
    scores = jax.tree.map(lambda *parts: jnp.concatenate(parts), early, late)
    return records, scores, simulator.evaluate(fixed, last)
