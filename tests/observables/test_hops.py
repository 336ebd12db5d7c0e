"""Hops of a vacancy: in made-up trajectories whose hops are known, and in numbers drawn at a known rate."""

import jax
import numpy as np
import pytest
from ase.build import bulk
from scipy.stats import chi2

from diffsim import System, units
from diffsim.observables.arrhenius_law import arrhenius
from diffsim.observables.hops import hops_of, memory_of_direction, poisson_rate
from diffsim.observables.vacancy_site import VacancySite, spacing_of

FCC = System.from_ase(bulk("Ar", a=5.4)).supercell((4, 4, 4))
HCP = System.from_ase(bulk("Mg", "hcp", a=3.2, c=5.2)).supercell((5, 4, 3))
DIAMOND = System.from_ase(bulk("Si", a=5.43)).supercell((3, 3, 3))
CRYSTALS = {"fcc": FCC, "hcp": HCP, "diamond": DIAMOND}
WAY = (0.1, 0.3, 0.45, 0.6, 0.72, 0.9)  # of an atom on its way, one a frame


def neighbours(crystal: System, site: int) -> tuple[np.ndarray, np.ndarray]:
    """The sites next to one, and the vectors to them."""
    cell = np.asarray(crystal.cell)
    away = np.asarray(crystal.positions) - np.asarray(crystal.positions)[site]
    away -= np.rint(away @ np.linalg.inv(cell)) @ cell
    r = np.linalg.norm(away, axis=1)
    near = np.flatnonzero((r > 0) & (r < 1.02 * np.sort(r)[1]))
    return near, away[near]


def trajectory(crystal: System, hops: int, *, noise: float, drift: float, attempts: bool, seed: int = 0):
    """Positions of all frames, unwrapped, with the vacancy's sites one after the other, and where it hopped.

    Atoms vibrate by `noise` d, the whole crystal moves by `drift` Å along each axis, with recoil; between hops atoms go
    far on their way and turn round, on either side of the middle.
    """
    rng = np.random.default_rng(seed)
    ideal, owner = np.delete(np.asarray(crystal.positions), 0, 0), np.delete(np.arange(len(crystal.positions)), 0)
    vacancy, sites, frames, when = 0, [0], [], []
    spacing = np.linalg.norm(neighbours(crystal, 0)[1][0])

    def shown(displaced=None):
        x = ideal.copy()
        if displaced is not None:
            x[displaced[0]] += displaced[1]
        frames.append(x - x.mean(axis=0) + noise * spacing / np.sqrt(3) * rng.standard_normal(x.shape))

    for _ in range(hops):
        near, away = neighbours(crystal, vacancy)
        if attempts:
            pick = rng.integers(len(near))
            for part in (*WAY[:3], 0.55, *WAY[2::-1]):
                shown((int(np.flatnonzero(owner == near[pick])[0]), -part * away[pick]))
        for _ in range(4):
            shown()
        pick = rng.integers(len(near))
        atom = int(np.flatnonzero(owner == near[pick])[0])
        for part in WAY:
            shown((atom, -part * away[pick]))
        when.append(len(frames))
        ideal[atom] -= away[pick]
        owner[atom], vacancy = vacancy, int(near[pick])
        sites.append(vacancy)
        for _ in range(4):
            shown()
    moved = np.linspace(0, drift, len(frames))[:, None, None]
    return np.stack(frames) + moved, np.array(sites), np.array(when)


def seen(tracker: VacancySite, frames: np.ndarray) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(tracker.seen))(frames))


@pytest.mark.parametrize("name", CRYSTALS)
def test_hops_are_those_that_were_made(name):
    """Nothing but them: not the attempts, however far the whole crystal drifts."""
    crystal = CRYSTALS[name]
    frames, sites, when = trajectory(crystal, 12, noise=0.07, drift=9.0, attempts=True)
    found = hops_of(seen(VacancySite.of(crystal, 0), frames), crystal, 3)
    np.testing.assert_array_equal(found.sites, sites)
    assert np.abs(found.frames - when).max() <= 2
    assert found.recrossings == 0
    lengths = np.linalg.norm(found.vectors, axis=1)
    np.testing.assert_allclose(lengths, np.linalg.norm(neighbours(crystal, 0)[1][0]), rtol=0.02)


def test_the_lattice_recoils_and_is_followed():
    """At a centre of mass that rests, the lattice moves by many spacings while the vacancy goes one way."""
    tracker, cell = VacancySite.of(FCC, 0), np.asarray(FCC.cell)
    positions = np.delete(np.asarray(FCC.positions), 0, 0)
    recoil = np.array([0.13, 0.0, 0.05]) * float(tracker.spacing)
    seen, follow = jax.jit(lambda t, x: t.seen(x)), jax.jit(lambda t, x: t.following(x))
    for n in range(1, 101):
        moved = positions + n * recoil
        images = np.rint(-n * recoil * len(positions) @ np.linalg.inv(cell))
        moved[5] += images @ cell  # as those that hopped have gone the other way
        assert int(seen(tracker, moved)) == 0
        tracker = follow(tracker, moved)
    np.testing.assert_allclose(tracker.sites, np.asarray(FCC.positions) + 100 * recoil, atol=1e-9)


