"""The six fits of the study: two potentials in two parameters, to elastic constants, force constants, or both."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import diffsim
from diffsim import EDIP, Experiment, StillingerWeber, Target
from diffsim.potentials.base import AbstractPotential
from experiments.jctc_2025 import published
from experiments.jctc_2025.observables import AsGiven, Holding, MandelConstants
from experiments.jctc_2025.references import (
    SUPERCELL,
    Reference,
    conventional_cell,
    held_sigma,
    primitive_cell,
    study_elastic,
)

KINDS = ("elastic", "force_constants", "both")
POTENTIALS = {"sw": StillingerWeber.silicon, "edip": EDIP.silicon}
WINDOWS = {"sw": ((1.2, 3.0), (15.0, 45.0)), "edip": ((4.0, 10.0), (0.5, 2.5))}  # hold every start and minimum
_AT_ONCE = 40  # points of the landscape


class Problem(NamedTuple):
    """A potential, the two parameters that are free, and the crystals with their targets."""

    potential_name: str  # sw, edip
    kind: str
    potential: AbstractPotential
    parameters: tuple[str, str]
    experiments: dict[str, Experiment]
    held: tuple[tuple[str, float], ...]  # parameters of the crystal whose phonons are drawn
    edge: float  # Å, its lattice constant
    published: published.Published | None  # of the study, where its targets are these

    @property
    def name(self) -> str:
        return f"{self.potential_name}_{self.kind}"

    @property
    def starts(self) -> tuple[tuple[float, float], ...]:
        return published.STARTS[self.potential_name]

    def at(self, x: Any) -> AbstractPotential:
        """The potential with these two numbers."""
        where = lambda p: tuple(getattr(p, name) for name in self.parameters)  # noqa: E731
        return eqx.tree_at(where, self.potential, tuple(jnp.asarray(value, float) for value in x))

    def place(self, potential: AbstractPotential) -> tuple[float, float]:
        """The two numbers of a potential."""
        first, second = (float(getattr(potential, name)) for name in self.parameters)
        return first, second


def problem(potential_name: str, kind: str, reference: Reference) -> Problem:
    """One of the six. `reference` gives the targets; of the elastic fits these are always the study's."""
    elastic = study_elastic() if kind == "elastic" else reference.elastic
    comparable = kind == "elastic" or reference.is_the_studys
    potential = POTENTIALS[potential_name]()
    edge = published.ELASTIC_EDGE[potential_name]
    held: tuple[tuple[str, float], ...] = ()
    experiments = {}
    if kind in ("elastic", "both"):
        target = Target(MandelConstants(), elastic, scale=1.0, unit="GPa")
        experiments["elastic"] = Experiment(primitive_cell(edge), {"constants": target}, AsGiven())
    if kind in ("force_constants", "both"):
        edge = reference.edge
        held = held_sigma(reference.sw_sigma) if potential_name == "sw" else ()
        observable = Holding(diffsim.ForceConstants(8, SUPERCELL), held)
        target = Target(observable, reference.force_constants, scale=1.0, unit="eV/Å²")
        experiments["phonons"] = Experiment(conventional_cell(edge), {"force_constants": target}, AsGiven())
    parameters = published.PARAMETERS[potential_name]
    theirs = published.FITS.get(f"{potential_name}_{kind}") if comparable else None
    return Problem(potential_name, kind, potential, parameters, experiments, held, edge, theirs)


class Compiled(NamedTuple):
    """The study's loss, Σ ‖prediction − target‖ over the targets, and what else one asks of it."""

    parts: Callable[[Any], np.ndarray]  # each target's norm
    value_and_grad: Callable[[Any], tuple[float, np.ndarray]]
    grid: Callable[[np.ndarray], np.ndarray]  # losses at points [n 2]


def compile_losses(problem: Problem) -> Compiled:
    """One compiled value with its gradient, one batch of values."""
    states = {name: experiment.start(problem.potential) for name, experiment in problem.experiments.items()}

    def parts(x: Float[Array, "2"]) -> Float[Array, " targets"]:
        potential = problem.at(x)
        norms = []
        for name, experiment in problem.experiments.items():
            predictions, _, _ = experiment.predict(potential, states[name])
            norms.append(jnp.linalg.norm(experiment.residuals(predictions)))
        return jnp.stack(norms)

    def loss(x: Float[Array, "2"]) -> tuple[Float[Array, ""], Float[Array, " targets"]]:
        norms = parts(x)
        return jnp.sum(norms), norms

    both = jax.jit(jax.value_and_grad(loss, has_aux=True))
    many = jax.jit(lambda points: jax.lax.map(lambda x: loss(x)[0], points, batch_size=_AT_ONCE))

    def value_and_grad(x: Any) -> tuple[float, np.ndarray]:
        (value, _), slope = both(jnp.asarray(x, float))
        return float(value), np.asarray(slope)

    return Compiled(
        parts=lambda x: np.asarray(both(jnp.asarray(x, float))[0][1]),
        value_and_grad=value_and_grad,
        grid=lambda points: np.asarray(many(jnp.asarray(points, float))),
    )
