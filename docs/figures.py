"""The pictures of the documentation: `make figures`, or `python -m docs.figures NAME …` for some of them.

Each is one function here, and one PNG at column width in `docs/assets/`. `silicon` is that of the start page: a figure
of the report of `diffsim experiment=silicon`.
"""

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import optimistix
from ase.build import bulk
from matplotlib.figure import Figure
from PIL import Image

import diffsim
from diffsim import (
    CohesiveEnergy,
    ElasticConstants,
    EquationOfState,
    Experiment,
    Implicit,
    LatticeConstant,
    Target,
    units,
)
from diffsim.fit import problem_of
from diffsim.mechanics import neighbors_of, total_energy
from diffsim.optimizers.problem import value
from diffsim.relax import strain_matrix
from diffsim.uncertainty import local_model

HERE = Path(__file__).parent
BEFORE, AFTER, BLUE, BLACK = "#9a9a9a", "#c8442b", "#2b5c9e", "#1f1f1f"
WIDTH = 3.4  # inches, one column
STYLE = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "savefig.dpi": 300,
}
LM = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)


def main(names: list[str]) -> None:
    """Draws the pictures named, or all."""
    jax.config.update("jax_enable_x64", True)
    for name in names or DRAWN:
        with matplotlib.rc_context(STYLE):
            DRAWN[name](name)
        print(name)


def save(figure: Figure, name: str) -> None:
    figure.savefig(HERE / "assets" / f"{name}.png")


def silicon(name: str) -> None:
    """The start page's: from a run of the demo."""
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-c", "from diffsim.cli import main; main()", "experiment=silicon"]
        there = os.environ | {"PYTHONPATH": str(HERE.parent)}
        subprocess.run([*run, f"hydra.run.dir={folder}/run"], check=True, cwd=folder, env=there)
        shutil.copy(Path(folder, "run", "figures", "bands.png"), HERE / f"{name}.png")


def study(name: str) -> None:
    """Those of the published study, from `python -m experiments.jctc_2025 all`, which is run here: an hour.

    STUDY_FORCE_CONSTANTS is the path of the study's own force constants; without it our own data take their place.
    """
    given = os.environ.get("STUDY_FORCE_CONSTANTS")
    with tempfile.TemporaryDirectory() as folder:
        run = [sys.executable, "-m", "experiments.jctc_2025", "all", "--output", folder]
        subprocess.run([*run, *(["--force-constants", given] if given else [])], check=True, cwd=HERE.parent)
        (HERE / "assets" / name).mkdir(exist_ok=True)
        for path in sorted(Path(folder).rglob("*.png")):
            where = path.parent.relative_to(folder).parts  # fits have names of their own, landscapes and evidence not
            prefix = "landscape_" if where == ("landscape",) else f"{where[1]}_" if where[0] == "evidence" else ""
            few_colors = Image.open(path).convert("RGB").quantize(64)
            few_colors.save(HERE / "assets" / name / f"{prefix}{path.name}", optimize=True)
        shutil.move(HERE / "assets" / name / "sw_evidence_figure.png", HERE / "silicon-evidence.png")


def silicon_targets() -> dict[str, Target]:
    """Those of the tutorial."""
    return {
        "lattice": Target(LatticeConstant(multiplicity=4), reference=5.475, scale=0.01, unit="Å"),
        "cohesion": Target(CohesiveEnergy(), reference=4.525, scale=0.05, unit="eV/atom"),
        "elastic": Target(ElasticConstants(), reference=[151.1, 54.6, 74.4], scale=3.0, unit="GPa"),
    }


def landscape(name: str) -> None:
    """Contours of the tutorial's loss over ε and λ, and two ways down."""
    sw, crystal = diffsim.StillingerWeber.silicon(), diffsim.System.from_ase(bulk("Si"))
    experiments = {"crystal": Experiment(crystal, silicon_targets(), Implicit(cell=True))}
    *_, best = diffsim.fit(sw, experiments, LM, steps=5, trainable=["epsilon", "sigma", "lam"])
    start = dataclasses.replace(sw, sigma=best.potential.sigma)
    ways = {}
    for label, optimizer in {"Levenberg–Marquardt": LM, "Nelder–Mead": diffsim.Scipy(method="Nelder-Mead")}.items():
        states = diffsim.fit(
            start, experiments, optimizer, steps=30, trainable=["epsilon", "lam"], stop=diffsim.Plateau(1e-4, 4)
        )
        ways[label] = [(float(p.epsilon), float(p.lam)) for p in (start, *(state.potential for state in states))]
    problem = problem_of(start, experiments, ["epsilon", "lam"])
    epsilon, lam = np.linspace(2.05, 2.4, 36), np.linspace(17, 34, 36)
    loss = [[float(value(problem, jnp.log(jnp.array([e, l]))).loss) for e in epsilon] for l in lam]
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    drawn = axes.contour(epsilon, lam, loss, levels=[27, 32, 40, 55, 80, 120, 180, 260], colors=BEFORE, linewidths=0.7)
    axes.clabel(drawn, fontsize=6)
    for (label, way), color, size in zip(ways.items(), (AFTER, BLUE), (4, 2), strict=True):
        axes.plot(*np.array(way).T, "-o", color=color, markersize=size, linewidth=0.9, label=label)
    axes.set(xlabel="ε (eV)", ylabel="λ", xlim=(epsilon[0], epsilon[-1]), ylim=(lam[0], lam[-1]))
    figure.legend(loc="outside upper center", ncols=2)
    save(figure, name)


