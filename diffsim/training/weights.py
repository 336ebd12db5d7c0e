"""What training moves: some of a potential's parameters by name, as a dictionary of arrays that optax can take."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from diffsim.fields import get, parameters
from diffsim.parametrization import check_names, named
from diffsim.potentials.base import AbstractPotential

Moving = dict[str, Array]  # parameters by name, positive ones by their logarithm


class Weights(eqx.Module):
    """Which parameters move. A cutoff never does: it decides which atoms are neighbours."""

    names: tuple[str, ...] = eqx.field(static=True)
    logs: tuple[bool, ...] = eqx.field(static=True)

    @staticmethod
    def of(potential: AbstractPotential, trainable: list[str] | tuple[str, ...] | None = None) -> Weights:
        """All parameters, or those named; `networks` names all that are inside of it.

        **Raises** `ValueError` for a name that the potential has not, a positive parameter that is not, and a cutoff.
        """
        known = {name: p for name, p in parameters(potential).items() if name.split(".")[-1] != "cutoff"}
        wanted = tuple(known) if trainable is None else tuple(trainable)
        if any(name.split(".")[-1] == "cutoff" for name in wanted):
            raise ValueError("a cutoff cannot be trained on energies and forces: it decides which atoms are neighbours")
        names = named(wanted, tuple(known))
        check_names(potential, names, known)
        for name in names:
            if known[name].positive and not (np.asarray(known[name].value) > 0).all():
                raise ValueError(f"{name} is trained by its logarithm, so it must be positive: got {known[name].value}")
        return Weights(names, tuple(known[name].positive for name in names))

    def start(self, potential: AbstractPotential) -> Moving:
        """As they are in a potential."""
        values = {name: get(potential, name) for name in self.names}
        return {name: jnp.log(values[name]) if log else values[name] for name, log in self._kinds}

    def at(self, potential: AbstractPotential, moving: Moving) -> AbstractPotential:
        """The potential with these put in."""
        new = [jnp.exp(moving[name]) if log else moving[name] for name, log in self._kinds]
        return eqx.tree_at(lambda p: [get(p, name) for name in self.names], potential, new)

    @property
    def _kinds(self) -> zip[tuple[str, bool]]:
        return zip(self.names, self.logs, strict=True)
