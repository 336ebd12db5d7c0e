"""How large everything is: in full, and so small that a test can do it."""

from typing import NamedTuple


class Size(NamedTuple):
    """Of the cells, the runs, the networks and their training; times in steps of `STEP`."""

    repeats: int  # cubes of four atoms along an edge of the cell
    crystals: int  # trajectories at each temperature
    liquids: int  # at each temperature and density
    rest: int  # before the first frame, of a liquid after as long at `HOT`
    frames: int  # of each trajectory
    stride: int  # between frames
    network: dict  # of SchNet.init and DirectSchNet.init
    epochs: int
    timed: int  # frames
    conserved: int  # frames at constant energy


FULL = Size(
    repeats=3,
    crystals=4,
    liquids=1,
    rest=500,
    frames=3,
    stride=200,
    network={"cutoff": 6.8, "depth": 2, "features": 16, "radial": 12, "activation": "silu"},
    epochs=280,
    timed=5,
    conserved=50,
)
QUICK = Size(
    repeats=1,
    crystals=1,
    liquids=1,
    rest=20,
    frames=2,
    stride=5,
    network={"cutoff": 6.0, "depth": 2, "features": 3, "radial": 4, "activation": "silu"},
    epochs=2,
    timed=2,
    conserved=3,
)
