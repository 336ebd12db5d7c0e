"""α-quartz with the BKS potential, relaxed in cell and positions: its elastic constants, before and after a fit.

The axis setting: space group P3_121 (152), a along x, c along z, silicon at (u, 0, 1/3) with u = 0.47. There C14 is
−17 GPa. In the mirror image, P3_221 (154) with silicon at (u, 0, 2/3), C14 has the other sign, as it has where u is
0.53 (x along −a). The study computes the constants of a tetragonal cell of twelve atoms instead, at 3 GPa, and fits
them to those of α-quartz.
"""

from pathlib import Path
from typing import Any

import numpy as np
import optimistix
from ase.spacegroup import crystal
from jaxtyping import Array, Float

import diffsim
from diffsim import Buckingham, Experiment, Implicit, System, Target
from diffsim.fields import constant
from diffsim.observables.base import AbstractStatic
from diffsim.potentials.base import AbstractPotential
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, blank
from diffsim.simulators.state import State
from experiments.jctc_2025 import published
from experiments.jctc_2025.observables import MANDEL, MandelConstants, mandel
from experiments.jctc_2025.report import Drawing, Row, save_figure, save_json, save_table

SETTING = "P3_121, a along x, c along z, Si at (0.47, 0, 1/3)"
EDGES = (4.916, 5.4054)  # Å, a and c by X-rays (L. Levien, C. T. Prewitt, D. J. Weidner, Am. Mineral. 65, 920 (1980))
NAMES = ("C11", "C12", "C13", "C14", "C33", "C44", "C66")
EXPERIMENT = published.QUARTZ | {"C14": published.QUARTZ_C14}
# Å, Å, 1/Å; with the larger ones the constants differ by up to 1.3 GPa
CUTOFFS = {"short_cutoff": 12.0, "coulomb_cutoff": 15.0, "alpha": 0.2}
LARGER = {"short_cutoff": 15.0, "coulomb_cutoff": 18.0, "alpha": 0.2}
_UPDATES = 15
_SCALES = {"constants": 1.0, "edges": 0.01}  # GPa; Å: softer edges let the crystal swell to gain a few GPa


def quartz(*, mirrored: bool = False) -> System:
    """Nine atoms of α-quartz, right-handed screw 3_1 or its mirror image 3_2."""
    z_silicon, z_oxygen = (2 / 3, 0.7858) if mirrored else (1 / 3, 0.2142)
    sites = [(0.4697, 0.0, z_silicon), (0.4135, 0.2669, z_oxygen)]
    edges = [EDGES[0], EDGES[0], EDGES[1], 90, 90, 120]
    return System.from_ase(crystal(["Si", "O"], sites, spacegroup=154 if mirrored else 152, cellpar=edges))


class Edges(AbstractStatic):
    """Lengths of a and c."""

    unit: str = constant(default="Å")

    @property
    def labels(self) -> tuple[str, ...]:
        return ("a", "c")

    def record(self, potential: AbstractPotential, state: State) -> Float[Array, "2"]:
        cell = state.system.cell
        return (cell[np.array([0, 2])] ** 2).sum(axis=1) ** 0.5


def experiments() -> dict[str, Experiment]:
    """The crystal at zero stress, for each potential its own: the study's norm, and the edges."""
    targets = {
        "constants": Target(MandelConstants(), mandel(matrix_of(EXPERIMENT)), _SCALES["constants"], unit="GPa"),
        "edges": Target(Edges(), EDGES, _SCALES["edges"], unit="Å"),
    }
    return {"quartz": Experiment(quartz(), targets, Implicit(cell=True))}


def loss_of(constants: dict[str, float]) -> float:
    """The study's norm: Mandel matrices, in GPa."""
    return float(np.linalg.norm(mandel(matrix_of(constants)) - mandel(matrix_of(EXPERIMENT))))


def matrix_of(c: dict[str, float]) -> np.ndarray:
    """The Voigt matrix of a trigonal crystal of class 32."""
    c11, c12, c13, c14, c33, c44, c66 = (c.get(name, 0.0) for name in NAMES)
    return np.array(
        [
            [c11, c12, c13, c14, 0, 0],
            [c12, c11, c13, -c14, 0, 0],
            [c13, c13, c33, 0, 0, 0],
            [c14, -c14, 0, c44, 0, 0],
            [0, 0, 0, 0, c44, c14],
            [0, 0, 0, 0, c14, c66],
        ]
    )


