"""What a potential makes of a crystal: vibrations at rest and in motion, and a vacancy that moves."""

from diffsim.solid.density import density_at_rest as density_at_rest
from diffsim.solid.found import Found as Found
from diffsim.solid.hopping import HopRate as HopRate
from diffsim.solid.hopping import hop_rate as hop_rate
from diffsim.solid.hopping import rate_of as rate_of
from diffsim.solid.lattice import Lattice as Lattice
from diffsim.solid.migration import Migration as Migration
from diffsim.solid.migration import migration as migration
from diffsim.solid.motion import Vibrations as Vibrations
from diffsim.solid.motion import vibrations as vibrations
from diffsim.solid.pace import Pace as Pace
from diffsim.solid.parts import PARTS as PARTS
from diffsim.solid.parts import examined as examined
from diffsim.solid.phonons import Phonon as Phonon
from diffsim.solid.settings import Settings as Settings
from diffsim.solid.study import Study as Study
from diffsim.solid.subject import Solid as Solid
from diffsim.solid.vacancy import vacancy as vacancy
from diffsim.solid.waves import bands as bands
from diffsim.solid.waves import waves_of as waves_of
