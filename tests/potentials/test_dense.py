"""Networks over features on the first axis, and potentials that have them inside."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ase.build import bulk

import diffsim
from diffsim import AbstractPotential, Dense, Experiment, Perceptron, Stress, System, Target
from diffsim.fields import constant, get, parameter, parameters
from diffsim.graph import Graph
from diffsim.instantiate import instantiate
from diffsim.io.potential import save_potential
from diffsim.parametrization import Parametrization
from diffsim.potentials.dense import ACTIVATIONS, by_species
from diffsim.potentials.radial import envelope, gaussian_basis
from diffsim.report.tables import parameter_table

KEY = jax.random.key(0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_perceptron_is_matrices_and_activations(activation):
    network = Perceptron.init((3, 5, 2), KEY, activation=activation)
    network = jax.tree.map(lambda leaf: leaf + 0.1, network)  # biases start at zero
    features = jax.random.normal(KEY, (3, 7, 4))
    a, b = network.layers
    one = features[:, 2, 1]
    expected = b.weight @ ACTIVATIONS[activation](a.weight @ one + a.bias) + b.bias
    np.testing.assert_allclose(network(features)[:, 2, 1], expected, rtol=1e-13)
    assert network(features).shape == (2, 7, 4)


def test_softplus_is_zero_at_zero():
    assert abs(ACTIVATIONS["softplus"](jnp.zeros(()))) < 1e-16


def test_features_keep_their_size_from_layer_to_layer():
    """Standard normal features, 200 wide: the mean square of the sum of 200 products is 1 ± √(2/200) of sampling."""
    layer = Dense.init(200, 200, KEY)
    features = jax.random.normal(jax.random.key(1), (200, 50))
    assert jnp.mean(layer(features) ** 2) == pytest.approx(1.0, abs=0.1)
    halved = jnp.maximum(features, 0.0)
    assert jnp.mean(Dense.init(200, 200, KEY, gain=2.0)(halved) ** 2) == pytest.approx(1.0, abs=0.1)


def test_each_species_has_its_own_network():
    stack = Perceptron.stack(2, (3, 4, 1), KEY)
    features, kinds = jax.random.normal(KEY, (3, 5)), jnp.array([0, 1, 1, 0, 1])
    found = by_species(stack, features, kinds)
    for atom, kind in enumerate(kinds):
        network = jax.tree.map(lambda leaf: leaf[kind], stack)  # noqa: B023
        np.testing.assert_allclose(found[:, atom], network(features[:, atom]), rtol=1e-13)


def test_bad_networks_are_refused():
    with pytest.raises(ValueError, match="activation must be one of tanh, silu, softplus, got 'relu'"):
        Perceptron.init((3, 1), KEY, activation="relu")
    with pytest.raises(ValueError, match=r"at least two positive sizes, of inputs and outputs, got \[3\]"):
        Perceptron.init((3,), KEY)


class Pairs(AbstractPotential):
    """E_i = ε Σ_j N(Gaussians of r_ij) u(r_ij), N a network of some thousand weights, and a second one of few."""

    epsilon: jax.Array = parameter("eV", positive=True)
    networks: tuple[Perceptron, ...] = eqx.field(converter=tuple)
    cutoff: jax.Array = parameter("Å")
    species: tuple[int, ...] = constant(default=())

    def atomic_energies(self, graph: Graph) -> jax.Array:
        r = graph.distances
        near = jnp.where(graph.mask, envelope(r, self.cutoff), 0.0)
        features = gaussian_basis(r, jnp.linspace(1.0, 4.0, 8), 2.0)
        outputs = sum(network(features)[0] for network in self.networks)
        return self.epsilon * jnp.sum(near * outputs, axis=0)


@pytest.fixture
def pairs() -> Pairs:
    return Pairs(0.1, [Perceptron.init((8, 40, 40, 1), KEY), Perceptron.init((8, 2, 1), KEY)], 4.0)


def test_weights_of_networks_are_parameters_by_name(pairs):
    found = parameters(pairs)
    assert [*found][:3] == ["epsilon", "networks.0.layers.0.weight", "networks.0.layers.0.bias"]
    assert found["networks.1.layers.0.weight"].value.shape == (2, 8)
    assert sum(p.value.size for p in found.values()) == sum(leaf.size for leaf in jax.tree.leaves(pairs)) > 2000
    assert get(pairs, "networks.1.layers.1.bias") is pairs.networks[1].layers[1].bias


def test_a_potential_with_networks_is_fitted_and_gone_on_with(pairs, tmp_path):
    """Two thousand free numbers; what is stored after the first update leads to the same second one."""
    crystal = System.from_ase(bulk("Ar", a=4.8))
    experiments = {"crystal": Experiment(crystal, {"stress": Target(Stress(), np.zeros(6), 1.0)})}
    fit = lambda state=None, steps=2: [*diffsim.fit(pairs, experiments, optax.adam(1e-4), steps=steps, state=state)]  # noqa: E731
    first, second = fit()
    assert second.loss < first.loss < first.losses[0]
    diffsim.save_state(tmp_path / "state", first)
    (again,) = fit(diffsim.load_state(tmp_path / "state"), steps=1)
    jax.tree.map(np.testing.assert_array_equal, again.potential, second.potential)


def test_equal_weights_of_a_network_move_by_themselves():
    """They are no table over species, symmetric entries of which would move together."""
    network = jax.tree.map(jnp.zeros_like, Perceptron.init((2, 2), KEY))
    pairs = Pairs(0.1, [network], 4.0, species=(14, 6))
    assert len(Parametrization.of(pairs, ["networks.0.layers.0.weight"]).start) == 4


def test_networks_are_stored_to_the_last_digit(pairs, tmp_path):
    """As plain lists, from which a configuration makes the same network."""
    save_potential(tmp_path / "potential.json", pairs)
    stored = json.loads((tmp_path / "potential.json").read_text())
    assert stored["units"]["networks.1.layers.0.weight"] == ""
    for network, fields in zip(pairs.networks, stored["potential"]["networks"], strict=True):
        assert fields["_target_"] == "diffsim.Perceptron"
        again = instantiate(fields)
        assert jax.tree.structure(again) == jax.tree.structure(network)
        jax.tree.map(np.testing.assert_array_equal, again, network)


def test_a_report_says_shape_and_norm_of_weights_and_not_each_of_them(pairs):
    values = {name: np.asarray(p.value).tolist() for name, p in parameters(pairs).items()}
    free = Parametrization.of(pairs)
    entry = {"unit": "", "start": 1.0, "fitted": 2.0, "error": 0.1, "error_chi_squared_scaled": 0.1, "bound": 0}
    table = parameter_table(
        {
            "uncertainty": {"free": [{"label": label} | entry for label in free.labels]},
            "parameters": {
                name: {"before": value, "after": value, "unit": "", "trained": True} for name, value in values.items()
            },
        }
    )
    lines = {line[0]: line for line in table.rows}
    norm = np.linalg.norm(pairs.networks[0].layers[1].weight)
    assert lines["networks.0.layers.1.weight"][2] == f"40×40 of norm {norm:.6g}"
    assert lines["networks.1.layers.1.weight[0,1]"][2:4] == ["1", "2"]
    assert len(table.rows) < 40
