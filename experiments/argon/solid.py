"""What the networks make of solid argon beside the truth, on one page: vibrations, the vacancy, its hops."""

from pathlib import Path

import yaml
from ase.build import bulk

from diffsim import LennardJones, System, load_potential
from diffsim.io.manifest import manifest
from diffsim.report.solid import overview, write
from diffsim.solid import Settings, Study
from experiments.argon.data import EDGE, TRUTH
from experiments.argon.size import Size
from experiments.argon.training import MODELS


def look(size: Size, folder: Path) -> None:
    """Leaves the page of `diffsim solid` in the folder `solid`. A model that has not been trained is left out."""
    found = {name: folder / name / "potential.json" for name in MODELS}
    potentials = {name: load_potential(path) for name, path in found.items() if path.exists()}
    settings = Settings.of(size.solid)
    study = Study.of({**potentials, TRUTH: LennardJones.argon()}, System.from_ase(bulk("Ar", a=EDGE)), settings)
    results = write(study, folder / "solid", manifest(yaml.safe_dump(size.solid), settings.seed))
    print(overview(results, folder / "solid"))
