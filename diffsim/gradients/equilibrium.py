"""The dependence of the start on the force field, which the derivative of a path lacks."""

import dataclasses
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import as_array
from diffsim.gradients.base import AbstractGradient, Record, Sample
from diffsim.mechanics import total_energy
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators import Schedule, State, advance, over_replicas, replicated
from diffsim.simulators.base import check_positive


class FromEquilibrium(AbstractGradient):
    """A path method over replicas whose starts are drawn from the canonical ensemble of the force field itself.

    d⟨C⟩/dθ = ⟨∂C/∂θ along the path⟩ − β cov(C, ∂U(x₀)/∂θ)

    The path alone gives the first term: that of starts which stay where they are when θ changes. Each replica has the
    weight exp(−β [U_θ(x₀) − U_θ̂(x₀)]), which is one, and whose derivative is the second. Equilibration comes before
    the start and is not differentiated, and in a fit each sample begins where the last one ended; under Newton's
    equations an ensemble that is canonical at `temperature` stays so. (Momenta at the end of a Langevin step are too
    cold by some (ω dt)²/4: draw them anew where that matters.)

    **Raises** `ValueError` for a single trajectory: a covariance needs several.
    """

    goes_on: ClassVar[bool] = True

    path: AbstractGradient
    temperature: Float[Array, ""] = eqx.field(converter=as_array)  # K

    def __check_init__(self) -> None:
        check_positive("temperature", self.temperature, "K")

    @property
    def mode(self) -> Literal["reverse", "forward"]:  # type: ignore[override]
        return self.path.mode

    def forwards(self) -> AbstractGradient:
        return dataclasses.replace(self, path=self.path.forwards())

    def forgiving(self) -> AbstractGradient:
        return dataclasses.replace(self, path=self.path.forgiving())

    def sample(
        self, potential: AbstractPotential, simulator: Any, state: State, schedule: Schedule, record: Record
    ) -> Sample:
        if not replicated(state):
            raise ValueError(
                "the start's dependence on the force field is a covariance over replicas, but there is one trajectory: "
                "start several"
            )
        fixed = jax.lax.stop_gradient(potential)
        begin = lambda s: simulator.evaluate(fixed, advance(fixed, simulator, s, schedule.equilibration))  # noqa: E731
        start = jax.lax.stop_gradient(over_replicas(begin, state))
        at_once = Schedule(frames=schedule.frames, stride=schedule.stride)
        found = self.path.sample(potential, simulator, start, at_once, record)
        energies = over_replicas(lambda s: total_energy(potential, s.system, s.neighbors), start)
        logs = -(energies - jax.lax.stop_gradient(energies)) / (units.kB * self.temperature)
        weights = found.weights * jnp.exp(logs)[:, None]
        diagnostics = found.diagnostics | {"overflow": found.diagnostics["overflow"] | start.overflow}
        return found._replace(weights=weights / jnp.sum(weights), diagnostics=diagnostics)
