"""Fit interatomic force fields by differentiating the simulation itself."""

from diffsim import units as units
from diffsim.mechanics import energy as energy
from diffsim.mechanics import force_constants as force_constants
from diffsim.mechanics import forces as forces
from diffsim.mechanics import hessian as hessian
from diffsim.mechanics import stress as stress
from diffsim.neighbors import Neighbors as Neighbors
from diffsim.potentials import AbstractPotential as AbstractPotential
from diffsim.potentials import StillingerWeber as StillingerWeber
from diffsim.system import System as System
