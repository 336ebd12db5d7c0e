"""Newton's equations."""

import equinox as eqx
from jaxtyping import Array, Float

from diffsim.fields import as_array
from diffsim.simulators.splitting import AbstractReversible
from diffsim.simulators.state import State, drift


class VelocityVerlet(AbstractReversible):
    """Constant energy: velocity Verlet (doi:10.1103/PhysRev.159.98, doi:10.1063/1.442716).

    p ← p + F(x) dt/2;  x ← x + p/m dt;  p ← p + F(x) dt/2

    Symplectic and time-reversible; the energy fluctuates with dt² and does not drift.
    """

    dt: Float[Array, ""] = eqx.field(converter=as_array)  # Å √(amu/eV)

    def middle(self, state: State) -> State:
        return drift(state, self.dt)

    def unmiddle(self, state: State) -> State:
        return drift(state, -self.dt)
