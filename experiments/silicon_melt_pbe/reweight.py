"""g(r) of the classical melt and the same reweighted to PBE: from the data set and the sampled frames alone."""

from pathlib import Path

import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from diffsim import error_of_mean, independent_frames
from diffsim.gradients.reweighting import effective_sample_size
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, STYLE, WIDTH
from experiments.silicon_liquid.melts import crystal
from experiments.silicon_liquid.truth import CENTERS, of_frames
from experiments.silicon_melt_pbe.labels import load
from experiments.silicon_melt_pbe.melts import REPEATS, STRIDE, TEMPERATURE, Trajectory
from experiments.silicon_melt_pbe.weights import average, weighed
from experiments.silicon_pbe.report import Reference

DESCRIPTION = "Liquid silicon at 2500 K: PBE labels of snapshots of classical melts, 64 atoms"
NEAR = 3.1  # Å: about the first minimum
FAR = 5.0  # ps, over which displacements tell how fast atoms diffuse


def describe(melt: Trajectory, snapshots: int) -> dict:
    """How long was sampled, how soon the melt forgets its energy, and its g(r)."""
    alone = float(independent_frames(melt.energies))
    spacing = STRIDE / 1000  # ps
    memory = 0.5 * len(melt.energies) / alone * spacing
    lag = round(FAR / spacing)
    moved = melt.positions[lag:] - melt.positions[:-lag]
    return {
        "temperature_K": TEMPERATURE,
        "sampled_ps": len(melt.energies) * spacing,
        "frames": len(melt.energies),
        "independent_frames": round(alone),
        "correlation_time_of_the_energy_ps": round(memory, 3),
        "spacing_of_the_snapshots_ps": round(len(melt.energies) / snapshots * spacing, 3),
        "energy_spread_eV": round(float(melt.energies.std()), 3),
        "diffusion_A2_per_ps": round(float(np.mean(np.sum(moved**2, axis=-1)) / (6 * FAR)), 3),
        **averaged(melt.positions),
    }


def averaged(positions: np.ndarray) -> dict:
    """g(r) of all frames and neighbours within 3.1 Å, with errors by blocking."""
    g = of_frames(positions, REPEATS)
    near = neighbours(g)
    return {
        "neighbours": [round(float(x), 3) for x in (near.mean(), error_of_mean(near))],
        "rdf": rounded(g.mean(axis=0)),
        "rdf_error": rounded(error_of_mean(g)),
    }


def neighbours(g: np.ndarray) -> np.ndarray:
    """N/V ∫ g(r) 4πr² dr up to 3.1 Å, of each frame."""
    system, inside = crystal(REPEATS), CENTERS < NEAR
    density = len(system.numbers) / float(system.cell[0, 0]) ** 3
    return density * np.sum((g * 4 * np.pi * CENTERS**2)[:, inside], axis=1) * (CENTERS[1] - CENTERS[0])


def rounded(g: np.ndarray) -> dict:
    """As reference.json has it."""
    return {"value": [np.round(g, 5).tolist()], "unit": ""}


def reweighted(folder: Path) -> dict:
    """What the labels make of the last melt's snapshots."""
    snapshots = [one for one in load(folder / "snapshots.xyz.gz") if one.info.get("weighted")]
    target = np.array([one.get_potential_energy() for one in snapshots])
    sampled = np.array([one.info["sampled_energy"] for one in snapshots])
    found, g = weighed(target, sampled), of_frames(np.stack([one.positions for one in snapshots]), REPEATS)
    alike = np.full(len(g), 1 / len(g))
    (plain, plain_error), (weighted, weighted_error) = average(g, alike), average(g, found.weights)
    return {
        "snapshots": len(g),
        "weights": np.round(found.weights, 6).tolist(),
        "spread_of_beta_difference": round(found.spread, 3),
        "effective_sample_size": round(found.effective, 3),
        "effective_sample_size_by_entropy": round(float(effective_sample_size(jnp.asarray(found.weights))), 3),
        "expected_of_a_gaussian": round(found.expected, 4),
        "snapshots_for_ten": float(f"{10 * np.exp(found.spread**2):.2g}"),
        "largest_weight": round(float(found.weights.max()), 3),
        "neighbours_of_the_snapshots": [round(float(x), 3) for x in average(neighbours(g), alike)],
        "neighbours": [round(float(x), 3) for x in average(neighbours(g), found.weights)],
        "rdf_of_the_snapshots": rounded(plain),
        "rdf_of_the_snapshots_error": rounded(plain_error),
        "rdf": rounded(weighted),
        "rdf_error": rounded(weighted_error),
    }


def reweight(folder: Path, output: Path) -> None:
    """Adds the weighted averages to reference.json and draws them."""
    weighted, reference = reweighted(folder), Reference(folder, DESCRIPTION)
    reference.update(reweighted=weighted)
    print({key: value for key, value in weighted.items() if "rdf" not in key})
    output.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        draw(reference["melt"], reference["published"], weighted).savefig(output / "rdf.png")


def draw(melt: dict, published: dict, weighted: dict) -> Figure:
    """g(r) of the classical melts as lines, the weighted one with its errors."""
    figure = Figure(figsize=(WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    for name, style in zip(published, ("--", ":"), strict=True):
        axes.plot(CENTERS, published[name]["rdf"]["value"][0], color=BEFORE, linestyle=style, label=name)
    axes.plot(CENTERS, melt["rdf"]["value"][0], color=REFERENCE, label="fitted to PBE's energies and forces")
    g, error = (weighted[key]["value"][0] for key in ("rdf", "rdf_error"))
    label = f"reweighted to PBE, {weighted['effective_sample_size']:.1f} of {weighted['snapshots']} left"
    axes.errorbar(CENTERS, g, error, color=AFTER, linewidth=0.9, elinewidth=0.6, label=label)
    axes.set_xlabel("r (Å)")
    axes.set_ylabel("g(r)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure
