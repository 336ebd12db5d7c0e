"""Parts of the study in motion: vibrations at temperatures, and hops of the vacancy."""

import functools
from typing import Any

import numpy as np

from diffsim.observables.arrhenius_law import arrhenius
from diffsim.solid.found import Earlier, Found
from diffsim.solid.hopping import hop_rate
from diffsim.solid.motion import vibrations
from diffsim.solid.study import Study
from diffsim.solid.subject import Solid
from diffsim.solid.waves import path_of, waves_of


def in_motion(study: Study, solid: Solid, earlier: Earlier) -> Found:
    """Density of states, frequencies and lifetimes at each temperature."""
    path = path_of(solid.lattice)
    told: dict[str, Any] = {}
    columns: dict[str, list[Any]] = {}
    of = functools.partial(
        vibrations,
        pace=study.pace,
        density=study.density,
        waves=waves_of(path, solid.repeats),
        steps=study.settings.steps,
        replicas=study.settings.replicas,
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
    of = (solid.potential, solid.crystal)
    count = functools.partial(hop_rate, *of, repeats=size, hops=settings.hops, steps=settings.hop_steps)
    for number, kelvin in enumerate(study.hop_temperatures(barriers)):
        try:
            found = count(kelvin, study.pace, seed=settings.seed + number)
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
