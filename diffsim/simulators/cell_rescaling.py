"""Constant pressure and temperature."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from diffsim.fields import as_array, constant
from diffsim.mechanics import forces_and_virial, require_periodic
from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import check_positive, listed
from diffsim.simulators.momenta import kinetic_tensor
from diffsim.simulators.splitting import AbstractSplitting
from diffsim.simulators.state import State, pushed
from diffsim.simulators.temperature import Temperature, thermal_energy
from diffsim.system import System


class Barostat(NamedTuple):
    """What the cell is moved by."""

    thermostat: Any  # that one's bath
    virial: Float[Array, "*replicas 3 3"]  # eV, −∂E/∂ε of the positions


class StochasticCellRescaling(AbstractSplitting):
    """Constant pressure: stochastic cell rescaling (doi:10.1063/5.0020514), around any thermostat.

    d√V = (β√V/2τ) (P − P₀ + k_B T/2V) dt + √(k_B T β/2τ) dW,   P = tr Π/3,   Π = (Σ p⊗p/m + virial)/V

    x → e^ε x and p → e^{−ε} p with a third of the change of ln V on the diagonal of ε. With `full_cell` the rest of ε
    moves too (doi:10.3390/app12031139): dε = (β/3τ) dev Π dt + √(2 k_B T β/3Vτ) dev dW, symmetric and without trace.

    Half a strain comes before and half after what the thermostat does between the kicks, from Π of the step's start; of
    the noise of each step half acts in the one before, as Leimkuhler and Matthews do. One force evaluation a step.

    Why this and not Martyna, Tobias and Klein's barostat: first order in time, the volume relaxes in τ and does not
    ring; no mass to choose; from any start, however far from equilibrium; one noise instead of chains that a crystal
    may not mix; and yet, unlike Berendsen's, exactly the isothermal–isobaric ensemble. Fluctuations do not depend on β,
    which only sets the pace and may be a guess. With the total momentum zero, ⟨V⟩ of an ideal gas is N k_B T/P₀.
    Atoms that are held move with the cell. Pressures in eV/Å³, compression positive.
    """

    thermostat: Any  # Bussi, Langevin, NoseHoover, or any other splitting that has a temperature
    pressure: Float[Array, ""] = eqx.field(converter=as_array)  # P₀, eV/Å³
    timescale: Float[Array, ""] = eqx.field(converter=as_array)  # τ, Å √(amu/eV)
    compressibility: Float[Array, ""] = eqx.field(converter=as_array)  # β, Å³/eV
    full_cell: bool = constant(default=False)

    def __check_init__(self) -> None:
        if not hasattr(self.thermostat, "temperature"):
            name = type(self.thermostat).__name__
            raise ValueError(f"thermostat must be one, such as Bussi or Langevin, got {name}")
        check_positive("timescale", self.timescale, "Å √(amu/eV)")
        check_positive("compressibility", self.compressibility, "Å³/eV")

    @property
    def dt(self) -> Float[Array, ""]:
        """That of the thermostat."""
        return self.thermostat.dt

    @property
    def temperature(self) -> Temperature:
        """That of the thermostat."""
        return self.thermostat.temperature

    def bath(self, system: System, key: Array) -> Barostat:
        require_periodic(system, "constant pressure")
        return Barostat(self.thermostat.bath(system, key), jnp.zeros((3, 3), system.cell.dtype))

    def evaluate(self, potential: AbstractPotential, state: State) -> State:
        state, near = listed(potential, state)
        forces, virial = forces_and_virial(potential, state.system, near)
        return pushed(state, forces).replace(bath=state.bath._replace(virial=virial))

    def middle(self, state: State) -> State:
        strain = 0.5 * self._strain(state)
        bath = state.bath
        state = self.thermostat.middle(_deformed(state, strain).replace(bath=bath.thermostat))
        return _deformed(state, strain).replace(bath=bath._replace(thermostat=state.bath))

    def _strain(self, state: State) -> Float[Array, "3 3"]:
        """ε of one step."""
        kT, V, one = thermal_energy(self.temperature, state.time), state.system.volume, jnp.eye(3)
        pace = self.compressibility * self.dt / self.timescale
        noise = 0.5 * sum(_symmetric_noise(state, state.step + n) for n in (0, 1))
        inner = pressure_tensor(state, state.bath.virial)
        excess = jnp.trace(inner) / 3 - self.pressure
        by_root = 0.5 * pace * (excess + 0.5 * kT / V) + jnp.sqrt(pace * kT / (6 * V)) * jnp.trace(noise)  # d√V/√V
        volume = 2 / 3 * jnp.log1p(by_root) * one
        if not self.full_cell:
            return volume
        shape = pace / 3 * inner + jnp.sqrt(2 * pace * kT / (3 * V)) * noise
        return volume + shape - jnp.trace(shape) / 3 * one


def pressure_tensor(state: State, virial: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """Π = (Σ p⊗p/m + virial)/V in eV/Å³."""
    return (kinetic_tensor(state) + virial) / state.system.volume


def _symmetric_noise(state: State, step: Array) -> Float[Array, "3 3"]:
    """The symmetric part of nine normal numbers of a step, others than the thermostat's; its trace has variance 3."""
    key = jax.random.fold_in(jax.random.fold_in(state.key, step), 1)
    noise = jax.random.normal(key, (3, 3), state.system.cell.dtype)
    return 0.5 * (noise + noise.T)


def _deformed(state: State, strain: Float[Array, "3 3"]) -> State:
    """Cell, positions and, inversely, momenta under a symmetric strain: e^ε to its square, with the exact volume."""
    third = jnp.trace(strain) / 3
    shape = strain - third * jnp.eye(3)
    stretch = jnp.exp(third) * (jnp.eye(3) + shape + 0.5 * shape @ shape)
    system = state.system
    system = system.replace(positions=system.positions @ stretch, cell=system.cell @ stretch)
    return state.replace(system=system, momenta=state.momenta @ _inverse(stretch))


def _inverse(matrix: Float[Array, "3 3"]) -> Float[Array, "3 3"]:
    """In closed form: a library call would cost more than the step of a small system."""
    a, b, c = matrix
    return jnp.stack([jnp.cross(b, c), jnp.cross(c, a), jnp.cross(a, b)], axis=1) / jnp.dot(a, jnp.cross(b, c))
