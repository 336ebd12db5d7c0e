"""Command line: runs the stages in order and prints what each adds to reference.json."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from experiments.silicon_pbe.convergence import HEADER, ULTRASOFT_SETTING, format_row, tabulate
from experiments.silicon_pbe.crystal import compute_elastic_constants, compute_equation_of_state
from experiments.silicon_pbe.energies import compute_beta_tin, compute_cohesive_energy
from experiments.silicon_pbe.espresso import CONVERGED, PwCache
from experiments.silicon_pbe.faults import run_faults
from experiments.silicon_pbe.phonons import (
    CONVENTIONAL_SUPERCELL,
    DISPLACEMENT,
    MASS,
    PRIMITIVE_SUPERCELL,
    QPOINTS,
    ZONE_BOUNDARY_SUPERCELL,
    compute_bands,
    compute_dos,
    compute_force_constants,
    compute_frequencies,
    compute_gruneisen,
    compute_vibrations,
    load_force_constants,
    save_force_constants,
)
from experiments.silicon_pbe.rattled import run_rattled
from experiments.silicon_pbe.report import DESCRIPTION, ORDER, Reference, describe_provenance
from experiments.silicon_pbe.surfaces import run_surfaces

OUTPUT = Path("diffsim/data/silicon_pbe")
# The 16-atom supercell's 5×5×5 is 10×10×10 of the primitive cell; the 64-atom one's 3×3×3 has the density of 9.5.
SUPERCELLS = ((PRIMITIVE_SUPERCELL, (5, 5, 5)), (CONVENTIONAL_SUPERCELL, (3, 3, 3)))
# Of the 16 atoms, 8×8×8 of the primitive cell, which also passes; its error cancels between two volumes.
GRUNEISEN_MESH = (4, 4, 4)
COMPARISON_MESH = (8, 8, 6)  # of the tetragonal four-atom cell


def run_convergence(cache: PwCache, reference: Reference) -> None:
    """Print and save the convergence table."""
    print(HEADER)
    rows = []
    for row in tabulate(cache):
        print(format_row(row), flush=True)
        rows.append(row)
    reference.update(convergence=rows)


def run_eos(cache: PwCache, reference: Reference) -> None:
    """Save the equation of state, and the ultrasoft pseudopotential's for comparison."""
    curve = compute_equation_of_state(cache, CONVERGED)
    by_energy, by_pressure = curve["energy_fit"], curve["pressure_fit"]
    reference.update(
        lattice_constant={
            "value": round(by_pressure["lattice_constant_A"], 5),
            "unit": "Å",
            "definition": "zero of the stress; the minimum of the energy is in pulay_check",
        },
        bulk_modulus={"value": by_energy["bulk_modulus_GPa"], "unit": "GPa"},
        bulk_modulus_derivative={"value": by_energy["bulk_modulus_derivative"], "unit": "1"},
        pulay_check={
            "energy_fit": by_energy,
            "pressure_fit": by_pressure,
            "largest_pressure_difference_GPa": curve["largest_pulay_pressure_GPa"],
        },
        equation_of_state=curve,
    )
    print("norm-conserving:", json.dumps({"energy": by_energy, "pressure": by_pressure}, indent=1))
    other = compute_equation_of_state(cache, ULTRASOFT_SETTING)
    summary = {key: other[key] for key in ("energy_fit", "pressure_fit")}
    reference.update(ultrasoft_comparison=summary)
    print("ultrasoft:", json.dumps(summary, indent=1))


def run_elastic(cache: PwCache, reference: Reference) -> None:
    """Save the elastic constants at zero stress."""
    constants = compute_elastic_constants(cache, CONVERGED, reference["lattice_constant"]["value"])
    reference.update(elastic_constants=constants)
    print("elastic:", json.dumps(constants, indent=1))


def run_phonons(cache: PwCache, reference: Reference) -> None:
    """Save the force constants of the 16-atom supercell, then those of the 64-atom one over them."""
    lattice_constant = reference["lattice_constant"]["value"]
    directory = reference.path.parent
    history = {}
    for supercell, mesh in SUPERCELLS:
        setting = replace(CONVERGED, kmesh=mesh)
        computed = compute_force_constants(cache, setting, lattice_constant, supercell=supercell)
        save_force_constants(computed, directory)
        phonon = load_force_constants(directory, lattice_constant, supercell)
        atoms = len(phonon.supercell)
        history[f"{atoms} atoms"] = compute_frequencies(phonon)
        reference.update(
            phonons={
                "frequencies": compute_frequencies(phonon),
                "unit": "THz",
                "qpoints": {name: list(qpoint) for name, qpoint in QPOINTS.items()},
                "reciprocal_basis": "of the POSCAR, ase.build.bulk('Si')",
                "supercell_atoms": atoms,
                "supercell_matrix": [list(row) for row in supercell],
                "kmesh": list(mesh),
                "displacement_A": DISPLACEMENT,
                "mass_amu": MASS,
                "lattice_constant_A": lattice_constant,
                "frequencies_by_supercell": dict(history),
            },
            bands=compute_bands(phonon),
            dos=compute_dos(phonon),
        )
        print(atoms, "atoms:", json.dumps(history[f"{atoms} atoms"]), flush=True)


