"""CHGNet: the suite of learned potentials, and its published weights against the original package."""

import functools
import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import diffsim
from diffsim import CHGNet, Neighbors, System, relabelled, units, unlabelled
from diffsim.data.batching import _padded
from diffsim.graph import graph
from diffsim.mechanics import total_energy
from diffsim.neighbors import alike
from diffsim.potentials.chgnet_weights import PUBLISHED
from diffsim.system import stack
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

ORACLE = json.loads((Path(__file__).parents[1] / "oracles" / "chgnet_torch.json").read_text(encoding="utf-8"))
BARS = {"energy": 2e-6, "forces": 1e-4, "stress": 1e-3, "moments": 1e-5}  # eV/atom, eV/Å, GPa, μ_B
ROOMS = (4, 12, 28)  # atoms that structures are padded to: so many shapes are compiled
MIXTURE = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)


def tiny(species, **changed) -> CHGNet:
    given = {"cutoff": 4.0, "depth": 3, "features": 3, "waves": (3, 2), "hidden": 1, "power": 6}
    return CHGNet.init(species, 0, **(given | changed))


class TestCHGNet(Learned):
    def make(self, species):
        return tiny(species)

    # a minute of compilation
    test_a_trajectory_is_differentiated_backwards_by_all_weights = pytest.mark.slow(
        Learned.test_a_trajectory_is_differentiated_backwards_by_all_weights
    )


def published(version: str) -> CHGNet:
    try:
        return CHGNet.load(version)
    except ValueError as error:
        if "is not installed" in str(error):
            pytest.skip(str(error))
        raise


@eqx.filter_jit
def evaluated(potential: CHGNet, systems: System, neighbors: Neighbors) -> dict[str, jax.Array]:
    def one(system: System, neighbors: Neighbors) -> dict[str, jax.Array]:
        moved = lambda x, strain: system.replace(positions=x).strained(strain)  # noqa: E731
        energy = lambda x, strain: total_energy(potential, moved(x, strain), neighbors)  # noqa: E731
        zero = jnp.zeros((3, 3), system.positions.dtype)
        value, (slope, by_strain) = jax.value_and_grad(energy, (0, 1))(system.positions, zero)
        stress = 0.5 * (by_strain + by_strain.T) / system.volume / units.GPa
        moments = potential.magnetic_moments(graph(system, neighbors))
        return {"energy": value, "forces": -slope, "stress": stress, "moments": moments}

    return jax.lax.map(lambda given: one(*given), (systems, neighbors))


@functools.cache
def structures(dtype: type = np.float64) -> dict[int, tuple[list[str], System, Neighbors]]:
    """By room: the names of structures, and these with their lists."""
    found: dict[int, list[tuple[str, System]]] = {}
    for name, one in ORACLE["structures"].items():
        system = System.from_ase(Atoms(one["numbers"], one["positions"], cell=one["cell"], pbc=True))
        system = system.replace(positions=system.positions.astype(dtype), cell=system.cell.astype(dtype))
        atoms = min(room for room in ROOMS if room >= len(system.numbers))
        found.setdefault(atoms, []).append((name, _padded(system, atoms)))
    batches = {}
    for atoms, given in found.items():
        lists = alike([Neighbors.allocate(system, 6.0).for_angles(system, 3.0) for _, system in given])
        batches[atoms] = [name for name, _ in given], stack([system for _, system in given]), stack(lists)
    return batches


def assert_agrees(potential: CHGNet, version: str, rooms: tuple[int, ...]) -> None:
    found = deviations(potential, version, rooms)
    for key, bar in BARS.items():
        assert found[key] < bar, f"{key}: {found[key]:.2g}"


def deviations(
    potential: CHGNet, version: str, rooms: tuple[int, ...] = ROOMS, dtype: type = np.float64
) -> dict[str, float]:
    """The largest from the original package, by what it is of."""
    largest = dict.fromkeys(BARS, 0.0)
    for names, systems, neighbors in (structures(dtype)[room] for room in rooms):
        found = {key: np.asarray(value) for key, value in evaluated(potential, systems, neighbors).items()}
        for row, name in enumerate(names):
            for key in BARS:
                expected = np.asarray(ORACLE["double"][version][name][key])
                value = found[key][row]
                value = value / len(ORACLE["structures"][name]["numbers"]) if key == "energy" else value
                value = value[: len(expected)] if key in ("forces", "moments") else value
                largest[key] = max(largest[key], float(np.abs(value - expected).max()))
    return largest


