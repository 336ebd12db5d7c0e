"""Training on labels: what a batch predicts, what the loss counts, and a loop that finds what the labels came from."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ase.build import bulk, molecule

import diffsim
from diffsim import (
    GAP,
    BehlerParrinello,
    Ensemble,
    FunctionOfPositions,
    SchNet,
    StillingerWeber,
    Sum,
    System,
    deviations_of,
    units,
    updates_per_epoch,
)
from diffsim.data.configurations import Configuration, unlabelled
from diffsim.data.labels import labelled, minibatches
from diffsim.training import Loss, Weights, errors_of, predicted, referenced, relabelled, scaled, standardised, train
from diffsim.training.loss import squares
from tests.helpers import POTENTIALS, layered, rattled

SW = StillingerWeber.silicon()
CRYSTALS = [rattled(bulk("Si", a=5.43), 0.05, seed, strain=0.03) for seed in range(9)]
DOUBLE = [one.supercell((1, 1, 2)) for one in CRYSTALS[:3]]


@pytest.fixture(scope="module")
def silicon() -> list[Configuration]:
    """Labels by Stillinger–Weber."""
    return relabelled(SW, unlabelled([*CRYSTALS, *DOUBLE]))


@pytest.mark.parametrize("name", ["stillinger_weber", "tersoff_mixture", "lennard_jones"])
def test_a_batch_as_one_graph_says_of_each_structure_what_it_says_alone(name):
    potential, system = POTENTIALS[name]()
    systems = [system, system.supercell((2, 1, 1)), system.supercell((1, 3, 1))]
    for one in relabelled(potential, unlabelled(systems)):
        np.testing.assert_allclose(one.energy, diffsim.energy(potential, one.system), rtol=1e-13)
        np.testing.assert_allclose(one.forces, diffsim.forces(potential, one.system), rtol=0, atol=1e-12)
        np.testing.assert_allclose(one.stress, diffsim.stress(potential, one.system), rtol=0, atol=1e-13)


def test_a_function_of_positions_is_asked_structure_by_structure():
    well = FunctionOfPositions({"k": jnp.asarray(2.0)}, lambda w, x, numbers, cell: w["k"] * jnp.sum((x @ cell) ** 2))
    for one in relabelled(well, unlabelled(CRYSTALS[:2])):
        np.testing.assert_allclose(one.energy, diffsim.energy(well, one.system), rtol=1e-13)
        np.testing.assert_allclose(one.forces, diffsim.forces(well, one.system), rtol=1e-13)
        np.testing.assert_allclose(one.stress, diffsim.stress(well, one.system), rtol=1e-12)


def test_messages_and_networks_see_the_same_in_a_batch():
    """`of_neighbors` in a joined graph brings what it brings in each of its graphs."""
    from diffsim.data.batching import batch
    from diffsim.graph import graph, joined

    systems, neighbors = batch([rattled(layered("Si", "C", 5.0), 0.1), rattled(bulk("Si"), 0.1, 1)], 4.0)
    graphs = jax.vmap(graph)(systems, neighbors)
    whole = joined(graphs)
    features = jnp.arange(2.0 * graphs.numbers.shape[1]).reshape(2, -1)
    found = jnp.where(whole.mask, whole.of_neighbors(features.reshape(1, -1))[0], -1)
    apart = [
        np.where(g.mask, g.of_neighbors(f[None])[0], -1) for g, f in zip(_unstacked(graphs), features, strict=True)
    ]
    np.testing.assert_array_equal(found, np.concatenate(apart, axis=1))
    np.testing.assert_array_equal(features.reshape(-1)[whole.index][whole.mask], found[whole.mask])
    potential = BehlerParrinello.init(("Si", "C"), 0, cutoff=4.0, radial=3, zeta=[1, 2], hidden=[4])
    expected = [potential.atomic_energies(g) for g in _unstacked(graphs)]
    np.testing.assert_allclose(potential.atomic_energies(whole), np.concatenate(expected), rtol=0, atol=1e-13)


def _unstacked(tree):
    return [jax.tree.map(lambda leaf, n=n: leaf[n], tree) for n in range(2)]


def test_errors_are_means_over_labels_of_each_group():
    zero = [one._replace(energy=0.0, forces=np.zeros_like(one.forces)) for one in unlabelled([CRYSTALS[0], DOUBLE[0]])]
    one, two = (one._replace(group=group) for one, group in zip(zero, "ab", strict=True))
    wrong = [
        one._replace(energy=0.02, forces=one.forces + np.array([0.1, 0.0, -0.2]), stress=np.eye(3) * units.GPa),
        two._replace(energy=-0.04, forces=two.forces, stress=np.zeros((3, 3))),
    ]
    found = errors_of(wrong, [one._replace(stress=np.zeros((3, 3))), two])
    assert found["a"][:5] == pytest.approx((1, 10, 10, 100, 1000 * np.sqrt(0.05 / 3)))
    assert found["a"][5:] == pytest.approx((1000 / 3, 1000 / np.sqrt(3)))  # three of nine components are off by 1 GPa
    assert found["b"][:5] == pytest.approx((1, 10, 10, 0, 0))
    assert np.isnan(found["b"].stress_mae)
    # 2 + 4 atoms: half as many force components in `a`, and no stress in `b`
    assert found["all"] == pytest.approx((2, 10, 10, 100 / 3, 1000 * np.sqrt(0.05 / 9), *found["a"][5:]))


def test_labels_that_are_missing_count_for_no_error(silicon):
    unknown = silicon[0]._replace(energy=np.nan, forces=np.full((2, 3), np.nan), group="unknown")
    found = errors_of(silicon[:2], [unknown, silicon[1]._replace(energy=silicon[1].energy - 0.02)])
    assert found["all"][:5] == pytest.approx((2, 10, 10, 0, 0))
    assert np.isnan(found["unknown"][1:5]).all()
    wrong = silicon[0]._replace(energy=np.nan)
    assert np.isnan(errors_of([wrong], silicon[:1])["all"].energy_mae)  # a prediction that is missing does count


def test_the_total_is_the_last_of_the_errors_whatever_groups_are_called(silicon):
    reference = [silicon[0], silicon[1]._replace(energy=silicon[1].energy - 0.02, group="liquid")]
    found = errors_of(silicon[:2], reference)
    assert [*found] == ["others", "liquid", "all"]
    assert [one.structures for one in found.values()] == [1, 1, 2]
    assert found["all"].energy_mae == pytest.approx(5)
    assert found["others"].energy_mae == 0


def test_elements_without_parameters_are_refused():
    """Each has those of another element otherwise."""
    network = BehlerParrinello.init(("Si",), 0, cutoff=4.0, radial=3, zeta=[1], hidden=[4])
    alien = unlabelled([System.from_ase(bulk("Ge"))])
    for ask in (relabelled, standardised, scaled, referenced):
        known = [alien[0]._replace(energy=0.0)]
        potential = SchNet.init(("Si",), 0, cutoff=4.0, depth=1, features=4, radial=4) if ask is scaled else network
        with pytest.raises(ValueError, match="has parameters for Si, but the system contains Ge"):
            ask(potential, known)
    with pytest.raises(ValueError, match="has parameters for Si, but the system contains Ge"):
        deviations_of(Ensemble([network, network]), alien)


def test_nothing_to_learn_from_is_said_so(silicon):
    network = SchNet.init(("Si",), 0, cutoff=4.0, depth=1, features=4, radial=4)
    with pytest.raises(ValueError, match="there are no structures: give at least one"):
        relabelled(SW, [])
    with pytest.raises(ValueError, match="there are no structures to tell errors of"):
        errors_of([], [])
    for nothing in ([], unlabelled(CRYSTALS[:1])):
        with pytest.raises(ValueError, match="no structure has an energy that reference energies could be taken from"):
            referenced(network, nothing)
    with pytest.raises(ValueError, match="no structure has forces that a scale could be taken from"):
        scaled(network, unlabelled(CRYSTALS[:1]))


def test_missing_labels_leave_the_start_as_the_others_make_it(silicon):
    network = SchNet.init(("Si",), 0, cutoff=4.0, depth=1, features=4, radial=4)
    given = [*silicon[:3], silicon[3]._replace(energy=np.nan, forces=np.full((2, 3), np.nan))]
    np.testing.assert_array_equal(referenced(network, given).reference, referenced(network, silicon[:3]).reference)
    size = lambda given: np.sqrt(np.mean(np.concatenate([one.forces for one in given]) ** 2))  # noqa: E731
    assert size(relabelled(scaled(network, given), given)) == pytest.approx(0.1 * size(silicon[:3]), rel=1e-9)


def test_parts_of_sums_and_members_of_ensembles_are_prepared(silicon):
    """A sum is so for what its other parts leave, an ensemble member by member."""
    data = silicon[:3]
    network = SchNet.init(("Si",), 0, cutoff=4.0, depth=1, features=4, radial=4)
    weak = eqx.tree_at(lambda p: p.epsilon, SW, 0.5 * SW.epsilon)
    rest = [
        one._replace(energy=one.energy - own.energy, forces=one.forces - own.forces)
        for one, own in zip(data, relabelled(weak, data), strict=True)
    ]
    for prepare in (scaled, referenced):
        alone, part = prepare(network, rest), prepare(Sum((weak, network)), data).parts[1]
        np.testing.assert_allclose(part.scale, alone.scale, rtol=1e-12)
        np.testing.assert_allclose(part.reference, alone.reference, rtol=0, atol=1e-12)
        assert not np.array_equal([part.scale, part.reference], [network.scale, network.reference])
        expected = prepare(network, data)
        other, *members = prepare(Ensemble([weak, network, network]), data).members
        jax.tree.map(np.testing.assert_array_equal, members, [expected, expected])
        jax.tree.map(np.testing.assert_array_equal, other, weak)
    inputs = BehlerParrinello.init(("Si",), 0, cutoff=3.5, radial=3, zeta=[1], hidden=[4])
    both = standardised(Sum((weak, inputs)), data).parts[1]
    np.testing.assert_allclose(both.mean, standardised(inputs, data).mean, rtol=1e-12)
    gap = GAP.init(("Si",), cutoff=3.5, degree=2, radial=2, points=3)
    known = standardised(Sum((weak, gap)), data)
    assert [*known.prior] == ["parts.1.coefficients"]
    np.testing.assert_array_equal(known.prior["parts.1.coefficients"], known.parts[1].prior["coefficients"])
    with pytest.raises(ValueError, match="2 parts of the sum have a scale, and labels do not tell them apart"):
        scaled(Sum((network, network)), data)


def test_the_loss_counts_labels_and_nothing_that_fills_up():
    """Against sums written out; structures without a stress, or padded, or that fill a batch count for nothing."""
    systems = [CRYSTALS[0], DOUBLE[0], System.from_ase(molecule("SiH4", vacuum=3.0))]
    given = relabelled(SW, unlabelled(systems[:2]))
    given[1] = given[1]._replace(stress=np.full((3, 3), np.nan))
    moved = eqx.tree_at(lambda p: p.epsilon, SW, 1.01 * SW.epsilon)
    found = relabelled(moved, given)
    per_atom = [(a.energy - b.energy) / len(b.forces) for a, b in zip(found, given, strict=True)]
    force = np.concatenate([a.forces - b.forces for a, b in zip(found, given, strict=True)])
    stress = found[0].stress - given[0].stress
    means = np.array([np.mean(np.square(per_atom)), np.mean(force**2), np.mean(stress**2)])
    sums = 0.0
    for data in labelled(given, SW):
        sums = sums + squares(predicted(moved, data.systems, data.neighbors), data)
    np.testing.assert_allclose(sums[:, 0] / sums[:, 1], means, rtol=1e-12)
    np.testing.assert_array_equal(sums[:, 1], [2, 18, 9])
    expected = np.sum(np.array([2.0, 0.5, 1.0]) * means / np.array([0.01, 0.1, 0.5 * units.GPa]) ** 2)
    schedule = optax.linear_schedule(0.0, 1.0, 10)
    np.testing.assert_allclose(Loss(2.0, schedule, 1.0)(sums, 5), expected, rtol=1e-12)


def test_every_structure_is_drawn_once_an_epoch():
    structures = unlabelled([*CRYSTALS, *DOUBLE])
    data = labelled(structures, SW)
    drawn = list(minibatches(data, 4, np.random.default_rng(0)))
    numbers = [int(data[part].number[place]) for part, places in drawn for place in places if place >= 0]
    assert sorted(numbers) == list(range(12))
    assert {(part, len(places)) for part, places in drawn} == {(0, 3), (1, 4)}  # two shapes
    assert len(drawn) == updates_per_epoch(structures, 4) == 4


OPTIMIZER = optax.chain(optax.clip_by_global_norm(10.0), optax.adam(optax.exponential_decay(0.03, 30, 0.5)))


def trained(silicon, **kwargs):
    start = eqx.tree_at(lambda p: (p.epsilon, p.lam), SW, (1.05 * SW.epsilon, 0.9 * SW.lam))
    given = {"epochs": 4, "batch_size": 4, "trainable": ["epsilon", "lam"]} | kwargs
    return list(train(start, silicon[:7] + silicon[9:11], [silicon[7], silicon[11]], OPTIMIZER, **given))


def test_parameters_come_back_to_what_the_labels_were_made_with(silicon):
    states = trained(silicon, epochs=120, average=0.9)
    best = states[-1].best
    np.testing.assert_allclose([best.epsilon, best.lam], [SW.epsilon, SW.lam], rtol=1e-4)
    np.testing.assert_array_equal(best.sigma, SW.sigma)
    losses = [one.validation_loss for one in states[-1].history]
    assert states[-1].best_epoch == int(np.argmin(losses))
    assert len(losses) == 1 + 120  # the start's first
    assert losses[-1] < 1e-4 * losses[0]
    # what the history says of the last epoch is what the errors of that potential are
    held_out = [silicon[7], silicon[11]]
    errors = errors_of(relabelled(states[-1].potential, held_out), held_out)["all"]
    told = states[-1].history[-1]
    expected = errors.energy_rmse, errors.forces_rmse, errors.stress_rmse
    np.testing.assert_allclose([told.energy_rmse, told.forces_rmse, told.stress_rmse], expected, rtol=1e-9)


def test_training_that_is_gone_on_with_is_training_in_one_go(silicon):
    whole = trained(silicon)
    part = trained(silicon, epochs=2)[-1]
    rest = trained(silicon, epochs=2, state=part)
    assert [state.step for state in rest] == [3, 4]
    assert rest[-1].history == whole[-1].history
    jax.tree.map(np.testing.assert_array_equal, rest[-1].memory, whole[-1].memory)


def test_a_start_that_training_makes_worse_is_kept(silicon):
    states = list(train(SW, silicon[:4], silicon[4:6], optax.adam(0.1), epochs=2, average=0.0, trainable=["epsilon"]))
    assert [state.step for state in states] == [0, 1, 2]
    assert states[-1].best_epoch == 0
    assert float(states[-1].best.epsilon) == float(SW.epsilon) != float(states[-1].potential.epsilon)


def test_without_an_average_the_last_weights_are_kept(silicon):
    state = trained(silicon, epochs=1, average=0.0)[-1]
    np.testing.assert_allclose(np.log(state.potential.lam), state.memory.moving["lam"], rtol=1e-14)
    averaged = trained(silicon, epochs=1)[-1]
    assert abs(np.log(averaged.potential.lam) - averaged.memory.moving["lam"]) > 1e-4
    jax.tree.map(np.testing.assert_array_equal, averaged.memory.moving, state.memory.moving)


def test_reference_energies_are_least_squares_of_energies_an_atom():
    potential = BehlerParrinello.init(("Si", "C"), 0, cutoff=4.0, radial=3, zeta=[1], hidden=[4])
    crystals = [rattled(layered("Si", "C", a), 0.1, seed) for seed, a in enumerate((4.8, 5.0))]
    given = unlabelled([*crystals, *CRYSTALS[:2]])
    numbers = [np.asarray(one.system.numbers) for one in given]
    wanted = [5.0 * np.sum(own == 14) - 3.0 * np.sum(own == 6) for own in numbers]
    raw = relabelled(potential, given)
    shifted = [one._replace(energy=own.energy + e) for one, own, e in zip(given, raw, wanted, strict=True)]
    np.testing.assert_allclose(referenced(potential, shifted).reference, [5.0, -3.0], rtol=0, atol=1e-10)
    found = standardised(potential, given)
    assert not np.allclose(found.mean, potential.mean)
    assert standardised(SW, given[2:]) is SW
    with pytest.raises(ValueError, match="StillingerWeber has no reference energies"):
        referenced(SW, given)


def test_forces_begin_a_tenth_as_large_as_their_labels(silicon):
    network = SchNet.init(("Si",), 0, cutoff=4.0, depth=1, features=4, radial=4)
    size = lambda given: np.sqrt(np.mean(np.concatenate([one.forces for one in given]) ** 2))  # noqa: E731
    begun = scaled(network, silicon)
    assert size(relabelled(begun, silicon)) == pytest.approx(0.1 * size(silicon), rel=1e-9)
    assert scaled(SW, silicon) is SW
    perfect = relabelled(SW, unlabelled([System.from_ase(bulk("Si", a=5.43))]))
    assert scaled(network, [perfect[0]._replace(forces=np.zeros((2, 3)))]) is network


def test_weights_are_named_by_the_module_that_they_are_in():
    potential = BehlerParrinello.init(("Si",), 0, cutoff=4.0, radial=3, zeta=[1], hidden=[4])
    names = Weights.of(potential, ["networks", "reference"]).names
    assert names == (*(n for n in Weights.of(potential).names if n.startswith("networks.")), "reference")
    assert len(names) == 5
    assert "cutoff" not in Weights.of(potential).names
    with pytest.raises(ValueError, match="a cutoff cannot be trained"):
        Weights.of(potential, ["cutoff"])
    with pytest.raises(ValueError, match="did you mean 'reference'"):
        Weights.of(potential, ["referense"])


def test_bad_training_is_refused(silicon):
    for given, sentence in (
        ({"epochs": -1}, "epochs must be at least 0, got -1"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"average": 1.0}, "average must be from 0 on and below 1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            trained(silicon, **given)
    with pytest.raises(ValueError, match="the validation set holds no structures"):
        train(SW, silicon, [], OPTIMIZER)
    carbon = BehlerParrinello.init(("C",), 0)
    with pytest.raises(ValueError, match="has parameters for C, but the system contains Si"):
        train(carbon, silicon[:4], silicon[4:], OPTIMIZER)
    with pytest.raises(ValueError, match="structure 1 of the validation set is structure 3 of the training set"):
        train(SW, silicon[:4], [silicon[4], silicon[3]], OPTIMIZER)
    with pytest.raises(ValueError, match="the weight of forces in a loss must be a number from 0 on, got -1"):
        Loss(forces=-1.0)
    with pytest.raises(ValueError, match="at least one weight"):
        Loss(0.0, 0.0, 0.0)


def test_a_loss_that_is_no_longer_finite_says_so(silicon):
    start = eqx.tree_at(lambda p: p.lam, SW, 1.1 * SW.lam)
    with pytest.raises(ValueError, match=r"the loss is no longer finite in epoch \d: learn more slowly"):
        list(train(start, silicon[:4], silicon[4:6], optax.sgd(1e6), epochs=9, batch_size=2, trainable=["epsilon"]))


def test_a_cutoff_that_is_learned_beyond_the_lists_is_refused(silicon):
    small = eqx.tree_at(lambda p: p.sigma, SW, 0.9 * SW.sigma)
    with pytest.raises(ValueError, match=r"in epoch 1 it is 3\.\d+ Å, beyond the 3\.39\d+ Å of the lists"):
        list(train(small, silicon[:4], silicon[4:6], optax.adam(0.02), average=0.0, trainable=["sigma"], batch_size=2))
