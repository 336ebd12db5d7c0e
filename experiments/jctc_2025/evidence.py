"""Trained on the crystal alone, tested on what it never saw, beside other ways to come by a potential."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import optimistix
from ase import Atoms

import diffsim
from diffsim import Experiment, Free
from diffsim.data.reference import reference
from diffsim.fit import problem_of
from diffsim.fit_state import FitState
from diffsim.potentials.base import AbstractPotential
from diffsim.uncertainty import Interval, LocalModel, determination, intervals, local_model, looked_at
from experiments.jctc_2025.evidence_forms import Candidate
from experiments.jctc_2025.evidence_rows import HELD_OUT, TARGETS, Number
from experiments.jctc_2025.evidence_targets import training
from experiments.jctc_2025.matching import matching

SPREAD = 0.15  # of the other starts
NELDER_MEAD_FACTOR = 20  # times as many evaluations as Levenberg–Marquardt
_STOP = diffsim.Plateau(rtol=1e-6, patience=8)
ORIGINAL, OURS = "original", "ours"


class Fitted(NamedTuple):
    """How a fit went."""

    name: str
    potential: AbstractPotential
    loss: float  # ½ Σ r² of the targets, without the priors
    total: float  # with them
    first: float  # where it began
    evaluations: int
    seconds: float
    history: list[tuple[int, float]]  # evaluations, loss with priors


def gradient_fits(candidate: Candidate, starts: int, steps: int) -> list[Fitted]:
    """Levenberg–Marquardt from the published parameters, and from others near them."""
    found = []
    for number in range(starts):
        begin = candidate.original
        if number:
            begin = diffsim.perturbed(begin, SPREAD, jax.random.key(number), candidate.trainable)
        solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
        name = OURS if number == 0 else f"start {number + 1}"
        found.append(fit_one(name, begin, training(), solver, candidate.trainable, steps=steps))
    return found


def wider_fit(candidate: Candidate, steps: int) -> Fitted:
    """The same with more parameters free."""
    trainable = {**candidate.trainable, **candidate.wider}
    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    name = f"ours, {len(trainable)} parameters"
    return fit_one(name, candidate.original, training(), solver, trainable, steps=steps)


def gradient_free(candidate: Candidate, evaluations: int) -> Fitted:
    """Nelder–Mead on the same loss, until it has had so many evaluations."""
    method = diffsim.Scipy("Nelder-Mead")
    options: dict[str, Any] = {"steps": evaluations, "at_most": evaluations}
    return fit_one("Nelder–Mead", candidate.original, training(), method, candidate.trainable, **options)


def force_matched(candidate: Candidate, frames: list[Atoms], steps: int) -> Fitted:
    """The same form and priors, fitted to forces and energies."""
    experiments = matching(frames, reference("silicon_pbe", "cohesive_energy.crystal_energy_eV_per_atom"))
    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    return fit_one("force matching", candidate.original, experiments, solver, candidate.trainable, steps=steps)


def fit_one(
    name: str,
    begin: AbstractPotential,
    experiments: dict[str, Experiment],
    method: Any,
    trainable: Mapping[str, Free],
    *,
    steps: int,
    at_most: int = 10**9,
) -> Fitted:
    """One fit, left when it has had `at_most` evaluations."""
    stop = None if isinstance(method, diffsim.Scipy) else _STOP
    history: list[tuple[int, float]] = []
    last: FitState | None = None
    for last in diffsim.fit(begin, experiments, method, steps=steps, trainable=trainable, stop=stop):
        history.append((last.evaluations, last.loss))
        if last.evaluations >= at_most:
            break
    assert last is not None  # steps is positive
    residuals = [experiment.residuals(last.predictions[key]) for key, experiment in experiments.items()]
    loss = 0.5 * float(sum(np.sum(np.asarray(r) ** 2) for r in residuals))
    return Fitted(name, last.potential, loss, last.loss, last.losses[0], last.evaluations, last.seconds, history)


def fitted_model(candidate: Candidate, potential: AbstractPotential, unseen: dict[str, Experiment]) -> LocalModel:
    """Everything near the fitted parameters, with exact derivatives."""
    problem = problem_of(candidate.original, training(), candidate.trainable)
    return local_model(problem, problem.parametrization.free(potential), looked_at(problem, unseen))


def predictions(potential: AbstractPotential, experiments: dict[str, Experiment]) -> dict[str, np.ndarray]:
    """Flat, by target; NaN where the potential has no such structure."""
    found = {}
    for name, experiment in experiments.items():
        try:
            for target, value in diffsim.evaluate(potential, {name: experiment})[name].items():
                found[target] = value.reshape(-1)
        except ValueError:
            found |= {key: np.full(one.reference.size, np.nan) for key, one in experiment.targets.items()}
    return found


def numbers(
    candidate: Candidate, contenders: dict[str, AbstractPotential], unseen: dict[str, Experiment]
) -> list[Number]:
    """Every line that has a reference, predicted by everyone; the errors are of `OURS`."""
    everything = training() | unseen
    predicted = {name: predictions(potential, everything) for name, potential in contenders.items()}
    model = fitted_model(candidate, contenders[OURS], unseen)
    errors = _by_place(intervals(model, determination(model), [*model.fitted, *model.held_out]))
    found = []
    for line in (*TARGETS, *HELD_OUT):
        if (line.target, line.index) in errors:
            error = errors[line.target, line.index]
            values = {name: float(of[line.target][line.index]) for name, of in predicted.items()}
            found.append(Number(line, error.component.reference, line in HELD_OUT, values, error.low, error.high))
    return found


def _by_place(errors: list[Interval]) -> dict[tuple[str, int], Interval]:
    """By target and place in its flattened prediction."""
    found: dict[tuple[str, int], Interval] = {}
    seen: dict[str, int] = {}
    for one in errors:
        target = one.component.target
        found[target, seen.setdefault(target, 0)] = one
        seen[target] += 1
    return found
