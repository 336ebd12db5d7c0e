"""Tables, figures and the page of a run."""

from diffsim.report.figures import AbstractFigure as AbstractFigure
from diffsim.report.figures import EnergyVolume as EnergyVolume
from diffsim.report.figures import PhononBands as PhononBands
from diffsim.report.study import overview as overview
from diffsim.report.study import resume as resume
from diffsim.report.study import run as run