def definitions(name: str) -> None:
    """C12 and C44 of silicon against pressure by three definitions."""
    sw, crystal = diffsim.StillingerWeber.silicon(), diffsim.System.from_ase(bulk("Si"))
    pressures = np.linspace(-6, 10, 9)
    found: dict[str, list] = {"Lagrangian": [], "energy": [], "stress–strain": []}
    for pressure in pressures:
        at = diffsim.relax(sw, crystal, cell=True, pressure=pressure * units.GPa)
        found["energy"].append(diffsim.elastic_constants(sw, at, definition="energy"))
        found["stress–strain"].append(diffsim.elastic_constants(sw, at))
        found["Lagrangian"].append(found["energy"][-1] + lagrangian(sw, at))
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    for axes, (i, j), shifts in zip(figure.subplots(1, 2), ((0, 1), (3, 3)), ((0, 0, 1), (0, -0.5, -1)), strict=True):
        zero = np.array(found["Lagrangian"])[:, i, j]
        for (label, values), shift, color in zip(found.items(), shifts, (BEFORE, BLUE, AFTER), strict=True):
            axes.plot(pressures, np.array(values)[:, i, j], color=color, label=label if j == 1 else None)
            axes.plot(pressures, zero + shift * pressures, ".", color=color, markersize=4)
        axes.set(xlabel="pressure (GPa)", ylabel=f"C{i + 1}{j + 1} (GPa)")
    figure.legend(loc="outside upper center", ncols=3)
    save(figure, name)


def lagrangian(potential, system) -> np.ndarray:
    """What to add to ∂²E/∂ε² with F = 1 + ε for that in η = ε + ½ε², in GPa; the atoms' part is the same for both."""
    made = neighbors_of(potential, system, None, skin=0.1)

    def by(deformed: Callable) -> np.ndarray:
        at = lambda voigt: total_energy(potential, system.strained(deformed(strain_matrix(voigt))), made)  # noqa: E731
        return np.asarray(jax.hessian(at)(jnp.zeros(6)) / system.volume / units.GPa)

    # F = √(1 + 2η) = 1 + η − ½η² to second order
    return by(lambda eta: eta - 0.5 * eta @ eta) - by(lambda strain: strain)


def phonons(name: str) -> None:
    """Bands and Grüneisen parameters of silicon."""
    sw = diffsim.StillingerWeber.silicon()
    crystal = diffsim.relax(sw, diffsim.System.from_ase(bulk("Si")), cell=True)
    gamma, x, u, k, l = [0, 0, 0], [0.5, 0, 0.5], [0.625, 0.25, 0.625], [0.375, 0.375, 0.75], [0.5, 0.5, 0.5]
    reciprocal = np.linalg.inv(np.asarray(crystal.cell)).T
    qpoints, places, ticks, at = [], [], [0.0], 0.0
    for begin, end in ((gamma, x), (x, u), (k, gamma), (gamma, l)):
        shares = np.linspace(0.001, 0.999, 40)[:, None]
        a, b = np.array(begin, float), np.array(end, float)
        length = np.linalg.norm((b - a) @ reciprocal)
        qpoints.append(a + shares * (b - a))
        places.append(at + shares[:, 0] * length)
        at += length
        ticks.append(at)
    q, way = np.concatenate(qpoints), np.concatenate(places)
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    above.plot(way, diffsim.phonon_frequencies(sw, crystal, q), ".", color=AFTER, markersize=1.5)
    below.plot(way, diffsim.mode_gruneisen(sw, crystal, q), ".", color=AFTER, markersize=1.5)
    below.axhline(0, color=BEFORE, linewidth=0.5)
    for axes in (above, below):
        for tick in ticks:
            axes.axvline(tick, color=BLACK, linewidth=0.4)
    above.set(ylabel="frequency (THz)", ylim=(0, None))
    below.set(ylabel="Grüneisen γ", xlim=(0, at))
    below.set_xticks(ticks, ["Γ", "X", "U|K", "Γ", "L"])
    save(figure, name)


