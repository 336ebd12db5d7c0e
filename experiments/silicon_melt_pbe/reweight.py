"""g(r) of the classical melt and the same reweighted to PBE: from the data set and the sampled frames alone."""

from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from diffsim import RadialDistribution, error_of_mean, independent_frames
from diffsim.gradients.reweighting import effective_sample_size
from diffsim.report.figures.base import AFTER, REFERENCE, STYLE, WIDTH
from experiments.silicon_liquid.truth import CENTERS
from experiments.silicon_liquid.truth import WIDTH as SMEARING
from experiments.silicon_melt_pbe.content import read, update
from experiments.silicon_melt_pbe.labels import load
from experiments.silicon_melt_pbe.melts import STRIDE, TEMPERATURE, Trajectory, system_at
from experiments.silicon_melt_pbe.weights import average, weighed


def distributions(positions: np.ndarray) -> np.ndarray:
    """g(r) of every frame `[frames bins]`."""
    seen = RadialDistribution(CENTERS, SMEARING)
    of_frame = jax.jit(lambda x: seen(system_at(x))[0])
    return np.array([of_frame(x) for x in jnp.asarray(positions)])


def describe(melt: Trajectory, snapshots: int) -> dict:
    """How long was sampled, how soon the melt forgets its energy, and its g(r)."""
    g = distributions(melt.positions)
    alone = float(independent_frames(melt.energies))
    spacing = STRIDE / 1000  # ps
    memory = 0.5 * len(melt.energies) / alone * spacing
    return {
        "temperature_K": TEMPERATURE,
        "sampled_ps": len(melt.energies) * spacing,
        "frames": len(melt.energies),
        "independent_frames": round(alone),
        "correlation_time_of_the_energy_ps": round(memory, 3),
        "spacing_of_the_snapshots_ps": round(len(melt.energies) / snapshots * spacing, 3),
        "energy_spread_eV": round(float(melt.energies.std()), 3),
        "rdf": {"value": [np.round(g.mean(axis=0), 5).tolist()], "unit": ""},
        "rdf_error": {"value": [np.round(error_of_mean(g), 5).tolist()], "unit": ""},
    }


def reweighted(folder: Path) -> dict:
    """What the labels make of the last melt's snapshots."""
    snapshots = [one for one in load(folder / "snapshots.xyz.gz") if one.info.get("weighted")]
    target = np.array([one.get_potential_energy() for one in snapshots])
    sampled = np.array([one.info["sampled_energy"] for one in snapshots])
    found, g = weighed(target, sampled), distributions(np.stack([one.positions for one in snapshots]))
    alike = np.full(len(g), 1 / len(g))
    (plain, plain_error), (weighted, weighted_error) = average(g, alike), average(g, found.weights)
    rounded = lambda g: {"value": [np.round(g, 5).tolist()], "unit": ""}  # noqa: E731
    return {
        "snapshots": len(g),
        "weights": np.round(found.weights, 6).tolist(),
        "spread_of_beta_difference": round(found.spread, 3),
        "effective_sample_size": round(found.effective, 3),
        "effective_sample_size_by_entropy": round(float(effective_sample_size(jnp.asarray(found.weights))), 3),
        "expected_of_a_gaussian": round(found.expected, 4),
        "snapshots_for_ten": float(f"{10 * np.exp(found.spread**2):.2g}"),
        "largest_weight": round(float(found.weights.max()), 3),
        "rdf_of_the_snapshots": rounded(plain),
        "rdf_of_the_snapshots_error": rounded(plain_error),
        "rdf": rounded(weighted),
        "rdf_error": rounded(weighted_error),
    }


def reweight(folder: Path, output: Path) -> None:
    """Adds the weighted averages to reference.json and draws them."""
    weighted = reweighted(folder)
    update(folder, reweighted=weighted)
    print({key: value for key, value in weighted.items() if "rdf" not in key})
    output.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        draw(read(folder)["melt"], weighted).savefig(output / "rdf.png")


def draw(melt: dict, weighted: dict) -> Figure:
    """The trajectory's g(r) as a line, the weighted one with its errors."""
    figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    axes = figure.subplots()
    axes.plot(CENTERS, melt["rdf"]["value"][0], color=REFERENCE, label="classical melt")
    g, error = (weighted[key]["value"][0] for key in ("rdf", "rdf_error"))
    label = f"reweighted to PBE, {weighted['effective_sample_size']:.1f} of {weighted['snapshots']} left"
    axes.errorbar(CENTERS, g, error, color=AFTER, linewidth=0.9, elinewidth=0.6, label=label)
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("g(r)")
    axes.legend()
    return figure
