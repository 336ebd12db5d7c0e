"""Any solver of diffrax on Newton's equations: its order, and the same trajectory as velocity Verlet."""

import diffrax
import jax
import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import Ode, Schedule, StillingerWeber, VelocityVerlet, simulate, units
from tests.helpers import rattled

fs = units.fs
SW = StillingerWeber.silicon()
SMALL = rattled(bulk("Si", a=5.431), 0.05)


def ended(simulator: diffsim.AbstractSimulator) -> np.ndarray:
    """Positions after 8 fs."""
    state = VelocityVerlet(1 * fs).init(SW, SMALL, jax.random.key(0), 600.0)
    _, last = simulate(SW, simulator, state, Schedule(frames=1, stride=round(8 * fs / float(simulator.dt))))
    return np.asarray(last.system.positions)


@pytest.mark.parametrize(
    ("solver", "order"), [(diffrax.Heun(), 2), (diffrax.Tsit5(), 5), (diffrax.SemiImplicitEuler(), 1)], ids=str
)
def test_the_error_shrinks_as_the_order_of_the_solver_says(solver, order):
    exact = ended(Ode(0.5 * fs, diffrax.Dopri8()))
    coarse, fine = (np.abs(ended(Ode(dt * fs, solver)) - exact).max() for dt in (2.0, 1.0))
    assert np.log2(coarse / fine) == pytest.approx(order, abs=0.5)


def test_verlet_converges_to_the_same_trajectory():
    exact = ended(Ode(0.5 * fs, diffrax.Dopri8()))
    coarse, fine = (ended(VelocityVerlet(dt * fs)) for dt in (0.2, 0.1))
    np.testing.assert_allclose((4 * fine - coarse) / 3, exact, rtol=0, atol=1e-8)  # Å, what is left of dt⁴


@pytest.mark.parametrize("solver", [diffrax.LeapfrogMidpoint(), diffrax.ReversibleHeun(), "Tsit5"])
def test_a_solver_with_a_past_is_refused(solver):
    with pytest.raises(ValueError, match="that start from x and p alone"):
        Ode(1 * fs, solver)
