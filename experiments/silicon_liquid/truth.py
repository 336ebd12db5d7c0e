"""The truth: g(r) of EDIP's liquid with errors, and snapshots with energies and forces: a data set of the package."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from diffsim import EDIP, RadialDistribution, StillingerWeber, System, energy, forces, independent_frames
from diffsim.data.reference import reference
from experiments.silicon_liquid.melts import DENSITY, HOT, Melt, crystal, sample
from experiments.silicon_pbe.report import format_json

CENTERS = np.round(np.arange(1.85, 4.9, 0.1), 3)  # Å: up to half of the small cell, less the tail of the Gaussians
WIDTH = 0.05  # Å
FITTED, UNSEEN = (1500.0, 2500.0), (1000.0, 2000.0, 3000.0)  # K
REPLICAS = {2: 16, 3: 4}
LARGE = 2000.0  # K, of the larger cell
SNAPSHOTS = 16  # of each of the temperatures that are fitted to; one from each replica, its last


def frames_of(melt: Melt, potential: EDIP | StillingerWeber, work: Path, replicas: int) -> np.ndarray:
    """Positions `[replicas frames atoms 3]` in Å; each replica is kept in the work folder."""
    work.mkdir(parents=True, exist_ok=True)
    found = []
    for replica in range(replicas):
        path = work / f"{melt.temperature:.0f}K_{8 * melt.repeats**3}_{replica}.npy"
        if not path.exists():
            np.save(path, sample(melt, 1000 * melt.repeats + 10 * replica + 1, potential))
            print(path.name, flush=True)
        found.append(np.load(path))
    return np.stack(found)


def of_frames(positions: np.ndarray, repeats: int) -> np.ndarray:
    """g(r) of every frame `[frames bins]` from positions `[frames atoms 3]` in Å."""
    system, seen = crystal(repeats), RadialDistribution(CENTERS, WIDTH)
    of_frame = jax.jit(lambda x: seen(system.replace(positions=x))[0])
    return np.array([of_frame(x) for x in jnp.asarray(positions)])


def distribution(frames: np.ndarray, repeats: int) -> tuple[np.ndarray, np.ndarray, float]:
    """g(r) of all replicas, the standard error from their spread, and independent frames of each replica."""
    g = of_frames(frames.reshape(-1, *frames.shape[2:]), repeats).reshape(*frames.shape[:2], -1)
    error = g.mean(axis=1).std(axis=0, ddof=1) / np.sqrt(len(g))
    near = np.argmin(abs(CENTERS - 2.45))
    return g.mean(axis=(0, 1)), error, float(np.mean([independent_frames(one[:, near]) for one in g]))


def truth_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """g(r) that is kept under a name, `T2000` or `T2000_216`, and its standard error."""
    value, error = (np.array(reference("silicon_liquid", f"{name}.{key}")[0]) for key in ("rdf", "rdf_error"))
    return value, error


def make_truth(work: Path, folder: Path) -> None:
    """Twenty minutes on one core."""
    temperatures = sorted(FITTED + UNSEEN)
    content: dict = {
        "description": "Liquid silicon of EDIP (1998), sampled by LAMMPS' edip/multi",
        "density": {"value": DENSITY, "unit": "g/cm³"},
        "centers": {"value": CENTERS.tolist(), "unit": "Å"},
        "width": {"value": WIDTH, "unit": "Å"},
        "cell_of_64_atoms": {"value": float(crystal(2).cell[0, 0]), "unit": "Å"},
    }
    snapshots = []
    for melt in [*(Melt(T, 2) for T in temperatures), Melt(LARGE, 3)]:
        frames = frames_of(melt, EDIP.silicon(), work, REPLICAS[melt.repeats])
        g, error, alone = distribution(frames, melt.repeats)
        replicas, count, atoms, _ = frames.shape
        name = f"T{melt.temperature:.0f}" + ("" if melt.repeats == 2 else f"_{atoms}")
        content[name] = {
            "rdf": {"value": [np.round(g, 5).tolist()], "unit": ""},
            "rdf_error": {"value": [np.round(error, 5).tolist()], "unit": ""},
            "temperature_K": melt.temperature,
            "atoms": atoms,
            "replicas": replicas,
            "frames": replicas * count,
            "independent_frames_at_the_first_peak": round(replicas * alone),
            "sampled_ps": replicas * melt.sampling,
            "melted_at_K_ps": [HOT, melt.melting],
            "quench_ps": melt.quench,
            "rest_ps": melt.rest,
        }
        print(name, replicas * count, round(replicas * alone), error.max(), flush=True)
        if melt.repeats == 2 and melt.temperature in FITTED:
            snapshots += [labelled(x, melt.temperature) for x in frames[:SNAPSHOTS, -1]]
    folder.mkdir(exist_ok=True)
    (folder / "reference.json").write_text(format_json(content) + "\n", encoding="utf-8")
    write(folder / "snapshots.xyz", snapshots, format="extxyz")


def labelled(positions: np.ndarray, temperature: float):
    """As ASE's `Atoms`, with EDIP's energy in eV and its forces in eV/Å."""
    edip, system = EDIP.silicon(), crystal(2).replace(positions=jnp.asarray(positions))
    inside = jnp.mod(system.positions, system.cell[0, 0])
    atoms = System.to_ase(system.replace(positions=inside))
    atoms.info = {"temperature": temperature}
    atoms.calc = SinglePointCalculator(
        atoms, energy=float(energy(edip, system)), forces=np.asarray(forces(edip, system))
    )
    return atoms
