"""Bad input to the library: one sentence that names the value, before anything is compiled."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from helpers import POTENTIALS
from jaxtyping import Array, Float

import diffsim
from diffsim import AbstractPotential, Neighbors, System
from diffsim.fields import constant, parameter
from diffsim.io.ase import Calculator

CELL = 4.0 * np.eye(3)


class Uncompiled(AbstractPotential):
    """A potential that no test may get as far as compiling: that would ask for its energies."""

    cutoff: Float[Array, ""] = parameter("Å")
    species: tuple[int, ...] = constant(default=(14,))

    def atomic_energies(self, graph):
        raise AssertionError("bad input went as far as compilation")


def silicon(positions, cell=CELL, pbc=True) -> System:
    n = len(positions)
    return System(np.array(positions, float), cell, [14] * n, [28.085] * n, pbc)


def with_nan() -> System:
    """NaN that comes later, as from a step that went wrong: `System(…)` itself refuses it."""
    system = silicon([[0, 0, 0], [1, 1, 1]])
    return system.replace(positions=system.positions.at[1, 2].set(jnp.nan))


BAD_SYSTEMS = {
    "coincident": (lambda: silicon([[0, 0, 0], [1, 1, 1], [1, 1, 1]]), r"atoms 1 and 2 coincide: they are 0 Å apart"),
    "coincident images": (
        lambda: silicon([[0, 0, 0], [1, 1, 1], [5, 1, -7]]),
        r"atoms 1 and 2 coincide through the periodic image \[.*\]: they are 0 Å apart; remove one",
    ),
    "not finite": (with_nan, r"positions must be finite, got nan at index \[1, 2\]"),
    "stranger": (
        lambda: dataclasses.replace(silicon([[0, 0, 0], [2, 2, 2]]), numbers=[14, 32]),
        "Uncompiled has parameters for Si, but the system contains Ge",
    ),
}
QUANTITIES = [diffsim.energy, diffsim.forces, diffsim.stress, diffsim.hessian, diffsim.force_constants]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("kind", BAD_SYSTEMS)
def test_a_bad_system_is_refused_before_anything_is_compiled(kind, quantity):
    make, sentence = BAD_SYSTEMS[kind]
    with pytest.raises(ValueError, match=sentence) as caught:
        quantity(Uncompiled(3.0), make())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["coincident", "coincident images", "stranger"])
def test_the_ase_calculator_refuses_it_too(kind):
    make, sentence = BAD_SYSTEMS[kind]
    atoms = make().to_ase()
    atoms.calc = Calculator(Uncompiled(3.0))
    with pytest.raises(ValueError, match=sentence):
        atoms.get_potential_energy()


def test_positions_that_are_not_finite_are_refused_with_a_list_at_hand():
    neighbors = Neighbors.allocate(silicon([[0, 0, 0], [1, 1, 1]]), 3.5)
    with pytest.raises(ValueError, match=r"no longer holds every edge|must be finite"):
        diffsim.energy(Uncompiled(3.0), with_nan(), neighbors)


def test_stress_of_a_molecule_is_refused_before_anything_is_compiled():
    molecule = silicon([[0, 0, 0], [1, 1, 1]], cell=np.zeros((3, 3)), pbc=False)
    with pytest.raises(ValueError, match=r"stress needs a cell .* got pbc = \(False, False, False\)"):
        diffsim.stress(Uncompiled(3.0), molecule)


def test_a_singular_cell_is_refused_where_it_is_made():
    with pytest.raises(ValueError, match=r"the cell \[\[4.0, 0.0, 0.0\], .* is singular .* linearly independent"):
        silicon([[0, 0, 0]], cell=[[4, 0, 0], [0, 4, 0], [4, 4, 0]])


def cutoff_fields(name: str) -> list[str]:
    """What the potential's cutoff depends on, and whatever is called one."""
    potential, _ = POTENTIALS[name]()
    slopes = jax.grad(lambda p: jnp.sum(p.cutoff), allow_int=True)(potential)
    fields = [field.name for field in dataclasses.fields(potential)]
    slope = {
        field: np.abs(np.asarray(getattr(slopes, field), float)).max() for field in fields if is_array(slopes, field)
    }
    return [field for field in fields if slope.get(field, 0) > 0 or "cutoff" in field]


