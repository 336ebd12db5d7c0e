"""Ensembles: the suite of learned potentials; means and deviations are numpy's over the members one by one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsim
from diffsim import (
    AbstractPotential,
    BehlerParrinello,
    Ensemble,
    LennardJones,
    Neighbors,
    Schedule,
    StillingerWeber,
    System,
    VelocityVerlet,
    simulate,
    units,
)
from diffsim.fields import parameters
from tests.helpers import differences, layered, rattled
from tests.potentials.learned import Learned

SYSTEM = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)
MIXTURE = LennardJones(
    epsilon=[[0.2, 0.3], [0.3, 0.1]], sigma=1.7, cutoff=3.5, onset=0.0, species=("Si", "C")
)  # shorter than the networks


def network(seed: int) -> BehlerParrinello:
    """A tiny one, whose weights are large enough for bonds to matter."""
    made = BehlerParrinello.init(("Si", "C"), seed, cutoff=4.0, radial=3, angular_eta=[0.05], zeta=[1, 2], hidden=[4])
    larger = 0.3 * made.deviation, 10 * made.networks.layers[-1].weight
    return eqx.tree_at(lambda p: (p.deviation, p.networks.layers[-1].weight), made, larger)


COMMITTEE = Ensemble([network(0), MIXTURE, network(1)])  # two of one kind, not side by side


class TestEnsemble(Learned):
    smooth = False  # the switch of Lennard-Jones has a continuous slope

    def make(self, species):
        return COMMITTEE


def of_each(function, system: System = SYSTEM) -> np.ndarray:
    neighbors = Neighbors.allocate(system, COMMITTEE.cutoff)
    return np.stack([function(member, system, neighbors) for member in COMMITTEE.members])


@pytest.mark.parametrize("quantity", ["energy", "forces", "stress"])
def test_an_ensemble_gives_the_mean_of_its_members(quantity):
    function = getattr(diffsim, quantity)
    values = of_each(function)
    assert values.std(0).max() > 1e-3  # they do disagree
    np.testing.assert_allclose(function(COMMITTEE, SYSTEM), values.mean(0), rtol=0, atol=1e-12)


def test_deviations_are_those_of_the_members_one_by_one():
    energies, forces, stresses = map(of_each, (diffsim.energy, diffsim.forces, diffsim.stress))
    close = lambda found, expected: np.testing.assert_allclose(found, expected, rtol=1e-10)  # noqa: E731
    close(diffsim.energy_deviation(COMMITTEE, SYSTEM), energies.std() / 4)
    close(diffsim.force_deviation(COMMITTEE, SYSTEM), np.sqrt(forces.var(0).sum(1)))
    close(diffsim.stress_deviation(COMMITTEE, SYSTEM), np.sqrt(stresses.var(0).sum()))


def test_deviations_do_not_turn_with_the_structure():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    turned = SYSTEM.replace(positions=SYSTEM.positions @ turn.T, cell=SYSTEM.cell @ turn.T)
    for deviation in (diffsim.energy_deviation, diffsim.force_deviation, diffsim.stress_deviation):
        np.testing.assert_allclose(deviation(COMMITTEE, turned), deviation(COMMITTEE, SYSTEM), rtol=1e-9)


def test_deviations_have_exact_derivatives_by_positions_and_parameters():
    """In reverse and in forward mode, against differences."""
    neighbors = Neighbors.allocate(SYSTEM, 4.3)
    way = np.random.default_rng(0).standard_normal((4, 3))

    def all_of_them(at) -> jax.Array:
        system = SYSTEM.replace(positions=SYSTEM.positions + at[0] * way)
        changed = eqx.tree_at(
            lambda p: (p.members[1].epsilon, p.members[2].networks.layers[0].weight),
            COMMITTEE,
            replace_fn=lambda array: (1 + at[1]) * array,
        )
        given = changed, system, neighbors
        stress = diffsim.stress_deviation(*given)
        return jnp.stack([diffsim.energy_deviation(*given), stress, *diffsim.force_deviation(*given)])

    zero = jnp.zeros(2)
    expected = differences(jax.jit(all_of_them), zero, h=1e-3)
    assert (np.abs(expected).max(0) > 1e-3).all()
    for mode in (jax.jacfwd, jax.jacrev):
        np.testing.assert_allclose(jax.jit(mode(all_of_them))(zero), expected, rtol=1e-6, atol=1e-8)


def test_members_that_agree_have_no_deviation_and_no_slope():
    twins = Ensemble([MIXTURE, MIXTURE])
    neighbors = Neighbors.allocate(SYSTEM, 4.0)
    value = lambda x: jnp.sum(diffsim.force_deviation(twins, SYSTEM.replace(positions=x), neighbors))  # noqa: E731
    deviation, slope = jax.value_and_grad(value)(SYSTEM.positions)
    assert deviation == 0
    assert not slope.any()


def test_members_of_one_kind_are_evaluated_at_once():
    """Twelve networks are no longer a program than two."""

    def length(count: int) -> int:
        potential = Ensemble([network(seed) for seed in range(count)])
        given = potential, SYSTEM, Neighbors.allocate(SYSTEM, 4.0)
        work = lambda line: "dot_general" in line or "tanh" in line  # noqa: E731
        return sum(map(work, eqx.filter_jit(diffsim.forces).lower(*given).lowered.as_text().splitlines()))

    assert length(12) == length(2)


def test_an_ensemble_moves_atoms_and_tells_how_sure_it_is_on_the_way():
    """Energy is conserved to what steps of 0.5 fs leave: those of 0.25 fs leave a fourth of it."""
    drifts = []
    for steps in (1, 2):
        simulator = VelocityVerlet(0.5 / steps * units.fs)
        state = simulator.init(COMMITTEE, SYSTEM, jax.random.key(0), 300.0)

        def record(potential: AbstractPotential, state) -> tuple[jax.Array, jax.Array]:
            given = potential, state.system, state.neighbors
            kinetic = 0.5 * jnp.sum(state.momenta**2 / state.system.masses[:, None])
            return diffsim.energy(*given) + kinetic, jnp.max(diffsim.force_deviation(*given))

        schedule = Schedule(frames=20, stride=steps)
        (energies, deviations), _ = simulate(COMMITTEE, simulator, state, schedule, record=record)
        assert (deviations > 0.1).all()
        drifts.append(np.ptp(energies))
    assert drifts[1] < drifts[0] / 3.5


def test_parameters_of_all_members_have_names():
    names = list(parameters(COMMITTEE))
    assert "members.0.networks.layers.0.weight" in names
    assert "members.1.epsilon" in names


def test_what_cannot_disagree_is_refused():
    with pytest.raises(ValueError, match="at least two potentials, got 1"):
        Ensemble([MIXTURE])
    with pytest.raises(ValueError, match="members of an ensemble have no element in common"):
        Ensemble([StillingerWeber.silicon(), LennardJones.argon()])
    with pytest.raises(ValueError, match="LennardJones does not know how sure it is: make an Ensemble"):
        diffsim.energy_deviation(MIXTURE, SYSTEM)


def test_an_ensemble_has_the_elements_that_all_members_have():
    silicon = StillingerWeber.silicon()
    both = Ensemble([silicon, MIXTURE])
    assert both.species == (14,)
    assert float(both.cutoff) == pytest.approx(3.77118)
    assert not both.pairwise
    assert Ensemble([MIXTURE, MIXTURE]).pairwise
