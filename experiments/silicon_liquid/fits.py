"""The two fits, from the configuration `experiment=silicon_liquid`: without g(r), and with it."""

import json
import time
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf
from optimistix import LevenbergMarquardt

from diffsim import Free, StillingerWeber, fit
from diffsim.config import compositions, plain
from diffsim.instantiate import instantiate
from diffsim.io.potential import load_potential, save_potential

FITS = ("energies_and_forces", "with_rdf")
STEPS_AT_REST = 40


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
    """Both: the first from the parameters of 1985, the second from those of the configuration."""
    run = parts(overrides)
    experiments = run["experiments"]
    matching = {"snapshots": experiments["snapshots"]}
    stages = (
        (
            "energies_and_forces",
            StillingerWeber.silicon(),
            matching,
            LevenbergMarquardt(1e-8, 1e-8),
            STEPS_AT_REST,
            unheld(run["trainable"]),
        ),
        ("with_rdf", run["potential"], experiments, run["optimizer"], run["steps"], run["trainable"]),
    )
    for name, start, chosen, optimizer, steps, trainable in stages:
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        began, lines = time.perf_counter(), []
        for state in fit(start, chosen, optimizer, steps=steps, trainable=trainable, stop=run["stop"]):
            values = {n: float(getattr(state.potential, n)) for n in run["trainable"]}
            lines.append({"step": state.step, "loss": state.loss, "seconds": time.perf_counter() - began} | values)
            print(name, state.step, f"{state.loss:.2f}", f"{lines[-1]['seconds']:.0f} s", flush=True)
            (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
            save_potential(folder / "potential.json", state.potential)


def potentials(output: Path) -> dict[str, StillingerWeber]:
    """Those of the two fits."""
    return {name: cast(StillingerWeber, load_potential(output / name / "potential.json")) for name in FITS}
