"""All parts of the study of a solid, one after the other; none stops the others."""

import functools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from diffsim.mechanics import energy
from diffsim.observables import reciprocal_mesh
from diffsim.observables.arrhenius import arrhenius
from diffsim.quality import NotApplicable
from diffsim.solid.density import density_at_rest
from diffsim.solid.hopping import hop_rate
from diffsim.solid.migration import migration
from diffsim.solid.motion import vibrations
from diffsim.solid.study import Solid, Study
from diffsim.solid.vacancy import vacancy
from diffsim.solid.waves import bands, waves_of

Columns = Mapping[str, list[Any]]


class Found(NamedTuple):
    """What one part says of one solid: figures by their names, and columns of numbers for pictures.

    `numbers["stopped"]` is why the part is not complete, where it is not.
    """

    numbers: dict[str, Any]
    columns: Columns = MappingProxyType({})


Earlier = Mapping[str, Mapping[str, Found | str]]
Part = Callable[[Study, Solid, Earlier], Found]


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
    at = study.frequencies
    fine = density_at_rest(modes, weights, at, study.every, study.lags)
    points, shares = reciprocal_mesh(solid.repeats)
    own = density_at_rest(solid.lattice.frequencies(points), shares, at, study.every, study.lags)
    told = {"highest": float(modes.max()), "lowest": float(modes.min()), "resolution": 1 / (study.lags * study.every)}
    columns = {"frequency (THz)": at.tolist(), "0 K": fine.tolist(), "0 K, waves of the cell": own.tolist()}
    return Found(told, columns)


def bands_at_rest(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Bands along the path, and their values at its special points."""
    found = bands(solid.lattice)
    special = {name: found.frequencies[place].tolist() for place, name in found.path.labels}
    scale = found.path.distances[-1]
    columns = {"path": (found.path.distances / scale).tolist()}
    columns |= {f"branch {n + 1} (THz)": band.tolist() for n, band in enumerate(found.frequencies.T)}
    ticks = [(float(found.path.distances[place] / scale), name) for place, name in found.path.labels]
    return Found({"special_points": special, "ticks": ticks}, columns)


def missing_atom(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Formation energy of the vacancy."""
    return Found(vacancy(solid.potential, solid.crystal, study.defect_repeats)._asdict())


def barrier(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """The path of the hop, its barrier, and the prefactor of transition-state theory."""
    found = migration(solid.potential, solid.crystal, study.defect_repeats, has_energy=solid.has_energy)
    told = {"barrier": found.barrier, "by_work": found.by_work, "exits": found.exits}
    if found.prefactor is not None:
        told["prefactor"] = found.prefactor
    way = np.asarray(found.path.coordinate)
    columns = {"way": (way / way[-1]).tolist(), "energy (eV)": np.asarray(found.path.work).tolist()}
    return Found(told, columns)


def in_motion(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Density of states, frequencies and lifetimes at each temperature."""
    path = bands(solid.lattice).path
    told: dict[str, Any] = {}
    columns: dict[str, list[Any]] = {}
    of = functools.partial(
        vibrations,
        waves=waves_of(path, solid.repeats),
        frequencies=study.frequencies,
        dt=study.dt,
        steps=study.settings.steps,
        replicas=study.settings.replicas,
        highest=study.highest,
        lags=study.lags,
    )
    stopped: dict[str, Any] = {}
    for number, kelvin in enumerate(study.temperatures):
        try:
            found = of(solid.lattice, kelvin, seed=study.settings.seed + number)
        except ValueError as error:
            stopped = {"stopped": f"{error}"}
            break  # hotter ones would not hold either
        phonons = [one._asdict() | {"places": [x / path.distances[-1] for x in one.places]} for one in found.phonons]
        kept = {name: getattr(found, name) for name in ("temperature", "temperature_error", "drift", "duration")}
        told[f"{kelvin:g}"] = kept | {"phonons": phonons}
        columns |= {f"{kelvin:g} K": found.density.tolist(), f"± {kelvin:g} K": found.density_error.tolist()}
    if not told:
        raise ValueError(stopped["stopped"])
    return Found({"temperatures": told} | stopped, columns)


def hops(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Hop rates at each temperature, and the Arrhenius fit."""
    barriers = {name: one.numbers["barrier"] for name, one in earlier["barrier"].items() if isinstance(one, Found)}
    told: list[dict[str, Any]] = []
    numbers: dict[str, Any] = {}
    settings, size = study.settings, study.defect_repeats
    count = functools.partial(hop_rate, repeats=size, hops=settings.hops, steps=settings.hop_steps, dt=study.dt)
    for number, kelvin in enumerate(study.hop_temperatures(barriers)):
        try:
            seed = settings.seed + number
            found = count(solid.potential, solid.crystal, kelvin, highest=study.highest, seed=seed)
        except ValueError as error:
            numbers["stopped"] = f"{error}"
            break  # hotter ones would not hold either
        told.append(found._asdict() | {"rate": found.rate._asdict(), "likely": found.likely._asdict()})
    if not told:
        raise ValueError(numbers["stopped"])
    numbers["temperatures"] = told
    try:
        heats, counts, times = (np.array([one[key] for one in told]) for key in ("temperature", "hops", "time"))
        numbers["arrhenius"] = arrhenius(heats, counts, times)._asdict()
    except ValueError as reason:
        numbers["no_fit"] = f"{reason}"
    return Found(numbers)


PARTS: dict[str, Part] = {
    "crystal": crystal,
    "density of states": density,
    "bands": bands_at_rest,
    "vacancy": missing_atom,
    "barrier": barrier,
    "vibrations": in_motion,
    "hops": hops,
}


def examined(study: Study) -> Iterator[tuple[str, dict[str, Found | str]]]:
    """The name of each part, and what it says of each solid: a sentence where it cannot be made."""
    earlier: dict[str, dict[str, Found | str]] = {}
    for name, part in PARTS.items():
        found: dict[str, Found | str] = {}
        for label, solid in study.solids.items():
            try:
                found[label] = part(study, solid, earlier)
            except NotApplicable as reason:
                found[label] = f"{reason}"
            except ValueError as error:
                found[label] = f"could not be measured: {error}"
        earlier[name] = found
        yield name, found