def is_array(tree, field: str) -> bool:
    return isinstance(getattr(tree, field), jax.Array)


@pytest.mark.parametrize("bad", [-1.0, 0.0, float("nan")])
@pytest.mark.parametrize("name", POTENTIALS)
def test_a_cutoff_that_is_not_positive_is_refused_where_the_potential_is_made(name, bad):
    potential, _ = POTENTIALS[name]()
    fields = cutoff_fields(name)
    assert fields
    for field in fields:
        value = np.asarray(getattr(potential, field), float)
        other = float(np.max(potential.cutoff) - value.max()) if field in ("R", "D") else 0.0  # Tersoff's is R + D
        worse = np.full_like(value, bad - other)
        with pytest.raises(ValueError, match=r"(must (all )?be positive|must lie between 0 and R).* got") as caught:
            dataclasses.replace(potential, **{field: worse if value.ndim else float(worse)})
        assert "\n" not in str(caught.value)


FILES = {
    "stillinger_weber": ("to_lammps", "from_lammps", ["Si"]),
    "edip": ("to_lammps", "from_lammps", ["Si"]),
    "tersoff": ("to_lammps", "from_lammps", ["Si"]),
    "eam": ("to_setfl", "from_setfl", None),
}


@pytest.fixture(params=FILES)
def potential_file(request, tmp_path):
    """A good file, and how to read it."""
    write, read, species = FILES[request.param]
    potential, _ = POTENTIALS[request.param]()
    path = tmp_path / "potential"
    getattr(potential, write)(path)
    reader = getattr(type(potential), read)
    return path, lambda file: reader(file) if species is None else reader(file, species)


def refusal(read, path) -> str:
    with pytest.raises(ValueError, match=path.name) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return str(caught.value)


def test_an_empty_potential_file_is_refused(potential_file):
    path, read = potential_file
    path.write_text("")
    assert "empty" in refusal(read, path) or "truncated" in refusal(read, path)


def test_a_truncated_potential_file_is_refused(potential_file):
    path, read = potential_file
    words = path.read_text().split(" ")
    path.write_text(" ".join(words[: int(0.9 * len(words))]))
    assert "truncated" in refusal(read, path)


def test_a_potential_file_that_is_no_text_or_is_not_there_is_refused(potential_file):
    path, read = potential_file
    path.write_bytes(bytes(range(256)))
    assert "cannot read" in (sentence := refusal(read, path)) or "is no setfl file" in sentence
    assert "cannot read" in refusal(read, path.with_name("nothing"))


@pytest.mark.parametrize("name", FILES)
def test_a_potential_that_cannot_be_written_says_so(name, tmp_path):
    write, *_ = FILES[name]
    potential, _ = POTENTIALS[name]()
    with pytest.raises(ValueError, match=r"cannot write .*No such file or directory"):
        getattr(potential, write)(tmp_path / "no" / "folder" / "potential")


def test_a_structure_file_that_is_wrong_is_refused_by_name(tmp_path):
    from diffsim.io.structures import read_structure

    for content in ("", "3\n\nSi 0 0 0\n"):
        path = tmp_path / "a.xyz"
        path.write_text(content)
        assert "cannot read the structure" in refusal(read_structure, path)


def test_a_good_system_does_reach_compilation():
    """So that the refusals above are not for nothing."""
    with pytest.raises(AssertionError, match="as far as compilation"):
        diffsim.energy(Uncompiled(3.0), System.from_ase(bulk("Si", a=5.43)))
