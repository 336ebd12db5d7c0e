"""The energy along a path, and what can be read off it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim.paths.band import Band, Images
from diffsim.paths.spline import Spline
from diffsim.potentials.base import AbstractPotential
from diffsim.system import System

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)  # of the integral from one image to the next


class MinimumEnergyPath(eqx.Module):
    """Images on a minimum-energy path, the first and the last at its two minima.

    `energies` are those of the potential, `work` is −∫F·dx along the spline through the images, both in eV and from the
    first image on. They agree where forces are the derivative of the energy; where there is none, energies are NaN.
    """

    system: System  # the first image
    positions: Float[Array, "images atoms 3"]  # Å
    coordinate: Float[Array, " images"]  # Å, length of the path up to the image, in the space of all coordinates
    energies: Float[Array, " images"]  # eV
    work: Float[Array, " images"]  # eV
    along: Float[Array, " images"]  # eV/Å, component of the force along the path
    across: Float[Array, ""]  # eV/Å, largest component of a force perpendicular to the path, minima included

    def image(self, number: int) -> System:
        """One of the images."""
        return self.system.replace(positions=self.positions[number])

    @property
    def highest(self) -> int:
        """Which image has the most work behind it: the one nearest to the pass."""
        return int(np.argmax(self.work))

    @property
    def tangent(self) -> Float[Array, "atoms 3"]:
        """The direction of the path at the highest image."""
        return _tangents(self.positions.reshape(len(self.positions), -1))[self.highest].reshape(-1, 3)

    @property
    def barrier(self) -> float:
        """The top of the path in eV above its first image, between images by their work and forces."""
        from scipy.interpolate import CubicHermiteSpline

        curve = CubicHermiteSpline(*(np.asarray(v, float) for v in (self.coordinate, self.work, -self.along)))
        tops = curve.derivative().roots(extrapolate=False)
        return float(max(np.max(curve(tops[np.isfinite(tops)]), initial=0.0), np.max(self.work)))


def profile(potential: AbstractPotential, system: System, images: Images) -> MinimumEnergyPath:
    """Energies, work and forces of images on a path."""
    gaps = np.abs(np.diff(np.asarray(images), axis=0)).max()
    band = Band.of(potential, system, images, 2.0 * float(gaps) + 0.1)
    energies, work, along, across = _profile(potential, band, images)
    positions = images.reshape(len(images), -1, 3)
    first = system.replace(positions=positions[0])
    return MinimumEnergyPath(first, positions, Spline.through(images).knots, energies, work, along, across)


@eqx.filter_jit
def _profile(potential: AbstractPotential, band: Band, images: Images) -> tuple[Array, Array, Array, Array]:
    spline, tangents = Spline.through(images), _tangents(images)
    forces = band.forces(potential, images)
    along = jnp.sum(forces * tangents, axis=1)
    across = forces - (along * jnp.ones(len(images)).at[0].set(0.0).at[-1].set(0.0))[:, None] * tangents
    gaps = jnp.diff(spline.knots)

    def power(node: Float[Array, ""]) -> Float[Array, " gaps"]:
        """F·dx/ds in every gap, with the list of the image that is nearer."""
        places, slopes = spline.at(spline.knots[:-1] + 0.5 * (1 + node) * gaps)
        before = jax.tree.map(lambda leaf: leaf[:-1], band.lists)
        after = jax.tree.map(lambda leaf: leaf[1:], band.lists)
        lists = jax.tree.map(lambda a, b: jnp.where(node < 0, a, b), before, after)
        between = eqx.tree_at(lambda b: b.lists, band, lists)
        return jnp.sum(between.forces(potential, places) * slopes, axis=1)

    powers = jax.lax.map(power, jnp.asarray(_NODES, images.dtype))
    done = -0.5 * gaps * jnp.tensordot(jnp.asarray(_WEIGHTS, images.dtype), powers, axes=1)
    energies = band.energies(potential, images)
    return energies - energies[0], jnp.pad(jnp.cumsum(done), (1, 0)), along, jnp.max(jnp.abs(across))


def _tangents(images: Images) -> Images:
    spline = Spline.through(images)
    slopes = spline.at(spline.knots)[1]
    return slopes / jnp.linalg.norm(slopes, axis=1, keepdims=True)
