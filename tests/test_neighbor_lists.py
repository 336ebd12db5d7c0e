"""Lists that know when they are too old, and are made again in compiled code."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from edges import assert_reverses, completed, edges_of, table_edges
from jax.scipy.spatial.transform import Rotation
from random_cells import random_structure

from diffsim import Neighbors, System
from diffsim.neighbors.all_pairs import AllPairs
from diffsim.neighbors.cells import Grid
from diffsim.neighbors.columns import blocks_of
from diffsim.neighbors.nearest import Nearest

update = jax.jit(lambda neighbors, system: neighbors.update(system))
overflow = jax.jit(lambda neighbors, system, cutoff: neighbors.overflow(system, cutoff))
SILICON = System.from_ase(bulk("Si", a=5.43).repeat((2, 1, 1)))
CUTOFF, RADIUS = 3.8, 4.2  # a skin of 0.4 Å: two atoms may come 0.2 Å each
ROTATION = Rotation.from_euler("xyz", jnp.array([0.3, -0.7, 1.1])).as_matrix()


def overflows(system: System, cutoff: float = CUTOFF, made: System = SILICON) -> bool:
    return bool(overflow(Neighbors.allocate(made, RADIUS), system, cutoff))


def moved(atom: int, distance: float) -> System:
    return SILICON.replace(positions=SILICON.positions.at[atom, 0].add(distance))


def test_a_fresh_list_holds_up_to_its_radius():
    assert not overflows(SILICON, RADIUS)
    assert overflows(SILICON, RADIUS + 1e-6)


def test_a_list_overflows_when_an_atom_has_moved_half_the_skin():
    # with the centre of mass taken out, an atom among four that moves by d is displaced by 3d/4
    assert not overflows(moved(1, 0.26))
    assert overflows(moved(1, 0.27))


def test_a_list_holds_when_everything_is_translated():
    assert not overflows(SILICON.replace(positions=SILICON.positions + jnp.array([30.0, -7.0, 0.4])))


def test_a_list_holds_when_everything_is_rotated():
    turned = SILICON.replace(positions=SILICON.positions @ ROTATION, cell=SILICON.cell @ ROTATION)
    assert not overflows(turned, RADIUS)


def test_a_list_holds_when_a_slab_is_rotated_with_its_lattice():
    cell = SILICON.cell.at[2].set(0.0)
    slab = dataclasses.replace(SILICON, cell=cell, pbc=(True, True, False))
    assert not overflows(slab.replace(positions=slab.positions @ ROTATION, cell=cell @ ROTATION), RADIUS, slab)


@pytest.mark.parametrize("pbc", [(True, True, True), (True, True, False), (True, False, False)])
def test_a_list_overflows_when_the_cell_is_compressed(pbc):
    """Also where the atom itself does not move, as in a chain of one atom and its images."""
    cell = jnp.eye(3) * 3.0 * jnp.array(pbc)[:, None]
    system = System(jnp.zeros((1, 3)), cell, [14], [28.085], pbc)
    shrunk = system.replace(cell=cell.at[0].multiply(0.90))
    assert not overflows(system.replace(cell=cell.at[0].multiply(0.95)), made=system)  # 4.2 · 0.95 > 3.8
    assert overflows(shrunk, made=system)  # 4.2 · 0.90 < 3.8


def test_a_list_overflows_when_the_cell_is_sheared():
    shear = lambda amount: SILICON.strained(jnp.zeros((3, 3)).at[0, 1].set(amount))  # noqa: E731
    assert not overflows(shear(0.15))
    assert overflows(shear(0.25))


def test_a_list_overflows_on_positions_that_are_not_finite():
    assert overflows(moved(0, np.nan))


@pytest.mark.parametrize("seed", range(15))
def test_a_list_that_does_not_overflow_holds_every_edge(seed):
    """The guarantee itself, on random displacements and strains of random cells."""
    rng = np.random.default_rng(seed)
    system = random_structure(seed, n=4)
    neighbors = Neighbors.allocate(system, RADIUS, capacity=200)
    held = 0
    for scale in (0.05, 0.3, 1.0, 2.0):
        later = system.strained(jnp.asarray(0.05 * scale * rng.uniform(-1, 1, (3, 3))))
        later = later.replace(positions=later.positions + 0.1 * scale * rng.uniform(-1, 1, (4, 3)))
        if not overflow(neighbors, later, CUTOFF):
            held += 1
            assert edges_of(later, CUTOFF) <= table_edges(neighbors)
    assert held


# ---- update: the list made again under jit

WIDE = 700  # places a column, enough for all that follows


def wide_list(system: System, radius: float = 4.0) -> Neighbors:
    images = tuple(12 * periodic for periodic in system.pbc)  # more than is needed, so that all compile to one program
    return Neighbors.allocate(system, radius, capacity=WIDE).searched(AllPairs(images))


def assert_equal(left: Neighbors, right: Neighbors) -> None:
    for field in ("index", "shifts", "mask", "reverse", "radius", "positions", "cell"):
        np.testing.assert_array_equal(getattr(left, field), getattr(right, field), err_msg=field, strict=True)


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, True), (False, False, False)])
def test_update_makes_the_table_that_allocate_makes(pbc):
    for seed in (0, 1, 3, 4, 5, 22):  # 22 is skewed and needs 11 images
        system = dataclasses.replace(random_structure(seed, n=4), pbc=(False,) * 3)
        system = dataclasses.replace(system, cell=completed(system), pbc=pbc)
        elsewhere = system.replace(positions=system.positions[::-1] + 0.1)
        updated, flag = update(wide_list(elsewhere), system)
        assert not flag
        assert_equal(updated, wide_list(system))


def test_update_in_a_scan_follows_the_atoms():
    steps = 0.3 * np.random.default_rng(0).standard_normal((5, 4, 3))

    def step(carry, displacement):
        neighbors, system = carry
        system = system.replace(positions=system.positions + displacement)
        neighbors, flag = neighbors.update(system)
        return (neighbors, system), flag

    start = Neighbors.allocate(SILICON, RADIUS, capacity=40)
    (neighbors, system), flags = jax.lax.scan(step, (start, SILICON), jnp.asarray(steps))
    assert not flags.any()
    assert_equal(neighbors, Neighbors.allocate(system, RADIUS, capacity=40))


def test_update_under_vmap_updates_each_structure():
    shifts = 0.2 * np.random.default_rng(1).standard_normal((3, 4, 3))
    start = Neighbors.allocate(SILICON, RADIUS, capacity=40)
    moved_by = lambda d: SILICON.replace(positions=SILICON.positions + d)  # noqa: E731
    batched, flags = jax.jit(jax.vmap(lambda d: start.update(moved_by(d))))(shifts)
    assert not flags.any()
    for k, shift in enumerate(shifts):
        one = Neighbors.allocate(moved_by(shift), RADIUS, capacity=40)
        assert_equal(jax.tree.map(lambda leaf, k=k: leaf[k], batched), one)


def test_update_says_when_a_column_is_full():
    start = Neighbors.allocate(SILICON, RADIUS)  # 16 places for 16 neighbours
    denser = SILICON.strained(-0.2 * jnp.eye(3))
    neighbors, flag = update(start, denser)
    assert flag
    assert neighbors.index.shape == start.index.shape


def test_update_says_when_further_images_are_needed():
    start = wide_list(SILICON, RADIUS)
    start = dataclasses.replace(start, search=Neighbors.allocate(SILICON, RADIUS).search)
    flags = [bool(update(start, SILICON.replace(cell=SILICON.cell.at[1].multiply(s)))[1]) for s in (1.0, 0.6)]
    assert flags == [False, True]


def test_update_says_when_positions_are_not_finite():
    assert update(Neighbors.allocate(SILICON, RADIUS), moved(2, np.nan))[1]


def test_padding_atoms_have_no_neighbours():
    numbers = SILICON.numbers.at[-1].set(0)
    padded = SILICON.replace(numbers=numbers, positions=SILICON.positions.at[-1].set(SILICON.positions[0]))
    neighbors = Neighbors.allocate(padded, RADIUS, capacity=20)
    assert not neighbors.mask[:, -1].any()
    assert not (np.asarray(neighbors.index)[:, :-1] == 3).any()
    assert_equal(update(neighbors, padded)[0], neighbors)


# ---- three searches

CRYSTAL = bulk("Si", a=5.431, cubic=True)


def random_crystal(repeats: tuple[int, int, int], seed: int) -> System:
    """Silicon under a random triclinic strain, rattled by 0.3 Å, some atoms several cells outside."""
    rng = np.random.default_rng(seed)
    atoms = CRYSTAL.repeat(repeats)
    atoms.set_cell(atoms.cell @ (np.eye(3) + 0.08 * rng.standard_normal((3, 3))), scale_atoms=True)
    atoms.positions += rng.normal(0, 0.3, atoms.positions.shape)
    atoms.positions += rng.integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    return System.from_ase(atoms)


@pytest.mark.parametrize(
    ("repeats", "kind"), [((3, 3, 4), Grid), ((4, 3, 3), Grid), ((2, 2, 3), Nearest), ((2, 3, 2), Nearest)]
)
def test_update_finds_the_edges_that_allocate_finds(repeats, kind):
    for seed in range(3):
        system = random_crystal(repeats, seed)
        radius = 4.2 if kind is Grid else 3.6
        neighbors = Neighbors.allocate(system, radius)
        assert isinstance(neighbors.search, kind)
        elsewhere = dataclasses.replace(neighbors, index=neighbors.index * 0, mask=neighbors.mask & False)
        again, flag = update(elsewhere, system)
        assert not flag
        assert table_edges(again) == table_edges(neighbors)
        assert_reverses(again)


@pytest.mark.parametrize("pbc", [(True, True, False), (False, False, True), (False, False, False)])
def test_the_nearest_images_of_slabs_wires_and_clusters(pbc):
    system = dataclasses.replace(random_crystal((2, 2, 2), 7), pbc=pbc)
    neighbors = Neighbors.allocate(system, 3.6)
    assert isinstance(neighbors.search, Nearest)
    assert_equal(update(neighbors, system)[0], neighbors)


def test_a_grid_leaves_padding_out_and_treats_many_atoms_in_parts_alike(monkeypatch):
    crystal = random_crystal((4, 4, 4), 3)
    padded = crystal.replace(numbers=crystal.numbers.at[-60:].set(0))
    neighbors = Neighbors.allocate(padded, RADIUS)
    assert isinstance(neighbors.search, Grid)
    found = {}
    for together in (2048, 100):
        monkeypatch.setattr("diffsim.neighbors.cells._TOGETHER", together)
        found[together], flag = jax.jit(lambda n, s: n.update(s))(neighbors, padded)  # compiled anew
        assert not flag
        assert table_edges(found[together]) == table_edges(neighbors)
    assert_equal(found[100], found[2048])


def test_a_grid_says_when_a_cell_of_it_is_full_or_too_thin():
    system = random_crystal((3, 3, 4), 0)
    neighbors = Neighbors.allocate(system, 4.2, capacity=120)
    crowded = system.replace(
        positions=system.positions.at[:200].set(system.positions[0] + 0.001 * system.positions[:200])
    )
    assert update(neighbors, crowded)[1]
    assert update(neighbors, system.replace(cell=system.cell.at[2].multiply(0.7)))[1]


def test_the_nearest_images_no_longer_suffice_in_a_cell_that_shrinks():
    system = random_crystal((2, 2, 2), 0)
    neighbors = Neighbors.allocate(system, 4.4, capacity=100)
    assert isinstance(neighbors.search, Nearest)
    assert update(neighbors, system.strained(-0.2 * jnp.eye(3)))[1]


# ---- the edges inside a cutoff, picked out of a list

picked = jax.jit(lambda neighbors, system, cutoff: neighbors.within(system, cutoff))


def sifting(system: System, cutoff: float, rows: int, capacity: int = 31) -> Neighbors:
    return dataclasses.replace(Neighbors.allocate(system, cutoff + 0.3, capacity=capacity), inside=rows)


@pytest.mark.parametrize(
    ("cutoff", "rows", "capacity"), [(2.4, 24, 31), (2.9, 24, 31), (3.3, 24, 31), (3.3, 24, 70), (4.3, 60, 100)]
)
def test_the_edges_within_a_cutoff_are_those_that_are_shorter(cutoff, rows, capacity):
    """Atoms away from home, skewed cells smaller than the cutoff, and atoms that have moved since; one word or more."""
    crystals = [random_crystal(repeats, seed) for repeats in ((1, 1, 1), (2, 1, 1), (4, 4, 4)) for seed in range(2)]
    rng = np.random.default_rng(2)
    for system in crystals:
        neighbors = sifting(system, cutoff, rows, capacity)
        later = system.strained(jnp.asarray(0.01 * rng.uniform(-1, 1, (3, 3))))
        later = later.replace(positions=later.positions + 0.05 * rng.uniform(-1, 1, later.positions.shape))
        near, short = picked(neighbors, later, cutoff)
        assert not short
        count, size = blocks_of(len(system.numbers), rows)
        assert near.index.shape == (rows, count * size)
        assert table_edges(near) == edges_of(later, cutoff) < table_edges(neighbors)
        assert_reverses(near)


def test_an_atom_with_more_edges_within_a_cutoff_than_rows_is_noticed():
    system = random_crystal((2, 2, 2), 1)
    neighbors = sifting(system, 3.3, 24)
    most = max(np.bincount([i for i, _, _ in edges_of(system, 3.3)]))
    for rows in (most, most - 1):
        assert bool(picked(dataclasses.replace(neighbors, inside=int(rows)), system, 3.3)[1]) == (rows < most)


def test_an_edge_as_long_as_the_cutoff_is_there_both_ways_or_not_at_all():
    """Perfect crystals, whose edges of one length differ by rounding, cut off at that length."""
    for scale in np.linspace(1.0, 1.1, 23):
        crystal = System.from_ase(bulk("Si", a=5.431 * scale, cubic=True).repeat((3, 2, 2)))
        shell = float(np.sqrt(0.5) * 5.431 * scale)
        assert_reverses(picked(sifting(crystal, shell, 20), crystal, shell)[0])


def test_a_list_that_would_hardly_become_shorter_is_left_as_it_is():
    for rows in (30, 0):
        neighbors = sifting(SILICON, CUTOFF, rows)
        assert picked(neighbors, SILICON, CUTOFF)[0].index.shape == neighbors.index.shape


def test_fewer_rows_are_cut_into_blocks_of_their_own():
    """Columns of long lists are padded to other blocks than those of short ones."""
    crystal = System.from_ase(bulk("Ar", a=5.3).repeat((6, 6, 7)))
    neighbors = sifting(crystal, 5.0, 24, capacity=70)
    near, short = picked(neighbors, crystal, 5.0)
    assert not short
    assert near.index.shape[1] != neighbors.index.shape[1]
    assert table_edges(near) == edges_of(crystal, 5.0)
    assert_reverses(near)
