"""The fits, each from the pretrained network, each with energies and forces of the liquid among its targets."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import optax
from ase.build import bulk

from diffsim import (
    EDIP,
    Experiment,
    FromEquilibrium,
    Reversible,
    Reweighting,
    Schedule,
    System,
    evaluate,
    fit,
    load_potential,
    load_state,
    relax,
    save_potential,
    save_state,
)
from diffsim.fields import parameters
from diffsim.gradients import AbstractGradient
from diffsim.potentials import AbstractPotential
from experiments.fine_tuning.data import learned
from experiments.fine_tuning.size import Size
from experiments.fine_tuning.targets import of_crystal, of_labels
from experiments.silicon_liquid.fits import parts

FITS = ("energies_and_forces", "with_rdf", "with_rdf_path", "with_crystal")
_RATE, _GENTLE, _CLIP = 5e-4, 1e-4, 1e4  # gentle where the loss is sampled: its noise is not followed far
_RDF_SCALE = 0.01  # twice the standard error of the truth


def make_fits(size: Size, folder: Path) -> None:
    """Leaves a potential and the log of its fit in a folder each."""
    start = load_potential(folder / "pretrained" / "potential.json")
    held = {"snapshots": _snapshots(start, size)}
    weighed = _liquids(size, lambda _: Reweighting(enough=1.0), Schedule(size.frames, 25, size.rest), size.replicas)
    followed = _liquids(size, partial(FromEquilibrium, Reversible()), size.window, size.paths)
    fits = {
        FITS[0]: (held, size.updates, _RATE),
        FITS[1]: (held | weighed, size.draws, _GENTLE),
        FITS[2]: (held | followed, size.updates, _GENTLE),
        FITS[3]: (held | {"crystal": crystal()}, size.updates, _RATE),
    }
    for name, (experiments, updates, rate) in fits.items():
        adam = optax.adam(optax.cosine_decay_schedule(rate, updates))
        tuned(folder / name, start, experiments, optax.chain(optax.clip_by_global_norm(_CLIP), adam), updates)


def tuned(
    folder: Path,
    start: AbstractPotential,
    experiments: dict[str, Experiment],
    optimizer: optax.GradientTransformation,
    updates: int,
) -> None:
    """Fits all weights; leaves the potential, the log of its fit and its state in the folder, anew after each update.

    Goes on from the state that is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last, path = folder / "last.npz", folder / "log.jsonl"
    begun = load_state(last) if last.exists() else None
    done = begun.plain("step") if begun else 0
    if done == updates:
        return
    log = path.read_text(encoding="utf-8").splitlines(keepends=True)[:done] if begun else []
    weights = [name for name in parameters(start) if name != "cutoff"]
    for state in fit(start, experiments, optimizer, steps=updates - done, trainable=weights, state=begun):
        told = {"step": state.step, "loss": state.loss, "seconds": state.seconds} | state.diagnostics
        log.append(json.dumps(told) + "\n")
        print(folder.name, state.step, f"{state.loss:.1f}", f"{state.seconds:.0f} s", flush=True)
        path.write_text("".join(log), encoding="utf-8")
        save_potential(folder / "potential.json", state.potential)
        save_state(last, state)


def crystal() -> Experiment:
    """EDIP's diamond, its elastic constants, phonons, and that it has no stress."""
    edip = EDIP.silicon()
    system = relax(edip, System.from_ase(bulk("Si", a=5.43)), cell=True)
    unknown = {"elastic_constants": np.zeros(3), "phonons": np.zeros((3, 6)), "stress": np.zeros(6)}
    return of_crystal(system, evaluate(edip, {"crystal": of_crystal(system, unknown)})["crystal"])


def _snapshots(start: AbstractPotential, size: Size) -> Experiment:
    """Energies and forces of hot frames, all of either kind to weigh as much as a hundred numbers.

    Those at 5000 K are there so that it does not forget what keeps atoms apart.
    """
    frames = learned(size).tuning
    targets = of_labels(start, frames, energy=0.01, force=0.2, numbers=100)
    return Experiment(System.from_ase(bulk("Si", a=5.43)), targets)


def _liquids(
    size: Size, method: Callable[[float], AbstractGradient], schedule: Schedule, replicas: int
) -> dict[str, Experiment]:
    """Their g(r), differentiated by a method that is told the temperature in K."""
    known, found = parts()["experiments"], {}
    for name in size.liquids:
        target = replace(known[name].targets["rdf"], scale=np.array(_RDF_SCALE), bound=20.0)
        ways = {"gradient": method(known[name].simulator.temperature), "schedule": schedule, "replicas": replicas}
        found[name] = replace(known[name], targets={"rdf": target}, **ways)
    return found