def test_an_immediate_return_is_a_recrossing():
    series = [0, 0, -1, 4, 4, -1, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 0, 4, 0]
    found = hops_of(series, FCC, 3)
    assert found.sites.tolist() == [0, 4, 0]
    assert found.frames.tolist() == [12, 20]
    assert found.recrossings == 2
    assert found.named == pytest.approx(19 / 21)
    every = hops_of(series, FCC, 0)
    assert (len(every.frames), every.recrossings) == (6, 0)


def test_frames_that_name_no_site_are_refused():
    with pytest.raises(ValueError, match="no frame names an empty site"):
        hops_of([-1, -1], FCC, 3)


def test_a_small_cell_is_refused():
    with pytest.raises(ValueError, match=r"too small to follow a vacancy among sites that are 3\.82 Å apart"):
        VacancySite.of(System.from_ase(bulk("Ar", a=5.4)).supercell((3, 3, 3)), 0)


def test_a_lone_atom_is_as_far_from_others_as_its_images():
    assert spacing_of(System.from_ase(bulk("Ar", a=5.4))) == pytest.approx(5.4 / np.sqrt(2))
    assert spacing_of(System.from_ase(bulk("Si", a=5.4))) == pytest.approx(5.4 * np.sqrt(3) / 4)
    assert spacing_of(System([[0.0] * 3, [0.5, 0.5, 4.0]], np.diag([3.0, 5.0, 9.0]), [18] * 2, [40.0] * 2)) == 3.0


def test_a_random_walk_has_its_rate():
    """4000 frames with a hop in each by 5 %: within four standard errors, and hops remember no direction."""
    rng = np.random.default_rng(3)
    series = [0]
    for _ in range(4000):
        near, _ = neighbours(FCC, series[-1])
        series.append(int(rng.choice(near)) if rng.random() < 0.05 else series[-1])
    found = hops_of(series, FCC, 0)
    rate = poisson_rate(len(found.frames), 0.5 * 4000)
    assert abs(rate.value - 0.1) < 4 * 0.5 * (rate.high - rate.low)
    cosine, error = memory_of_direction(found.vectors)
    assert error < 0.06
    assert abs(cosine) < 4 * error


@pytest.mark.parametrize("events", [0, 1, 7, 40])
def test_intervals_of_a_rate_are_exact(events):
    """At their ends a Poisson number is so small, or so large, with half of what is left over."""
    from scipy.stats import poisson

    rate = poisson_rate(events, 2.0, 0.9)
    assert poisson.cdf(events, 2 * rate.high) == pytest.approx(0.05)
    if events:
        assert poisson.sf(events - 1, 2 * rate.low) == pytest.approx(0.05)
    else:
        assert rate.low == 0


TEMPERATURES, TIMES = np.array([80.0, 100.0, 120.0, 140.0]), np.array([30e3, 5e3, 2e3, 1e3])  # K, ps


def test_arrhenius_finds_what_counts_were_drawn_with():
    """Over 400 draws: no bias beyond its error, and errors that are the spread."""
    rng, found = np.random.default_rng(0), []
    expected = TIMES * 4.0 * np.exp(-0.065 / (units.kB * TEMPERATURES))
    for _ in range(400):
        found.append(arrhenius(TEMPERATURES, rng.poisson(expected), TIMES))
    barriers = np.array([one.barrier for one in found])
    logs = np.log([one.prefactor for one in found])
    # the bias of a likelihood is of order 1/n, a tenth of the spread here
    assert abs(barriers.mean() - 0.065) < 0.2 * barriers.std()
    assert abs(logs.mean() - np.log(4.0)) < 0.2 * logs.std()
    assert np.mean([one.barrier_error for one in found]) == pytest.approx(barriers.std(), rel=0.1)
    assert np.mean([one.log_prefactor_error for one in found]) == pytest.approx(logs.std(), rel=0.1)
    assert np.mean([one.correlation for one in found]) == pytest.approx(np.corrcoef(barriers, logs)[0, 1], abs=0.02)
    deviances = [one.deviance for one in found]
    assert np.mean(deviances) == pytest.approx(chi2.mean(2), rel=0.15)
    at = [np.log(one.rate(90.0)[0]) for one in found]
    assert np.mean([one.rate(90.0)[1] for one in found]) == pytest.approx(np.std(at), rel=0.1)


def test_arrhenius_of_exact_counts_is_exact():
    exact = 1e4 * TIMES * 4.0 * np.exp(-0.065 / (units.kB * TEMPERATURES))
    found = arrhenius(TEMPERATURES, exact, TIMES)
    np.testing.assert_allclose([found.barrier, found.prefactor / 1e4], [0.065, 4.0], rtol=1e-10)
    assert found.deviance == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("events", "times", "sentence"),
    [
        ([0, 0, 0, 5], TIMES, "events at two temperatures"),
        ([1, 2, 3, 4], [1.0, 1.0, 1.0, 0.0], "a positive time for each number of events"),
    ],
)
def test_arrhenius_refuses_what_determines_nothing(events, times, sentence):
    with pytest.raises(ValueError, match=sentence):
        arrhenius(TEMPERATURES, events, times)


def test_an_empty_temperature_counts_too():
    """Not a single event where two were expected makes the barrier higher."""
    with_none = arrhenius([100.0, 120.0, 140.0, 80.0], [10, 30, 60, 0], [1e3, 1e3, 1e3, 1e3])
    without = arrhenius([100.0, 120.0, 140.0], [10, 30, 60], [1e3, 1e3, 1e3])
    assert with_none.barrier > without.barrier
