"""The fits, from the configuration `experiment=silicon_liquid`: without g(r), with it, and to nothing else."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from optimistix import LevenbergMarquardt

from diffsim import Free, StillingerWeber, fit
from diffsim.config import compositions, plain
from diffsim.instantiate import instantiate
from diffsim.io.potential import load_potential, save_potential
from diffsim.potentials import AbstractPotential

FITS = ("energies_and_forces", "with_rdf")
LIMIT = "rdf_alone"
STEPS_AT_REST = 100
WIDTH_OF_THE_LIMIT = 0.2  # of its priors: no energies hold it


def parts(overrides: tuple[str, ...] = ()) -> dict[str, Any]:
    """The objects of the configuration."""
    config = compositions(["experiment=silicon_liquid", *overrides])[0]
    try:
        return instantiate(plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])))
    finally:
        HydraConfig.instance().cfg = None


def unheld(trainable: dict[str, Free]) -> dict[str, Free]:
    """Without priors, which would hold a fit from the parameters of 1985 far from the best."""
    return {name: Free(free.lower, free.upper) for name, free in trainable.items()}


def make_fits(output: Path, overrides: tuple[str, ...] = ()) -> None:
    """Without g(r), from the parameters of 1985; with it, from where that ended (which the configuration holds).

    There the priors of the second have their middle, so that they would move nothing in the first.
    """
    run = parts(overrides)
    at_rest = {
        "experiments": {"snapshots": run["experiments"]["snapshots"]},
        "optimizer": LevenbergMarquardt(1e-8, 1e-8),
        "steps": STEPS_AT_REST,
        "trainable": unheld(run["trainable"]),
    }
    _fit(output / FITS[0], StillingerWeber.silicon(), run | at_rest)
    _fit(output / FITS[1], run["potential"], run)


def make_limit(output: Path) -> None:
    """To g(r) at a temperature that the fits have not seen, and to nothing else, from where they end."""
    run = parts()
    seen, fitted = run["held_out"]["liquid_2000"], run["experiments"]["liquid_1500"].targets["rdf"]
    target = replace(seen.targets["rdf"], scale=fitted.scale, bound=fitted.bound)
    only = {"liquid_2000": replace(seen, targets={"rdf": target})}
    start = load_potential(output / FITS[1] / "potential.json")
    held = {name: Free(free.lower, free.upper, WIDTH_OF_THE_LIMIT) for name, free in run["trainable"].items()}
    _fit(output / LIMIT, start, run | {"experiments": only, "trainable": held})


def _fit(folder: Path, start: AbstractPotential, run: dict[str, Any]) -> None:
    """Leaves the potential and a line of each update in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    began, lines = time.perf_counter(), []
    for state in fit(start, run["experiments"], run["optimizer"], steps=run["steps"], trainable=run["trainable"]):
        values = {n: float(getattr(state.potential, n)) for n in run["trainable"]}
        lines.append({"step": state.step, "loss": state.loss, "seconds": time.perf_counter() - began} | values)
        print(folder.name, state.step, f"{state.loss:.2f}", f"{lines[-1]['seconds']:.0f} s", flush=True)
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        save_potential(folder / "potential.json", state.potential)


def potentials(output: Path) -> dict[str, StillingerWeber]:
    """What is judged: that of 1985, those of the two fits, and that of g(r) alone if it was made."""
    made = [name for name in (*FITS, LIMIT) if (output / name / "potential.json").exists()]
    fitted = {name: cast(StillingerWeber, load_potential(output / name / "potential.json")) for name in made}
    return {"1985": StillingerWeber.silicon()} | fitted
