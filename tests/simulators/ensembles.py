"""Many small copies of one system side by side, and the published tests of what they should be distributed as."""

import contextlib
import io
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from ase import Atoms
from ase.build import bulk

from diffsim import Langevin, LennardJones, Schedule, State, System, simulate, units
from diffsim.graph import Graph
from diffsim.mechanics import total_energy
from diffsim.potentials import AbstractPotential
from diffsim.simulators import AbstractSimulator
from diffsim.simulators.momenta import kinetic_energy, maxwell

with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
    import physical_validation as validation  # it greets

LJ = LennardJones(epsilon=0.0104, sigma=3.40, cutoff=5.0, onset=4.5)  # nearest neighbours only: cheap, and anharmonic
ARGON = System.from_ase(bulk("Ar", a=5.3, cubic=True))  # four atoms: nine degrees of freedom, whose energies vary much


class Spring(AbstractPotential):
    """½ k r² between every two atoms: of two atoms, the distance is a harmonic oscillator in three dimensions."""

    k: jax.Array
    cutoff: jax.Array
    species: tuple[int, ...] = ()

    def atomic_energies(self, graph: Graph) -> jax.Array:
        square = sum(x * x for x in graph.vectors)
        return 0.25 * self.k * jnp.sum(jnp.where(graph.mask, square, 0.0), axis=0)


SPRING = Spring(jnp.asarray(5.0), jnp.asarray(30.0))
DIMER = System.from_ase(Atoms("ArNe", [[0, 0, 0], [0.1, 0.1, 0.1]]))


@contextlib.contextmanager
def optimised() -> Iterator[None]:
    """Compiles as users do: worth it for runs of more than some seconds."""
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", True)


def replicas(
    simulator: AbstractSimulator,
    potential: AbstractPotential,
    system: System,
    count: int,
    heat: float,
    seed: int = 0,
    skin: float = 1.0,
    room: int = 24,
) -> State:
    """One start with so many draws of its momenta and of all later noise, and lists of so many neighbours."""
    one = simulator.init(potential, system, jax.random.key(seed), heat, skin=skin)
    keys, noise = jax.random.split(jax.random.key(seed + 1), (2, count))
    momenta = jax.vmap(lambda key: maxwell(system, key, heat))(keys)
    one = one.replace(key=None, neighbors=one.neighbors.widened(room))  # roomy: making it anew would compile again
    many = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), one)
    return many.replace(momenta=momenta, key=noise)


def energies(potential: AbstractPotential, state: State) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Kinetic and potential energy in eV, volume in Å³."""
    return kinetic_energy(state), total_energy(potential, state.system, state.neighbors), state.system.volume


def sampled(
    simulator: AbstractSimulator, heat: float, schedule: Schedule, count: int, system: System = ARGON, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kinetic and potential energies and volumes of all frames of all replicas, one after the other.

    They start from somewhat colder ones that noise has thermalised: from a crystal at rest, modes of equal frequency
    go on in step for many picoseconds.
    """
    state = replicas(simulator, LJ, system, count, heat, seed)
    noisy = Langevin(5 * units.fs, 0.7 * heat, friction=1 / (50 * units.fs))
    with optimised():
        _, state = simulate(LJ, noisy, state, Schedule(frames=1, stride=150))
        records, _ = simulate(LJ, simulator, state, schedule, energies, ceiling=1e4)
    kinetic, potential, volume = (np.asarray(record).ravel() for record in records)
    return kinetic, potential, volume


def assert_maxwellian(kinetic: np.ndarray, heat: float, n_atoms: int) -> None:
    """Mean and spread are those of 3 (N − 1) degrees of freedom, within three standard errors."""
    data = _as_data(n_atoms, heat, kinetic=kinetic)
    off = validation.kinetic_energy.distribution(
        data, strict=False, verbosity=0, bootstrap_seed=1, data_is_uncorrelated=True
    )
    assert max(np.abs(off)) < 3, f"mean and spread are {off} standard errors away"


def assert_boltzmann(cold: np.ndarray, hot: np.ndarray, heats: tuple[float, float], n_atoms: int) -> None:
    """ln P₂(U)/P₁(U) has the slope β₁ − β₂ (doi:10.1371/journal.pone.0202764), within three standard errors."""
    both = zip((cold, hot), heats, strict=True)
    _assert_slope(*(_as_data(n_atoms, heat, potential=u) for u, heat in both))


def assert_boltzmann_in_volume(
    low: np.ndarray, high: np.ndarray, pressures: tuple[float, float], heat: float, n_atoms: int
) -> None:
    """ln P₂(V)/P₁(V) has the slope β (P₁ − P₂), within three standard errors."""
    both = zip((low, high), pressures, strict=True)
    _assert_slope(*(_as_data(n_atoms, heat, volume=volume, pressure=P) for volume, P in both))


def _assert_slope(one: validation.data.SimulationData, two: validation.data.SimulationData) -> None:
    off = validation.ensemble.check(
        one, two, total_energy=False, verbosity=0, bootstrap_seed=1, data_is_uncorrelated=True
    )
    assert max(np.abs(off)) < 3, f"the slope is {off} standard errors away"


def _as_data(
    n_atoms: int,
    heat: float,
    *,
    kinetic: np.ndarray | None = None,
    potential: np.ndarray | None = None,
    volume: np.ndarray | None = None,
    pressure: float | None = None,
) -> validation.data.SimulationData:
    size = next(len(x) for x in (kinetic, potential, volume) if x is not None)
    kinetic, potential = (np.zeros(size) if x is None else x for x in (kinetic, potential))
    names = ("energy", "length", "volume", "temperature", "pressure", "time")
    ensemble = {"volume": 1.0} if pressure is None else {"pressure": pressure}
    return validation.data.SimulationData(
        units=validation.data.UnitData(
            kb=units.kB,
            **{f"{name}_conversion": 1.0 for name in names} | {"pressure_conversion": 1 / 6.022140857e-2},  # PV = 1 eV
            **{f"{name}_str": name for name in names},
        ),
        system=validation.data.SystemData(
            natoms=n_atoms, nconstraints=0, ndof_reduction_tra=3, ndof_reduction_rot=0, mass=np.ones(n_atoms)
        ),
        ensemble=validation.data.EnsembleData(
            "NVT" if pressure is None else "NPT", natoms=n_atoms, temperature=heat, **ensemble
        ),
        observables=validation.data.ObservableData(kinetic_energy=kinetic, potential_energy=potential, volume=volume),
    )
