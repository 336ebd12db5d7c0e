"""What the README shows works as shown."""

import re
from pathlib import Path

import pytest

from diffsim import StillingerWeber

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "56.45" in printed  # C44 of Stillinger–Weber silicon in GPa, as LAMMPS has it
    losses = [float(loss) for loss in re.findall(r"^\d (\S+)$", printed, re.MULTILINE)]
    start = names["experiments"]["crystal"].residuals(names["state"].start["crystal"])
    assert 1 <= len(losses) <= 5
    assert losses == sorted(losses, reverse=True)  # a rejected step repeats the loss
    assert losses[-1] < 0.1 * 0.5 * float((start**2).sum())
    assert re.search(r"^epsilon ± \d+\.\d%$", printed, re.MULTILINE)
    again = StillingerWeber.from_lammps(tmp_path / "Si.sw", ["Si"])
    assert float(again.lam) == pytest.approx(float(names["state"].potential.lam), rel=1e-14)  # 15 digits are written


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_a_link_leads_somewhere(path):
    assert path.startswith("https://") or (ROOT / path).exists()


def test_the_commands_are_targets_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\S+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_continuous_integration_runs_the_readmes_tests():
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()
    assert "make test " in README
