"""Energy against volume, before and after, over the reference's."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.experiment import Experiment
from diffsim.fields import as_array, constant
from diffsim.gradients import Implicit
from diffsim.observables.energies import EquationOfState
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, AbstractFigure, Columns, Drawing, blank
from diffsim.report.results import Results, Shown
from diffsim.system import System
from diffsim.targets import Target


class EnergyVolume(AbstractFigure):
    """E(V) − E(V₀) per atom of a cell scaled uniformly, V₀ being each potential's own volume at rest.

    `volumes` in Å³/atom; `energies` the reference's in eV/atom, from any zero: its lowest point is drawn at 0.
    """

    system: System
    volumes: Float[Array, " volumes"] = eqx.field(converter=as_array)
    energies: Float[Array, " volumes"] = eqx.field(converter=as_array)
    reference: str = constant(default="reference")

    @property
    def experiment(self) -> Experiment:
        expected = self.energies - jnp.min(self.energies)
        curve = Target(EquationOfState(volumes=self.volumes), expected, 0.001)
        return Experiment(self.system, {"curve": curve}, Implicit(cell=True))

    def columns(self, results: Results, shown: Shown | None) -> Columns:
        assert shown is not None
        return {
            "volume (Å³/atom)": np.asarray(self.volumes).tolist(),
            "reference (eV/atom)": np.asarray(self.energies - jnp.min(self.energies)).tolist(),
            "before (eV/atom)": shown.before["curve"].tolist(),
            "after (eV/atom)": shown.after["curve"].tolist(),
        }

    def draw(self, columns: Columns) -> Drawing:
        volumes, expected, before, after = columns.values()
        figure, axes = blank(2.4)
        axes.plot(volumes, before, color=BEFORE, label="before")
        axes.plot(volumes, after, color=AFTER, label="after")
        axes.plot(volumes, expected, "o", color=REFERENCE, markersize=3, label=self.reference)
        axes.set_xlabel("volume (Å³/atom)")
        axes.set_ylabel("E − E₀ (eV/atom)")
        axes.legend()
        return Drawing(figure, "Equation of state, each curve from its own minimum.")
