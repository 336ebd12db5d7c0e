"""CHGNet: atoms, bonds and angles that tell each other what they know; weights for 94 elements are published."""

from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import constant, parameter
from diffsim.graph import Graph
from diffsim.potentials.base import AbstractPotential, atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.chgnet_basis import CHGNetBasis
from diffsim.potentials.chgnet_layers import CHGNetAngleLayer, CHGNetAtomLayer, CHGNetBondLayer
from diffsim.potentials.dense import Dense, Perceptron, as_key, of_atoms
from diffsim.potentials.gated import LayerNorm
from diffsim.potentials.near_edges import nearest_first


class CHGNet(AbstractPotential):
    """Deng's graph network of atoms, bonds and angles (doi:10.1038/s42256-023-00716-3).

    x_i = a_Z of the element Z, b_ij and a_jik as in `CHGNetBasis`; then layers tell atoms of their bonds, bonds of the
    angles that they are part of, and angles of their bonds, in turn; the last layer is one of atoms.

    E_i = E⁰_Z + N(n(x_i)),   m_i = |s·x_i + s⁰| before the last layer

    N is a network, n a normalisation, E⁰ the reference energies of elements. m are magnetic moments in Bohr magnetons,
    which the published weights were trained on too. `CHGNet.load("0.3.0")` reads these, for 94 elements.

    Angles are between edges shorter than `angular_cutoff`; energies and forces are continuous where edges pass it, and
    the cutoff. (In version 0.2.0 they are not where the first angle of a structure appears.) Atoms alone have an
    energy, although the original refuses them: it was not trained on any.

    **Raises** `ValueError` for no species, and a cutoff that is not positive.
    """

    basis: CHGNetBasis
    atom_layers: tuple[CHGNetAtomLayer, ...] = eqx.field(converter=tuple)
    bond_layers: tuple[CHGNetBondLayer, ...] = eqx.field(converter=tuple)
    angle_layers: tuple[CHGNetAngleLayer, ...] = eqx.field(converter=tuple)
    readout: Perceptron  # N
    moments: Dense  # s, s⁰
    norm: LayerNorm | None  # n
    embedding: Float[Array, "species features"] = parameter("")  # a
    reference: Float[Array, " species"] = parameter("eV")  # E⁰
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    species: tuple[int, ...] = constant(converter=atomic_numbers)

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)
        check_elements(self.species)

    @property
    def depth(self) -> int:
        return len(self.atom_layers)

    @property
    def angular_cutoff(self) -> float:
        return self.basis.angular_cutoff

    def atomic_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        own, _ = graph.kinds(self.species)
        x = self.features(graph)[-1]
        x = x if self.norm is None else self.norm(x)
        return of_atoms(self.reference, own) + self.readout(x.T)[0]

    def magnetic_moments(self, graph: Graph) -> Float[Array, " atoms"]:
        """|m_i| in Bohr magnetons."""
        return jnp.abs(self.moments(self.features(graph)[-2].T)[0])

    def features(self, graph: Graph) -> list[Float[Array, "atoms features"]]:
        """What atoms know after each layer."""
        own, _ = graph.kinds(self.species)
        edges = nearest_first(graph, self.angular_cutoff)
        x = edges.sorted(of_atoms(self.embedding, own).T)
        embedding, angles = self.basis.embedding, self.basis.angles(edges)
        around = self.basis.bonds(graph, edges, self.cutoff)
        found = []
        for step, layer in enumerate(self.atom_layers):
            x = layer(x, embedding, around)
            found.append(edges.unsorted(x)[: len(own)])
            if step < len(self.bond_layers):
                around = self.bond_layers[step](x, angles, embedding, around)
            if step < len(self.angle_layers):
                angles = self.angle_layers[step](x, angles, embedding, around)
        return found

    @staticmethod
    def init(
        species: Sequence[str | int],
        key: Array | int,
        *,
        cutoff: float = 6.0,
        angular_cutoff: float = 3.0,
        depth: int = 4,
        features: int = 64,
        waves: Sequence[int] = (31, 15),
        hidden: int = 3,
        power: int = 8,
        normalised: bool = True,
        biased: bool = False,
    ) -> "CHGNet":
        """Random weights, by default a model of the published size.

        `waves` are the numbers of ω and of ν, `hidden` the hidden layers of N, `power` that of the envelope. With
        `normalised` there are the normalisations n, with `biased` the biases o and p of layers. `key` may be the seed
        of one.

        **Raises** `ValueError` for a depth below 2, and for an angular cutoff that is not below the cutoff.
        """
        if depth < 2:
            raise ValueError(f"CHGNet needs a depth of at least 2, got {depth}")
        if not 0 < angular_cutoff < cutoff:
            raise ValueError(f"angular_cutoff must be between 0 and the cutoff of {cutoff} Å, got {angular_cutoff} Å")
        numbers = atomic_numbers(species)
        check_elements(numbers)
        keys = iter(jax.random.split(as_key(key), 3 * depth + 5))
        sizes = (features,) * (hidden + 1) + (1,)
        layer = {"features": features, "normalised": normalised}
        return CHGNet(
            basis=CHGNetBasis.init(next(keys), features, waves, power=power, angular_cutoff=angular_cutoff),
            atom_layers=[CHGNetAtomLayer.init(next(keys), **layer, biased=biased) for _ in range(depth)],
            bond_layers=[CHGNetBondLayer.init(next(keys), **layer, biased=biased) for _ in range(depth - 1)],
            angle_layers=[CHGNetAngleLayer.init(next(keys), **layer) for _ in range(depth - 2)],
            readout=Perceptron.init(sizes, next(keys)),
            moments=Dense.init(features, 1, next(keys)),
            norm=LayerNorm.init(features) if normalised else None,
            embedding=jax.random.normal(next(keys), (len(numbers), features)),
            reference=jnp.zeros(len(numbers)),
            cutoff=cutoff,
            species=numbers,
        )

    @staticmethod
    def load(name: str | Path) -> "CHGNet":
        """Published weights, or those of a file.

        `name` is a version, `0.3.0`, `0.2.0` or `r2scan`, which is read from the installed package chgnet
        (`pip install --no-deps chgnet==0.4.2`: torch is not needed, and nothing of the package is run); or a path to
        what torch has saved of the original model, or to what `to_safetensors` has written.

        **Raises** `ValueError` for a version that is not installed, and for a file that holds something else.
        """
        from diffsim.potentials.chgnet_weights import load

        return load(name)

    def to_safetensors(self, path: str | Path) -> None:
        """Writes all weights into a file that `load` reads. Needs `pip install safetensors`."""
        from diffsim.potentials.chgnet_weights import save

        save(self, path)
