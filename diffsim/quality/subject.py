"""What is examined: a potential, a crystal of it, and the data that it has learned from. What checks share is kept."""

import dataclasses
import functools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from diffsim.data.batching import batch
from diffsim.data.configurations import Configuration
from diffsim.data.labels import Labels
from diffsim.mechanics import require_periodic
from diffsim.neighbors import Neighbors
from diffsim.potentials.base import AbstractPotential, check_species
from diffsim.potentials.direct import AbstractDirectForces
from diffsim.quality.extrapolation import Range, training_range
from diffsim.quality.motion import Motion, in_motion
from diffsim.quality.structures import rattled, repeats
from diffsim.quality.verdict import NotApplicable
from diffsim.relax import relax
from diffsim.system import System, stack
from diffsim.training import predicted, relabelled

_AT_ONCE = 64  # structures of one evaluation
_SKIN = 1.0  # Å: neighbours beyond the cutoff are listed too, so that those who come and go make no other shape
_FARTHEST = 6.0  # Å: neighbours beyond tell little about an environment
_PROBE = 8  # atoms at least


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A potential and what its checks are made with.

    `structure` is a crystal, near its rest; `training` and `test` are labelled structures that it has learned from and
    that it has not; any may be lacking. `temperature` in K is that of the crystal in motion.

    **Raises** `ValueError` for a structure that is not periodic, for elements that the potential has no parameters for,
    and for a temperature that is not positive.
    """

    potential: AbstractPotential
    structure: System | None = None
    training: Sequence[Configuration] = ()
    test: Sequence[Configuration] = ()
    temperature: float = 300.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be positive, got {self.temperature} K")
        if self.structure is not None:
            require_periodic(self.structure, "a quality report")
        for system in self._structures:
            check_species(self.potential, system)

    @property
    def _structures(self) -> list[System]:
        given = [] if self.structure is None else [self.structure]
        return given + [one.system for one in (*self.training, *self.test)]

    @property
    def species(self) -> tuple[int, ...]:
        """Elements that occur, or else those of the potential."""
        found = {int(z) for system in self._structures for z in np.asarray(system.numbers)}
        if not (found or self.potential.species):
            raise NotApplicable("the potential takes all atoms alike: say which there are, by structure= or data=")
        return tuple(sorted(found)) or self.potential.species

    @property
    def data(self) -> tuple[Sequence[Configuration], Sequence[Configuration]]:
        """Training and test set, where there are both."""
        if not (self.training and self.test):
            raise NotApplicable("needs the labelled structures that it was trained on: say data=FILE")
        return self.training, self.test

    def require_energies(self) -> None:
        """Energies are what the check is about."""
        if isinstance(self.potential, AbstractDirectForces):
            raise NotApplicable(f"{type(self.potential).__name__} predicts forces directly and has no energy")

    @functools.cached_property
    def found(self) -> tuple[list[Configuration], list[Configuration]]:
        """What the potential says of the training and of the test set."""
        training, test = self.data
        return relabelled(self.potential, training), relabelled(self.potential, test)

    @functools.cached_property
    def range(self) -> Range:
        """The environments of the training set."""
        cutoff = min(float(self.potential.cutoff), _FARTHEST)
        return training_range([one.system for one in self.data[0]], cutoff=cutoff)

    @functools.cached_property
    def crystal(self) -> System:
        """The crystal with positions and cell at rest.

        **Raises** `ValueError` where there is no minimum nearby.
        """
        self.require_energies()
        if self.structure is None:
            raise NotApplicable("needs a crystal: say structure=FILE")
        return relax(self.potential, self.structure, cell=True)

    @functools.cached_property
    def probe(self) -> System:
        """A rattled and strained piece of the crystal, or else a structure of the data: nothing in it is special."""
        if self.structure is not None:
            piece = self.structure.supercell(repeats(self.structure, _PROBE))
            spacing = float(np.cbrt(float(piece.volume) / len(piece.numbers)))
            return rattled(piece, 0.03 * spacing, strain=0.03)
        periodic = [one.system for one in (*self.training, *self.test) if all(one.system.pbc)]
        if not periodic:
            raise NotApplicable("needs a structure: say structure=FILE, or data=FILE")
        return min(periodic, key=lambda system: len(system.numbers))

    @functools.cached_property
    def motion(self) -> Motion:
        """The crystal at constant energy."""
        return in_motion(self.potential, self.crystal, self.temperature)

    def evaluated(self, systems: Sequence[System], *, alike: bool = False) -> Labels:
        """Energies, forces and stresses of structures with the same number of atoms; zero where there are none at all.

        `alike` are structures that differ in positions only, and have no edge in the cutoff that the first has not
        within 1 Å more: they share a list, which is most of the work where structures are small.
        """
        radius = float(self.potential.cutoff) + _SKIN
        angles = self.potential.angular_cutoff
        shared = Neighbors.allocate(systems[0], radius).for_angles(systems[0], angles) if alike else None
        size, parts = min(len(systems), _AT_ONCE), []
        for start in range(0, len(systems), size):
            part = systems[start : start + size]
            filled = [*part, *[part[-1]] * (size - len(part))]
            given = batch(filled, radius, angles) if shared is None else (stack(filled), stack([shared] * size))
            found = _predicted(self.potential, *given)
            if isinstance(self.potential, AbstractDirectForces):
                found = found._replace(energy=jnp.zeros_like(found.energy), stress=jnp.zeros_like(found.stress))
            parts.append(found)
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(systems)], *parts)


_predicted = eqx.filter_jit(predicted)
