"""A potential's parameters in the words of the KIM API, for whoever makes an OpenKIM model of it.

A portable model tells the KIM API of each parameter its name, data type, extent and a description
(`KIM::ModelDriverCreate::SetParameterPointer`, KIM API 2); LAMMPS' `kim param` and KLIFF set parameters by this name
and a position in the flat list. The file holds just that, with units and the order of the species beside it: YAML,
tables over species written out row by row. It is no model by itself: that also needs a model driver of the same form.
"""

import json
from pathlib import Path

import numpy as np

from diffsim.fields import parameters
from diffsim.potentials.base import AbstractPotential
from diffsim.potentials.lammps import write_lines


def write_kim_parameters(path: str | Path, potential: AbstractPotential) -> None:
    """Writes name, data type, extent, shape, unit and values of each parameter, to the last digit.

    **Raises** `ValueError` where the file cannot be written.
    """
    from ase.data import chemical_symbols

    species = [chemical_symbols[number] for number in potential.species]
    lines = [
        f"# {type(potential).__name__}, written by diffsim; units eV, Å, amu",
        f"form: {type(potential).__name__}",
        f"species: {json.dumps(species)} # empty: any one species",
        f"influence_distance: {float(np.asarray(potential.reach))!r} # Å",
        "parameters:",
    ]
    for name, entry in parameters(potential).items():
        values = np.asarray(entry.value, float)
        lines += [
            f"  - name: {name}",
            "    data_type: Double",
            f"    extent: {values.size}",
            f"    shape: {list(values.shape)}",
            f"    unit: {json.dumps(entry.unit, ensure_ascii=False)}",
            f"    values: {[_number(value) for value in values.reshape(-1)]}".replace("'", ""),
        ]
    write_lines(path, lines)


def _number(value: float) -> str:
    """Seventeen digits with a point, without which YAML takes 1e-05 for a word."""
    text = repr(float(value))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text
