"""One family learns from one number of structures: errors, memory, processor time, and that of a step of dynamics."""

import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk
from jaxtyping import Array

from diffsim import Schedule, State, System, VelocityVerlet, errors_of, relabelled, save_potential, simulate, units
from diffsim.fields import parameters
from diffsim.potentials import AbstractPotential
from experiments.silicon_families.data import crystalline, parts
from experiments.silicon_families.families import Family, started

_STEPS, _RUNS = 50, 3


def learned(name: str, family: Family, count: int, folder: Path) -> None:
    """Leaves `NAME-COUNT.json` and the potential in the folder."""
    data = parts(count)
    began = time.process_time()
    potential = family.learning(started(family, data.training), data.training, data.validation)
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found: dict[str, Any] = {
        "family": name,
        "label": family.label,
        "structures": len(data.training),
        "numbers": sum(int(np.size(one.value)) for one in parameters(potential).values()),
        "seconds": round(seconds, 1),
        "memory (MiB)": round(memory),
        "step (µs/atom)": round(_of_a_step(potential), 2),
    }
    for part in ("training", "test"):
        structures = getattr(data, part)
        again = relabelled(potential, structures)
        errors: Mapping[str, Any] = errors_of(again, structures)
        known = crystalline(structures)
        errors = {**errors, "crystalline": errors_of(crystalline(again), known)["all"]}
        found[part] = {group: one._asdict() for group, one in errors.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_potential(folder / f"{name}-{count}.potential.json", potential)
    (folder / f"{name}-{count}.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _of_a_step(potential: AbstractPotential) -> float:
    """Processor time in µs/atom for a step of 64 atoms of the crystal, so short that any potential bears it."""
    atoms = bulk("Si", a=5.43, cubic=True).repeat(2)
    system, simulator = System.from_ase(atoms), VelocityVerlet(0.1 * units.fs)
    start = simulator.init(potential, system, jax.random.key(0), 300.0)
    times = []
    for _ in range(1 + _RUNS):
        began = time.process_time()
        jax.block_until_ready(simulate(potential, simulator, start, Schedule(frames=1, stride=_STEPS), record=_nothing))
        times.append(time.process_time() - began)
    return 1e6 * min(times[1:]) / (_STEPS * len(atoms))


def _nothing(potential: AbstractPotential, state: State) -> Array:
    return jnp.zeros(())
