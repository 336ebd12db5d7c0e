"""Vibrations as they are seen at a temperature: density of states, and frequency and lifetime of single phonons."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from diffsim import units
from diffsim.fields import with_floats
from diffsim.mechanics import total_energy
from diffsim.observables import SpectralEnergyDensity, VibrationalDensityOfStates
from diffsim.observables.supercell import frequencies_of
from diffsim.observables.vacancy_site import spacing_of
from diffsim.potentials.base import AbstractPotential
from diffsim.simulate import simulate
from diffsim.simulators import Langevin, Schedule, State, VelocityVerlet
from diffsim.simulators.momenta import kinetic_energy, temperature
from diffsim.simulators.schedule import members
from diffsim.solid.lattice import Lattice
from diffsim.solid.pace import Pace
from diffsim.solid.phonons import Phonon, phonons_of
from diffsim.solid.waves import Wave
from diffsim.system import System, stack

SKIN = 0.5  # of the distance between neighbours: lists of a hot crystal then last for tens of steps
_HEATING = 30  # periods of it, with a friction of one in four
_LAGS = 3  # the longest lag of a single mode is so many times shorter than the run
_MELTED = 0.3  # of the distance between neighbours: crystals melt when atoms are a tenth to a fifth of it from sites


class Vibrations(NamedTuple):
    """What replicas at constant energy tell, started from a bath."""

    temperature: float  # K, as it was
    temperature_error: float
    drift: float  # meV/atom/ps, of the total energy, the largest
    duration: float  # ps, of each replica
    density: Float[np.ndarray, " points"]  # states per THz and atom
    density_error: Float[np.ndarray, " points"]
    phonons: list[Phonon]


class _Kept(eqx.Module):
    """What is recorded of a frame."""

    density: VibrationalDensityOfStates
    waves: tuple[SpectralEnergyDensity, ...]

    def record(self, potential: AbstractPotential, state: State) -> Any:
        amplitudes = tuple(wave.record(potential, state).modes for wave in self.waves)
        return self.density.record(potential, state), amplitudes, temperature(state)


def vibrations(
    lattice: Lattice,
    kelvin: float,
    pace: Pace,
    *,
    density: VibrationalDensityOfStates,
    waves: Sequence[Wave],
    steps: int,
    replicas: int,
    seed: int = 0,
) -> Vibrations:
    """Runs `replicas` of the repeated crystal, of `steps` each, in its own cell at constant energy, in 32-bit floats.

    `density` says at which frequencies and behind which window the density of states is taken. The eigenvectors that
    single phonons are projected on are those at rest.

    **Raises** `ValueError` for fewer than two replicas, for a single atom and where the crystal melts, and
    `SimulationError` where it explodes.
    """
    if replicas < 2:
        raise ValueError(f"errors are the spread over replicas, of which there must be at least 2, got {replicas}")
    potential, whole = with_floats((lattice.potential, lattice.crystal.supercell(lattice.repeats)), 32)
    if len(whole.numbers) < 2:
        raise ValueError(f"a single atom does not vibrate: raise repeats, got {lattice.repeats}")
    start = _heated(potential, whole, kelvin, pace, jax.random.split(jax.random.key(seed), replicas))
    frames = steps // pace.stride
    density = dataclasses.replace(density, lags=min(density.lags, frames))
    window = max(2, frames // _LAGS)
    at_rest, modes = _modes(lattice, waves, density.frequencies, window)
    verlet = with_floats(VelocityVerlet(pace.dt * units.fs), 32)
    record = with_floats(_Kept(density, modes), 32).record
    records, after = simulate(potential, verlet, start, Schedule(frames, pace.stride), record)
    require_crystal(whole, after, kelvin)
    velocities, amplitudes, heat = with_floats(records, 64)
    velocities = velocities._replace(time=_clock(replicas, frames, pace))
    duration, atoms = frames * pace.every, len(whole.numbers)
    change = _energies(lattice.potential, after) - _energies(lattice.potential, start)
    densities = _each(density, velocities) / atoms
    heats = np.asarray(heat).mean(axis=1)
    return Vibrations(
        float(heats.mean()),
        float(heats.std(ddof=1) / np.sqrt(replicas)),
        1e3 * float(np.abs(change).max()) / atoms / duration,
        duration,
        densities.mean(axis=0),
        densities.std(axis=0, ddof=1) / np.sqrt(replicas),
        [
            phonon
            for wave, still, series in zip(waves, at_rest, amplitudes, strict=True)
            for phonon in phonons_of(wave, still, series, pace.every, window)
        ],
    )


def _heated(potential: AbstractPotential, whole: System, kelvin: float, pace: Pace, keys: Array) -> State:
    """Replicas from a bath. Half of the heat that they are given goes into the springs."""
    bath = with_floats(Langevin(pace.dt * units.fs, kelvin, pace.highest * units.THz * 2 * np.pi / 4), 32)
    of = functools.partial(bath.init, potential, whole, skin=SKIN * spacing_of(whole))
    start = stack([of(key, jnp.float32(2 * kelvin)) for key in keys])
    _, state = simulate(potential, bath, start, Schedule(1, max(1, round(_HEATING * pace.period))), nothing)
    return state


def _modes(
    lattice: Lattice, waves: Sequence[Wave], frequencies: Float[Array, " points"], window: int
) -> tuple[Float[np.ndarray, "waves modes"], tuple[SpectralEnergyDensity, ...]]:
    """Frequencies at rest, and what projects on the modes of each wave."""
    if not waves:
        return np.empty((0, 3 * len(lattice.crystal.numbers))), ()
    qpoints = np.array([wave.q for wave in waves])
    matrices = lattice.matrices(qpoints)
    of = functools.partial(SpectralEnergyDensity.modes_of, frequencies=frequencies, lags=window)
    pairs = zip(matrices, qpoints, strict=True)
    return frequencies_of(matrices), tuple(of(matrix, lattice.crystal, lattice.repeats, q) for matrix, q in pairs)


def _clock(replicas: int, frames: int, pace: Pace) -> Float[Array, "replicas frames"]:
    """When frames were, in Å √(amu/eV): of the clock of a run in 32 bits every step is rounded."""
    return jnp.tile(jnp.arange(frames) * (pace.every * units.ps), (replicas, 1))


def require_crystal(whole: System, after: State, kelvin: float) -> None:
    """Refuses replicas whose atoms have left the sites of the repeated crystal `whole`."""
    moved = np.asarray(after.system.positions - whole.positions)
    moved = moved - moved.mean(axis=1, keepdims=True)
    far = float(np.sqrt(np.mean(np.sum(moved**2, axis=-1), axis=1)).max())
    spacing = spacing_of(whole)
    if not far < _MELTED * spacing:
        raise ValueError(
            f"at {kelvin:g} K the atoms do not stay on the lattice: in the end they are {far:.2g} Å from their sites, "
            f"which are {spacing:.3g} Å apart"
        )


def nothing(potential: AbstractPotential, state: State) -> Any:
    """What is recorded where only the last state counts."""
    return state.step


def _energies(potential: AbstractPotential, state: State) -> np.ndarray:
    """Total energies of the replicas in eV; NaN for forces that are those of no energy."""
    total = eqx.filter_jit(lambda one: total_energy(potential, one.system, one.neighbors) + kinetic_energy(one))
    try:
        return np.array([float(total(one)) for one in members(with_floats(state, 64))])
    except ValueError:
        return np.full(len(members(state)), np.nan)


def _each(observable: Any, records: Any) -> np.ndarray:
    """The estimate of each replica."""
    estimate = eqx.filter_jit(observable.estimate)
    ones = [jax.tree.map(lambda leaf, m=m: leaf[m], records) for m in range(len(jax.tree.leaves(records)[0]))]
    frames = len(jax.tree.leaves(ones[0])[0])
    return np.stack([np.asarray(estimate(one, jnp.full(frames, 1 / frames))) for one in ones])[:, 0]
