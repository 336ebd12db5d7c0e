"""What the data set of the reweighted melt claims of itself follows from its own labels."""

import json
from importlib.resources import files

import numpy as np
import pytest

import diffsim
from diffsim import System, error_of_mean, units
from experiments.silicon_liquid.truth import of_frames
from experiments.silicon_melt_pbe.generations import load as load_overlay
from experiments.silicon_melt_pbe.labels import load
from experiments.silicon_melt_pbe.melts import REPEATS, TEMPERATURE
from experiments.silicon_melt_pbe.weights import average, weighed

DATA = files("diffsim") / "data" / "silicon_melt_pbe"


@pytest.fixture(scope="module")
def reference() -> dict:
    return json.loads((DATA / "reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def snapshots() -> list:
    return load(DATA / "snapshots.xyz.gz")


@pytest.fixture(scope="module")
def last(snapshots) -> list:
    """Those of the last melt, that are weighed."""
    return [one for one in snapshots if one.info.get("weighted")]


def energies(snapshots) -> tuple[np.ndarray, np.ndarray]:
    return np.array([one.get_potential_energy() for one in snapshots]), np.array(
        [one.info["sampled_energy"] for one in snapshots]
    )


def test_labels_are_finite_and_push_no_cell_as_a_whole(snapshots, reference):
    for one in snapshots:
        assert len(one) == 64
        assert one.cell.lengths() == pytest.approx([reference["cell"]["value"]] * 3, abs=1e-7)
        assert np.isfinite(one.get_potential_energy())
        assert np.isfinite(one.get_forces()).all()
        # pw.x takes the mean off the forces; eight digits in the file
        np.testing.assert_allclose(one.get_forces().sum(axis=0), 0, atol=1e-4)


def test_the_effective_sample_size_is_that_of_the_labels(last, reference):
    said, found = reference["reweighted"], weighed(*energies(last))
    assert len(last) == said["snapshots"]
    assert found.effective == pytest.approx(said["effective_sample_size"], abs=2e-3)  # digits of the file
    assert found.spread == pytest.approx(said["spread_of_beta_difference"], abs=2e-3)
    np.testing.assert_allclose(found.weights, said["weights"], atol=1e-4)


def test_energies_of_the_last_melt_are_those_of_the_committed_potential(last):
    potential = load_overlay(DATA)
    for one in (last[0], last[-1]):
        energy = float(diffsim.energy(potential, System.from_ase(one)))
        assert energy == pytest.approx(one.info["sampled_energy"], abs=1e-5)  # eV; eight digits of positions


def test_snapshots_are_farther_apart_than_the_melt_remembers(reference):
    melt = reference["melt"]
    assert melt["sampled_ps"] >= 20
    assert melt["spacing_of_the_snapshots_ps"] > 5 * melt["correlation_time_of_the_energy_ps"]
    assert melt["independent_frames"] > reference["reweighted"]["snapshots"]


def test_forces_are_derivatives_of_the_free_energy(reference):
    check = reference["force_check"]
    up, down = check["free_energies_eV"]
    by_difference = (down - up) / (2 * check["displacement_A"])
    assert by_difference == pytest.approx(check["force_by_difference_eV_per_A"], abs=1e-9)
    # cubic terms of the energy over 0.02 Å are some meV/Å, of a force of eV/Å
    assert by_difference == pytest.approx(check["force_of_pw_eV_per_A"], abs=0.01)
    assert check["electronic_kT_eV"] == pytest.approx(units.kB * TEMPERATURE)


def test_the_cutoff_is_converged_and_one_point_is_not(reference):
    """As the documentation says: Γ is off by more than three kT, Baldereschi's point by one to two, at worst."""
    kT = 1e3 * units.kB * TEMPERATURE  # meV
    at = {(r["melt"], r["varied"], r["ecutwfc_Ry"], r["points"]): r["difference_meV"] for r in reference["convergence"]}
    old, new = "StillingerWeber", "fit_2"
    assert abs(at[old, "cutoff", 20.0, "Γ"] - at[old, "cutoff", 30.0, "Γ"]) < 0.02 * kT
    assert abs(at[old, "k-points", 15.0, "Γ"] - at[old, "k-points", 15.0, "four"]) > 3 * kT
    off = [abs(at[m, "k-points", 15.0, "Baldereschi"] - at[m, "k-points", 15.0, "four"]) for m in (old, new)]
    assert kT < max(off) < 2 * kT


def test_the_weighted_rdf_is_the_weighted_mean_of_the_snapshots(last, reference):
    said = reference["reweighted"]
    g = of_frames(np.stack([one.positions for one in last]), REPEATS)
    mean, error = average(g, weighed(*energies(last)).weights)
    np.testing.assert_allclose(mean, said["rdf"]["value"][0], atol=1e-3)
    np.testing.assert_allclose(error, said["rdf_error"]["value"][0], atol=1e-3)


def test_equal_weights_have_the_error_of_a_mean():
    values = np.random.default_rng(0).normal(size=(256, 3))
    mean, error = average(values, np.full(256, 1 / 256))
    np.testing.assert_allclose(mean, values.mean(axis=0))
    np.testing.assert_allclose(error, values.std(axis=0, ddof=1) / 16)
    np.testing.assert_allclose(error, error_of_mean(values), rtol=0.2)  # blocks of 2 or 4: their own noise


def test_one_step_of_reweighting_loses_what_a_gaussian_says():
    """N exp(−σ²) of N snapshots are left where β (F − U) is Gaussian."""
    off = np.random.default_rng(1).normal(scale=0.5 * units.kB * TEMPERATURE, size=20000)
    found = weighed(off, np.zeros_like(off))
    assert found.effective == pytest.approx(found.expected, rel=0.02)  # noise of the mean of w²
