"""Phonon bands along a path with the density of states beside them, before and after, over the reference's."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from diffsim.experiment import Experiment
from diffsim.fields import constant
from diffsim.gradients import Implicit
from diffsim.observables.phonons import PhononFrequencies
from diffsim.observables.thermodynamics import phonon_dos, reciprocal_mesh
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, AbstractFigure, Columns, Drawing, blank
from diffsim.report.results import Results, Shown
from diffsim.system import System
from diffsim.targets import Target

_POINTS = 200  # of the density of states


class PhononBands(AbstractFigure):
    """Bands and density of states of the crystal at rest (positions and cell, for each potential its own).

    `segments` is a list of `{labels: [start, end], length, qpoints, frequencies}`: fractions of the reciprocal lattice
    of `system`, and the reference's frequencies in THz. `mesh` is Γ-centred; `width` in THz is that of the Gaussian on
    each mode; `density` is the reference's `{frequencies, density}` in THz and states per THz and cell.
    """

    system: System
    segments: list[dict[str, Any]] = constant()
    reference: str = constant(default="reference")
    mesh: tuple[int, int, int] = constant(converter=tuple, default=(8, 8, 8))
    width: float = constant(default=0.3)
    density: dict[str, Any] | None = constant(default=None)

    @property
    def experiment(self) -> Experiment:
        """Frequencies along the path and on the mesh, without references.

        Apart, as potentials that pass messages pay for the largest denominator of the wave vectors of each.
        """
        points = {"path": self.path, "mesh": reciprocal_mesh(self.mesh)[0]}
        nothing = lambda qpoints: np.zeros((len(qpoints), 3 * len(self.system.numbers)))  # noqa: E731
        modes = {name: Target(PhononFrequencies(qpoints), nothing(qpoints), 1.0) for name, qpoints in points.items()}
        return Experiment(self.system, modes, Implicit(cell=True))

    @property
    def path(self) -> np.ndarray:
        """All wave vectors along the path."""
        return np.concatenate([segment["qpoints"] for segment in self.segments])

    def columns(self, results: Results, shown: Shown | None) -> Columns:
        assert shown is not None
        expected = np.concatenate([segment["frequencies"] for segment in self.segments])
        columns = {"path (1/Å)": self.places()[0].tolist()} | {
            f"q{i + 1}": q.tolist() for i, q in enumerate(self.path.T)
        }
        sides = {"reference": expected, "before": shown.before["path"], "after": shown.after["path"]}
        for label, values in sides.items():
            columns |= {f"{label} {i + 1} (THz)": column.tolist() for i, column in enumerate(values.T)}
        columns["frequency (THz)"] = self.grid(expected).tolist()
        if self.density is not None:
            grid = np.interp(columns["frequency (THz)"], self.density["frequencies"], self.density["density"])
            columns["reference density (1/THz)"] = grid.tolist()
        for side in ("before", "after"):
            modes = getattr(shown, side)["mesh"]
            columns[f"{side} density (1/THz)"] = self.smeared(modes, columns["frequency (THz)"]).tolist()
        return columns

    def grid(self, expected: np.ndarray) -> np.ndarray:
        """Frequencies at which the density is given."""
        return np.linspace(0.0, 1.25 * float(expected.max()), _POINTS)

    def smeared(self, modes: np.ndarray, at: Any) -> np.ndarray:
        """The density of states of the mesh's modes."""
        return np.asarray(phonon_dos(jnp.asarray(modes), reciprocal_mesh(self.mesh)[1], jnp.asarray(at), self.width))

    def draw(self, columns: Columns) -> Drawing:
        figure, axes = blank(2.6)
        figure.clear()
        axes, beside = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
        places, ticks, names = self.places()
        cuts = np.cumsum([len(segment["qpoints"]) for segment in self.segments])[:-1]
        for side, color, label, line in (
            ("before", BEFORE, "before", "-"),
            ("after", AFTER, "after", "-"),
            ("reference", REFERENCE, self.reference, ":"),
        ):
            style = {"color": color, "linewidth": 1.0, "linestyle": line}
            bands = np.array([c for head, c in columns.items() if head.startswith(side) and head.endswith("(THz)")]).T
            for x, y in zip(np.split(places, cuts), np.split(bands, cuts), strict=True):
                axes.plot(x, y, **style)
            axes.plot([], [], label=label, **style)
            if (density := f"{side} density (1/THz)") in columns:
                beside.plot(columns[density], columns["frequency (THz)"], **style)
        for tick in ticks:
            axes.axvline(tick, color="black", linewidth=0.4)
        axes.set_xticks(ticks, names)
        axes.set_xlim(places[0], places[-1])
        axes.set_ylabel("frequency (THz)")
        beside.set_xlabel("DOS")
        beside.set_xticks([])
        beside.set_xlim(left=0)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return Drawing(figure, "Phonon bands and density of states at zero pressure.")

    def places(self) -> tuple[np.ndarray, list[float], list[str]]:
        """Where each wave vector stands along the path, and where the named ones do."""
        start, places, ticks, names = 0.0, [], [0.0], [self.segments[0]["labels"][0]]
        for number, segment in enumerate(self.segments):
            first, last = segment["labels"]
            if number and names[-1] != first:
                names[-1] = f"{names[-1]}|{first}"
            places.append(start + np.linspace(0, segment["length"], len(segment["qpoints"])))
            start += segment["length"]
            ticks.append(start)
            names.append(last)
        return np.concatenate(places), ticks, names
