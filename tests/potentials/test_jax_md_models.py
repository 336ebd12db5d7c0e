"""jax-md's NequIP as a potential: the suite of learned potentials, and what jax-md itself says of the same weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import diffsim
from diffsim.fields import parameters
from diffsim.io.potential import save_potential
from diffsim.potentials.jax_md import nequip
from tests.helpers import layered, rattled
from tests.potentials.learned import Learned

jax_md = pytest.importorskip("jax_md", reason="needs jax-md: pip install jax-md")


pytestmark = [
    pytest.mark.slow,  # to compile
    # what jax-md's own code warns of
    pytest.mark.filterwarnings("ignore:scatter inputs have incompatible types:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
]
SYSTEM = rattled(layered("Si", "C", 5.0), 0.1, strain=0.05)
IDENTITY = jnp.asarray(np.array([[14, 6]]) == np.asarray(SYSTEM.numbers)[:, None], float)


def config():
    """Tiny, in two steps, of two elements; no edge is within 0.04 Å of 3.34 and 3.84, where the curvature jumps."""
    made = jax_md.nn.nequip.default_config()
    made.update(graph_net_steps=2, n_elements=2, hidden_irreps="4x0e + 2x1o", sh_irreps="1x0e + 1x1o", num_basis=4)
    made.update(r_max=3.84, radial_net_n_hidden=4, radial_net_n_layers=1, n_neighbors=2.0, scale=1.0, shift=0.3)
    return made


@functools.cache
def in_jax_md():
    """Its energy function, weights of 64 bits, its list with images, and positions as fractions of the cell."""
    neighbors_of, init, energy = jax_md.energy.nequip_neighbor_list(
        jax_md.space.free()[0],
        SYSTEM.cell.T,
        config(),
        atoms=IDENTITY,
        neighbor_list_fn=jax_md.custom_partition.neighbor_list_multi_image,
        featurizer_fn=jax_md.custom_partition.graph_featurizer,
        fractional_coordinates=True,
    )
    fractions = SYSTEM.positions @ jnp.linalg.inv(SYSTEM.cell)
    neighbors = neighbors_of.allocate(fractions)
    weights = jax.jit(init)(jax.random.key(0), fractions, neighbors)
    return energy, jax.tree.map(lambda w: w.astype(float), weights), neighbors, fractions


class TestNequIP(Learned):
    smooth = False  # jax-md ends its radial functions with a continuous slope

    def make(self, species):
        return nequip(config(), in_jax_md()[1], species)

    def test_it_is_stored_to_the_last_digit(self, tmp_path):
        """A file holds no code."""
        with pytest.raises(ValueError, match="a file cannot hold the function 'energies': keep its weights"):
            save_potential(tmp_path / "potential.json", self.make(("Si", "C")))


def test_energy_and_forces_are_those_of_jax_md():
    """In a cell smaller than the cutoff."""
    energy, weights, neighbors, fractions = in_jax_md()
    potential = nequip(config(), weights, ("Si", "C"))
    value, slope = jax.jit(jax.value_and_grad(energy, argnums=1))(weights, fractions, neighbors)
    np.testing.assert_allclose(diffsim.energy(potential, SYSTEM), value, rtol=1e-12)
    forces = diffsim.forces(potential, SYSTEM)
    assert np.abs(forces).max() > 1e-2
    np.testing.assert_allclose(forces, -slope, rtol=0, atol=1e-12)  # jax-md's derivatives are by Cartesian positions


def test_weights_are_named_as_flax_names_them():
    names = list(parameters(nequip(config(), in_jax_md()[1], ("Si", "C"))))
    assert "weights.params.NequIPConvolution_0.MLP_0.Dense_0.kernel" in names


def test_another_number_of_elements_is_refused():
    with pytest.raises(ValueError, match="the model has 2 elements, got 1 species"):
        nequip(config(), in_jax_md()[1], ("Si",))
