"""reference.json: results with units, merged stage by stage, with where they came from."""

import importlib.metadata
import json
import re
from datetime import UTC, datetime
from pathlib import Path

from experiments.silicon_pbe.espresso import CONVERGED, ULTRASOFT, PwCache

DESCRIPTION = "Silicon in the PBE approximation, computed for this package"
# Order of the keys in the file, so that the numbers come before the long lists.
ORDER = (
    "description",
    "lattice_constant",
    "bulk_modulus",
    "bulk_modulus_derivative",
    "elastic_constants",
    "cohesive_energy",
    "beta_tin",
    "phonons",
    "vdos",
    "gruneisen",
    "surfaces",
    "stacking_faults",
    "vacancy",
    "rattled",
    "convergence",
    "pulay_check",
    "provenance",
    "ultrasoft_comparison",
    "equation_of_state",
    "bands",
    "dos",
)


def describe_provenance(cache: PwCache, version: str) -> dict:
    """Return versions, pseudopotential hashes, the converged setting, the date and the command."""
    return {
        "code": f"Quantum ESPRESSO pw.x {version}",
        "functional": "PBE",
        "pseudopotential": {"file": CONVERGED.pseudo, "sha256": cache.hash_pseudo(CONVERGED.pseudo)},
        "comparison_pseudopotential": {"file": ULTRASOFT, "sha256": cache.hash_pseudo(ULTRASOFT)},
        "ecutwfc": {"value": CONVERGED.ecutwfc, "unit": "Ry"},
        "ecutrho": {"value": CONVERGED.ecutrho, "unit": "Ry"},
        "kmesh_primitive_cell": list(CONVERGED.kmesh),
        "kmesh_centre": "Γ",
        "ase": importlib.metadata.version("ase"),
        "phonopy": importlib.metadata.version("phonopy"),
        "seekpath": importlib.metadata.version("seekpath"),
        "date": datetime.now(UTC).date().isoformat(),
        "command": "python -m experiments.silicon_pbe --stage all",
    }


def format_json(content: dict) -> str:
    """Return indented JSON with every list of numbers on one line."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    return re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda match: "[" + re.sub(r"\s*\n\s*", " ", match[1]) + "]", text)


class Reference:
    """The reference.json of a directory, rewritten whenever a stage adds to it; keys of ``order`` come first."""

    def __init__(self, directory: Path, description: str, order: tuple[str, ...] = ()):
        self.path = directory / "reference.json"
        self.description, self.order = description, order
        directory.mkdir(parents=True, exist_ok=True)
        self.content = self._read()

    def __getitem__(self, key: str):
        if key not in self.content:
            raise SystemExit(f"{self.path} has no {key!r} yet: run the stages in order, or --stage all.")
        return self.content[key]

    def update(self, **sections) -> None:
        """Set top-level sections and write the file, with what others wrote to it meanwhile."""
        self.content = self._read() | sections
        ordered = {key: self.content[key] for key in (*self.order, *self.content) if key in self.content}
        self.path.write_text(format_json(ordered) + "\n", encoding="utf-8")

    def _read(self) -> dict:
        content = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
        return content | {"description": self.description}
