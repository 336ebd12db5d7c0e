"""Ensemble averages by reweighting: no path is differentiated."""

from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from diffsim import units
from diffsim.fields import constant
from diffsim.gradients.base import AbstractGradient, Record, Sample
from diffsim.mechanics import total_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, advance, over_replicas, trajectory
from diffsim.simulators.base import evaluated
from diffsim.simulators.temperature import kelvin


class Kept(NamedTuple):
    """Frames that were sampled once, and the energies that they were sampled with."""

    positions: Float[Array, "*replicas frames atoms 3"]
    momenta: Float[Array, "*replicas frames atoms 3"]
    cells: Float[Array, "*replicas frames 3 3"]
    energies: Float[Array, "*replicas frames"]  # eV


class Reweighting(AbstractGradient):
    """Thermodynamic perturbation, as in DiffTRe (doi:10.1038/s41467-021-27241-4).

    ⟨A⟩_θ = Σ_k w_k A_k,   w_k ∝ exp(−β [U_θ(x_k) − U_θ̂(x_k)]),   x_k sampled with θ̂

    Derivatives flow through the weights, and through A_k where it depends on the potential itself. The frames are kept
    in the state and used again while the effective sample size exp(−Σ w ln w) is at least `enough` of them; then the
    trajectory is continued with the present potential. Right for averages over a canonical ensemble (constant pressure
    too), whatever the chaos; frames should be far enough apart to be independent.

    **Raises** `ValueError` for a simulator without a temperature.
    """

    enough: float = constant(default=0.9)
    mode: Literal["reverse", "forward"] = constant(default="reverse")
    goes_on: ClassVar[bool] = True
    weighs_frames: ClassVar[bool] = True

    def __check_init__(self) -> None:
        if not 0 < self.enough <= 1:
            raise ValueError(f"enough must be a fraction of the frames, above 0 and at most 1, got {self.enough}")

    def prepare(self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule) -> State:
        """The state with room for the frames, none of which is good for anything yet."""
        require_temperature(simulator)
        if isinstance(state.kept, Kept) and state.kept.energies.shape[-1] == schedule.frames:
            return state
        again = lambda x: jnp.repeat(x[..., None, :, :], schedule.frames, axis=-3)  # noqa: E731
        energies = jnp.full((*jnp.shape(state.step), schedule.frames), jnp.nan, state.system.positions.dtype)
        system = state.system
        return state.replace(kept=Kept(again(system.positions), again(state.momenta), again(system.cell), energies))

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        each = lambda function: lambda state: over_replicas(function, state)  # noqa: E731
        state = self.prepare(potential, simulator, state, schedule)
        beta = 1 / (units.kB * kelvin(simulator.temperature, jnp.max(state.time)))
        fixed = jax.lax.stop_gradient(potential)
        stored = jax.lax.stop_gradient(state)

        def again() -> tuple[State, Array]:
            begun = each(lambda s: simulator.evaluate(fixed, s))(stored)
            begun = each(lambda s: advance(fixed, simulator, s, schedule.equilibration))(begun)
            run = lambda s: trajectory(fixed, simulator, s, schedule.frames, schedule.stride, _keep)  # noqa: E731
            kept, last = each(run)(begun)
            return last.replace(kept=kept), jnp.ones((), bool)

        energies, _ = each(lambda s: _of_frames(_energy, fixed, s))(stored)
        good = effective_sample_size(_weights(energies, stored.kept.energies, beta))
        good = good >= self.enough * energies.size  # False for NaN
        state, fresh = jax.lax.cond(good, lambda: (stored, jnp.zeros((), bool)), again)

        def seen(state: State) -> tuple[Any, Any, Any]:
            (energies, records), overflow = _of_frames(lambda p, s: (_energy(p, s), record(p, s)), potential, state)
            return energies, records, overflow

        energies, records, overflow = each(seen)(state)
        weights = _weights(energies, state.kept.energies, beta)
        diagnostics = {
            "overflow": jnp.any(state.overflow) | jnp.any(overflow),
            "effective_sample_size": effective_sample_size(weights),
            "sampled_again": fresh,
        }
        return Sample(records, weights, state, diagnostics)


def require_temperature(simulator: Any) -> None:
    """Refuses what does not sample a canonical ensemble."""
    if getattr(simulator, "temperature", None) is None:
        raise ValueError(
            f"{type(simulator).__name__} keeps no temperature, so its frames cannot be reweighted: sample with "
            "Langevin, NoseHoover or Bussi, or differentiate through the path (Reversible, Forward)"
        )


def effective_sample_size(weights: Float[Array, "..."]) -> Float[Array, ""]:
    """exp(−Σ w ln w): as many frames as are left when some count more than others; NaN where weights are."""
    return jnp.exp(-jnp.sum(weights * jnp.log(jnp.where(weights == 0, 1.0, weights))))


def _weights(energies: Array, sampled: Array, beta: Array) -> Float[Array, "..."]:
    """exp(−β ΔU), their sum one."""
    return jax.nn.softmax(-beta * (energies - jax.lax.stop_gradient(sampled)), axis=None)


def _keep(potential: AbstractPotential, state: State) -> Kept:
    return Kept(state.system.positions, state.momenta, state.system.cell, _energy(potential, state))


def _energy(potential: AbstractPotential, state: State) -> Float[Array, ""]:
    return total_energy(potential, state.system, state.neighbors)


def _of_frames(function: Any, potential: AbstractPotential, state: State) -> tuple[Any, Bool[Array, ""]]:
    """A function of (potential, state) at every kept frame, with lists made for it, and whether one was too short."""

    @jax.checkpoint
    def at(frame: Kept) -> tuple[Any, Array]:
        system = state.system.replace(positions=frame.positions, cell=frame.cells)
        untested = jnp.zeros_like(state.overflow)
        here = state.replace(system=system, momenta=frame.momenta, overflow=untested, kept=None)
        here = evaluated(potential, here)
        return function(potential, here), here.overflow

    found, overflow = jax.lax.map(at, state.kept)
    return found, jnp.any(overflow)
