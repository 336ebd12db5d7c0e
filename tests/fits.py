"""A fit that is quick to compile: Lennard-Jones argon to what a known Lennard-Jones potential gives."""

import functools

import numpy as np
import optimistix as optx
from ase.build import bulk

from diffsim import CohesiveEnergy, ElasticConstants, Experiment, Implicit, LatticeConstant, System, Target, evaluate
from diffsim.potentials import LennardJones

ARGON = System.from_ase(bulk("Ar", a=5.3))
TRUTH = LennardJones(epsilon=0.0104, sigma=3.40, cutoff=6.0, onset=5.0)
START = LennardJones(epsilon=0.0120, sigma=3.55, cutoff=6.0, onset=5.0)
LM = optx.LevenbergMarquardt(rtol=1e-10, atol=1e-10)
NAMES = ["epsilon", "sigma"]


@functools.cache
def argon_from_its_truth(noise: float = 0.0) -> dict[str, Experiment]:
    """Targets that the truth itself gives, the loss can reach zero; or off by `noise` times their scales."""
    observables = {"a": LatticeConstant(4), "cohesion": CohesiveEnergy(), "C": ElasticConstants(("C11", "C12"))}
    blank = {"a": Target(observables["a"], 5.0, 0.01), "cohesion": Target(observables["cohesion"], 0.1, 1e-3)}
    blank["C"] = Target(observables["C"], [1.0, 1.0], 0.1)
    seen = evaluate(TRUTH, {"crystal": Experiment(ARGON, blank, Implicit(cell=True))})["crystal"]
    rng = np.random.default_rng(0)
    targets = {
        name: Target(
            t.observable, seen[name] + noise * np.asarray(t.scale) * rng.normal(size=seen[name].shape), t.scale
        )
        for name, t in blank.items()
    }
    return {"crystal": Experiment(ARGON, targets, Implicit(cell=True))}
