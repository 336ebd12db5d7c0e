"""How large everything is: in full, and so small that a test can do it."""

from typing import NamedTuple

from experiments.argon.courses import COURSES


class Size(NamedTuple):
    """Of the cells, the runs, the networks and their training; times in steps of `STEP`."""

    repeats: int  # cubes of four atoms along an edge of the cell
    small: int  # likewise, of cells in which one vacancy weighs more
    cold: tuple[float, ...]  # K, of crystals
    crystals: int  # trajectories at each temperature
    warm: tuple[float, ...]  # K, of liquids
    rest: int  # before the first frame, of a liquid after as long at `HOT`
    frames: int  # of each trajectory
    stride: int  # between frames
    network: dict  # of SchNet.init and DirectSchNet.init
    epochs: int
    additions: int  # trajectories of each kind of frames that are added
    courses: tuple[str, ...]  # of `COURSES`: in which the network learns on
    further: int  # epochs of each, fewer where there are more frames
    solid: dict  # of `diffsim.solid.Settings.of`
    timed: int  # frames
    conserved: int  # frames at constant energy


FULL = Size(
    repeats=3,
    small=2,
    cold=(5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0),
    crystals=4,
    warm=(85.0, 100.0, 115.0, 130.0),
    rest=500,
    frames=3,
    stride=200,
    network={"cutoff": 6.8, "depth": 2, "features": 16, "radial": 12, "activation": "silu"},
    epochs=280,
    additions=4,
    courses=tuple(COURSES),
    further=60,
    solid={"replicas": 4, "steps": 16_000, "hop_temperatures": [110, 125, 140], "defect_repeats": [5, 5, 5]},
    timed=5,
    conserved=50,
)
QUICK = Size(
    repeats=1,
    small=1,
    cold=(20.0, 40.0, 60.0),
    crystals=1,
    warm=(100.0,),
    rest=20,
    frames=2,
    stride=5,
    network={"cutoff": 6.0, "depth": 2, "features": 3, "radial": 4, "activation": "silu"},
    epochs=2,
    additions=3,
    courses=("nothing", "all, energies weigh more"),
    further=1,
    solid={
        "quick": True,
        "repeats": [2, 2, 2],
        "replicas": 2,
        "steps": 100,
        "hops": 1,
        "hop_steps": 10,
        "hop_temperatures": [60],
        "defect_repeats": [2, 2, 2],
    },
    timed=2,
    conserved=3,
)