def run_quartz(output: Path, *, updates: int = _UPDATES) -> list[Row]:
    """BKS as it is, with two cutoffs, and fitted in A, ρ and C. Writes below `output`, returns the summary's lines."""
    bks = Buckingham.bks(**CUTOFFS)
    larger = diffsim.evaluate(Buckingham.bks(**LARGER), experiments())["quartz"]
    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    state: Any = None
    for state in diffsim.fit(bks, experiments(), solver, steps=updates, trainable=["A", "rho", "C"]):  # noqa: B007
        pass
    found = {
        "experiment": (EXPERIMENT, EDGES),
        "BKS": _named(state.start["quartz"]),
        "BKS, larger cutoffs": _named(larger),
        "BKS, fitted": _named(state.predictions["quartz"]),
        "study's cell": (published.STUDY_SILICA, published.STUDY_SILICA_CELL),
    }
    parameters = {name: np.asarray(getattr(state.potential, name)) for name in ("A", "rho", "C")}
    lines = {name: {"a": e[0], "c": e[1], **c, "loss": loss_of(c)} for name, (c, e) in found.items()}
    save_json({"axis setting": SETTING, "fitted": parameters, "crystals": lines}, output / "results.json")
    header = ("crystal", "a (Å)", "c (Å)", *(f"{name} (GPa)" for name in NAMES), "loss (GPa)")
    table = [[name, *e, *(c.get(n) for n in NAMES), loss_of(c)] for name, (c, e) in found.items()]
    save_table(header, table, output / "quartz.csv")
    save_figure(lambda: draw_quartz({name: c for name, (c, _) in found.items()}), output / "quartz_figure")
    return summarize({name: c for name, (c, _) in found.items()})


def _named(prediction: dict[str, np.ndarray]) -> tuple[dict[str, float], tuple[float, ...]]:
    voigt = prediction["constants"] / MANDEL / MANDEL[:, None]
    constants = {name: float(voigt[int(name[1]) - 1, int(name[2]) - 1]) for name in NAMES}
    return constants, tuple(float(edge) for edge in prediction["edges"])


def summarize(found: dict[str, dict[str, float]]) -> list[Row]:
    """BKS before and after on α-quartz, beside what the study starts from."""
    theirs = found["study's cell"]
    why = "α-quartz at rest, theirs a tetragonal cell"
    rows = []
    for name in NAMES:
        ours = f"{found['BKS'][name]:.1f} → {found['BKS, fitted'][name]:.1f} (target {EXPERIMENT[name]})"
        rows.append(Row(f"SiO₂: {name} (GPa)", f"{theirs[name]:.1f}" if name in theirs else "0", ours, why))
    losses = f"{loss_of(found['BKS']):.2f} → {loss_of(found['BKS, fitted']):.2f}"
    rows.append(Row("SiO₂: loss before any fit", f"{published.STUDY_SILICA_LOSS:.2f}", losses, "with C14; " + why))
    return rows


def draw_quartz(found: dict[str, dict[str, float]]) -> Drawing:
    """Each constant of each crystal."""
    figure, axes = blank(2.8)
    shown = {"experiment": REFERENCE, "study's cell": "#4477aa", "BKS": BEFORE, "BKS, fitted": AFTER}
    places = np.arange(len(NAMES))
    for number, (name, color) in enumerate(shown.items()):
        values = [found[name].get(key, 0.0) for key in NAMES]
        loss = published.STUDY_SILICA_LOSS if name.startswith("study") else loss_of(found[name])
        label = f"{name}, loss {loss:.1f}" if name != "experiment" else name
        axes.bar(places + 0.2 * (number - 1.5), values, width=0.18, color=color, label=label)
    axes.axhline(0, color="black", linewidth=0.4)
    axes.set_xticks(places, NAMES)
    axes.set_ylabel("elastic constant (GPa)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, columnspacing=1.0)
    columns = {"constant": list(NAMES)}
    columns |= {name: [constants.get(key, 0.0) for key in NAMES] for name, constants in found.items()}
    return Drawing(figure, columns)