def run_comparison(cache: PwCache, reference: Reference) -> None:
    """Save the frequencies at Γ and X of both pseudopotentials, each at its own zero of the stress."""
    other = reference["ultrasoft_comparison"]
    edges = {
        CONVERGED: reference["lattice_constant"]["value"],
        ULTRASOFT_SETTING: round(other["pressure_fit"]["lattice_constant_A"], 5),
    }
    frequencies = {}
    for setting, edge in edges.items():
        setting = replace(setting, kmesh=COMPARISON_MESH)
        phonon = compute_force_constants(cache, setting, edge, supercell=ZONE_BOUNDARY_SUPERCELL)
        frequencies[setting.pseudo] = {name: compute_frequencies(phonon)[name] for name in ("Γ", "X")}
        print(setting.pseudo, json.dumps(frequencies[setting.pseudo]), flush=True)
    summary = {**frequencies, "unit": "THz", "supercell_atoms": 4, "kmesh": list(COMPARISON_MESH)}
    reference.update(ultrasoft_comparison=other | {"frequencies": summary})


def run_gruneisen(cache: PwCache, reference: Reference) -> None:
    """Save the mode Grüneisen parameters from the 16-atom supercell at ±1 % in volume."""
    edges = [reference["lattice_constant"]["value"] * ratio ** (1 / 3) for ratio in (0.99, 1.01)]
    setting = replace(CONVERGED, kmesh=GRUNEISEN_MESH)
    compressed, expanded = (
        compute_force_constants(cache, setting, edge, supercell=PRIMITIVE_SUPERCELL) for edge in edges
    )
    modes = compute_gruneisen(compressed, expanded)
    reference.update(
        gruneisen={
            "modes": modes,
            "unit": "1",
            "order": "of frequency",
            "volume_step": 0.01,
            "supercell_atoms": len(compressed.supercell),
            "kmesh": list(GRUNEISEN_MESH),
        }
    )
    print("Grüneisen:", json.dumps(modes))


def run_vibrations(cache: PwCache, reference: Reference) -> None:
    """Save the density of states that a trajectory of the 64 atoms would show; from FORCE_CONSTANTS, without pw.x."""
    supercell = tuple(map(tuple, reference["phonons"]["supercell_matrix"]))
    phonon = load_force_constants(reference.path.parent, reference["lattice_constant"]["value"], supercell)
    reference.update(vdos=compute_vibrations(phonon))


def run_cohesion(cache: PwCache, reference: Reference) -> None:
    """Save the cohesive energy, and the ultrasoft pseudopotential's for comparison."""
    comparison = reference["ultrasoft_comparison"]
    energy = compute_cohesive_energy(cache, CONVERGED, reference["lattice_constant"]["value"])
    reference.update(cohesive_energy=energy)
    print("cohesive energy:", json.dumps(energy, indent=1), flush=True)
    other = compute_cohesive_energy(cache, ULTRASOFT_SETTING, comparison["pressure_fit"]["lattice_constant_A"])
    reference.update(ultrasoft_comparison=comparison | {"cohesive_energy": other})
    print("ultrasoft:", json.dumps(other, indent=1))


def run_beta_tin(cache: PwCache, reference: Reference) -> None:
    """Save the β-tin phase's minimum relative to diamond's."""
    phase = compute_beta_tin(cache, reference["lattice_constant"]["value"])
    reference.update(beta_tin=phase)
    print("β-tin:", json.dumps(phase, indent=1))


STAGES = {
    "convergence": run_convergence,
    "eos": run_eos,
    "elastic": run_elastic,
    "cohesion": run_cohesion,
    "phonons": run_phonons,
    "vdos": run_vibrations,
    "gruneisen": run_gruneisen,
    "beta-tin": run_beta_tin,
    "comparison": run_comparison,
    "rattled": run_rattled,
    "surfaces": run_surfaces,
    "stacking-faults": run_faults,
}


def main() -> None:
    """Parse the command line and run the stages."""
    parser = argparse.ArgumentParser(prog="python -m experiments.silicon_pbe", description=__doc__)
    parser.add_argument("--stage", choices=[*STAGES, "all"], default="all")
    parser.add_argument("--work", type=Path, default=Path("build/silicon_pbe"), help="scratch and cached results")
    parser.add_argument("--pseudo-dir", type=Path, default=Path("/usr/share/espresso/pseudo"))
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where reference.json goes")
    arguments = parser.parse_args()
    cache = PwCache(arguments.work.resolve(), arguments.pseudo_dir.resolve())
    reference = Reference(arguments.output, DESCRIPTION, ORDER)
    for name in STAGES if arguments.stage == "all" else (arguments.stage,):
        STAGES[name](cache, reference)
    version = cache.find_version()
    reference.update(provenance=describe_provenance(cache, version))


if __name__ == "__main__":
    main()
