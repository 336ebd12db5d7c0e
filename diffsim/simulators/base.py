"""What a simulator advances, and an observable looks at."""

import equinox as eqx

from diffsim.neighbors import Neighbors
from diffsim.system import System


class State(eqx.Module):
    """A system and who is near whom in it."""

    system: System
    neighbors: Neighbors
