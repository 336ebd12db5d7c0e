"""Integrators, one a file, and the state that they advance."""

from diffsim.simulators.aboba import Aboba as Aboba
from diffsim.simulators.base import AbstractSimulator as AbstractSimulator
from diffsim.simulators.brownian import Brownian as Brownian
from diffsim.simulators.bussi import Bussi as Bussi
from diffsim.simulators.cell_rescaling import StochasticCellRescaling as StochasticCellRescaling
from diffsim.simulators.jax_md import JaxMD as JaxMD
from diffsim.simulators.langevin import Langevin as Langevin
from diffsim.simulators.nose_hoover import NoseHoover as NoseHoover
from diffsim.simulators.ode import Ode as Ode
from diffsim.simulators.schedule import Schedule as Schedule
from diffsim.simulators.schedule import advance as advance
from diffsim.simulators.schedule import members as members
from diffsim.simulators.schedule import over_replicas as over_replicas
from diffsim.simulators.schedule import replicated as replicated
from diffsim.simulators.schedule import trajectory as trajectory
from diffsim.simulators.splitting import AbstractReversible as AbstractReversible
from diffsim.simulators.splitting import AbstractSplitting as AbstractSplitting
from diffsim.simulators.state import State as State
from diffsim.simulators.temperature import Ramp as Ramp
from diffsim.simulators.verlet import VelocityVerlet as VelocityVerlet
