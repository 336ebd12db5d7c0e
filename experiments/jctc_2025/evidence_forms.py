"""The functional forms that the evidence is about: where each starts, what is free in it, what the study made of it."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp

from diffsim import EDIP, Free, StillingerWeber, Tersoff
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025 import published
from experiments.jctc_2025.pareto_forms import edip_bounds, tersoff_bounds

PRIOR = 0.3  # of ln θ: the targets leave combinations of parameters open, which stay near where they start
STUDY = "study, both"  # its fit to elastic and force constants


class Candidate(NamedTuple):
    """A functional form: the published parameters that we start from, what is free, and what the study made of it."""

    label: str
    year: str  # of the parameters that we start from
    original: AbstractPotential
    trainable: Mapping[str, Free]
    study: Mapping[str, AbstractPotential] = {}
    wider: Mapping[str, Free] = {}  # more to set free, in a second fit


def candidates() -> dict[str, Candidate]:
    """By the names of their folders."""
    return {"sw": stillinger_weber(), "edip": edip(), "tersoff": tersoff()}


def stillinger_weber() -> Candidate:
    """Seven parameters: with cosθ₀ and the exponents free as well β-tin falls below diamond."""
    original = StillingerWeber.silicon()
    seven = dict.fromkeys(("epsilon", "sigma", "a", "lam", "gamma", "A", "B"), Free(prior=PRIOR))
    wider = dict.fromkeys(("cos_theta0", "p", "q"), Free(prior=PRIOR))
    return Candidate("Stillinger–Weber", "1985", original, seven, studied(original, "sw"), wider)


def edip() -> Candidate:
    """All seventeen parameters."""
    original = EDIP.silicon()
    return Candidate("EDIP", "1998", original, _with_prior(edip_bounds(original)), studied(original, "edip"))


def tersoff() -> Candidate:
    """All twelve; the study has none."""
    original = Tersoff.silicon()
    return Candidate("Tersoff", "1988", original, _with_prior(tersoff_bounds(original)))


def studied(original: AbstractPotential, kind: str) -> dict[str, AbstractPotential]:
    """The published fits of two parameters, all others being those of its elastic fits."""
    found = {}
    names = published.PARAMETERS[kind]
    for target in ("elastic", "both"):
        minimum = [jnp.asarray(x) for x in published.FITS[f"{kind}_{target}"].minimum]
        found[f"study, {target}"] = eqx.tree_at(lambda p: [getattr(p, name) for name in names], original, minimum)
    return found


def _with_prior(bounds: Mapping[str, Free]) -> dict[str, Free]:
    return {name: dataclasses.replace(free, prior=PRIOR) for name, free in bounds.items()}
