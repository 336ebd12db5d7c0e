"""Energies, forces, stresses and magnetic moments by the original CHGNet in 64-bit floats, and its rounding in 32 bits.

They stand in `chgnet_torch.json`, with the structures, so that tests need no torch. To make them again, in an
environment with torch 2.13.0 and chgnet 0.4.2: python tests/oracles/chgnet_torch.py
"""

import json
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.spacegroup import crystal

FILE = Path(__file__).with_suffix(".json")
VERSIONS = ("0.3.0", "0.2.0", "r2scan")


def structures() -> dict[str, Atoms]:
    """Crystals of one to six elements, slabs, molecules, cells without angles: rattled, most of them strained."""
    quartz = {"spacegroup": 152, "cellpar": [4.916, 4.916, 5.405, 90, 90, 120]}
    perovskite = {"basis": [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)], "spacegroup": 221}
    olivine = [
        (0, 0, 0),
        (0.28, 0.25, 0.97),
        (0.09, 0.25, 0.42),
        (0.1, 0.25, 0.74),
        (0.46, 0.25, 0.21),
        (0.17, 0.05, 0.28),
    ]
    many = bulk("Ni", a=3.6, cubic=True) * (2, 1, 1)
    many.symbols = ["Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Cr", "Fe"]
    slab = fcc111("Cu", (2, 1, 3), a=3.61, vacuum=6.0)
    oxide = (bulk("MgO", "rocksalt", a=4.21, cubic=True) * (1, 1, 1)).copy()
    oxide.center(vacuum=5.0, axis=2)
    boxed = {name: molecule(name, vacuum=5.0) for name in ("H2O", "CH3OH", "C6H6", "H2", "SiH4")}
    found = {
        "silicon": (bulk("Si", a=5.43), 0.1, 0.0),
        "silicon, strained": (bulk("Si", a=5.43, cubic=True), 0.2, 0.06),
        "silicon, dense": (bulk("Si", a=4.7), 0.1, 0.05),
        "aluminium, one atom": (bulk("Al", a=4.05), 0.0, 0.05),
        "aluminium": (bulk("Al", a=4.05, cubic=True), 0.1, 0.03),
        "iron": (bulk("Fe", a=2.87, cubic=True), 0.1, 0.03),
        "titanium": (bulk("Ti", a=2.95, c=4.68), 0.1, 0.03),
        "graphite": (
            Atoms(
                "C4",
                [(0, 0, 0), (0, 1.42, 0), (0, 0, 3.35), (0, 2.84, 3.35)],
                cell=[[2.46, 0, 0], [-1.23, 2.13, 0], [0, 0, 6.7]],
            ),
            0.05,
            0.03,
        ),
        "salt": (bulk("NaCl", "rocksalt", a=5.6, cubic=True), 0.1, 0.05),
        "magnesia, two atoms": (bulk("MgO", "rocksalt", a=4.0), 0.0, 0.0),
        "gallium arsenide": (bulk("GaAs", "zincblende", a=5.65), 0.15, 0.05),
        "nickel oxide": (bulk("NiO", "rocksalt", a=4.18) * (1, 1, 2), 0.1, 0.03),
        "quartz": (crystal(["Si", "O"], [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.7858)], **quartz), 0.1, 0.05),
        "calcium titanate": (crystal(["Ca", "Ti", "O"], cellpar=[3.9] * 3 + [90] * 3, **perovskite), 0.1, 0.05),
        "barium titanate": (crystal(["Ba", "Ti", "O"], cellpar=[4.0, 4.0, 4.1] + [90] * 3, **perovskite), 0.05, 0.02),
        "uranium oxide": (
            crystal(
                ["U", "O"],
                [(0, 0, 0), (0.25, 0.25, 0.25)],
                spacegroup=225,
                cellpar=[5.47] * 3 + [90] * 3,
                primitive_cell=True,
            ),
            0.1,
            0.03,
        ),
        "lithium iron phosphate": (
            crystal(["Li", "Fe", "P", "O", "O", "O"], olivine, spacegroup=62, cellpar=[10.33, 6.01, 4.69] + [90] * 3),
            0.05,
            0.02,
        ),
        "six metals": (many, 0.1, 0.03),
        "copper slab": (slab, 0.1, 0.0),
        "magnesia slab": (oxide, 0.1, 0.0),
        "argon, without angles": (bulk("Ar", a=5.3), 0.0, 0.03),
        "caesium, without angles": (bulk("Cs", a=5.2, cubic=True), 0.1, 0.0),
        "caesium chloride, without angles": (bulk("CsCl", "cesiumchloride", a=4.2), 0.05, 0.0),
        **{f"{name} in a box": (atoms, 0.05, 0.0) for name, atoms in boxed.items()},
    }
    return {name: _rattled(*given, seed) for seed, (name, given) in enumerate(found.items())}


def _rattled(atoms: Atoms, amplitude: float, strain: float, seed: int) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.pbc = True
    atoms.set_cell(atoms.cell @ (np.eye(3) + strain * rng.uniform(-1, 1, (3, 3))), scale_atoms=True)
    atoms.positions += amplitude * rng.standard_normal(atoms.positions.shape)
    return Atoms(atoms.numbers, np.round(atoms.positions, 10), cell=np.round(atoms.cell, 10), pbc=True)


def in_double() -> None:
    """The package has 32-bit floats written into it in three places."""
    import chgnet.graph.converter
    import chgnet.model.model
    import torch
    from chgnet.model.composition_model import AtomRef

    torch.set_default_dtype(torch.float64)
    chgnet.graph.converter.TORCH_DTYPE = chgnet.model.model.TORCH_DTYPE = torch.float64
    fractions = lambda graph: torch.bincount(graph.atomic_number - 1, minlength=94).double() / len(graph.atomic_number)  # noqa: E731
    AtomRef._assemble_graphs = lambda self, graphs: torch.stack([fractions(graph) for graph in graphs])


def predicted(every: dict[str, Atoms]) -> dict[str, dict[str, dict]]:
    """By version and structure, as the package has them: energy in eV/atom, stress in GPa."""
    import torch
    from chgnet.model import CHGNet
    from pymatgen.io.ase import AseAtomsAdaptor

    found = {}
    for version in VERSIONS:
        net = CHGNet.load(model_name=version, use_device="cpu", verbose=False).to(torch.get_default_dtype())
        of = lambda atoms, net=net: net.predict_structure(AseAtomsAdaptor.get_structure(atoms))  # noqa: E731
        found[version] = {name: _plain(of(atoms)) for name, atoms in every.items()}
    return found


def _plain(prediction: dict) -> dict:
    names = {"e": "energy", "f": "forces", "s": "stress", "m": "moments"}
    return {name: np.round(np.asarray(prediction[key], float), 10).tolist() for key, name in names.items()}


def main() -> None:
    every = structures()
    single = predicted(every)
    in_double()
    double = predicted(every)
    names = {"energy": "eV/atom", "forces": "eV/Å", "stress": "GPa", "moments": "μ_B"}
    deviation = lambda version, key: max(_apart(single[version][n][key], double[version][n][key]) for n in every)  # noqa: E731
    rounding = {version: {key: float(f"{deviation(version, key):.2g}") for key in names} for version in VERSIONS}
    held = {
        n: {"numbers": a.numbers.tolist(), "positions": a.positions.tolist(), "cell": a.cell.tolist()}
        for n, a in every.items()
    }
    content = {"units": names, "rounding": rounding, "structures": held, "double": double}
    FILE.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def _apart(first: list, second: list) -> float:
    return float(np.abs(np.asarray(first) - np.asarray(second)).max())


if __name__ == "__main__":
    main()
