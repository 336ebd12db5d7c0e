"""Functional forms, one a file."""

from diffsim.potentials.base import AbstractPotential as AbstractPotential
from diffsim.potentials.stillinger_weber import StillingerWeber as StillingerWeber
