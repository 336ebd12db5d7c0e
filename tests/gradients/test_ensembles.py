"""Derivatives of averages over ensembles: equal to exact results within three standard errors, which are small.

The distance of two atoms on a spring is a harmonic oscillator, whose ⟨r²⟩ = 3 kT/k BAOAB and ABOBA sample without an
error of the time step. A crystal of four argon atoms is not harmonic.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import Bussi, Langevin, NoseHoover, Schedule, State, VelocityVerlet, simulate, units
from diffsim.gradients import (
    AbstractGradient,
    Forward,
    FromEquilibrium,
    Reversible,
    Reweighting,
    Score,
    growth_rate,
)
from diffsim.graph import Graph
from diffsim.mechanics import total_energy
from diffsim.potentials import AbstractPotential
from diffsim.simulators import Aboba, AbstractSimulator
from diffsim.simulators.nose_hoover import Chain
from tests.simulators.ensembles import ARGON, DIMER, LJ, SPRING, Spring, replicas

HEAT, COUNT = 300.0, 4000
K = float(SPRING.k)
KT = units.kB * HEAT
OMEGA = float(jnp.sqrt(K * jnp.sum(1 / DIMER.masses)))  # √(k/μ)
PERIOD = 2 * np.pi / OMEGA
EXACT = -3 * KT / K**2  # d⟨r²⟩/dk, Å⁴/eV
pytestmark = pytest.mark.filterwarnings("ignore:a time step of .* makes 8 steps a period of the stiffest vibration")
NOISY = Langevin(PERIOD / 8, HEAT, friction=2 * OMEGA)  # critically damped: all is forgotten as e^{−ωt}
ABOBA = Aboba(PERIOD / 8, HEAT, friction=2 * OMEGA)
VERLET = VelocityVerlet(PERIOD / 50)


class Slope(NamedTuple):
    """An average over replicas, its derivative by the parameter, and their standard errors."""

    mean: np.ndarray
    mean_error: np.ndarray
    slope: np.ndarray
    slope_error: np.ndarray


def square(potential: Any, state: State) -> jax.Array:
    return jnp.sum((state.system.positions[1] - state.system.positions[0]) ** 2)


def slope_of(records: Any, weights: jax.Array, by_records: Any, by_weights: jax.Array) -> Slope:
    """⟨A⟩ = Σ w A and d⟨A⟩ = Σ w dA + (A − ⟨A⟩) dw: means over replicas, whose spread is their error."""
    n = len(weights)
    mean = jnp.sum(weights * records)
    away = records - mean
    values = n * jnp.sum(weights * away, axis=1)
    slopes = n * jnp.sum(weights * by_records + away * by_weights, axis=1)
    error = lambda x: np.std(x) / np.sqrt(n)  # noqa: E731
    return Slope(np.asarray(mean), error(values), np.mean(slopes), error(slopes))


@eqx.filter_jit
def by_stiffness(
    method: AbstractGradient, simulator: AbstractSimulator, state: State, schedule: Schedule, record: Any
) -> Any:
    """Records and weights of a spring, and their derivatives by its stiffness."""

    def run(k: jax.Array) -> Any:
        found = method.sample(Spring(k, SPRING.cutoff), simulator, state, schedule, record)
        return found.records, found.weights

    (records, weights), (by_records, by_weights) = jax.jvp(run, (SPRING.k,), (jnp.ones_like(SPRING.k),))
    return records, weights, by_records, by_weights


def assert_within_errors(found: Any, exact: Any, error: Any, small: float) -> None:
    """Within three standard errors, which are at most a fraction `small` of what is expected."""
    assert error < small * abs(exact), f"the error of {error} is too large to say anything about {exact}"
    assert abs(found - exact) < 3 * error, f"{found} ± {error} is {(found - exact) / error:.1f} errors off {exact}"


@pytest.fixture(scope="module")
def canonical() -> State:
    """Springs thermalised by Langevin dynamics: of how they began e^{−19} is left, over ωt = 19.

    Their momenta are drawn anew: those of BAOAB are colder by a fraction of (ω dt)²/4, as its positions are not.
    """
    start = replicas(NOISY, SPRING, DIMER, COUNT, HEAT, skin=10.0, room=4)
    state = simulate(SPRING, NOISY, start, Schedule(frames=1, stride=24))[1]
    return state.replace(momenta=start.momenta)


# ---- the spring by every method


THERMOSTATS = {
    "langevin": (Reweighting(), NOISY, Schedule(frames=10, stride=4)),
    "bussi": (Reweighting(), Bussi(PERIOD / 40, HEAT, timescale=PERIOD / 4), Schedule(frames=4, stride=20)),
    "nose_hoover": (Reweighting(), NoseHoover(PERIOD / 40, HEAT, timescale=PERIOD / 4), Schedule(frames=4, stride=20)),
}
SPRINGS = THERMOSTATS | {
    "score": (Score(window=8), ABOBA, Schedule(frames=10, stride=4, equilibration=6)),
    "score_of_whole_paths": (Score(), ABOBA, Schedule(frames=1, stride=8, equilibration=4)),
    "through_the_burn_in": (Forward(), NOISY, Schedule(frames=4, stride=4, equilibration=24)),
    "from_equilibrium": (FromEquilibrium(Forward(), HEAT), VERLET, Schedule(frames=5, stride=9, equilibration=5)),
}


SLOW = {"bussi", "nose_hoover"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in SPRINGS])
def test_a_spring_shrinks_as_it_stiffens(canonical, name):
    """d⟨r²⟩/dk = −3 kT/k²."""
    method, simulator, schedule = SPRINGS[name]
    if name == "nose_hoover":  # a chain at rest is not canonical: v₁ has the variance 1/gτ², the others 1/τ²
        spread = 1 / (jnp.array([np.sqrt(3.0), 1.0, 1.0]) * simulator.timescale)
        v_xi = spread * jax.random.normal(jax.random.key(5), (COUNT, 3))
        canonical = canonical.replace(bath=Chain(jnp.zeros_like(v_xi), v_xi))
    found = slope_of(*by_stiffness(method, simulator, canonical, schedule, square))
    assert_within_errors(found.mean, 3 * KT / K, found.mean_error, small=0.03)
    assert_within_errors(found.slope, EXACT, found.slope_error, small=0.07)


def test_the_path_alone_lacks_what_the_start_contributes(canonical):
    """The same trajectories with weights that do not change give −3 kT/k² sin² ωt: wrong by many errors, and known."""
    method, simulator, schedule = SPRINGS["from_equilibrium"]
    records, weights, by_records, by_weights = by_stiffness(method, simulator, canonical, schedule, square)
    found = slope_of(records, weights, by_records, jnp.zeros_like(by_weights))
    phases = OMEGA * float(simulator.dt) * schedule.stride * np.arange(1, schedule.frames + 1)
    alone = EXACT * np.mean(np.sin(phases) ** 2)
    assert abs(found.slope - EXACT) > 10 * found.slope_error
    assert_within_errors(found.slope, alone, found.slope_error, small=0.06)


REVERSE = {
    "reversible": FromEquilibrium(Reversible(), HEAT),
    "reweighting": Reweighting(),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REVERSE)
def test_derivatives_in_reverse_mode_are_those_in_forward_mode(canonical, name):
    method, simulator, schedule = SPRINGS["langevin" if name == "reweighting" else "from_equilibrium"]
    records, weights, by_records, by_weights = by_stiffness(method, simulator, canonical, schedule, square)
    expected = jnp.sum(weights * by_records + by_weights * records)

    def mean(k: jax.Array) -> jax.Array:
        found = REVERSE[name].sample(Spring(k, SPRING.cutoff), simulator, canonical, schedule, square)
        return jnp.sum(found.weights * found.records)

    found = jax.jit(jax.grad(mean))(SPRING.k)
    assert float(found) == pytest.approx(float(expected), rel=1e-12)


# ---- what the noise tells


def test_the_score_of_a_short_path_gives_the_derivative_of_its_exact_mean(canonical):
    """From one start: momenta are Gaussian, and with a linear force their mean is that of a path without noise."""
    alone = lambda leaf: jnp.broadcast_to(leaf[0], leaf.shape)  # noqa: E731
    start = jax.tree.map(alone, canonical).replace(key=canonical.key)
    positions, momenta, masses = start.system.positions[0], start.momenta[0], DIMER.masses[:, None]
    dt, c = ABOBA.dt, jnp.exp(-ABOBA.friction * ABOBA.dt)
    along = (positions[1] - positions[0]) / jnp.linalg.norm(positions[1] - positions[0])

    def means(k: jax.Array) -> jax.Array:
        x, p, seen = positions, momenta, []
        for _ in range(4):
            x = x + 0.5 * dt * p / masses
            p = c * p + (1 + c) * 0.5 * dt * -k * (x - x[::-1])
            x = x + 0.5 * dt * p / masses
            seen.append(p[1] @ along)
        return jnp.stack(seen)

    exact = jax.jacfwd(means)(SPRING.k)
    record = lambda _, state: state.momenta[1] @ along  # noqa: E731
    found = by_stiffness(Score(), ABOBA, start, Schedule(frames=4), record)
    for step in range(4):  # of each frame alone
        one = slope_of(*(part[:, step : step + 1] * n for part, n in zip(found, (1, 4, 1, 4), strict=True)))
        assert one.slope_error < 0.15 * np.abs(exact).max()
        assert abs(one.slope - exact[step]) < 3 * one.slope_error, f"step {step + 1}"


@pytest.mark.parametrize("name", ["score", "score_of_whole_paths"])
def test_scores_are_derivatives_of_the_probability_of_the_noise(canonical, name):
    """ln P of the recorded steps, differentiated by differences; its mean over replicas is zero."""
    method, simulator, schedule = SPRINGS[name]
    _, weights, _, by_weights = by_stiffness(method, simulator, canonical, schedule, square)
    begun = -(-schedule.equilibration // schedule.stride) * schedule.stride
    ends = begun + schedule.stride * np.arange(1, schedule.frames + 1)
    seen = lambda _, state: (state.system.positions, state.momenta)  # noqa: E731
    (x, p), _ = simulate(SPRING, simulator, canonical, Schedule(frames=int(ends[-1])), seen)
    x = np.concatenate([canonical.system.positions[:, None], x], axis=1)  # [replicas steps + 1, atoms 3]
    p = np.concatenate([canonical.momenta[:, None], p], axis=1)
    dt, c, masses = float(ABOBA.dt), np.exp(-float(ABOBA.friction * ABOBA.dt)), np.asarray(DIMER.masses)[:, None]

    def log_probability(k: float) -> np.ndarray:
        half = x[:, :-1] + 0.5 * dt * p[:, :-1] / masses
        mean = c * p[:, :-1] + (1 + c) * 0.5 * dt * -k * (half - half[:, :, ::-1])
        return -0.5 * np.sum((p[:, 1:] - mean) ** 2 / ((1 - c**2) * masses * KT), axis=(2, 3))

    score = (log_probability(1.01 * K) - log_probability(0.99 * K)) / (0.02 * K)  # of a parabola in k: exact
    until = np.pad(np.cumsum(score, axis=1), ((0, 0), (1, 0)))
    scores = until[:, ends] - until[:, ends - (ends[-1] if method.window is None else method.window)]
    np.testing.assert_allclose(weights, 1 / weights.size, rtol=1e-12)
    np.testing.assert_allclose(by_weights / weights, scores - scores.mean(), rtol=0, atol=1e-9 * np.abs(scores).max())
    each = scores.mean(axis=1)
    assert abs(each.mean()) < 3 * each.std() / np.sqrt(COUNT)


# ---- frames that are weighed

COLD = 30.0
BETA = 1 / (units.kB * COLD)
EPSILON = float(LJ.epsilon)
CRYSTAL = Langevin(10 * units.fs, COLD, friction=1 / (200 * units.fs))
SPACED = Schedule(frames=10, stride=40, equilibration=150)


def both_energies(potential: AbstractPotential, state: State) -> dict[str, jax.Array]:
    """One that follows the potential, and one of the structure alone."""
    return {name: total_energy(p, state.system, state.neighbors) for name, p in {"own": potential, "as": LJ}.items()}


@eqx.filter_jit
def by_epsilon(epsilon: jax.Array, state: State) -> Any:
    """What reweighting samples of the crystal, and the derivatives of its records and weights by ε."""

    def run(epsilon: jax.Array) -> Any:
        found = Reweighting().sample(
            eqx.tree_at(lambda p: p.epsilon, LJ, epsilon), CRYSTAL, state, SPACED, both_energies
        )
        return (found.records, found.weights), (found.state, found.diagnostics)

    (records, weights), by, (state, diagnostics) = jax.jvp(run, (epsilon,), (jnp.ones_like(epsilon),), has_aux=True)
    return (records, weights, *by), state, diagnostics


def at(factor: float, state: State) -> Any:
    return by_epsilon(factor * LJ.epsilon, state)


def slopes_of(found: Any) -> dict[str, Slope]:
    records, weights, by_records, by_weights = found
    return {name: slope_of(records[name], weights, by_records[name], by_weights) for name in records}


@pytest.fixture(scope="module")
def start() -> State:
    state = replicas(CRYSTAL, LJ, ARGON, 200, COLD)
    return Reweighting().prepare(LJ, CRYSTAL, state, SPACED)


@pytest.fixture(scope="module")
def sampled(start) -> Any:
    return at(1.0, start)


def test_frames_weigh_the_same_where_they_were_sampled_and_are_used_while_many_count(sampled):
    (records, weights, *_), state, diagnostics = sampled
    n = weights.size
    assert diagnostics["sampled_again"]
    assert not diagnostics["overflow"]
    assert weights.shape == (200, 10)
    np.testing.assert_allclose(weights, 1 / n, rtol=1e-9)  # energies of some eV to 1e-15, over kT of 3e-3 eV
    (same, weights, *_), _, diagnostics = at(1.0, state)
    assert not diagnostics["sampled_again"]
    np.testing.assert_array_equal(same["as"], records["as"])
    assert diagnostics["effective_sample_size"] == pytest.approx(n, rel=1e-12)
    (near, weights, *_), state, diagnostics = at(1.1, state)
    assert not diagnostics["sampled_again"]
    assert 0.9 * n < diagnostics["effective_sample_size"] < 0.99 * n
    np.testing.assert_array_equal(near["as"], records["as"])
    logs = -BETA * 0.1 * np.asarray(near["as"])  # U is proportional to ε, so ΔU = 0.1 U
    expected = np.exp(logs - logs.max())
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-9)  # one sum, over frames and replicas
    assert np.ptp(np.sum(weights, axis=1)) > 0.01 / 200  # so whole replicas weigh more than others
    (far, weights, *_), _, diagnostics = at(1.5, state)
    assert diagnostics["sampled_again"]
    assert diagnostics["effective_sample_size"] == pytest.approx(n, rel=1e-9)
    assert (far["as"] != records["as"]).all()


@pytest.fixture(scope="module")
def deeper(start) -> Any:
    return at(1.1, start)


def test_reweighted_averages_are_those_of_a_fresh_run(sampled, deeper):
    here, near, fresh = (slopes_of(run[0])["as"] for run in (sampled, at(1.1, sampled[1]), deeper))
    error = np.hypot(near.mean_error, fresh.mean_error)
    assert abs(near.mean - fresh.mean) < 3 * error
    assert abs(here.mean - fresh.mean) > 5 * error  # what weighing makes up for


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_derivatives_of_reweighted_averages_are_covariances(sampled, factor):
    """∂⟨A⟩/∂ε = ⟨∂A/∂ε⟩ − β cov(A, ∂U/∂ε), with ∂U/∂ε = U/ε, over the weighted frames."""
    found, *_ = at(factor, sampled[1])
    w, as_sampled = np.asarray(found[1]), np.asarray(found[0]["as"])
    average = lambda a: np.sum(w * a)  # noqa: E731
    u = as_sampled / EPSILON
    spread = average((u - average(u)) ** 2)
    by_hand = {"as": -BETA * EPSILON * spread, "own": average(u) - BETA * factor * EPSILON * spread}
    records, weights, by_records, by_weights = found
    for name, expected in by_hand.items():
        slope = jnp.sum(weights * by_records[name] + by_weights * records[name])
        assert float(slope) == pytest.approx(expected, rel=1e-10)


def test_a_deeper_well_lowers_the_energy_as_fresh_runs_say(start, sampled, deeper):
    """d⟨U⟩/dε of frames at one ε, and the difference of two runs at others; fluctuations are −4.5 kT/ε of it."""
    found = slopes_of(sampled[0])["own"]
    less, more = (slopes_of(run[0])["own"] for run in (at(0.9, start), deeper))
    expected = (more.mean - less.mean) / (0.2 * EPSILON)
    error = np.hypot(found.slope_error, np.hypot(less.mean_error, more.mean_error) / (0.2 * EPSILON))
    assert error < 0.1 * 4.5 / BETA / EPSILON
    assert abs(found.slope - expected) < 3 * error


def test_frames_that_were_never_sampled_are_not_used_however_few_are_enough(canonical):
    one = jax.tree.map(lambda leaf: leaf[0], canonical)
    found = Reweighting(enough=0.1).sample(SPRING, NOISY, one, Schedule(frames=4), square)
    assert found.diagnostics["sampled_again"]
    np.testing.assert_allclose(found.weights, 0.25, rtol=1e-12)


# ---- what is refused


@pytest.mark.parametrize(
    ("method", "simulator", "schedule", "sentence"),
    [
        (Score(), NOISY, Schedule(frames=2), "the noise of Langevin does not follow its only force: Score needs"),
        (Score(window=5), ABOBA, Schedule(2, stride=2), "must be a multiple of the stride of 2 steps, got 5"),
        (Score(window=0), ABOBA, Schedule(2, stride=2), "must be a multiple of the stride of 2 steps, got 0"),
        (FromEquilibrium(Forward(), HEAT), VERLET, Schedule(2), "a covariance over replicas, but there is one traj"),
        (Reweighting(), VERLET, Schedule(2), "VelocityVerlet keeps no temperature, so its frames cannot be reweighted"),
    ],
)
def test_methods_refuse_what_they_cannot_do(canonical, method, simulator, schedule, sentence):
    one = jax.tree.map(lambda leaf: leaf[0], canonical)
    with pytest.raises(ValueError, match=sentence):
        method.sample(SPRING, simulator, one, schedule, square)


@pytest.mark.parametrize(
    "bad", [lambda: Reweighting(enough=0.0), lambda: Reweighting(enough=1.5), lambda: FromEquilibrium(Forward(), 0.0)]
)
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        bad()


# ---- chaos, and none


class Bond(AbstractPotential):
    """½ k (r − 3 Å)²; with k < 0 the top of a hill."""

    k: jax.Array
    cutoff: jax.Array
    species: tuple[int, ...] = ()

    def atomic_energies(self, graph: Graph) -> jax.Array:
        return 0.25 * self.k * jnp.sum(jnp.where(graph.mask, (graph.distances - 3.0) ** 2, 0.0), axis=0)


def stretched(k: float) -> tuple[Bond, State]:
    """Two atoms at rest, 3 Å apart."""
    bond = Bond(jnp.asarray(k), jnp.asarray(30.0))
    apart = DIMER.replace(positions=jnp.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]))
    return bond, VERLET.init(bond, apart, jax.random.key(0), 0.0)


def test_neighbours_part_on_a_hill_as_its_curvature_says():
    """λ = √(k/μ) to 1 %: what grows linearly is e^{−10} of the rest from the first quarter on."""
    bond, state = stretched(-K)
    steps = int(40 / (OMEGA * float(VERLET.dt)))
    rate = eqx.filter_jit(growth_rate)(bond, VERLET, state, steps, jax.random.key(1))
    assert float(rate) == pytest.approx(OMEGA, rel=0.01)


def test_neighbours_in_a_valley_stay_near():
    """What drifts grows as t, by ln 4 over the last three quarters, and oscillation changes lengths by 1/ω at most."""
    bond, state = stretched(K)
    steps = 2000
    rate = eqx.filter_jit(growth_rate)(bond, VERLET, state, steps, jax.random.key(1))
    bound = (np.log(4) + abs(np.log(OMEGA))) / (0.75 * steps * float(VERLET.dt))
    assert bound < 0.02 * OMEGA
    assert abs(float(rate)) < bound
