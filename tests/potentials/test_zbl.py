"""The universal repulsion against LAMMPS, alone and under another potential."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from diffsim import LennardJones, StillingerWeber, System, energy, forces
from diffsim.potentials import ZBL, Sum
from tests.helpers import rattled
from tests.oracles.lammps import evaluate
from tests.potentials.learned import Learned

ZBL_SI = ZBL(cutoff=2.2, onset=1.2)


class TestZBL(Learned):
    def make(self, species):
        return ZBL(cutoff=4.0, onset=1.5)


class TestSum(Learned):
    def make(self, species):
        pairs = LennardJones(epsilon=[[0.2, 0.3], [0.3, 0.1]], sigma=1.7, cutoff=3.5, onset=0.0, species=species)
        return Sum((pairs, ZBL(cutoff=4.0, onset=1.5)))

    smooth = False  # the switch of Lennard-Jones has a continuous slope


def test_forces_up_to_the_onset_are_those_of_lammps():
    """LAMMPS takes a constant off the energy of each pair inside its `inner`, so that differences agree."""
    rng = np.random.default_rng(0)
    clusters = []
    for scale in (0.6, 1.0):
        positions = scale * np.array([[0, 0, 0], [1.5, 0, 0], [0, 1.4, 0.3], [0.2, 0.4, 1.6], [1.3, 1.2, 1.1]])
        atoms = Atoms("SiCSiOC", positions + 0.05 * rng.standard_normal((5, 3)) + 10, cell=[25.0] * 3, pbc=True)
        clusters.append(System.from_ase(atoms))
    potential = ZBL(cutoff=5.0, onset=4.0)
    symbols, z = ["Si", "C", "O"], [14, 6, 8]
    coefficients = [f"pair_coeff {i + 1} {j + 1} {z[i]} {z[j]}" for i in range(3) for j in range(i, 3)]
    theirs = [evaluate(system, ["pair_style zbl 4.0 5.0", *coefficients], symbols=symbols) for system in clusters]
    for system, answer in zip(clusters, theirs, strict=True):
        found = forces(potential, system)
        np.testing.assert_allclose(found, answer.forces, rtol=0, atol=1e-6 * np.abs(answer.forces).max())
    ours = [float(energy(potential, system)) for system in clusters]
    assert ours[0] - ours[1] == pytest.approx(theirs[0].energy - theirs[1].energy, rel=1e-6)


def test_what_a_sum_gives_is_the_sum():
    system = rattled(bulk("Si", a=4.2, cubic=True), 0.2, strain=0.03)  # so dense that the repulsion counts
    sw = StillingerWeber.silicon()
    both = Sum((sw, ZBL_SI))
    assert np.abs(forces(ZBL_SI, system)).max() > 1
    np.testing.assert_allclose(forces(both, system), forces(sw, system) + forces(ZBL_SI, system), rtol=0, atol=1e-10)
    assert both.species == (14,)
    assert float(both.cutoff) == float(sw.cutoff)
    assert not both.pairwise
    assert Sum((ZBL_SI, ZBL_SI)).pairwise


def test_a_sum_refuses_what_cannot_be_added():
    with pytest.raises(ValueError, match="at least two potentials, got 1"):
        Sum([ZBL_SI])
    argon = LennardJones.argon()
    with pytest.raises(ValueError, match="have no element in common"):
        Sum([StillingerWeber.silicon(), argon])


def test_a_repulsion_that_never_ends_is_refused():
    with pytest.raises(ValueError, match="onset must lie between 0 and the cutoff"):
        ZBL(cutoff=1.0, onset=1.5)


def test_derivatives_by_where_the_repulsion_ends_are_those_of_differences():
    system = rattled(bulk("Si", a=4.2, cubic=True), 0.2)
    value = lambda ends: energy(ZBL(cutoff=ends[0], onset=ends[1]), system)  # noqa: E731
    ends, h = jnp.array([2.2, 1.2]), 1e-4
    found = jax.grad(value)(ends)
    for k in range(2):
        step = h * jnp.eye(2)[k]
        expected = float(value(ends + step) - value(ends - step)) / (2 * h)
        assert float(found[k]) == pytest.approx(expected, rel=1e-5)
