"""Tables of a solid's study from what `results.json` keeps; below each, how it was measured."""

import math
from collections.abc import Mapping
from typing import Any

from diffsim.report.tables import Table
from diffsim.solid import rate_of

_REST = (  # part, key, what it is, unit, format
    ("crystal", "volume_per_atom", "volume of an atom", "Å³", ".5g"),
    ("crystal", "energy_per_atom", "energy of an atom", "eV", ".6g"),
    ("crystal", "asymmetry", "asymmetry of force constants", "relative", ".1e"),
    ("density of states", "highest", "highest frequency", "THz", ".4g"),
    ("density of states", "lowest", "lowest frequency", "THz", ".2g"),
    ("vacancy", "relaxed", "vacancy formation", "eV", ".5f"),
    ("vacancy", "rigid", "the same, other atoms held", "eV", ".5f"),
    ("barrier", "barrier", "barrier of its hop", "eV", ".5f"),
)
_MESHES = {  # by the way in which a lattice finds frequencies
    "exact": "exact second derivatives on a mesh of wave vectors",
    "interpolated": "exact second derivatives on a coarse mesh of wave vectors, interpolated to a fine one",
    "supercell": "a mesh of wave vectors by the force constants of the {cell} cell, interpolated unless a wave fits",
}
_POINTS = {
    "exact": "exact at each wave vector",
    "supercell": "by the force constants of the {cell} cell, exact where a wave fits into it and else interpolated",
}
_SPACE = "\u00a0"  # at which no line ends


def solid_tables(results: Mapping[str, Any]) -> list[Table]:
    """Those that have rows."""
    made = (rest_table, points_table, motion_table, phonon_table, hop_table, arrhenius_table)
    return [table for table in (one(results) for one in made) if table.rows]


def rest_table(results: Mapping[str, Any]) -> Table:
    """The crystal and its vacancy at rest."""
    names, parts, settings = list(results["solids"]), results["parts"], results["settings"]
    rows = []
    for part, key, what, unit, form in _REST:
        values = [parts[part].get(name, {}).get(key) for name in names]
        if any(value is not None for value in values):
            rows.append([what, unit, *("" if value is None else f"{value:{form}}" for value in values)])
    cell = "×".join(map(str, settings["defect_repeats"]))
    ways = {name: one["by"] for name, one in parts["density of states"].items()}
    how = f"Frequencies: {_worded(ways, _MESHES, settings)}; below zero they are imaginary. " if ways else ""
    note = (
        f"Positions and cell relaxed. {how}Vacancy: the first atom taken out of {cell} cells, "
        "E(N − 1) − (N − 1)/N E(N), the cell fixed; barrier: the pass of the minimum-energy path of the nearest atom "
        "of its element into it, which stands for all ways hardly longer. Asymmetry: largest |Φ(i, j) − Φ(j, i)ᵀ| over "
        "the largest |Φ|. All to rounding: no errors of sampling."
    )
    return Table("At rest", ["quantity", "unit", *names], rows, note)


def points_table(results: Mapping[str, Any]) -> Table:
    """Frequencies at the special points."""
    bands = results["parts"]["bands"]
    points = dict.fromkeys(point for one in bands.values() for point in one["special_points"])
    rows = [
        [point, *(" ".join(f"{value:.3f}" for value in one["special_points"].get(point, [])) for one in bands.values())]
        for point in points
    ]
    ways = {name: "supercell" if one["by"] == "supercell" else "exact" for name, one in bands.items()}
    note = f"In THz, ascending, at 0 K; {_worded(ways, _POINTS, results['settings'])}."
    return Table("Phonons at the special points", ["point", *bands], rows, note)


def motion_table(results: Mapping[str, Any]) -> Table:
    """The runs at constant energy."""
    rows = []
    for name, one in results["parts"]["vibrations"].items():
        for kelvin, run in one["temperatures"].items():
            heat = with_error(run["temperature"], run["temperature_error"])
            drift = "no energy" if run["drift"] is None else f"{run['drift']:.1e}"
            rows.append([name, f"{kelvin} K", heat, f"{run['duration']:.4g}", drift])
    settings = results["settings"]
    cell = "×".join(map(str, settings["repeats"]))
    note = (
        f"{settings['replicas']} replicas of {cell} cells in the volume at rest, heated by Langevin dynamics, then at "
        f"constant energy by velocity Verlet with steps of {settings.get('dt', 0):g} fs. Motion is classical. Errors: "
        "the spread over replicas. Drift: the largest change of a replica's energy over its time."
    )
    return Table("Runs for vibrations", ["solid", "asked for", "K", "ps each", "meV/atom/ps"], rows, note)


