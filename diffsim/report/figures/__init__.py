"""Figures, one a file; a configuration's `figures:` lists those that a run has besides its own."""

from diffsim.report.figures.bands import PhononBands as PhononBands
from diffsim.report.figures.base import AbstractFigure as AbstractFigure
from diffsim.report.figures.base import Drawing as Drawing
from diffsim.report.figures.base import write_figure as write_figure
from diffsim.report.figures.compression import EnergyVolume as EnergyVolume
from diffsim.report.figures.deviations import Deviations as Deviations
from diffsim.report.figures.progress import Progress as Progress
