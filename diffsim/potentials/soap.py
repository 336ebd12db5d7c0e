"""Smooth overlap of atomic positions: the power spectrum of the neighbour density, smeared by Gaussians."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import gamma

from diffsim.fields import constant, fixed, parameter
from diffsim.graph import Graph
from diffsim.potentials.angular import monomials, traceless
from diffsim.potentials.base import atomic_numbers, check_cutoff, check_elements
from diffsim.potentials.radial import envelope
from diffsim.stored import stored

_WIDTHS = (0.08, 0.32)  # of the radial functions, in cutoffs: eight between hold nine tenths of a neighbour at any r


class SOAP(eqx.Module):
    """The power spectrum of Bartók, Kondor and Csányi (doi:10.1103/PhysRevB.87.184115), of length 1.

    ρ_s(r) = Σ_j f(r_ij) exp(−|r − r_ij|²/2σ²) over the neighbours of species s, the atom itself among them (f = 1), so
    that an atom alone is no exception. With c_snlm = ∫ g_nl(r) Y_lm(r̂) ρ_s(r) d³r,

    p_{ss'nn'l} = (2l + 1)^(−1/2) Σ_m c_snlm c_s'n'lm,   q = p / |p| .

    Were the g_nl complete, p·p' would be the overlap of two densities, ∫ dR |Σ_s ∫ ρ_s(r) ρ'_s(R r) d³r|², over all
    rotations. They are rˡ exp(−r²/2w²) of several widths w, orthonormal for each l: so c is the same function of r_ij,
    with other widths, and neither Bessel functions nor integrals are left. f is the polynomial `envelope`.

    `decays` and `mixing`, which say what c is, are made by `init`.
    """

    decays: Float[Array, " radial"] = fixed("1/Å²")  # γ: of one neighbour c_nlm is Y_lm rˡ Σ_k mixing_lnk exp(−γ_k r²)
    mixing: Float[Array, "degrees radial radial"] = fixed()
    cutoff: Float[Array, ""] = parameter("Å", positive=True)
    species: tuple[int, ...] = constant(converter=atomic_numbers)

    def __check_init__(self) -> None:
        check_cutoff(self.cutoff)
        check_elements(self.species, "descriptors")

    @property
    def size(self) -> int:
        """How many numbers describe an atom."""
        degrees, radial, _ = self.mixing.shape
        return degrees * (len(self.species) * radial) ** 2

    def __call__(self, graph: Graph) -> Float[Array, "functions atoms"]:
        """q of each atom."""
        spectra = [jnp.sum(c[:, None] * c[None], axis=2) for c in self._density(graph)]
        p = stored(jnp.concatenate([one.reshape(-1, one.shape[-1]) for one in spectra]), graph.numbers)
        return p / jnp.sqrt(jnp.sum(p * p, axis=0))

    def _density(self, graph: Graph) -> list[Float[Array, "fields components atoms"]]:
        """c for each l, its fields the radial functions of one species after the other."""
        own, end = graph.kinds(self.species)
        near = jnp.where(graph.mask, envelope(graph.distances, self.cutoff), 0.0)
        radial = near * jnp.exp(-self.decays[:, None, None] * graph.squares)
        fields = stored(jnp.stack([jnp.where(end == s, radial, 0.0) for s in range(len(self.species))]), graph.numbers)
        itself = (own == jnp.arange(len(self.species))[:, None]).astype(fields.dtype)
        found = []
        for l, powers in enumerate(monomials(graph.vectors, len(self.mixing) - 1)):
            sums = jnp.sum(powers[:, None, None] * fields, axis=-2)  # [components species radial atoms]
            if l == 0:
                sums = sums + itself[None, :, None]
            harmonics = jnp.tensordot(jnp.asarray(traceless(l), sums.dtype), stored(sums, graph.numbers), axes=1)
            c = jnp.einsum("nk,mska->snma", self.mixing[l], harmonics)
            found.append(stored(c.reshape(-1, *c.shape[2:]), graph.numbers))
        return found

    @staticmethod
    def init(species: Sequence[str | int], *, cutoff: float, width: float, degree: int, radial: int) -> "SOAP":
        """`width` is σ in Å, `degree` the highest l, `radial` how many functions of the distance there are.

        **Raises** `ValueError` for a width that is not positive, a negative degree, and radial functions that are none
        or so many (more than 12) that they are the same but for rounding.
        """
        if width <= 0 or degree < 0 or not 1 <= radial <= 12:
            raise ValueError(
                "a width must be positive, a degree at least 0, and there are 1 to 12 radial functions: "
                f"got {width} Å, {degree} and {radial}"
            )
        smearing = 0.5 / width**2
        own = 0.5 / (cutoff * np.geomspace(*_WIDTHS, radial)) ** 2
        mixing = [_orthonormal(own, l) * _of_neighbor(own, smearing, l) for l in range(degree + 1)]
        return SOAP(own * smearing / (own + smearing), np.stack(mixing), cutoff, atomic_numbers(species))


def _orthonormal(own: Float[np.ndarray, " radial"], l: int) -> Float[np.ndarray, "radial radial"]:
    """Combinations of rˡ exp(−α r²) that are orthonormal, ∫ g_n g_n' r² dr."""
    overlap = gamma(l + 1.5) / (2 * (own[:, None] + own) ** (l + 1.5))
    lengths = np.sqrt(np.diag(overlap))
    values, vectors = np.linalg.eigh(overlap / np.outer(lengths, lengths))
    return (vectors / np.sqrt(values)).T / lengths


def _of_neighbor(own: Float[np.ndarray, " radial"], smearing: float, l: int) -> Float[np.ndarray, " radial"]:
    """∫ rˡ Y_lm exp(−α r²) exp(−a |r − R|²) d³r as a multiple of what stands in `SOAP._density`, (2l + 1)^(−1/4) in it.

    A product of two Gaussians is one around R a/(α + a), where the solid harmonic takes its mean.
    """
    together = own + smearing
    ours = np.sqrt((2 * l + 1) / (4 * np.pi)) * (2 * l + 1) ** -0.25
    return ours * (np.pi / together) ** 1.5 * (smearing / together) ** l
