"""Phonon bands along a path, before and after, over the reference's."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from diffsim.fields import constant
from diffsim.observables.phonons import phonon_frequencies
from diffsim.potentials.base import AbstractPotential
from diffsim.relax import relax
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, AbstractFigure, Drawing, blank
from diffsim.report.results import Results
from diffsim.system import System


class PhononBands(AbstractFigure):
    """Bands of the crystal at rest (positions and cell, for each potential its own).

    `segments` is a list of `{labels: [start, end], length, qpoints, frequencies}`: fractions of the reciprocal lattice
    of `system`, and the reference's frequencies in THz.
    """

    system: System
    segments: list[dict[str, Any]] = constant()
    reference: str = constant(default="reference")

    def draw(self, results: Results) -> Drawing:
        qpoints = np.concatenate([segment["qpoints"] for segment in self.segments])
        expected = np.concatenate([segment["frequencies"] for segment in self.segments])
        before, after = (self._bands(potential, qpoints) for potential in (results.before, results.after))
        places, ticks, names = self._path()
        figure, axes = blank(2.6)
        cuts = np.cumsum([len(segment["qpoints"]) for segment in self.segments])[:-1]
        styles = (
            (before, BEFORE, "before", "-"),
            (after, AFTER, "after", "-"),
            (expected, REFERENCE, self.reference, ":"),
        )
        for bands, color, label, line in styles:
            for x, y in zip(np.split(places, cuts), np.split(bands, cuts), strict=True):
                axes.plot(x, y, line, color=color, linewidth=1.0)
            axes.plot([], [], line, color=color, label=label)
        for tick in ticks:
            axes.axvline(tick, color="black", linewidth=0.4)
        axes.set_xticks(ticks, names)
        axes.set_xlim(places[0], places[-1])
        axes.set_ylabel("frequency (THz)")
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
        return Drawing(figure, _columns(places, qpoints, expected, before, after), "Phonon bands at zero pressure.")

    def _bands(self, potential: AbstractPotential, qpoints: np.ndarray) -> np.ndarray:
        at_rest = relax(potential, self.system, cell=True)
        return np.asarray(phonon_frequencies(potential, at_rest, jnp.asarray(qpoints)))

    def _path(self) -> tuple[np.ndarray, list[float], list[str]]:
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


def _columns(places: np.ndarray, qpoints: np.ndarray, *bands: np.ndarray) -> dict[str, list[float]]:
    columns = {"path (1/Å)": places.tolist()} | {f"q{i + 1}": q.tolist() for i, q in enumerate(qpoints.T)}
    for label, values in zip(("reference", "before", "after"), bands, strict=True):
        columns |= {f"{label} {i + 1} (THz)": column.tolist() for i, column in enumerate(values.T)}
    return columns
