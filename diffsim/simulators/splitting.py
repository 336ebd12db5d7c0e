"""Integrators of the kind kick – middle – kick, whose middle knows no forces: reversible where the middle is."""

import abc

from diffsim.potentials.base import AbstractPotential
from diffsim.simulators.base import AbstractSimulator, evaluated
from diffsim.simulators.state import State, kick, ticked


class AbstractSplitting(AbstractSimulator):
    """Half a kick, a flow without forces for dt, the forces where it leads to, and half a kick with these.

    p ← p + F(x) dt/2;  (x, p, bath) ← middle(x, p, bath);  p ← p + F(x) dt/2

    One force evaluation a step. As the middle knows neither the potential nor the forces, derivatives by parameters
    come from the kicks alone.
    """

    @abc.abstractmethod
    def middle(self, state: State) -> State:
        """Positions, momenta and bath after dt without forces; the clock still shows the start of the step."""

    def step(self, potential: AbstractPotential, state: State) -> State:
        state = kick(state, 0.5 * self.dt)
        state = ticked(self.middle(state), self.dt)
        return kick(self.evaluate(potential, state), 0.5 * self.dt)


class AbstractReversible(AbstractSplitting):
    """A splitting whose middle can be undone, and so the whole step."""

    @property
    def loses_digits(self) -> bool:
        """Whether undoing many steps magnifies rounding even without chaos, as that of friction does."""
        return False

    @abc.abstractmethod
    def unmiddle(self, state: State) -> State:
        """What `middle` came from; the clock shows the start of the step, so noise can be drawn again."""

    def unstep(self, potential: AbstractPotential, state: State) -> State:
        """The state one time step earlier, up to rounding."""
        state = ticked(kick(state, -0.5 * self.dt), self.dt, -1)
        return kick(evaluated(potential, self.unmiddle(state)), -0.5 * self.dt)
