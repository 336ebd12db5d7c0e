"""How large everything is: in full, and so small that a test can do it."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from diffsim import MACE, CHGNet, Schedule, SchNet
from diffsim.potentials import AbstractPotential


class Size(NamedTuple):
    """Of the network, the data, the fits and the runs that judge them; times in steps of 2 fs."""

    network: Callable[..., AbstractPotential]  # of species and a seed
    crystals: int  # to learn from
    boiling: int  # frames at 5000 K of each melt
    melting: int  # steps of 1 fs before the first of them
    epochs: int
    updates: int
    draws: int  # updates of the fit that reweights: each draws its own frames, so that noise averages out
    liquids: tuple[str, ...]  # of `experiment=silicon_liquid`: that are fitted to
    replicas: int  # of each
    rest: int  # before it is sampled
    frames: int
    window: Schedule  # of short paths
    paths: int  # of each liquid
    melts: int  # replicas of a liquid that is judged
    quench: int  # from 5000 K, where the crystal melts
    resting: int
    judged: int  # frames
    stride: int  # steps between them; eight times as many between those that are learned from
    universal: Callable[[], AbstractPotential]  # a network that knows many elements
    structures: int  # of silicon, labelled by PBE, that it may see
    universal_updates: int


FULL = Size(
    network=partial(MACE.init, cutoff=4.0, features=16, radial=(8, 32), neighbors=8.0),
    crystals=256,
    boiling=16,
    melting=3000,
    epochs=90,
    updates=40,
    draws=80,
    liquids=("liquid_1500", "liquid_2500"),
    replicas=4,
    rest=250,
    frames=40,
    window=Schedule(frames=4, stride=20, equilibration=100),  # paths of 0.16 ps: neighbours have hardly parted
    paths=16,
    melts=4,
    quench=5000,
    resting=2500,
    judged=200,
    stride=25,
    universal=partial(CHGNet.load, "0.3.0"),
    structures=30,
    universal_updates=60,
)
QUICK = Size(
    network=partial(SchNet.init, cutoff=3.6, depth=2, features=2, radial=3, activation="silu"),
    crystals=8,
    boiling=1,
    melting=20,
    epochs=2,
    updates=1,
    draws=1,
    liquids=("liquid_1500",),
    replicas=2,
    rest=2,
    frames=2,
    window=Schedule(frames=2, stride=2),
    paths=2,
    melts=2,
    quench=2,
    resting=2,
    judged=2,
    stride=1,
    universal=partial(SchNet.init, range(1, 75), 0, cutoff=3.6, depth=2, features=2, radial=3, activation="silu"),
    structures=4,
    universal_updates=1,
)