def test_published_weights_give_the_numbers_of_the_original_where_there_are_few_atoms():
    """Up to four; the others below take longer to compile."""
    assert_agrees(published("0.3.0"), "0.3.0", (4,))


@pytest.mark.slow
@pytest.mark.parametrize("version", PUBLISHED)
def test_published_weights_give_the_numbers_of_the_original(version):
    """Of 28 structures: rattled, strained, slabs, molecules in boxes, one to six elements, cells without angles."""
    assert len(ORACLE["structures"]) >= 20
    assert_agrees(published(version), version, ROOMS)


@pytest.mark.slow
def test_single_precision_rounds_no_worse_than_the_original():
    """Three times what the original package loses in 32-bit floats, at the most."""
    potential = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), published("0.3.0"))
    found = deviations(potential, "0.3.0", dtype=np.float32)
    for key, rounding in ORACLE["rounding"]["0.3.0"].items():
        assert found[key] < 3 * rounding, f"{key}: {found[key]:.2g} where the original has {rounding:.2g}"


@functools.cache
def small() -> tuple[CHGNet, System]:
    return tiny(("Si", "C")), MIXTURE


def energies(potential: CHGNet, system: System, neighbors: Neighbors) -> np.ndarray:
    seen = graph(system, neighbors)
    return np.asarray(jax.jit(lambda seen: potential.atomic_energies(seen))(seen))[: len(system.numbers)]


def test_room_for_angles_changes_no_energy():
    """Without room all edges count as near; with just enough, and with too much, it is the same."""
    potential, system = small()
    neighbors = Neighbors.allocate(system, 4.2)
    enough = neighbors.for_angles(system, 3.0)
    more = enough.with_room_like(enough, 1)
    assert 2 < enough.near.rows < more.near.rows < len(neighbors.index)
    expected = energies(potential, system, neighbors)
    assert np.ptp(expected) > 1e-3
    for roomed in (enough, more):
        np.testing.assert_allclose(energies(potential, system, roomed), expected, rtol=0, atol=1e-13)


def test_blocks_of_atoms_change_no_energy_nor_force(monkeypatch):
    """Three at a time, so that the last block has an empty column."""
    potential, system = small()
    system = rattled(system.supercell((2, 1, 1)).to_ase(), 0.05)
    neighbors = Neighbors.allocate(system, 4.2).for_angles(system, 3.0)

    def derive(x):
        energy = lambda x: total_energy(potential, system.replace(positions=x), neighbors)  # noqa: E731
        return jax.jit(jax.value_and_grad(energy))(x)

    expected, slope = derive(system.positions)
    monkeypatch.setattr("diffsim.potentials.near_edges._TOGETHER", 100)
    monkeypatch.setattr("diffsim.potentials.near_edges._WHOLE", 100)
    found, again = derive(system.positions)
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    np.testing.assert_allclose(again, slope, rtol=0, atol=1e-12)


def test_all_bonds_are_told_of_angles_where_there_are_any():
    """The biases of version 0.2.0: three atoms with one angle, and without."""
    potential = tiny(("Si", "C"), biased=True)
    names = ("bond_layers.0.bias", "bond_layers.1.bias")
    biased = eqx.tree_at(lambda p: [layer.bias for layer in p.bond_layers], potential, [jnp.ones(3), jnp.ones(3)])
    triple = lambda r: System([[0, 0, 0], [r, 0, 0], [0, 2.5, 0]], 60 * np.eye(3), [14, 14, 6], [28.0] * 3)  # noqa: E731
    for r, changes in ((2.8, True), (3.2, False)):
        neighbors = Neighbors.allocate(triple(r), 4.0)
        moved = energies(biased, triple(r), neighbors) - energies(potential, triple(r), neighbors)
        assert (np.abs(moved) > 1e-6).any() == changes, names


