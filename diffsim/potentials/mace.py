"""MACE: messages that turn with the structure, made of several neighbours at once by products of an atomic basis."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph, species_of
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.dense import Perceptron, as_key, of_atoms
from diffsim.potentials.mace_layer import Features, MACELayer, Surroundings
from diffsim.potentials.radial import bessel_basis, bessel_frequencies, envelope
from diffsim.potentials.spherical import harmonics


class MACE(AbstractPotential):
    """Batatia's equivariant message passing (doi:10.48550/arXiv.2206.07697), in the atoms-last layout of a graph.

    E_i = E⁰_Z + s_Z Σ_t N_t(h_i,0 after layer t), from features h_i,0 = a_Z of the element Z; layers as in `MACELayer`.
    N_t is linear for all layers but the last, and a network there. R_p(r) is a network of √2 (r_c/r) sin(ω r/r_c) u(r),
    with the polynomial `envelope` u, and has no biases: messages pass through the cutoff with two derivatives. Features
    have the parity (−1)ˡ of spherical harmonics, so a reflection changes no energy.

    Needs `pip install e3nn-jax`.

    **Raises** `ValueError` for no species, a cutoff that is not positive, and in `init` a depth or correlation below 1.
    """

    layers: tuple[MACELayer, ...] = eqx.field(converter=tuple)
    readouts: tuple[Perceptron, ...] = eqx.field(converter=tuple)  # N
    embedding: Float[Array, "species features"] = parameter("")  # a
    scale: Float[Array, " species"] = parameter("eV")  # s
    reference: Float[Array, " species"] = parameter("eV")  # E⁰
    frequencies: Float[Array, " basis"] = parameter("")  # ω
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    species: tuple[int, ...] = constant(converter=atomic_numbers)

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)
        check_elements(self.species)

    @property
    def depth(self) -> int:
        return len(self.layers)

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        found = [readout(h[0][:, 0])[0] for readout, h in zip(self.readouts, self.features(graph), strict=True)]
        return of_atoms(self.reference, own) + of_atoms(self.scale, own) * sum(found[1:], found[0])

    def features(self, graph: Graph) -> list[Features]:
        """What each layer finds, for l = 0, 1 …"""
        own, _ = graph.kinds(self.species)
        r = graph.distances
        x, y, z = graph.vectors
        near = jnp.where(graph.mask, envelope(r, self.cutoff), 0.0)
        turned = harmonics((x / r, y / r, z / r), max(layer.l_max for layer in self.layers))
        basis = near * self.cutoff**1.5 * bessel_basis(r, self.frequencies, self.cutoff)
        around = Surroundings(
            [jnp.swapaxes(y, -1, -2) for y in turned],
            jnp.swapaxes(basis, -1, -2),
            own == jnp.arange(len(self.species))[:, None],
        )
        h = [of_atoms(self.embedding, own)[:, None]]
        everyone = [of_atoms(self.embedding, species_of(graph.everyone, self.species))[:, None]]
        found = []
        for layer in self.layers:
            h = everyone = layer(graph, around, h, everyone)
            found.append(h)
        return found

    @staticmethod
    def init(
        species: Sequence[str | int],
        key: Array | int,
        *,
        cutoff: float = 5.0,
        depth: int = 2,
        features: int = 16,
        degrees: tuple[int, int] = (2, 1),
        correlation: int = 3,
        radial: Sequence[int] = (8, 16),
        neighbors: float = 20.0,
    ) -> "MACE":
        """Random weights.

        `degrees` are the highest l of the atomic basis and of messages, `radial` the number of Bessel functions and the
        hidden layers of R, `neighbors` about how many an atom has. `key` may be the seed of one.
        """
        numbers = atomic_numbers(species)
        check_elements(numbers)
        for name, number in (("depth", depth), ("correlation", correlation)):
            if number < 1:
                raise ValueError(f"MACE needs a {name} of at least 1, got {number}")
        l_max, l_messages = degrees
        for_embedding, for_layers, for_readouts = jax.random.split(as_key(key), 3)
        keys = zip(jax.random.split(for_layers, depth), jax.random.split(for_readouts, depth), strict=True)
        layers, readouts = [], []
        for step, (for_layer, for_readout) in enumerate(keys):
            last = step == depth - 1
            layer = MACELayer.init(
                (1 if step == 0 else l_messages + 1, 1 if last else l_messages + 1),
                for_layer,
                species=len(numbers),
                features=features,
                l_max=l_max,
                correlation=correlation,
                radial=radial,
                neighbors=neighbors,
            )
            layers.append(layer)
            sizes = (features, features, 1) if last else (features, 1)
            readouts.append(Perceptron.init(sizes, for_readout, bias=last))
        return MACE(
            embedding=jax.random.normal(for_embedding, (len(numbers), features)),
            layers=layers,
            readouts=readouts,
            scale=jnp.ones(len(numbers)),
            reference=jnp.zeros(len(numbers)),
            frequencies=bessel_frequencies(radial[0]),
            cutoff=cutoff,
            species=numbers,
        )
