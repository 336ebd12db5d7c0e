"""From published potentials to one that samples what PBE would: label, fit, sample, label again, fit again."""

from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from ase import Atoms

from diffsim import EAM, EDIP, StillingerWeber
from diffsim.io.potential import load_potential, save_potential
from experiments.silicon_melt_pbe.fits import errors, fitted
from experiments.silicon_melt_pbe.labels import labelled
from experiments.silicon_melt_pbe.melts import Trajectory, published, run, spaced
from experiments.silicon_melt_pbe.overlay import Overlay, start
from experiments.silicon_pbe.espresso import PwCache

PUBLISHED = {"StillingerWeber": StillingerWeber.silicon, "EDIP": EDIP.silicon}
OF_EACH = 5  # snapshots, of each published potential
SECOND = 4  # of the first fit
REST, PILOT, SAMPLING = 5.0, 4.0, 30.0  # ps


class Generations(NamedTuple):
    """What came of it."""

    potential: Overlay  # the last one
    melt: Trajectory  # of the last one
    snapshots: list[Atoms]  # labelled, that it was fitted to
    history: list[dict]  # what each potential leaves of energies and forces


def label_published(cache: PwCache) -> list[Atoms]:
    """Snapshots of Stillinger and Weber's and of EDIP's melts."""
    snapshots = []
    for name, make in PUBLISHED.items():
        frames = published(make(), cache.work, name)
        for k in spaced(len(frames), OF_EACH):
            snapshots.append(labelled(cache, frames[k], sampled_with=name, generation=0))
    return snapshots


def label_fitted(cache: PwCache, melt: Trajectory, count: int, generation: int) -> list[Atoms]:
    """Snapshots of a fitted potential's melt, each with the energy that it was sampled with."""
    return [
        labelled(
            cache,
            melt.positions[k],
            sampled_with=f"fit_{generation}",
            generation=generation,
            frame=k,
            sampled_energy=float(melt.energies[k]),
        )
        for k in spaced(len(melt.energies), count)
    ]


def advance(cache: PwCache, folder: Path) -> Generations:
    """All of it; the last potential is saved in the folder."""
    snapshots = label_published(cache)
    history = []
    for name, make in PUBLISHED.items():
        its = [one for one in snapshots if one.info["sampled_with"] == name]
        history.append({"potential": name, "unseen": len(its)} | errors(make(), its))

    def refine(potential: Overlay, generation: int, positions: np.ndarray, ps: float) -> tuple[Overlay, Trajectory]:
        name = f"fit_{generation}"
        if not (cache.work / name).exists():
            save(cache.work / name, fitted(potential, snapshots))
        potential = load(cache.work / name)
        history.append({"potential": name, "snapshots": len(snapshots)} | errors(potential, snapshots))
        print(history[-1], flush=True)
        return potential, run(potential, positions, cache.work, name, rest=REST, sampling=ps)

    potential, melt = refine(start(), 1, np.asarray(snapshots[0].positions), PILOT)
    unseen = label_fitted(cache, melt, SECOND, generation=1)
    history.append({"potential": "fit_1", "unseen": SECOND} | errors(potential, unseen))
    snapshots += unseen
    potential, melt = refine(potential, 2, melt.positions[-1], SAMPLING)
    save(folder, potential)
    return Generations(potential, melt, snapshots, history)


def save(folder: Path, potential: Overlay) -> None:
    """Its two parts, as diffsim writes potentials."""
    folder.mkdir(parents=True, exist_ok=True)
    save_potential(folder / "bonds.json", potential.bonds)
    save_potential(folder / "metal.json", potential.metal)


def load(folder: Path) -> Overlay:
    """What `save` wrote."""
    bonds, metal = (load_potential(folder / f"{name}.json") for name in ("bonds", "metal"))
    return Overlay(bonds=cast(StillingerWeber, bonds), metal=cast(EAM, metal))
