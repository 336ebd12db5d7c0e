"""Tables, figures and the page of a run."""

from diffsim.report.figures import AbstractFigure as AbstractFigure
from diffsim.report.figures import EnergyVolume as EnergyVolume
from diffsim.report.figures import PhononBands as PhononBands