def test_a_bias_of_bonds_is_not_told_from_structure_to_structure():
    """Three in a row have no angle, also where they are predicted beside three that have one."""
    potential = tiny(("Si",), biased=True)
    layers = [layer.bias for layer in potential.bond_layers]
    potential = eqx.tree_at(lambda p: [layer.bias for layer in p.bond_layers], potential, [b + 1.0 for b in layers])
    row = System([[0, 0, 0], [3.2, 0, 0], [6.4, 0, 0]], 60 * np.eye(3), [14] * 3, [28.0] * 3)
    bent = System([[0, 0, 0], [2.5, 0, 0], [0, 2.5, 0]], 60 * np.eye(3), [14] * 3, [28.0] * 3)
    alone = [one for system in (row, bent) for one in relabelled(potential, unlabelled([system]))]
    together = relabelled(potential, unlabelled([row, bent]))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_allclose(b.energy, a.energy, rtol=0, atol=1e-12)
        np.testing.assert_allclose(b.forces, a.forces, rtol=0, atol=1e-12)


def test_moments_are_public_and_of_atoms():
    potential, system = small()
    moments = diffsim.magnetic_moments(potential, system)
    assert moments.shape == (4,)
    assert (moments >= 0).all()
    with pytest.raises(ValueError, match="StillingerWeber knows of no magnetic moments; CHGNet does"):
        diffsim.magnetic_moments(diffsim.StillingerWeber.silicon(), system)


def test_few_shapes_are_compiled_in_dynamics_and_in_a_relaxation(monkeypatch):
    """A cell that shrinks by 6 % of its volume a step and back, as a calculator sees it; and hot dynamics."""
    from diffsim.io import ase as calculators

    potential = tiny(("Si", "C"))
    shapes, evaluate = set(), calculators._evaluate
    seen = lambda p, s, n: shapes.add((n.index.shape, n.near)) or evaluate(p, s, n)  # noqa: E731
    monkeypatch.setattr(calculators, "_evaluate", seen)
    atoms = MIXTURE.to_ase()
    atoms.calc = calculators.Calculator(potential)
    start = atoms.cell.copy()
    for step in (0, 1, 2, 3, 2, 1):
        atoms.set_cell(start * 0.94 ** (step / 3), scale_atoms=True)
        forces = atoms.get_forces()
        expected = diffsim.forces(potential, System.from_ase(atoms)) if step == 3 else forces
        np.testing.assert_allclose(forces, expected, rtol=0, atol=1e-12)
    assert len(shapes) <= 3


def test_an_atom_that_comes_too_near_is_not_left_out():
    """A list made where an atom has one near neighbour, and positions where it has two."""
    potential, _ = small()
    triple = lambda r: System([[0, 0, 0], [r, 0, 0], [0, 2.5, 0]], 60 * np.eye(3), [14, 14, 6], [28.0] * 3)  # noqa: E731
    neighbors = Neighbors.allocate(triple(3.2), 4.6).for_angles(triple(3.2), 3.0)
    assert neighbors.near.rows == 1
    assert not neighbors.overflow(triple(3.1), potential.cutoff)
    assert neighbors.overflow(triple(2.9), potential.cutoff)
    assert neighbors.update(triple(2.9))[1]
    expected = diffsim.energy(potential, triple(2.9))
    np.testing.assert_allclose(diffsim.energy(potential, triple(2.9), neighbors), expected, rtol=1e-13)


def test_bad_models_are_refused():
    with pytest.raises(ValueError, match="CHGNet needs a depth of at least 2, got 1"):
        tiny(("Si",), depth=1)
    with pytest.raises(ValueError, match=r"angular_cutoff must be between 0 and the cutoff of 4\.0 Å, got 4\.5 Å"):
        tiny(("Si",), angular_cutoff=4.5)
    with pytest.raises(ValueError, match="networks are made for elements"):
        tiny(())
    americium = System.from_ase(bulk("Am", "fcc", a=4.9))
    with pytest.raises(ValueError, match="CHGNet has parameters for Si, but the system contains Am"):
        diffsim.energy(tiny(("Si",)), americium)
