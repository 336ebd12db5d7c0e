"""The committed first-principles data of silicon agree with each other and with phonopy."""

import json
from importlib.resources import files

import numpy as np
import pytest

phonopy = pytest.importorskip("phonopy")

DATA = files("diffsim") / "data" / "silicon_pbe"


@pytest.fixture(scope="module")
def reference() -> dict:
    return json.loads((DATA / "reference.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def crystal(reference):
    """Phonopy's object of the committed POSCAR and FORCE_CONSTANTS."""
    phonons = reference["phonons"]
    crystal = phonopy.load(
        unitcell_filename=DATA / "POSCAR",
        supercell_matrix=phonons["supercell_matrix"],
        primitive_matrix=np.eye(3),
        force_constants_filename=DATA / "FORCE_CONSTANTS",
        symmetrize_fc=False,
        is_nac=False,
    )
    crystal.masses = [phonons["mass_amu"]] * 2
    return crystal


def test_bulk_modulus_of_the_equation_of_state_is_that_of_the_elastic_constants(reference):
    constants = reference["elastic_constants"]
    from_stress = (constants["C11"] + 2 * constants["C12"]) / 3
    assert from_stress == pytest.approx(reference["bulk_modulus"]["value"], rel=0.02)


def test_stress_vanishes_where_the_energy_is_least(reference):
    fits = reference["pulay_check"]
    edges = [fits[name]["lattice_constant_A"] for name in ("energy_fit", "pressure_fit")]
    assert edges[0] == pytest.approx(edges[1], abs=1e-3)
    assert abs(reference["elastic_constants"]["residual_stress_GPa"]) < 0.02


def test_internal_relaxation_softens_the_shear(reference):
    constants = reference["elastic_constants"]
    assert 0 < constants["C44"] < constants["C44_clamped"]
    assert 0 < constants["kleinman_parameter"] < 1


@pytest.mark.parametrize("name", ["Γ", "X", "L"])
def test_frequencies_are_those_of_the_force_constants(reference, crystal, name):
    crystal.run_qpoints([reference["phonons"]["qpoints"][name]])
    frequencies = np.sort(crystal.qpoints.frequencies[0])
    expected = np.array(reference["phonons"]["frequencies"][name])
    moving = expected > 0.1  # the acoustic frequencies at Γ are square roots of rounding errors
    np.testing.assert_allclose(frequencies[moving], expected[moving], rtol=0, atol=1e-6)
    np.testing.assert_allclose(frequencies[~moving], 0, atol=1e-4)


def test_bands_are_those_of_the_force_constants(reference, crystal):
    for segment in reference["bands"]["segments"]:
        crystal.run_qpoints(segment["qpoints"])
        frequencies = np.sort(crystal.qpoints.frequencies, axis=1)
        np.testing.assert_allclose(frequencies, segment["frequencies"], rtol=0, atol=1e-5)


def test_acoustic_modes_vanish_and_optic_modes_are_degenerate_at_the_zone_centre(reference):
    frequencies = np.array(reference["phonons"]["frequencies"]["Γ"])
    np.testing.assert_allclose(frequencies[:3], 0, atol=1e-3)
    assert np.ptp(frequencies[3:]) < 1e-3


def test_the_setting_of_the_data_passed_the_convergence_table(reference):
    provenance = reference["provenance"]
    rows = [
        row
        for row in reference["convergence"]
        if row["pseudopotential"] == provenance["pseudopotential"]["file"]
        and row["ecutwfc_Ry"] == provenance["ecutwfc"]["value"]
        and row["kmesh"] == provenance["kmesh_primitive_cell"]
    ]
    assert rows
    assert all(row["passes"] for row in rows)


def test_zone_centre_gruneisen_parameter_has_three_equal_optic_modes(reference):
    modes = reference["gruneisen"]["modes"]["Γ"]
    assert modes[:3] == [None, None, None]
    assert np.ptp(modes[3:]) < 1e-2
