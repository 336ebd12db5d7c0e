"""The reference: EDIP's crystal at 300 K. (That of the liquid is made by `experiments.silicon_liquid`.)"""

from pathlib import Path

import numpy as np

from diffsim import EDIP
from experiments.ensembles.crystal import CONSTANTS, REPLICAS, elastic_constants, lattice_constant
from experiments.silicon_pbe.report import format_json

FOLDER = Path(__file__).parents[2] / "diffsim" / "data" / "silicon_edip"
PRESSURELESS, STRAINED = (600, 25), (600, 25)  # frames and steps of 2 fs between them, for each replica


def make_reference(
    folder: Path = FOLDER, pressureless: tuple[int, int] = PRESSURELESS, strained: tuple[int, int] = STRAINED
) -> None:
    """Some ten minutes."""
    edip = EDIP.silicon()
    lattice, lattice_error = (float(x) for x in lattice_constant(edip, 5.43, *pressureless))
    found, error = elastic_constants(edip, lattice, *strained)
    content = {
        "description": "EDIP silicon (1998) at 300 K, 64 atoms, classical molecular dynamics",
        "lattice_constant": {"value": round(lattice, 5), "unit": "Å", "error": round(lattice_error, 5)},
        "edge": {"value": round(2 * lattice, 5), "unit": "Å", "error": round(2 * lattice_error, 5)},
        "elastic_constants": {
            "value": np.round(found, 2).tolist(),
            "unit": "GPa",
            "error": np.round(error, 2).tolist(),
        },
        "components": list(CONSTANTS.labels),
        "replicas": REPLICAS,
        "sampled_ps": [REPLICAS * frames * stride * 0.002 for frames, stride in (pressureless, strained)],
    }
    folder.mkdir(exist_ok=True)
    (folder / "reference.json").write_text(format_json(content) + "\n", encoding="utf-8")
    print(content)
