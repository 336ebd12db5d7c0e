"""Figures, one a file; a configuration's `figures:` lists those that a run has besides its own."""

from diffsim.report.figures.bands import PhononBands as PhononBands
from diffsim.report.figures.base import AbstractFigure as AbstractFigure
from diffsim.report.figures.base import Columns as Columns
from diffsim.report.figures.base import Drawing as Drawing
from diffsim.report.figures.base import read_columns as read_columns
from diffsim.report.figures.base import write_columns as write_columns
from diffsim.report.figures.base import write_picture as write_picture
from diffsim.report.figures.compression import EnergyVolume as EnergyVolume
from diffsim.report.figures.deviations import Deviations as Deviations
from diffsim.report.figures.parity import Parity as Parity
from diffsim.report.figures.progress import Progress as Progress
