"""The optimizers: the study's four from SciPy on the norm, and Levenberg–Marquardt through `diffsim.fit`."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optimistix
from scipy.optimize import minimize

import diffsim
from diffsim import Experiment, Target
from experiments.jctc_2025.observables import Rooted
from experiments.jctc_2025.problems import Compiled, Problem

# SciPy's tolerances where they are its own, or those that give the study's counts of iterations from its first start.
TOLERANCES = {"Nelder-Mead": None, "CG": 1e-4, "BFGS": None, "SLSQP": 1e-10}
SCIPY = tuple(TOLERANCES)
OURS = "LM (ours)"
METHODS = (*SCIPY, OURS)
_STOP = diffsim.Plateau(rtol=1e-7, patience=2)  # the eighth digit of the published loss; one step may be rejected
_UPDATES = 40


class Run(NamedTuple):
    """One optimizer from one start: iterates with the start first, and how many evaluations each had taken by then."""

    method: str
    start: int
    points: np.ndarray  # [iterates 2]
    losses: np.ndarray  # [iterates], the study's norm
    evaluations: np.ndarray  # [iterates]
    iterations: int  # as the optimizer counts them

    def needed(self, loss: float) -> int | None:
        """Evaluations until the loss was within 1e-5 of this one, relatively; None where it never was."""
        there = np.flatnonzero(self.losses <= loss * (1 + 1e-5))
        return int(self.evaluations[there[0]]) if len(there) else None


def search(problem: Problem, compiled: Compiled, starts: int = 4) -> list[Run]:
    """All optimizers from the first so many starts of the study."""
    runs = []
    for number, start in enumerate(problem.starts[:starts]):
        runs += [scipy_run(compiled, method, number, start) for method in SCIPY]
        runs.append(levenberg_marquardt(problem, compiled, number, start))
    return runs


def scipy_run(compiled: Compiled, method: str, number: int, start: tuple[float, float]) -> Run:
    """On the norm itself, as the study does; all but Nelder–Mead are given the exact gradient."""
    seen: list[tuple[np.ndarray, float]] = []
    iterates = [np.array(start)]
    counts = [1]

    def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = compiled.value_and_grad(x)
        seen.append((x.copy(), value))
        return value, slope

    def note(x: np.ndarray) -> None:
        iterates.append(x.copy())
        counts.append(len(seen))

    informed = method != "Nelder-Mead"
    function = evaluate if informed else lambda x: evaluate(x)[0]
    end = minimize(function, start, method=method, jac=informed, callback=note, tol=TOLERANCES[method])
    known = {tuple(x): value for x, value in seen}
    losses = [known[tuple(x)] for x in iterates]
    return Run(method, number, np.array(iterates), np.array(losses), np.array(counts), int(end.nit))


def levenberg_marquardt(problem: Problem, compiled: Compiled, number: int, start: tuple[float, float]) -> Run:
    """`diffsim.fit` on the residuals, each evaluation with its Jacobian.

    With one target, ½‖r‖² has the minimum of ‖r‖. With two, Σ‖r_t‖ is not a sum of squares of the residuals, but it is
    one of `Rooted` ones.
    """
    experiments = problem.experiments if len(problem.experiments) == 1 else rooted(problem.experiments)
    points, counts = [np.array(start)], [1]
    solver = optimistix.LevenbergMarquardt(rtol=1e-10, atol=1e-10)
    options: dict[str, Any] = {"steps": _UPDATES, "trainable": list(problem.parameters), "stop": _STOP}
    for state in diffsim.fit(problem.at(start), experiments, solver, **options):
        points.append(np.array(problem.place(state.potential)))
        counts.append(state.evaluations)
    losses = [float(np.sum(compiled.parts(point))) for point in points]
    return Run(OURS, number, np.array(points), np.array(losses), np.array(counts), len(points) - 1)


def rooted(experiments: dict[str, Experiment]) -> dict[str, Experiment]:
    """The same experiments with residuals whose squares are the norms of the old ones."""
    found = {}
    for name, experiment in experiments.items():
        targets = {key: _rooted(target) for key, target in experiment.targets.items()}
        found[name] = Experiment(experiment.system, targets, experiment.gradient)
    return found


def _rooted(target: Target) -> Target:
    unit = f"√({target.observable.unit})"
    observable = Rooted(inner=target.observable, reference=target.reference, unit=unit)
    return Target(observable, jnp.zeros_like(target.reference), scale=1.0, unit=unit)


def best_of(runs: list[Run]) -> Run:
    """The run that ended lowest."""
    return min(runs, key=lambda run: run.losses[-1])