def optimizers(name: str) -> None:
    """Loss against evaluations on argon."""
    truth = diffsim.LennardJones(epsilon=0.0104, sigma=3.40, cutoff=6.0, onset=5.0)
    start = diffsim.LennardJones(epsilon=0.0120, sigma=3.55, cutoff=6.0, onset=5.0)
    argon = diffsim.System.from_ase(bulk("Ar", a=5.3))
    blank = {
        "a": Target(LatticeConstant(multiplicity=4), 1.0, scale=0.01),
        "cohesion": Target(CohesiveEnergy(), 1.0, scale=0.001),
        "energies": Target(EquationOfState([32.0, 42.0]), [1.0, 1.0], scale=0.001),
    }
    seen = diffsim.evaluate(truth, {"": Experiment(argon, blank, Implicit(cell=True))})[""]
    targets = {key: Target(t.observable, seen[key], t.scale) for key, t in blank.items()}
    experiments = {"crystal": Experiment(argon, targets, Implicit(cell=True))}
    chosen = {
        "Levenberg–Marquardt": (LM, AFTER),
        "BFGS": (optimistix.BFGS(rtol=1e-8, atol=1e-8), BLUE),
        "Adam, rate 0.01": (optax.adam(1e-2), "#7a9a3a"),
        "Nelder–Mead": (diffsim.Scipy(method="Nelder-Mead", tolerance=1e-8), BEFORE),
    }
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    axes = figure.subplots()
    for label, (optimizer, color) in chosen.items():
        states = []
        for state in diffsim.fit(start, experiments, optimizer, steps=90, trainable=["epsilon", "sigma"]):
            states.append(state)
            if state.loss < 1e-10 or state.evaluations > 100:
                break
        axes.semilogy(
            [1, *(state.evaluations for state in states)],
            states[-1].losses,
            ".-",
            color=color,
            markersize=3,
            label=label,
        )
    axes.set(xlabel="evaluations of the experiment", ylabel="loss ½Σr²", xlim=(0, 100), ylim=(1e-10, None))
    figure.legend(loc="outside upper center", ncols=2)
    save(figure, name)


def spectrum(name: str) -> None:
    """Eigenvalues of the Fisher matrix with more and more parameters of silicon."""
    sw, crystal = diffsim.StillingerWeber.silicon(), diffsim.System.from_ase(bulk("Si"))
    phonons = Target(
        diffsim.PhononFrequencies([[0.5, 0.0, 0.5], [0.5, 0.5, 0.5]]), reference=np.ones((2, 6)), scale=0.5, unit="THz"
    )
    experiments = {"crystal": Experiment(crystal, silicon_targets() | {"phonons": phonons}, Implicit(cell=True))}
    names = ["epsilon", "lam", "sigma", "gamma", "a", "A", "B", "p"]
    problem = problem_of(sw, experiments, names)
    jacobian = local_model(problem, problem.parametrization.start).jacobian
    figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    axes = figure.subplots()
    for number in range(2, len(names) + 1):
        values = np.linalg.svd(jacobian[:, :number], compute_uv=False) ** 2
        known = values > 1e-14 * values[0]
        for which, color in ((known, AFTER), (~known, BEFORE)):
            axes.semilogy([number] * which.sum(), values[which], "_", color=color, markersize=12, markeredgewidth=1.2)
    axes.set(xlabel="free parameters", ylabel="eigenvalues of JᵀJ in ln θ", xticks=range(2, len(names) + 1))
    save(figure, name)


def gradient_methods(name: str) -> None:
    """From what `python -m experiments.gradient_methods` has measured, and kept beside itself."""
    subprocess.run([sys.executable, "-m", "experiments.gradient_methods", "--figure"], check=True, cwd=HERE.parent)
    assert (HERE / "assets" / f"{name}.png").exists()


def silicon_melt_pbe(name: str) -> None:
    """From the labels that `python -m experiments.silicon_melt_pbe` has made, and kept as a data set."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "experiments.silicon_melt_pbe", "reweight", "--output", folder]
        subprocess.run(command, check=True, cwd=HERE.parent)
        shutil.copy(Path(folder) / "rdf.png", HERE / "assets" / f"{name}.png")


DRAWN: dict[str, Callable[[str], None]] = {
    "silicon": silicon,
    "landscape": landscape,
    "definitions": definitions,
    "phonons": phonons,
    "optimizers": optimizers,
    "spectrum": spectrum,
    "study": study,
    "gradient_methods": gradient_methods,
    "silicon_melt_pbe": silicon_melt_pbe,
}

if __name__ == "__main__":
    main(sys.argv[1:])
