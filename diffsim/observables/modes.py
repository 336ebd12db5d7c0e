"""Phonons as they are seen in a trajectory: frequency and lifetime of single modes."""

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from diffsim.fields import as_array, constant
from diffsim.observables.base import AbstractObservable, require_motion
from diffsim.observables.correlation import Window, autocorrelation, check_lags, check_window, spacing, spectrum
from diffsim.observables.phonons import dynamical_matrix
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.state import State
from diffsim.system import System, lattice_points


class Amplitudes(NamedTuple):
    """What modes keep of a frame."""

    time: Float[Array, "*frames"]
    modes: Complex[Array, "*frames modes"]  # √eV


class SpectralEnergyDensity(AbstractObservable):
    """Energy of normal modes by frequency, S_s(ν) = 2 ∫ ⟨a_s*(0) a_s(t)⟩ w(t) cos(2πνt) dt, ∫ S dν = ⟨|a_s|²⟩ = kT.

    a_s = N^−½ Σ_jL √m_j e_s*(j)·v_jL e^{−iq·r_jL}: velocities projected on the eigenvectors of one wave vector
    (doi:10.1103/PhysRevB.81.081411 sums over them). A mode of lifetime τ is a Lorentzian of full width 1/2πτ.

    `SpectralEnergyDensity.of` makes the projections for `primitive.supercell(repeats)`, whose order and rest positions
    they belong to. Resolution and windows as in `VibrationalDensityOfStates`.
    """

    correlates_times: ClassVar[bool] = True
    projections: Complex[Array, "modes atoms 3"]  # of velocities times √m
    frequencies: Float[Array, " points"] = eqx.field(converter=as_array)  # THz
    lags: int = constant()
    window: Window = constant(default="hann")
    unit: str = constant(default="eV/THz")

    def __check_init__(self) -> None:
        check_lags(self.lags, 2)
        check_window(self.window)

    @staticmethod
    def of(
        potential: AbstractPotential, primitive: System, repeats: tuple[int, int, int], qpoint: Any, **fields: Any
    ) -> "SpectralEnergyDensity":
        """The modes, ascending in frequency, at `qpoint`, fractions of the reciprocal lattice of the primitive cell.

        **Raises** `ValueError` for a wave vector that does not fit into the repeated cell.
        """
        matrix = dynamical_matrix(potential, primitive, np.asarray(qpoint, float)[None])[0]
        return SpectralEnergyDensity.modes_of(matrix, primitive, repeats, qpoint, **fields)

    @staticmethod
    def modes_of(
        matrix: Complex[Array | np.ndarray, "modes modes"],
        primitive: System,
        repeats: tuple[int, int, int],
        qpoint: Any,
        **fields: Any,
    ) -> "SpectralEnergyDensity":
        """The same of a dynamical matrix at `qpoint` that is known, in the phase convention of `dynamical_matrix`."""
        q = np.asarray(qpoint, float)
        if np.abs(q * repeats - np.rint(q * repeats)).max() > 1e-9:
            raise ValueError(
                f"the wave {q.tolist()} does not fit into {tuple(repeats)} cells: its q × repeats must be integers"
            )
        _, vectors = np.linalg.eigh(np.asarray(matrix))
        atoms, cells = len(primitive.numbers), lattice_points(repeats)
        inside = np.asarray(primitive.positions) @ np.linalg.inv(primitive.cell)
        phase = np.exp(-2j * np.pi * (inside[:, None] + cells[None]) @ q) / np.sqrt(len(cells))  # [atoms cells]
        waves = vectors.T.conj().reshape(-1, atoms, 1, 3) * phase[..., None]
        return SpectralEnergyDensity(jnp.asarray(waves.reshape(len(vectors), -1, 3)), **fields)

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(f"mode {s + 1}" for s in range(len(self.projections)))

    def record(self, potential: AbstractPotential, state: State) -> Amplitudes:
        require_motion(state, "modes need")
        heavy = state.momenta / jnp.sqrt(state.system.masses)[:, None]
        return Amplitudes(state.time, jnp.einsum("sjx,jx->s", self.projections, heavy.astype(self.projections.dtype)))

    def estimate(self, records: Amplitudes, weights: Float[Array, " frames"]) -> Float[Array, "modes points"]:
        dt = spacing(records.time, weights, self.lags)
        correlation = autocorrelation(records.modes, jnp.eye(records.modes.shape[1]), self.lags)
        return spectrum(correlation, dt, self.frequencies, self.window)