def phonon_table(results: Mapping[str, Any]) -> Table:
    """Frequencies and lifetimes, solids side by side."""
    solids = results["parts"]["vibrations"]
    lines: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for name, one in solids.items():
        for kelvin, run in one["temperatures"].items():
            for phonon in run["phonons"]:
                branches = ", ".join(map(str, phonon["branches"]))
                key = (f"{kelvin}{_SPACE}K", phonon["wave"].replace(" ", _SPACE), branches)
                found = with_error(phonon["frequency"], phonon["frequency_error"])
                lifetime = with_error(phonon["lifetime"], phonon["lifetime_error"])
                lines.setdefault(key, {})[name] = [f"{phonon['at_rest']:.3f}", found, lifetime]
    rows = [[*key, *(cell for name in solids for cell in of.get(name, [""] * 3))] for key, of in lines.items()]
    heads = [f"{what}, {name}" for name in solids for what in ("at 0 K (THz)", "THz", "lifetime (ps)")]
    note = (
        "Velocities projected on the modes at rest of each wave that fits into the cell; damped oscillations "
        "e^{−πΓt} cos 2πνt are fitted to their spectra, through the same window, lifetime 1/2πΓ. Errors: a jackknife "
        "over replicas. Lifetimes near the run's length, or with errors of their own size, are lower bounds at best."
    )
    return Table("Phonons at temperature", ["", "wave", "branch", *heads], rows, note)


def hop_table(results: Mapping[str, Any]) -> Table:
    """Counted hops."""
    rows, barriers = [], results["parts"]["barrier"]
    for name, one in results["parts"]["hops"].items():
        for run in one["temperatures"]:
            rate, likely = ({key: 1e3 * value for key, value in run[kind].items()} for kind in ("rate", "likely"))
            theory = barriers.get(name)
            tst = 1e3 * rate_of(theory, run["temperature"]) if theory and "prefactor" in theory else None
            rows.append(
                [
                    *(name, f"{run['temperature']:g} K", f"{run['time'] * 1e-3:.3g}", f"{run['hops']}"),
                    *(f"{run['recrossings']}", f"{run['far']}"),
                    f"{rate['value']:.3g} ({rate['low']:.3g} … {rate['high']:.3g})",
                    f"{likely['low']:.3g} … {likely['high']:.3g}",
                    *(("", "") if tst is None else (f"{tst:.3g}", f"{rate['value'] / tst:.2f}")),
                    "" if run["cosine"] is None else with_error(run["cosine"], run["cosine_error"]),
                ]
            )
    note = (
        "Molecular dynamics at fixed volume, all velocities rescaled alike. A site is empty if no atom is within ¾ of "
        "the distance between neighbours of it, and an atom has hopped when it leaves another site empty. Returns "
        "within three periods of the fastest mode are recrossings and no hops; far are hops beyond a neighbour. "
        "Poisson intervals are exact, of 68 % and 95 %; that counting ends once there are n hops makes rates "
        "too high by 1/n at most. ⟨cos⟩ of successive hops is 0 for a random walk."
    )
    heads = ["solid", "", "ns", "hops", "recrossings", "far", "hops/ns (68 %)", "95 %"]
    return Table("Hops of the vacancy", [*heads, "harmonic TST", "ratio", "⟨cos⟩"], rows, note)


def arrhenius_table(results: Mapping[str, Any]) -> Table:
    """Barrier and prefactor, counted and of transition-state theory."""
    rows = []
    for name, one in results["parts"]["hops"].items():
        if fit := one.get("arrhenius"):
            freedom = len(one["temperatures"]) - 2
            spread = f"{fit['prefactor']:.3g} ×/÷ {math.exp(fit['log_prefactor_error']):.2f}"
            barrier = with_error(fit["barrier"], fit["barrier_error"])
            rows.append([name, "counted", barrier, spread, f"{fit['deviance']:.2f} ({freedom})"])
        elif "no_fit" in one:
            rows.append([name, "counted", one["no_fit"], "", ""])
        theory = results["parts"]["barrier"].get(name, {})
        if "prefactor" in theory:
            rows.append([name, "harmonic TST", f"{theory['barrier']:.5f}", f"{theory['prefactor']:.3g}", ""])
    note = (
        "Counted: the most likely ν exp(−E/kT) for Poisson numbers; the deviance is χ² with as many degrees of freedom "
        "as stand beside it. Harmonic TST: Vineyard's ratio of frequencies, times the ways out that are as long within "
        "2 %, all with the barrier of one; it knows neither anharmonicity at fixed volume nor recrossings."
    )
    return Table("Arrhenius", ["solid", "", "barrier (eV)", "prefactor (THz)", "deviance"], rows, note)


def _worded(ways: Mapping[str, str], words: Mapping[str, str], settings: Mapping[str, Any]) -> str:
    """What is so of each solid, once where it is so of all."""
    cell = "×".join(map(str, settings["repeats"]))
    solids = {way: [name for name in ways if ways[name] == way] for way in ways.values()}
    told = {way: words[way].format(cell=cell) for way in solids}
    return "; ".join(told[way] if len(solids) == 1 else f"{told[way]} ({', '.join(solids[way])})" for way in solids)


def with_error(value: float | None, error: float | None) -> str:
    """Both to two digits of the error."""
    if value is None or not math.isfinite(value):
        return "unknown"
    if error is None or not error > 0:
        return f"{value:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"
