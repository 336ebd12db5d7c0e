"""Energy against volume, before and after, over the reference's."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.mechanics import energy
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import relax
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, AbstractFigure, Drawing, blank
from diffsim.report.results import Results
from diffsim.system import System


class EnergyVolume(AbstractFigure):
    """E(V) − E(V₀) per atom of a cell scaled uniformly, V₀ being each potential's own volume at rest.

    `volumes` in Å³/atom; `energies` the reference's in eV/atom, from any zero: its lowest point is drawn at 0.
    """

    system: System
    volumes: Float[Array, " volumes"] = eqx.field(converter=as_array)
    energies: Float[Array, " volumes"] = eqx.field(converter=as_array)
    reference: str = constant(default="reference")

    def draw(self, results: Results) -> Drawing:
        expected = np.asarray(self.energies - jnp.min(self.energies))
        before, after = (np.asarray(self._curve(potential)) for potential in (results.before, results.after))
        figure, axes = blank(2.4)
        axes.plot(self.volumes, before, color=BEFORE, label="before")
        axes.plot(self.volumes, after, color=AFTER, label="after")
        axes.plot(self.volumes, expected, "o", color=REFERENCE, markersize=3, label=self.reference)
        axes.set_xlabel("volume (Å³/atom)")
        axes.set_ylabel("E − E₀ (eV/atom)")
        axes.legend()
        columns = {
            "volume (Å³/atom)": self.volumes.tolist(),
            "reference (eV/atom)": expected.tolist(),
            "before (eV/atom)": before.tolist(),
            "after (eV/atom)": after.tolist(),
        }
        return Drawing(figure, columns, "Equation of state, each curve from its own minimum.")

    def _curve(self, potential: AbstractPotential) -> Float[Array, " volumes"]:
        at_rest = relax(potential, self.system, cell=True)
        n_atoms = len(self.system.numbers)
        lowest = energy(potential, at_rest)
        values = []
        for stretch in jnp.cbrt(self.volumes * n_atoms / at_rest.volume):
            scaled = at_rest.strained((stretch - 1) * jnp.eye(3, dtype=stretch.dtype))
            values.append((energy(potential, scaled) - lowest) / n_atoms)
        return jnp.stack(values)
