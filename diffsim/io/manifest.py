"""Where results come from: versions, commit, device, seed, and the digests of what was read."""

import hashlib
import os
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

_PACKAGES = (
    "diffsim",
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "optimistix",
    "lineax",
    "numpy",
    "scipy",
    "ase",
    "hydra-core",
)
_PACKAGE = Path(__file__).parent.parent


def manifest(config: str, seed: int) -> dict[str, Any]:
    """What to know in order to repeat a run; `config` is its configuration as YAML text, before interpolation."""
    device = jax.devices()[0]
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv[1:],
        "folder": os.getcwd(),  # where paths in the configuration begin
        "versions": {"python": platform.python_version()} | {name: installed(name) for name in _PACKAGES},
        "git": git_commit(),
        "platform": platform.platform(),
        "device": {"platform": device.platform, "kind": device.device_kind, "count": jax.device_count()},
        "x64": bool(jax.config.read("jax_enable_x64")),
        "seed": seed,
        "inputs": {"configuration": hashlib.sha256(config.encode()).hexdigest()} | digests(inputs(config)),
    }


def inputs(config: str) -> list[Path]:
    """Files that a configuration names, and those of the data sets that it takes references from."""
    sets = {_PACKAGE / "data" / name / "reference.json" for name in re.findall(r"\$\{reference:\s*(\w+)", config)}
    words = re.findall(r"[^\s'\",\[\]{}]+", config)
    return sorted(sets | {Path(word) for word in words if len(word) < 1000 and Path(word).is_file()})


def digests(paths: list[Path]) -> dict[str, str]:
    """SHA-256 of each file, by its name: the path that the configuration has, or that within the package."""
    return {_name(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def changed_inputs(stored: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Files whose digest is no longer the stored one, and both digests; 'missing' for a file that is gone."""
    changed = {}
    for name, old in stored.items():
        if name != "configuration":
            path = _PACKAGE.parent / name if name.startswith("diffsim/") else Path(name)
            new = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
            if new != old:
                changed[name] = (old, new)
    return changed


def _name(path: Path) -> str:
    return f"diffsim/{path.relative_to(_PACKAGE)}" if path.is_relative_to(_PACKAGE) else str(path)


def git_commit() -> dict[str, Any] | None:
    """The commit of the checkout that the package runs from, and whether it has been changed since."""
    root = _PACKAGE.parent
    if not (root / ".git").exists():
        return None
    ask = lambda *words: subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True).stdout.strip()  # noqa: E731
    try:
        return {
            "commit": ask("rev-parse", "HEAD"),
            "changed": bool(ask("status", "--porcelain", "--untracked-files=no")),
        }
    except OSError:
        return None


def installed(package: str) -> str | None:
    """The version of a package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
