"""What training makes small."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim import units
from diffsim.data.labels import Labelled, Labels
from diffsim.fields import constant

Weight = float | Callable[[Any], Any]
ENERGY, FORCE, STRESS = 0.01, 0.1, 0.5 * units.GPa  # eV/atom, eV/Å, eV/Å³: errors of the same rank


def _weight(given: Any) -> Weight:
    return given if callable(given) else float(given)


class Loss(eqx.Module):
    """w_E ⟨(ΔE/N)²⟩ / (10 meV/atom)² + w_F ⟨ΔF²⟩ / (100 meV/Å)² + w_σ ⟨Δσ²⟩ / (0.5 GPa)².

    Means are over structures, over components of forces on atoms, and over components of stresses; structures without a
    stress do not count in the last. Each weight is a number, or a function of how many updates have been made, such as
    `optax.linear_schedule(0.0, 1.0, 2000)`.

    **Raises** `ValueError` for a weight that is negative or not finite, and where all are zero.
    """

    energy: Weight = constant(converter=_weight, default=1.0)
    forces: Weight = constant(converter=_weight, default=1.0)
    stress: Weight = constant(converter=_weight, default=1.0)

    def __check_init__(self) -> None:
        given = {"energy": self.energy, "forces": self.forces, "stress": self.stress}
        for name, weight in given.items():
            if not callable(weight) and not 0 <= weight < float("inf"):
                raise ValueError(f"the weight of {name} in a loss must be a number from 0 on, got {weight}")
        if not any(given.values()):
            raise ValueError("a loss needs at least one weight that is not zero")

    def __call__(self, sums: Float[Array, "3 2"], updates: Any) -> Float[Array, ""]:
        """The loss after so many updates, of what `squares` has found."""
        weights = jnp.stack(
            [jnp.asarray(w(updates) if callable(w) else w) for w in (self.energy, self.forces, self.stress)]
        )
        means = sums[:, 0] / jnp.maximum(sums[:, 1], 1) / jnp.array([ENERGY, FORCE, STRESS]) ** 2
        return jnp.sum(jnp.where(weights == 0, 0.0, weights * means))  # what does not count may be NaN


def squares(found: Labels, data: Labelled) -> Float[Array, "3 2"]:
    """Sums of squares of errors in (eV/atom)², (eV/Å)² and (eV/Å³)², and of how many."""
    present, told = data.present, data.present * data.stressed
    energy = present * ((found.energy - data.labels.energy) / data.atoms) ** 2
    forces = present * jnp.sum((found.forces - data.labels.forces) ** 2, (1, 2))
    stress = told * jnp.sum((found.stress - data.labels.stress) ** 2, (1, 2))
    pairs = (energy, present), (forces, 3 * data.atoms * present), (stress, 9 * told)
    return jnp.stack([jnp.stack([jnp.sum(total), jnp.sum(count)]) for total, count in pairs])
