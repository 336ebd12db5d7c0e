"""The functional forms whose fronts are compared: where they start, what is free in them and how far it may go."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import equinox as eqx

import diffsim
from diffsim import EDIP, Free, StillingerWeber, Tersoff
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025.references import primitive_cell

_Potential = TypeVar("_Potential", bound=AbstractPotential)
_LENGTHS = {"sw": ("sigma",), "edip": ("B", "a", "c", "gamma", "sigma"), "tersoff": ("R", "D")}
_WAVE_NUMBERS = ("lambda1", "lambda2", "lambda3")  # of Tersoff
_FACTOR = 4.0  # how far a positive parameter may go from where it starts, unless its own bounds are given
_CUTOFF = 4.4  # Å: between the second neighbours and the third


class Form(NamedTuple):
    """A functional form with what is free in it."""

    key: str
    label: str
    start: AbstractPotential  # at rest at the reference's lattice constant
    trainable: Mapping[str, Free]


def forms(edge: float) -> tuple[Form, ...]:
    """All of them, as published but scaled in length so that their crystal has this lattice constant (Å).

    Energies do not change under the scaling, so it is no fit: it sets the volume right and nothing else.
    """
    sw = scaled(StillingerWeber.silicon(), "sw", edge)
    edip = scaled(EDIP.silicon(), "edip", edge)
    tersoff = scaled(Tersoff.silicon(), "tersoff", edge)
    seven = {name: _within(sw, name) for name in ("epsilon", "sigma", "a", "lam", "gamma", "A", "B")}
    seven |= {"sigma": Free(1.9, 2.4), "a": Free(1.5, _CUTOFF / float(sw.sigma))}  # never short of the neighbours
    ten = seven | {"cos_theta0": Free(-0.9, 0.1), "p": Free(2.0, 12.0), "q": Free(-1.0, 1.9)}
    return (
        Form("sw2", "SW, 2 parameters", sw, {name: seven[name] for name in ("epsilon", "lam")}),
        Form("sw7", "SW, 7", sw, seven),
        Form("sw10", "SW, 10", sw, ten),
        Form("sw10_long", "SW, 10, from a long cutoff", reaching(sw, 0.97 * _CUTOFF), ten),
        Form("edip", "EDIP, 17", edip, edip_bounds(edip)),
        Form("tersoff", "Tersoff, 12", tersoff, tersoff_bounds(tersoff)),
    )


def reaching(sw: StillingerWeber, cutoff: float) -> StillingerWeber:
    """Stillinger–Weber with another cutoff (Å), and no longer at rest: from there the fit finds other minima."""
    return eqx.tree_at(lambda p: p.a, sw, cutoff / sw.sigma)


def edip_bounds(edip: EDIP) -> dict[str, Free]:
    """All parameters; the coordination number falls off beyond the first neighbours and before the third."""
    names = ("A", "B", "alpha", "beta", "eta", "gamma", "lam", "mu", "rho", "sigma", "Q0", "u2", "u3", "u4")
    found = {name: _within(edip, name) for name in names}
    return found | {"a": Free(2.9, _CUTOFF), "c": Free(2.0, 2.85), "u1": Free(-0.9, 0.6)}


def tersoff_bounds(tersoff: Tersoff) -> dict[str, Free]:
    """All but γ, which only multiplies β."""
    names = ("beta", "n", "c", "d", "lambda1", "lambda2", "lambda3", "A", "B")
    found = {name: _within(tersoff, name) for name in names}
    found |= {"beta": Free(1e-9, 1e-3)}  # β is tiny, and only its n-th power counts
    return found | {"R": Free(2.6, 3.9), "D": Free(0.05, 0.5), "cos_theta0": Free(-0.98, 0.2)}


def _within(potential: AbstractPotential, name: str) -> Free:
    value = float(getattr(potential, name))
    return Free(value / _FACTOR, value * _FACTOR)


def scaled(potential: _Potential, kind: str, edge: float) -> _Potential:
    """All lengths of a potential multiplied so that its crystal at rest has this lattice constant (Å)."""
    own = diffsim.relax(potential, primitive_cell(5.43), cell=True)
    factor = edge / float((4 * own.volume) ** (1 / 3))
    lengths = [(name, factor) for name in _LENGTHS[kind]]
    if kind == "tersoff":
        lengths += [(name, 1 / factor) for name in _WAVE_NUMBERS]
    for name, by in lengths:
        potential = eqx.tree_at(lambda p, n=name: getattr(p, n), potential, replace_fn=lambda x, b=by: x * b)
    return potential
