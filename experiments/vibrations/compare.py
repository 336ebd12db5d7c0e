"""PBE silicon's density of states as a target: `python -m experiments.vibrations.compare`.

Stillinger–Weber and EDIP are fitted to it twice, by lattice dynamics and through motion, from the published parameters.
What each fit finds is then seen with the same eyes: by lattice dynamics.
"""

import csv
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import matplotlib
import numpy as np
from hydra.core.hydra_config import HydraConfig
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from diffsim import evaluate, fit
from diffsim.config import compositions, plain
from diffsim.instantiate import instantiate
from diffsim.report.figures.base import AFTER, BEFORE, REFERENCE, STYLE, WIDTH

PAIRS = {
    "Stillinger–Weber": ("silicon_vdos", "silicon_vdos_motion"),
    "EDIP": ("silicon_vdos_edip", "silicon_vdos_motion_edip"),
}
BLUE = "#2b5c9e"


class Found(NamedTuple):
    """What one fit found; `rms` of the density of states by lattice dynamics, before and after."""

    form: str
    experiment: str
    updates: int
    seconds: float
    rms_before: float  # 1/THz
    rms_after: float
    parameters: dict[str, float]
    optic: float  # THz, at Γ
    density: np.ndarray


def main(output: Path = Path("outputs/vibrations"), updates: int = 8, pairs: dict[str, Any] = PAIRS) -> list[Found]:
    """A quarter of an hour on one core."""
    jax.config.update("jax_enable_x64", True)
    output.mkdir(parents=True, exist_ok=True)
    found: list[Found] = []
    before, target = {}, np.array([])
    for form, names in pairs.items():
        crystal = _parts(names[0])
        seen = {"crystal": crystal["experiments"]["crystal"], "unseen": crystal["held_out"]["unseen"]}
        at, target = (np.asarray(x) for x in _axis(seen))
        before[form] = evaluate(crystal["potential"], seen)["crystal"]["vibrations"]
        for name in names:
            run, began = _parts(name), time.perf_counter()
            *_, last = fit(
                run["potential"], run["experiments"], run["optimizer"], steps=updates, trainable=run["trainable"]
            )
            now = evaluate(last.potential, seen)
            values = {key: float(getattr(last.potential, key)) for key in run["trainable"]}
            seconds, optic = time.perf_counter() - began, float(now["unseen"]["phonons"][0, -1])
            density = now["crystal"]["vibrations"]
            rms = _rms(before[form], target), _rms(density, target)
            found.append(Found(form, name, last.step, seconds, rms[0], rms[1], values, optic, density))
            print(found[-1]._replace(density=np.array([])), flush=True)
            _write(output / "compare.csv", found)
        with matplotlib.rc_context(STYLE):
            draw(at, target, before, found).savefig(output / "compare.png")
    return found


def _rms(density: np.ndarray, target: np.ndarray) -> float:
    return float(np.sqrt(np.mean((density - target) ** 2)))


def _parts(name: str) -> dict[str, Any]:
    config = compositions([f"experiment={name}"])[0]
    try:
        return instantiate(plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])))
    finally:
        HydraConfig.instance().cfg = None


def _axis(seen: dict[str, Any]) -> tuple[Any, Any]:
    target = seen["crystal"].targets["vibrations"]
    return target.observable.frequencies, target.reference


def _write(path: Path, found: list[Found]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(Found._fields[:-1])
        lines.writerows(one[:-1] for one in found)


def draw(at: np.ndarray, target: np.ndarray, before: dict[str, np.ndarray], found: list[Found]) -> Figure:
    """A panel for each form: PBE, the start, and both fits, all by lattice dynamics."""
    figure = Figure(figsize=(WIDTH, 1.7 * len(before) + 0.4), layout="constrained")
    panels = figure.subplots(len(before), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (form, start) in zip(panels, before.items(), strict=True):
        axes.plot(at, target, "o", color=REFERENCE, markersize=3, label="PBE")
        axes.plot(at, start, color=BEFORE, label="before")
        for one in found:
            if one.form == form:
                moved = "motion" in one.experiment
                words = "fitted through motion" if moved else "by lattice dynamics"
                axes.plot(at, one.density, "--" if moved else "-", color=BLUE if moved else AFTER, label=words)
        axes.set_title(form)
        axes.set_ylabel("states (1/THz)")
    panels[-1].set_xlabel("frequency (THz)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


if __name__ == "__main__":
    main()
