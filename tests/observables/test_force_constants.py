"""Force constants as an observable: those of the supercell's own derivatives, and their slopes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from helpers import differences, rattled

import diffsim
from diffsim import EDIP, Neighbors, StillingerWeber, System
from diffsim.observables.force_constants import compact_matrix, full_matrix
from diffsim.simulators.state import State

SUPERCELL = (1, 2, 1)  # narrower than the potentials reach: many images fold onto one atom


def state_of(potential, system: System) -> State:
    return State(system, Neighbors.allocate(system, potential.cutoff))


@eqx.filter_jit
def recorded(observable, potential, state):
    return observable.record(potential, state)


@pytest.mark.parametrize("potential", [StillingerWeber.silicon(), EDIP.silicon()], ids=["stillinger_weber", "edip"])
def test_they_are_those_of_the_repeated_cell_atom_by_atom(potential):
    system = rattled(bulk("Si", a=5.431), 0.1, strain=0.05)
    found = recorded(diffsim.ForceConstants(2, SUPERCELL), potential, state_of(potential, system))
    expected = diffsim.force_constants(potential, system, SUPERCELL)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)  # rounding of some 10 eV/Å²


def test_rows_of_the_cell_are_rows_of_the_full_matrix():
    full, compact = (diffsim.ForceConstants(2, (2, 3, 1), compact=c) for c in (False, True))
    rows = [int(label.removeprefix("atom ")) - 1 for label in compact.labels]
    blocks = jnp.arange(6.0 * 2 * 2 * 9).reshape(6, 2, 2, 3, 3)
    np.testing.assert_array_equal(compact_matrix(blocks), full_matrix(blocks, (2, 3, 1))[np.array(rows)])
    assert full.labels == tuple(f"atom {n}" for n in range(1, 13))


def test_slopes_are_those_of_differences():
    sw, system = StillingerWeber.silicon(), rattled(bulk("Si", a=5.431), 0.1)
    state, observable = state_of(sw, system), diffsim.ForceConstants(2, SUPERCELL, compact=True)

    @jax.jit
    def at(x):
        potential = eqx.tree_at(lambda p: (p.lam, p.sigma), sw, (x[0], x[1]))
        return jnp.sum(observable.record(potential, state) ** 2)

    x = jnp.array([21.0, 2.0951])
    expected = differences(at, x)
    np.testing.assert_allclose(jax.grad(at)(x), expected, rtol=1e-7)  # of fourth order in a step of 1e-4


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match=r"supercell must be three positive integers, got \(2, 0, 1\)"):
        diffsim.ForceConstants(2, (2, 0, 1))
    with pytest.raises(ValueError, match="number of atoms in the cell, got 0"):
        diffsim.ForceConstants(0)
    sw, system = StillingerWeber.silicon(), System.from_ase(bulk("Si", a=5.431))
    with pytest.raises(ValueError, match="force constants of 8 atoms were asked of 2"):
        diffsim.ForceConstants(8).record(sw, state_of(sw, system))
