"""Bands beside densities of states; heat capacity above entropy."""

import numpy as np
from matplotlib.figure import Figure

from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, WIDTH, blank
from experiments.jctc_2025.convergence import title_of
from experiments.jctc_2025.dynamics import TEMPERATURES, Phonons, dos_axis, wave_vectors
from experiments.jctc_2025.problems import Problem
from experiments.jctc_2025.report import Drawing

_STYLES = ((BEFORE, "-"), (AFTER, "-"), (REFERENCE, ":"))


def draw_bands(problem: Problem, found: dict[str, Phonons]) -> Drawing:
    """Before, after and the reference, in the order of `found`."""
    path = wave_vectors(1)[0]
    figure = Figure(figsize=(WIDTH, 2.9), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    ends = [place + 1 for place, _ in path.labels[1::2]]
    columns: dict[str, list] = {"path (1/Å)": path.distances.tolist()}
    for (name, phonons), (color, line) in zip(found.items(), _STYLES, strict=True):
        for x, y in zip(np.split(path.distances, ends[:-1]), np.split(phonons.bands, ends[:-1]), strict=True):
            left.plot(x, y, line, color=color, linewidth=0.9)
        right.plot(phonons.dos, dos_axis(), line, color=color, linewidth=0.9, label=name)
        columns |= {f"{name} {mode + 1} (THz)": y.tolist() for mode, y in enumerate(phonons.bands.T)}
    columns["frequency (THz)"] = dos_axis().tolist()
    columns |= {f"{name}: states (1/THz/atom)": phonons.dos.tolist() for name, phonons in found.items()}
    for place, name in _ticks(path.distances, path.labels).items():
        left.axvline(place, color="black", linewidth=0.3)
        left.text(place, -0.03, name, transform=left.get_xaxis_transform(), ha="center", va="top", fontsize=7)
    left.set_xticks([])
    left.set_xlim(0, path.distances[-1])
    left.set_ylim(0, None)
    left.set_ylabel("frequency (THz)")
    right.set_xlabel("states\n(1/THz/atom)", labelpad=1)
    optic = ", ".join(f"{name} {phonons.special['Γ'][-1]:.2f}" for name, phonons in found.items())
    acoustic = ", ".join(f"{name} {phonons.special['X'][0]:.2f}" for name, phonons in found.items())
    figure.suptitle(f"{title_of(problem)}\nΓ optic: {optic} THz\nTA(X): {acoustic} THz", fontsize=7)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Drawing(figure, columns)


def _ticks(distances: np.ndarray, labels: list[tuple[int, str]]) -> dict[float, str]:
    """Names of the special points where they stand, both where the path jumps."""
    ticks: dict[float, str] = {}
    for place, name in labels:
        x = round(float(distances[place]), 9)
        if ticks.get(x, name) != name:
            name = f"{ticks[x]}|{name}"
        ticks[x] = name
    return ticks


def draw_thermodynamics(problem: Problem, found: dict[str, Phonons]) -> Drawing:
    """Harmonic heat capacity at constant volume and entropy, per mole of atoms."""
    figure, (above, below) = blank(3.8, panels=2, sharex=True)
    columns: dict[str, list] = {"temperature (K)": TEMPERATURES.tolist()}
    for (name, phonons), (color, line) in zip(found.items(), _STYLES, strict=True):
        above.plot(TEMPERATURES, phonons.heat_capacity, line, color=color, label=name)
        below.plot(TEMPERATURES, phonons.entropy, line, color=color)
        columns[f"{name}: heat capacity (J/K/mol)"] = phonons.heat_capacity.tolist()
        columns[f"{name}: entropy (J/K/mol)"] = phonons.entropy.tolist()
    above.set_ylabel("$C_V$ (J/K/mol)")
    below.set_ylabel("S (J/K/mol)")
    below.set_xlabel("temperature (K)")
    room = np.argmin(np.abs(TEMPERATURES - 300))
    numbers = ", ".join(f"{name} {phonons.entropy[room]:.2f}" for name, phonons in found.items())
    figure.suptitle(f"{title_of(problem)}\nS(300 K): {numbers} J/K/mol", fontsize=7)
    figure.legend(*above.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Drawing(figure, columns)
