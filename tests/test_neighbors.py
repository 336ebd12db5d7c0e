"""Neighbours: the right edges in any cell, and the reverse of each."""

import jax
import numpy as np
import pytest
from ase.build import bulk
from edges import as_set, assert_reverses, completed, edges_of, table_edges
from random_cells import KINDS, random_structure

from diffsim import Neighbors, System

update = jax.jit(lambda neighbors, system: neighbors.update(system))


def matscipy_edges(system: System, radius: float) -> set:
    matscipy = pytest.importorskip("matscipy.neighbours")
    atoms = system.to_ase()
    atoms.set_cell(completed(system))
    return as_set(*matscipy.neighbour_list("ijS", atoms, radius))


def vesin_edges(system: System, radius: float) -> set:
    search = pytest.importorskip("vesin").NeighborList(cutoff=radius, full_list=True)
    points, box = np.asarray(system.positions), completed(system)
    return as_set(*search.compute(points=points, box=box, periodic=list(system.pbc), quantities="ijS"))


def brute_force_edges(system: System, radius: float) -> set:
    """Every image that any pair could need, one after the other."""
    positions, cell = np.asarray(system.positions), np.asarray(system.cell)
    axes = list(system.pbc)
    dual = np.linalg.pinv(cell[axes])
    span = np.zeros(3, int)
    span[axes] = np.ceil(radius * np.linalg.norm(dual, axis=0) + np.ptp(positions @ dual, axis=0))
    found = set()
    for corner in np.ndindex(*(2 * span + 1)):
        shift = np.array(corner) - span
        distances = np.linalg.norm(positions[None] - positions[:, None] + shift @ cell, axis=-1)
        pairs = np.argwhere((distances <= radius) & ~(np.eye(len(positions), dtype=bool) & ~shift.any()))
        found |= {(int(i), int(j), tuple(shift.tolist())) for i, j in pairs}
    return found


# vesin takes up to 40 s where atoms lie far outside of a cell that is not periodic: it sees the first three kinds
CASES = [(matscipy_edges, kind) for kind in KINDS] + [(vesin_edges, kind) for kind in KINDS[:3]]


@pytest.mark.parametrize(("oracle", "kind"), CASES)
def test_edges_are_those_of_matscipy_and_vesin_in_200_random_cells(oracle, kind):
    seeds = range(KINDS.index(kind), 200, len(KINDS))
    seen = 0
    for seed in seeds:
        system, radius = random_structure(seed), 2.0 + seed % 7 * 0.6
        edges = edges_of(system, radius)
        assert edges == oracle(system, radius), f"seed {seed}"
        seen += len(edges)
    assert seen > 1000  # the cells are not empty of edges


@pytest.mark.parametrize("seed", range(20))
def test_edges_are_those_of_a_search_through_all_images(seed):
    system = random_structure(seed, n=1 + seed % 6)
    assert edges_of(system, 4.0) == brute_force_edges(system, 4.0)


def test_an_atom_is_a_neighbour_of_its_own_images():
    system = System.from_ase(bulk("Cu", a=3.6))
    assert table_edges(Neighbors.allocate(system, 2.6)) == brute_force_edges(system, 2.6)
    assert Neighbors.allocate(system, 2.6).index.shape == (12, 1)  # fcc


def test_edges_at_exactly_the_radius_come_with_their_reverse():
    """Lattice distances that equal the radius, where one rounding more or less decides."""
    for a in np.linspace(5.3, 5.5, 23):
        system = System.from_ase(bulk("Si", a=a, cubic=True))
        neighbors = Neighbors.allocate(system, np.sqrt(2) * a / 2)
        edges = table_edges(neighbors)
        assert edges == {(j, i, tuple(-s for s in shift)) for i, j, shift in edges}
        again, flag = update(neighbors.widened(20), system)
        assert not flag
        assert_reverses(again)


@pytest.mark.parametrize("seed", range(10))
def test_reverse_edges_are_the_reverse(seed):
    assert_reverses(Neighbors.allocate(random_structure(seed), 4.0, capacity=400))


def test_capacity_widens_the_table_and_changes_no_edge():
    system = random_structure(0, n=5)
    narrow = Neighbors.allocate(system, 4.0)
    wide = Neighbors.allocate(system, 4.0, capacity=narrow.index.shape[0] + 3)
    assert wide.index.shape[0] == narrow.index.shape[0] + 3
    assert table_edges(wide) == table_edges(narrow)
    assert_reverses(wide)


def test_capacity_below_the_longest_column_is_refused():
    system = System.from_ase(bulk("Si", a=5.43))
    with pytest.raises(ValueError, match=r"an atom has 16 neighbours within 4 Å: raise capacity from 15 to 16"):
        Neighbors.allocate(system, 4.0, capacity=15)


@pytest.mark.parametrize("radius", [0.0, -1.0, float("nan"), float("inf")])
def test_a_radius_that_is_not_positive_is_refused(radius):
    with pytest.raises(ValueError, match="the list radius must be positive"):
        Neighbors.allocate(System.from_ase(bulk("Si", a=5.43)), radius)


def test_allocate_inside_jit_is_refused():
    system = System.from_ase(bulk("Si", a=5.43))
    with pytest.raises(ValueError, match=r"neighbours cannot be found inside jit or vmap: make them before with"):
        jax.jit(lambda s: Neighbors.allocate(s, 4.0))(system)
