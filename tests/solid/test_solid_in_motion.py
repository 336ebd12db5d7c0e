"""A crystal in motion: cold it vibrates as lattice dynamics says, hot its vacancy hops, hotter it melts."""

import functools

import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import LennardJones, Neighbors, State, System, VibrationalDensityOfStates, reciprocal_mesh
from diffsim.io.band_path import band_path
from diffsim.quality.structures import rattled
from diffsim.solid import Lattice, Pace, density_at_rest, hop_rate, vibrations, waves_of
from diffsim.solid.hopping import farther
from diffsim.solid.motion import require_crystal
from diffsim.system import stack

LJ = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=5.0, onset=4.4)
DT, LAGS = 10.0, 60  # fs, frames


@functools.cache
def lattice(repeats: int) -> Lattice:
    crystal = diffsim.relax(LJ, System.from_ase(bulk("Ar", a=5.4)), cell=True)
    return Lattice(LJ, crystal, (repeats, repeats, repeats))


@functools.cache
def highest() -> float:
    return float(lattice(2).frequencies(reciprocal_mesh((2, 2, 2))[0]).max())


def motion(kelvin: float, repeats: int = 2, **changed):
    path = band_path(lattice(repeats).crystal, 8)
    grid = np.linspace(0.0, 1.25 * highest(), 80)
    density = VibrationalDensityOfStates(frequencies=grid, lags=LAGS)
    given = {"density": density, "waves": waves_of(path, (repeats,) * 3), "steps": 3000, "replicas": 4} | changed
    return vibrations(lattice(repeats), kelvin, Pace(DT, highest()), **given)


def test_a_cold_crystal_vibrates_as_at_rest():
    """At 0.1 K: the same density as of the waves that fit, each mode at its own frequency, and hardly a width."""
    found = motion(0.1)
    points, weights = reciprocal_mesh((2, 2, 2))
    modes = lattice(2).frequencies(points)
    grid = np.linspace(0.0, 1.25 * highest(), 80)
    expected = density_at_rest(modes, weights, VibrationalDensityOfStates(grid, LAGS), Pace(DT, highest()).every)
    off = np.abs(found.density - expected)
    assert np.mean(off < 3 * found.density_error + 0.02 * expected.max()) > 0.95
    # every replica has 3N − 3 = 21 states, whatever its modes have drawn
    assert np.trapezoid(found.density, grid) == pytest.approx(21 / 8, rel=0.02)
    assert found.drift < 1e-4  # meV/atom/ps
    # each of the 4 × 21 modes has drawn its energy from a distribution of width kT
    assert found.temperature == pytest.approx(0.1, rel=0.4)
    assert [(one.wave, one.branches) for one in found.phonons] == [("X", [1, 2]), ("X", [3]), ("L", [1, 2]), ("L", [3])]
    for one in found.phonons:
        # velocity Verlet is faster by (ω dt)²/24, 0.05 %, and 0.1 K by as much
        assert one.frequency == pytest.approx(one.at_rest, rel=0.0015)
        assert one.lifetime > 5 * found.duration / 30


@pytest.mark.slow
def test_a_warm_crystal_has_lifetimes():
    """Lines widen with temperature: at 40 K phonons live for some picoseconds, at 10 K several times as long."""
    cold, warm = (motion(kelvin, 4, steps=6000) for kelvin in (10.0, 40.0))
    mean = lambda found: np.median([one.lifetime for one in found.phonons])  # noqa: E731
    assert 1 < mean(warm) < 0.6 * mean(cold)


def test_a_crystal_that_melts_is_told():
    with pytest.raises(ValueError, match=r"at 600 K the atoms do not stay on the lattice|gets hotter|hotter than"):
        motion(600.0, steps=1000, replicas=2)


def test_one_replica_has_no_error():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        motion(1.0, replicas=1)


def test_a_single_atom_does_not_vibrate():
    with pytest.raises(ValueError, match=r"a single atom does not vibrate: raise repeats, got \(1, 1, 1\)"):
        motion(1.0, repeats=1, waves=[])


def hopping(kelvin: float, hops: int, steps: int):
    crystal = lattice(4).crystal
    return hop_rate(LJ, crystal, kelvin, Pace(DT, highest()), repeats=(4, 4, 4), hops=hops, steps=steps)


def test_a_cold_vacancy_stays_where_it_is():
    found = hopping(10.0, 1, 12_000)
    assert (found.hops, found.rate.value, found.rate.low) == (0, 0.0, 0.0)
    # no event in t: the rate is below −ln(1 − p)/t with probability p, here with what is left over cut in two
    assert found.likely.high == pytest.approx(-np.log(0.025) / found.time)
    assert found.named > 0.999
    assert np.isnan(found.cosine)


@pytest.mark.slow
def test_a_molten_crystal_has_no_empty_site():
    with pytest.raises(ValueError, match="do not stay on the lattice: after"):
        hopping(300.0, 1000, 60_000)


@pytest.mark.slow
def test_hops_of_a_hot_crystal_forget_each_other():
    """At 150 K, a fifth of the barrier over k: each goes to a neighbouring site, in a direction of its own."""
    found = hopping(150.0, 20, 300_000)
    assert found.hops >= 20
    assert found.far <= 3
    assert abs(found.cosine) < 4 * found.cosine_error
    assert found.likely.low < found.rate.low < found.rate.value < found.rate.high < found.likely.high


def test_a_crystal_that_has_melted_before_it_is_looked_at_is_told():
    """What counts is how far atoms are from their sites, not from where they were after the heating."""
    whole = lattice(2).crystal.supercell((2, 2, 2))
    states = [State(one, Neighbors.allocate(whole, 5.0)) for one in (rattled(whole, 1.0), whole)]
    with pytest.raises(ValueError, match=r"at 30 K the atoms do not stay on the lattice: .* which are 3\.82 Å apart"):
        require_crystal(whole, stack([states[0]] * 2), 30.0)
    require_crystal(whole, stack([states[1]] * 2), 30.0)


def test_a_cell_in_which_no_wave_fits_has_a_density_of_states():
    cubic = diffsim.relax(LJ, System.from_ase(bulk("Ar", a=5.4, cubic=True)), cell=True)
    density = VibrationalDensityOfStates(frequencies=np.linspace(0.0, 1.25 * highest(), 40), lags=LAGS)
    given = {"density": density, "waves": [], "steps": 600, "replicas": 2}
    found = vibrations(Lattice(LJ, cubic, (1, 1, 1)), 1.0, Pace(DT, highest()), **given)
    assert found.phonons == []
    assert np.trapezoid(found.density, density.frequencies) == pytest.approx(9 / 4, rel=0.05)


def test_hops_of_a_compound_are_measured_by_the_sites_of_one_element():
    """In rocksalt, a/√2 to the next site of it; the next but one is a away."""
    salt = System.from_ase(bulk("NaCl", "rocksalt", a=5.6)).supercell((4, 4, 4))
    hops = 5.6 * np.array([[0.5, 0.5, 0.0], [0.0, -0.5, 0.5], [1.0, 0.0, 0.0]])
    assert farther(hops, salt) == 1
