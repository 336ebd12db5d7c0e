"""What the study set and what it found, as its notebooks have it (github.com/M3RG-IITD/Force-field-optimization, MIT).

Losses are Frobenius norms over 6×6 Mandel matrices in GPa, force constants in eV/Å².
"""

from typing import NamedTuple

import numpy as np


class Published(NamedTuple):
    """One fit of the study; None where its notebooks do not say."""

    minimum: tuple[float, float]
    loss: float | None = None
    start_loss: float | None = None
    iterations: dict[str, int] | None = None  # from the first start


# Elastic constants of silicon by VASP, its target (GPa), and the edge of that crystal (Å).
C11, C12, C44 = 153.21414, 56.79690, 74.83264
LATTICE_CONSTANT = 5.46858165
# Where the elastic constants are computed instead: the potentials' own lattice constants, rounded (Å).
ELASTIC_EDGE = {"sw": 5.431, "edip": 5.430}
# For force constants Stillinger–Weber is stretched to the crystal by sigma, its cutoff staying where it was (Å).
SW_SIGMA, SW_CUTOFF = 2.123822, 1.8 * 2.0951

# The cell whose 2×2×2 copy is the supercell of its force constants: conventional, in this order of atoms.
POSITIONS = np.array(
    [
        [0.25, 0.75, 0.25],
        [0.00, 0.00, 0.50],
        [0.25, 0.25, 0.75],
        [0.00, 0.50, 0.00],
        [0.75, 0.75, 0.75],
        [0.50, 0.00, 0.00],
        [0.75, 0.25, 0.25],
        [0.50, 0.50, 0.50],
    ]
)

PARAMETERS = {"sw": ("epsilon", "lam"), "edip": ("A", "lam")}
# Four starts: the potential as published, for Stillinger–Weber also that of amorphous silicon, the others drawn.
STARTS = {
    "sw": ((2.16826, 21.0), (1.64833, 31.5), (1.8015933333333334, 17.3), (2.9015933333333335, 25.8)),
    "edip": (
        (7.9821730, 1.4533108),
        (9.032173, 1.2533108),
        (7.615506333333334, 1.0833108),
        (8.715506333333334, 1.9333108),
    ),
}
FITS = {
    "sw_elastic": Published(
        (1.935160955, 33.786738320),
        loss=22.536002,
        start_loss=79.85,
        iterations={"Nelder-Mead": 44, "CG": 9, "BFGS": 11, "SLSQP": 9},
    ),
    "edip_elastic": Published((7.191596392537, 1.457774757520)),
    "sw_both": Published((1.809324318312, 34.619425665150)),
    "edip_both": Published((6.723988643174, 1.396547824744)),
}

# SiO₂: constants of α-quartz (GPa), which the study fits on a tetragonal cell of twelve atoms (a, c in Å), so that its
# own start is C11 … C66 below, and the loss there.
QUARTZ = {"C11": 86.8, "C12": 7.0, "C13": 19.1, "C33": 105.8, "C44": 58.2, "C66": 39.9}
QUARTZ_C14 = -18.0
STUDY_SILICA_CELL = (5.0563, 7.373951)
STUDY_SILICA = {"C11": 63.35, "C12": -39.04, "C13": 12.46, "C33": 80.88, "C44": 10.88, "C66": 23.22}
STUDY_SILICA_LOSS = 158.618
