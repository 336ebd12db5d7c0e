"""The published study of silicon and silica: its numbers, with its settings."""

import json
from importlib.resources import files

import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import Buckingham, StillingerWeber, System
from experiments.jctc_2025 import published
from experiments.jctc_2025.__main__ import COMMANDS, main
from experiments.jctc_2025.dynamics import phonons_of_reference
from experiments.jctc_2025.problems import compile_losses, problem
from experiments.jctc_2025.quartz import matrix_of, quartz
from experiments.jctc_2025.references import Reference, matching_sigma, own_reference, reference, study_elastic
from experiments.jctc_2025.search import levenberg_marquardt, rooted

phonopy = pytest.importorskip("phonopy")

# The elastic fits look at no force constants.
ELASTIC_ALONE = Reference("none", study_elastic(), published.LATTICE_CONSTANT, np.zeros((64, 64, 3, 3)), 2.1, True)


@pytest.fixture(scope="module")
def elastic():
    fit = problem("sw", "elastic", ELASTIC_ALONE)
    return fit, compile_losses(fit)


def test_the_loss_starts_where_the_study_starts(elastic):
    fit, compiled = elastic
    loss, slope = compiled.value_and_grad(fit.starts[0])
    assert loss == pytest.approx(79.85, abs=5e-3)  # the digits given
    # printed to eight digits; its code adds 1e-7 Å to the distances in the cosines, which moves the slope by 1.2e-5
    np.testing.assert_allclose(slope, (-24.70503026, -7.50559075), rtol=0, atol=3e-5)


def test_levenberg_marquardt_ends_at_the_published_minimum_in_a_handful_of_evaluations(elastic):
    fit, compiled = elastic
    run = levenberg_marquardt(fit, compiled, 0, fit.starts[0])
    assert run.losses[-1] == pytest.approx(22.53601, abs=5e-5)
    assert run.needed(22.536015) <= 5  # BFGS takes 13
    # a relative change of 1e-7 in the loss, where it is flat, leaves 3e-4 of the parameters
    np.testing.assert_allclose(run.points[-1], fit.published.minimum, rtol=3e-4)


def test_nothing_pulls_at_the_published_minimum(elastic):
    fit, compiled = elastic
    assert np.linalg.norm(compiled.value_and_grad(fit.published.minimum)[1]) < 1e-3  # 25 at the start


def test_rooted_residuals_square_to_the_norm(elastic):
    fit, compiled = elastic
    start = fit.at(fit.starts[0])
    predictions = diffsim.evaluate(start, rooted(fit.experiments))
    squares = np.sum(predictions["elastic"]["constants"] ** 2)
    assert squares == pytest.approx(compiled.value_and_grad(fit.starts[0])[0], rel=1e-12)


def test_sigma_at_which_the_stretched_crystal_has_no_stress_is_the_studys():
    assert matching_sigma(published.LATTICE_CONSTANT) == pytest.approx(published.SW_SIGMA, abs=5e-7)  # its six digits


def test_own_force_constants_in_the_studys_order_of_atoms_have_their_own_frequencies():
    own = own_reference()
    expected = json.loads((files("diffsim") / "data" / "silicon_pbe" / "reference.json").read_text(encoding="utf-8"))
    for name, frequencies in phonons_of_reference(own, mesh=1).special.items():
        theirs = np.array(expected["phonons"]["frequencies"][name])
        # the acoustic frequencies at Γ are square roots of rounding
        atol = np.where(np.abs(theirs) > 0.1, 1e-6, 1e-3)
        assert (np.abs(frequencies - theirs) < atol).all()


def test_force_constants_are_read_from_a_path(tmp_path):
    system = System.from_ase(bulk("Si", a=published.LATTICE_CONSTANT, cubic=True))
    constants = np.asarray(diffsim.force_constants(StillingerWeber.silicon(), system, (2, 2, 2)))
    path = tmp_path / "FORCE_CONSTANTS"
    phonopy.file_IO.write_FORCE_CONSTANTS(constants, path)
    found = reference(path)
    np.testing.assert_allclose(found.force_constants, constants, rtol=0, atol=1e-15)  # the file has 15 digits
    assert found.is_the_studys
    phonopy.file_IO.write_FORCE_CONSTANTS(constants[:8, :8], path)
    with pytest.raises(ValueError, match=r"all 64 atoms of the study's supercell, got \(8, 8, 3, 3\)"):
        reference(path)


def test_a_path_that_leads_nowhere_is_said_in_one_sentence(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["both", "--force-constants", str(tmp_path / "nothing"), "--output", str(tmp_path)])
    assert "cannot read the force constants" in capsys.readouterr().err


def test_the_axis_setting_of_quartz_decides_the_sign_of_c14():
    bks = Buckingham.bks(short_cutoff=4.0, coulomb_cutoff=5.0)  # too short for its size, not for its sign
    right, left = (np.asarray(diffsim.elastic_constants(bks, quartz(mirrored=m), definition="energy")) for m in (0, 1))
    assert right[0, 3] < -5  # GPa; measured: −18
    mirror = np.diag([1, 1, 1, -1, -1, 1])  # z → −z
    np.testing.assert_allclose(left, mirror @ right @ mirror, rtol=0, atol=1e-7)  # rounding of solves with 100 GPa
    names = ("C11", "C12", "C13", "C14", "C33", "C44", "C66")
    constants = {name: right[int(name[1]) - 1, int(name[2]) - 1] for name in names}
    np.testing.assert_allclose(right, matrix_of(constants), rtol=0, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_each_command_runs_and_leaves_its_numbers(tmp_path, command):
    main([command, "--quick", "--output", str(tmp_path)])
    assert (tmp_path / f"summary_{command}.csv").exists()
    pictures = list(tmp_path.rglob("*.png"))
    assert pictures
    assert all(picture.with_suffix(".csv").exists() for picture in pictures)
