"""What the networks make of solid argon beside the truth, on one page: vibrations, the vacancy, its hops."""

from pathlib import Path

import yaml
from ase.build import bulk

from diffsim import LennardJones, System
from diffsim.io.manifest import manifest
from diffsim.report.solid import overview, write
from diffsim.solid import Settings, Study
from experiments.argon.data import EDGE, TRUTH
from experiments.argon.size import Size
from experiments.argon.training import trained


def look(size: Size, folder: Path) -> None:
    """Leaves the page of `diffsim solid` in the folder `solid`. A model that has not been trained is left out."""
    settings = Settings.of(size.solid)
    study = Study.of({**trained(folder), TRUTH: LennardJones.argon()}, System.from_ase(bulk("Ar", a=EDGE)), settings)
    results = write(study, folder / "solid", manifest(yaml.safe_dump(size.solid), settings.seed))
    print(overview(results, folder / "solid"))
