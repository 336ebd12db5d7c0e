"""Elastic constants against phonons, under no stress: what each functional form can do at once.

Silicon's transverse acoustic branch is flat and low beside a stiff C44. Forces between neighbours alone tie the two
together: lattice dynamics has it from charges in the bonds, which reach further (doi:10.1103/PhysRevB.15.4789).
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optimistix

import diffsim
from diffsim import ElasticConstants, Experiment, PhononFrequencies, Stress, Target
from diffsim.data.reference import reference
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025.observables import AsGiven
from experiments.jctc_2025.pareto_forms import Form
from experiments.jctc_2025.references import primitive_cell

POINTS = ("Γ", "X", "L")
CONSTANTS = ("C11", "C12", "C44")
_STRESS_SCALE = 0.05  # GPa, as much as an error of 1 % in everything else
_ACOUSTIC = 0.1  # THz: frequencies at Γ below this are zero by symmetry
_STOP = diffsim.Plateau(rtol=1e-4, patience=15)  # many are steps that the stress lets fail


class Place(NamedTuple):
    """What a potential reaches."""

    form: str
    ratio: float | None  # weight of the elastic constants over that of the phonons
    elastic: float  # rms relative error, %
    phonons: float
    stress: float  # GPa
    constants: np.ndarray  # C11, C12, C44 in GPa
    frequencies: np.ndarray  # [Γ X L, 6] THz
    potential: AbstractPotential
    evaluations: int = 0

    @property
    def ta_x(self) -> float:
        """The transverse acoustic frequency at X, THz."""
        return float(self.frequencies[1, 0])


def crystal(edge: float | None = None) -> Experiment:
    """The crystal at the reference's lattice constant, its residuals per cent of the reference over √n."""
    elastic, phonons = targets_of_reference()
    per_cent = np.where(phonons > _ACOUSTIC, phonons / 100, 1.0) * np.sqrt((phonons > _ACOUSTIC).sum())
    qpoints = [reference("silicon_pbe", f"phonons.qpoints.{name}") for name in POINTS]
    targets = {
        "elastic": Target(ElasticConstants(CONSTANTS), elastic, elastic / 100 * np.sqrt(len(elastic)), unit="GPa"),
        "phonons": Target(PhononFrequencies(qpoints, POINTS), phonons, per_cent, unit="THz"),
        "stress": Target(Stress(), np.zeros(6), scale=_STRESS_SCALE, unit="GPa"),
    }
    return Experiment(primitive_cell(edge or lattice_constant()), targets, AsGiven())


def lattice_constant() -> float:
    """Of the reference, Å."""
    return float(reference("silicon_pbe", "lattice_constant"))


def targets_of_reference() -> tuple[np.ndarray, np.ndarray]:
    """Elastic constants in GPa, and frequencies [Γ X L, 6] in THz."""
    elastic = np.array([reference("silicon_pbe", f"elastic_constants.{name}") for name in CONSTANTS])
    return elastic, np.array([reference("silicon_pbe", f"phonons.frequencies.{name}") for name in POINTS])


def weighted(experiment: Experiment, ratio: float) -> Experiment:
    """The same with other weights, whose product is one: arrays, so nothing is compiled again."""
    where = lambda e: (e.targets["elastic"].weight, e.targets["phonons"].weight)  # noqa: E731
    weights = np.sqrt(ratio), 1 / np.sqrt(ratio)
    return eqx.tree_at(where, experiment, tuple(jnp.asarray(weight) for weight in weights))


def place_of(form: str, ratio: float | None, potential: AbstractPotential, predicted: Any, evaluations: int) -> Place:
    """Errors of predictions."""
    elastic, phonons = targets_of_reference()
    moving = phonons > _ACOUSTIC
    errors = [predicted["elastic"] / elastic - 1, predicted["phonons"][moving] / phonons[moving] - 1]
    elastic_rms, phonons_rms = (100 * float(np.sqrt(np.mean(error**2))) for error in errors)
    stress = float(np.abs(predicted["stress"]).max())
    return Place(
        form,
        ratio,
        elastic_rms,
        phonons_rms,
        stress,
        predicted["elastic"],
        predicted["phonons"],
        potential,
        evaluations,
    )


def at_rest(name: str, potential: AbstractPotential) -> Place:
    """A potential as it is, in its own crystal."""
    own = diffsim.relax(potential, primitive_cell(5.43), cell=True)
    experiment = eqx.tree_at(lambda e: e.system, crystal(), own)
    return place_of(name, None, potential, diffsim.evaluate(potential, {"own": experiment})["own"], 0)


def sweep(form: Form, ratios: Iterable[float], *, updates: int) -> list[Place]:
    """Fits at each weight, from the neighbouring weight's result: outwards from the middle, and from both ends back."""
    experiment = crystal()
    ordered = sorted(ratios)
    middle = len(ordered) // 2
    begin = fit_at(form, experiment, form.start, ordered[middle], updates)
    down = walk(form, experiment, begin, ordered[:middle][::-1], updates)
    up = walk(form, experiment, begin, ordered[middle + 1 :], updates)
    back_up = walk(form, experiment, down[-1], ordered[1:], updates)
    back_down = walk(form, experiment, up[-1], ordered[-2::-1], updates)
    return [begin, *down, *up, *back_up, *back_down]


def walk(form: Form, experiment: Experiment, begin: Place, ratios: Iterable[float], updates: int) -> list[Place]:
    """Fits at these weights, one after the other, each from where the last one ended."""
    places = [begin]
    for ratio in ratios:
        places.append(fit_at(form, experiment, places[-1].potential, ratio, updates))
    return places[1:]


def fit_at(form: Form, experiment: Experiment, start: AbstractPotential, ratio: float, updates: int) -> Place:
    """One fit."""
    solver = optimistix.LevenbergMarquardt(rtol=1e-8, atol=1e-8)
    experiments = {"crystal": weighted(experiment, ratio)}
    options: dict[str, Any] = {"steps": updates, "trainable": form.trainable, "stop": _STOP}
    *_, last = diffsim.fit(start, experiments, solver, **options)
    return place_of(form.key, ratio, last.potential, last.predictions["crystal"], last.evaluations)


def non_dominated(places: list[Place], most_stress: float = 0.1) -> list[Place]:
    """Those that no other one beats in both errors, at rest within `most_stress` GPa; by rising elastic error."""
    front: list[Place] = []
    for place in sorted((p for p in places if p.stress <= most_stress), key=lambda p: (p.elastic, p.phonons)):
        if not front or place.phonons < front[-1].phonons:
            front.append(place)
    return front
