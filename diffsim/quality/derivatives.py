"""Whether forces and stress are derivatives of the energy, and those of forces a symmetric matrix."""

import jax.numpy as jnp
import numpy as np

from diffsim.mechanics import hessian
from diffsim.quality.subject import Subject
from diffsim.quality.verdict import Verdict, at_most
from diffsim.system import System

_STEP = 1e-3  # Å, or of strain
_STENCIL = {-2: 1 / 12, -1: -8 / 12, 1: 8 / 12, 2: -1 / 12}  # f′h to fourth order
_WAYS = 4  # random directions
_BAR = 1e-5  # relative: truncation h⁴ f⁽⁵⁾ and rounding ε E/h are below 1e-8 eV/Å
_ASYMMETRY = 1e-8  # relative: rounding
_SMALL = 1e-2  # eV/Å, or eV: smaller derivatives are not asked for digits


def forces(subject: Subject) -> Verdict:
    """F·v against −dE/dv by differences, for random displacements v of all atoms."""
    subject.require_energies()
    probe, rng = subject.probe, np.random.default_rng(0)
    ways = rng.standard_normal((_WAYS, *probe.positions.shape))
    ways /= np.linalg.norm(ways, axis=(1, 2), keepdims=True)
    moved = [probe.replace(positions=probe.positions + n * _STEP * v) for v in ways for n in _STENCIL]
    found = subject.evaluated([probe, *moved])
    told, slopes = -np.einsum("ax,vax->v", found.forces[0], ways), _slopes(found.energy[1:])
    scale = max(float(np.linalg.norm(found.forces[0])), _SMALL)
    return _told(told, slopes, scale, "eV/Å", "Forces")


def stress(subject: Subject) -> Verdict:
    """V σ:ε against dE/dε by differences, for random strains."""
    subject.require_energies()
    probe, rng = subject.probe, np.random.default_rng(1)
    ways = rng.standard_normal((_WAYS, 3, 3))
    ways = ways + np.swapaxes(ways, 1, 2)
    ways /= np.linalg.norm(ways, axis=(1, 2), keepdims=True)
    moved: list[System] = [probe.strained(jnp.asarray(n * _STEP * strain)) for strain in ways for n in _STENCIL]
    found = subject.evaluated([probe, *moved])
    virial = float(probe.volume) * found.stress[0]
    told, slopes = np.einsum("xy,vxy->v", virial, ways), _slopes(found.energy[1:])
    scale = max(float(np.linalg.norm(virial)), _SMALL)
    return _told(told, slopes, scale, "eV", "Volume times stress")


def curvature(subject: Subject) -> Verdict:
    """Whether ∂F_i/∂x_j = ∂F_j/∂x_i, as forces that come from an energy have it."""
    size = subject.probe.positions.size
    found = np.asarray(hessian(subject.potential, subject.probe)).reshape(size, size)
    largest = float(np.abs(found).max())
    error = float(np.abs(found - found.T).max())
    sentence = f"Of second derivatives up to {largest:.3g} eV/Å², each pair agrees to {error:.1e} eV/Å²."
    return at_most(_ASYMMETRY, error / max(largest, _SMALL), "relative", sentence)


def _slopes(energies: np.ndarray) -> np.ndarray:
    return energies.reshape(_WAYS, len(_STENCIL)) @ np.array([*_STENCIL.values()]) / _STEP


def _told(told: np.ndarray, slopes: np.ndarray, scale: float, unit: str, what: str) -> Verdict:
    error = float(np.abs(told - slopes).max())
    sentence = f"{what}, {scale:.3g} {unit} in all, and differences of the energy agree to {error:.1e} {unit}."
    return at_most(_BAR, error / scale, "relative", sentence)
