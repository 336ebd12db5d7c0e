"""Stillinger–Weber: silicon against its reference, and the moments against the sum over triplets."""

import dataclasses
import math

import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import Neighbors, System, units
from diffsim.graph import graph
from diffsim.potentials import StillingerWeber
from tests.helpers import POTENTIALS


def test_silicon_is_at_rest_where_the_reference_says():
    """a₀ = 5.43094978 Å and −4.33652 eV/atom, known to their last digit (1e-8 Å is 1e-6 GPa)."""
    system = System.from_ase(bulk("Si", a=5.43094978))
    assert diffsim.energy(StillingerWeber.silicon(), system) / 2 == pytest.approx(-4.3365200, abs=5e-8)
    np.testing.assert_allclose(diffsim.stress(StillingerWeber.silicon(), system) / units.GPa, 0.0, atol=2e-6)


def test_moments_equal_the_sum_over_triplets():
    potential, system = POTENTIALS["stillinger_weber_mixture"]()
    seen = graph(system, Neighbors.allocate(system, potential.cutoff))
    vectors, mask, index = (np.asarray(x) for x in (seen.vectors, seen.mask, seen.index))
    kind = [potential.species.index(z) for z in np.asarray(system.numbers)]
    p = {field.name: np.asarray(getattr(potential, field.name)) for field in dataclasses.fields(potential)}
    total = 0.0
    for i, t in enumerate(kind):
        edges = [(vectors[:, k, i], kind[index[k, i]]) for k in range(len(index)) if mask[k, i]]
        edges = [(v, s) for v, s in edges if np.linalg.norm(v) < p["a"][t, s] * p["sigma"][t, s]]
        for j, (v, s) in enumerate(edges):
            r, sigma, gap = np.linalg.norm(v), p["sigma"][t, s], np.linalg.norm(v) - p["a"][t, s] * p["sigma"][t, s]
            pair = p["B"][t, s] * (sigma / r) ** p["p"][t, s] - (sigma / r) ** p["q"][t, s]
            total += 0.5 * p["A"][t, s] * p["epsilon"][t, s, s] * pair * math.exp(sigma / gap)
            bond = math.exp(p["gamma"][t, s] * sigma / gap)
            for w, u in edges[:j]:
                far = np.linalg.norm(w) - p["a"][t, u] * p["sigma"][t, u]
                other = math.exp(p["gamma"][t, u] * p["sigma"][t, u] / far)
                bend = (v @ w / np.linalg.norm(v) / np.linalg.norm(w) - p["cos_theta0"][t, s, u]) ** 2
                total += p["lam"][t, s, u] * p["epsilon"][t, s, u] * bond * other * bend
    # moments of some 10 neighbours cancel by a digit or two
    assert diffsim.energy(potential, system) == pytest.approx(total, rel=1e-13)


def test_bad_parameters_are_refused():
    silicon = StillingerWeber.silicon()
    with pytest.raises(ValueError, match=r"cutoff a·sigma must be positive, got -3\.7"):
        dataclasses.replace(silicon, a=-1.8)
    with pytest.raises(ValueError, match=r"sigma of 1 species must be .* have shape \(1, 1\), got \(1, 1, 1\)"):
        dataclasses.replace(silicon, sigma=[[[2.0951]]])
