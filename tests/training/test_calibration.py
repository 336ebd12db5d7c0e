"""Predicted deviations against errors: of many structures at once, their scale, and what to label next."""

import equinox as eqx
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import (
    Ensemble,
    StillingerWeber,
    System,
    calibration,
    deviations_of,
    relabelled,
    unlabelled,
    worst_known,
)
from diffsim.training.calibration import Cases, calibrated, cases_of
from tests.helpers import rattled

SW = StillingerWeber.silicon()
COMMITTEE = Ensemble([eqx.tree_at(lambda p: p.lam, SW, factor * SW.lam) for factor in (0.9, 1.0, 1.2)])
CRYSTALS = [rattled(bulk("Si", a=5.43), 0.1, seed, strain=0.03) for seed in range(20)]
PAIR = System([[0.0, 0.0, 0.0], [2.3, 0.1, 0.0]], 20 * np.eye(3), [14, 14], [28.0, 28.0], False)
MIXED = [*CRYSTALS[:2], CRYSTALS[2].supercell((1, 1, 3)), PAIR]


def test_deviations_of_many_are_those_of_each():
    """Of several sizes, and of two atoms that are not periodic, which have no stress."""
    for system, found in zip(MIXED, deviations_of(COMMITTEE, unlabelled(MIXED)), strict=True):
        np.testing.assert_allclose(found.energy, diffsim.energy_deviation(COMMITTEE, system), rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(found.forces, diffsim.force_deviation(COMMITTEE, system), rtol=1e-9, atol=1e-15)
        if all(system.pbc):
            np.testing.assert_allclose(found.stress, diffsim.stress_deviation(COMMITTEE, system), rtol=1e-9)
        else:
            assert np.isnan(found.stress)


def test_errors_stand_beside_their_deviations():
    """What is zero by symmetry is left out, and so are labels that are not there."""
    perfect = System.from_ase(bulk("Si", a=5.43))
    given = relabelled(SW, unlabelled([*CRYSTALS[:3], perfect]))
    given[0] = given[0]._replace(stress=np.full((3, 3), np.nan))
    cases = cases_of(COMMITTEE, given)
    own = relabelled(COMMITTEE, given)
    lengths = [np.linalg.norm(a.forces - b.forces, axis=1) for a, b in zip(own[:3], given, strict=False)]
    np.testing.assert_allclose(cases["forces"].error, np.concatenate(lengths), rtol=1e-12)
    sure = [np.asarray(diffsim.force_deviation(COMMITTEE, one)) for one in CRYSTALS[:3]]
    np.testing.assert_allclose(cases["forces"].deviation, np.concatenate(sure), rtol=1e-9)
    energies = [abs(a.energy - b.energy) / 2 for a, b in zip(own[:3], given, strict=False)]
    np.testing.assert_allclose(cases["energy"].error, energies, rtol=1e-9)
    np.testing.assert_allclose(cases["stress"].error, [np.linalg.norm(own[n].stress - given[n].stress) for n in (1, 2)])
    twins = cases_of(Ensemble([SW, SW]), given)
    assert not any(len(one.error) for one in twins.values())


@pytest.mark.parametrize("components", [1, 3])
def test_one_factor_makes_deviations_those_of_the_errors(components):
    """Errors drawn 2.5 times as large as predicted, over two decades; the likelihood is scipy's."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)

    def drawn(count: int) -> tuple[Cases, np.ndarray]:
        deviation = 10 ** rng.uniform(-3, -1, count)
        each = 2.5 * deviation[:, None] / np.sqrt(components) * rng.standard_normal((count, components))
        return Cases(deviation, np.linalg.norm(each, axis=1)), each

    (fitted, _), (tested, each) = drawn(3000), drawn(1000)
    found = calibrated(fitted, tested, components)
    assert found.scale == pytest.approx(2.5, rel=0.05)
    for scale, surprise in ((1.0, found.before), (found.scale, found.after)):
        sigma = scale * tested.deviation[:, None] / np.sqrt(components)
        assert surprise == pytest.approx(-np.mean(norm.logpdf(each, scale=sigma)), rel=1e-9)
    assert found.after < found.before - 1
    others = [calibrated(Cases(fitted.deviation * f, fitted.error), fitted, components).scale for f in (0.5, 2.0)]
    np.testing.assert_allclose(others, [2 * found.scale, found.scale / 2], rtol=1e-12)
    nearby = [calibrated(fitted, fitted, components).after]
    nearby += [calibrated(Cases(fitted.deviation / f, fitted.error), fitted, components).after for f in (0.9, 1.1)]
    assert nearby[0] == min(nearby)  # the scale is the one of maximum likelihood
    assert found.count.tolist() == [100] * 10
    assert (np.diff(found.deviation) > 0).all()
    np.testing.assert_allclose(found.error, 2.5 * found.deviation, rtol=0.25)


def test_a_committee_is_calibrated_by_what_it_has_not_seen():
    labels = relabelled(eqx.tree_at(lambda p: p.lam, SW, 1.4 * SW.lam), unlabelled(CRYSTALS))
    found = calibration(COMMITTEE, labels[:10], labels[10:])
    assert [*found] == ["energy", "forces", "stress"]
    for one in found.values():
        # the mean is 0.37 λ off, the members 0.12 λ apart
        assert one.scale == pytest.approx((1.4 - 3.1 / 3) / np.std([0.9, 1.0, 1.2]), rel=1e-6)
        assert one.after < one.before
    with pytest.raises(ValueError, match="StillingerWeber does not know how sure it is"):
        calibration(SW, labels[:10], labels[10:])


def test_the_worst_known_structures_are_picked():
    calm = [rattled(bulk("Si", a=5.43), 0.03, seed) for seed in range(6)]
    wild = [rattled(bulk("Si", a=5.43), 0.4, seed) for seed in (1, 2)]
    systems = [*calm[:3], wild[0], *calm[3:], wild[1]]
    largest = [float(np.max(diffsim.force_deviation(COMMITTEE, one))) for one in systems]
    assert {3, 7} == {*worst_known(COMMITTEE, systems, 2).tolist()}
    assert worst_known(COMMITTEE, systems, 8).tolist() == np.argsort(largest)[::-1].tolist()
    with pytest.raises(ValueError, match="count must be from 1 to the number of structures, 8, got 9"):
        worst_known(COMMITTEE, systems, 9)
