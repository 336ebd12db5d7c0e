"""The crystal's reference, and the judge of `experiment=silicon_ensembles`."""

import pytest

from diffsim import EDIP
from diffsim.data.reference import reference
from experiments.ensembles.__main__ import main
from experiments.ensembles.crystal import lattice_constant


def test_a_judge_needs_somebody_to_judge(capsys):
    with pytest.raises(SystemExit):
        main(["judge"])
    assert "give the potential.json of a fit" in capsys.readouterr().err


@pytest.mark.slow
def test_a_short_run_finds_the_reference_within_its_error():
    found = lattice_constant(EDIP.silicon(), 5.43, frames=20, stride=25)
    assert 0 < found.error < 0.01  # 8 ps: thirty times less than the reference, 0.0005 Å
    assert abs(found.value - reference("silicon_edip", "lattice_constant")) < 4 * found.error
