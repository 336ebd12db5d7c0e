"""Forces that are predicted directly: what needs no energy is measured all the same, and the rest is said."""

from typing import cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from diffsim import LennardJones, phonon_frequencies, relax
from diffsim.graph import Graph
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.solid import PARTS, Found, Settings, Study, examined, migration
from tests.quality.potentials import FCC

LJ = LennardJones(epsilon=0.01042, sigma=3.405, cutoff=5.0, onset=4.4)


class Told(AbstractDirectForces):
    """The forces of Lennard-Jones, and not its energy."""

    pairs: LennardJones
    species: tuple[int, ...] = eqx.field(static=True, default=())

    @property
    def cutoff(self) -> Float[Array, ""]:
        return self.pairs.cutoff

    def atomic_forces(self, graph: Graph) -> Float[Array, "3 atoms"]:
        total = lambda vectors: jnp.sum(self.pairs.atomic_energies(graph.with_vectors(vectors)))  # noqa: E731
        return jnp.stack([2 * jnp.sum(slope, axis=0) for slope in jax.grad(total)(graph.vectors)])


@pytest.fixture(scope="module")
def study() -> Study:
    few = {"repeats": [4, 4, 4], "steps": 400, "replicas": 2, "temperatures": [5]}
    return Study.of({"told": Told(LJ), "lj": LJ}, FCC, Settings.of(few))


@pytest.mark.slow
def test_all_but_energies_is_measured(study, monkeypatch):
    """In the crystal of the reference, with the bands of the reference."""
    names = ("crystal", "density of states", "bands", "vacancy", "vibrations")
    monkeypatch.setattr("diffsim.solid.parts.PARTS", {name: PARTS[name] for name in names})
    found = dict(examined(study))
    assert "predicts forces directly and has no energy" in cast(str, found["vacancy"]["told"])
    assert isinstance(found["vacancy"]["lj"], Found)
    told, reference = (found["bands"][name].columns for name in ("told", "lj"))
    for head in ("branch 1 (THz)", "branch 2 (THz)", "branch 3 (THz)"):
        finer = np.reshape(reference[head], (-1, 25))[:, ::3]  # 24 intervals of a segment, of the costly one 8
        np.testing.assert_allclose(np.reshape(told[head], (-1, 9)), finer, atol=1e-5)
    assert "energy_per_atom" not in found["crystal"]["told"].numbers
    runs = [found["vibrations"][name].numbers["temperatures"]["5"] for name in ("told", "lj")]
    assert np.isnan(runs[0]["drift"])
    assert runs[1]["drift"] < 1e-3
    # the same noise and the same forces: the same phonons
    for one, other in zip(*(run["phonons"] for run in runs), strict=True):
        assert one["frequency"] == pytest.approx(other["frequency"], rel=1e-3)


def test_the_crystal_is_that_of_the_reference(study):
    assert study.solids["told"].crystal is study.solids["lj"].crystal
    crystal = relax(LJ, FCC, cell=True)
    point = np.array([[0.5, 0.0, 0.5]])
    expected = phonon_frequencies(LJ, crystal, point)
    np.testing.assert_allclose(study.solids["told"].lattice.frequencies(point), expected, atol=1e-6)


@pytest.mark.slow
def test_the_barrier_is_that_of_the_work(study):
    crystal = study.solids["lj"].crystal
    told, energetic = (migration(potential, crystal, (3, 3, 3)) for potential in (Told(LJ), LJ))
    assert told.prefactor is None
    assert "has no energy" in told.lacking
    assert told.barrier == pytest.approx(energetic.barrier, rel=5e-3)  # the path is converged to 1 meV/Å
