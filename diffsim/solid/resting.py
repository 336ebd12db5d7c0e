"""Parts of the study at rest: the crystal, its vibrations, its vacancy and the way of that."""

import functools
from typing import Any

import numpy as np

from diffsim.mechanics import energy
from diffsim.observables import reciprocal_mesh
from diffsim.quality import NotApplicable
from diffsim.solid.density import density_at_rest
from diffsim.solid.found import Earlier, Found
from diffsim.solid.migration import migration
from diffsim.solid.study import Study
from diffsim.solid.subject import Solid
from diffsim.solid.vacancy import vacancy
from diffsim.solid.waves import bands


def crystal(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """The cell at rest, the energy, and whether forces are derivatives."""
    system = solid.crystal
    count = len(system.numbers)
    told = {"atoms": count, "volume_per_atom": float(system.volume) / count, "cell": np.asarray(system.cell).tolist()}
    if solid.has_energy:
        told["energy_per_atom"] = float(energy(solid.potential, system)) / count
    return Found(told | {"asymmetry": solid.lattice.asymmetry})


def density(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """The density of states at rest: on a fine mesh, and of the waves that fit into the cell that moves."""
    modes, weights = solid.modes
    of = functools.partial(density_at_rest, density=study.density, every=study.pace.every)
    fine = of(modes, weights)
    points, shares = reciprocal_mesh(solid.repeats)
    own = of(solid.lattice.frequencies(points), shares)
    resolution = 1 / (study.density.lags * study.pace.every)
    told = {"highest": float(modes.max()), "lowest": float(modes.min()), "resolution": resolution}
    told |= {"by": solid.lattice.way}
    columns = {
        "frequency (THz)": np.asarray(study.density.frequencies).tolist(),
        "0 K": fine.tolist(),
        "0 K, waves of the cell": own.tolist(),
    }
    return Found(told, columns)


def bands_at_rest(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Bands along the path, and their values at its special points."""
    found = bands(solid.lattice)
    special = {name: found.frequencies[place].tolist() for place, name in found.path.labels}
    scale = found.path.distances[-1]
    columns = {"path": (found.path.distances / scale).tolist()}
    columns |= {f"branch {n + 1} (THz)": band.tolist() for n, band in enumerate(found.frequencies.T)}
    ticks = [(float(found.path.distances[place] / scale), name) for place, name in found.path.labels]
    return Found({"special_points": special, "ticks": ticks, "by": solid.lattice.way}, columns)


def missing_atom(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Formation energy of the vacancy in an element."""
    elements = len(np.unique(np.asarray(solid.structure.numbers)))
    if elements > 1:
        raise NotApplicable(
            f"a vacancy in a compound of {elements} elements costs what the missing atom's chemical potential says, "
            "which a crystal alone does not tell"
        )
    return Found(vacancy(solid.potential, solid.crystal, study.defect_repeats)._asdict())


def barrier(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """The path of the hop, its barrier, and the prefactor of transition-state theory."""
    found = migration(solid.potential, solid.crystal, study.defect_repeats)
    told: dict[str, Any] = {"barrier": found.barrier, "by_work": found.by_work, "exits": found.exits}
    if found.prefactor is not None:
        told["prefactor"] = found.prefactor
    if found.lacking:
        told["stopped"] = f"the barrier is that of the work along the path alone, since {found.lacking}"
    way = np.asarray(found.path.coordinate)
    columns = {"way": (way / way[-1]).tolist(), "energy (eV)": np.asarray(found.path.work).tolist()}
    return Found(told, columns)
