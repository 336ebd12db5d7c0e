"""Training on energies, forces and stresses of many structures: the loss, the loop, and how large the errors are."""

from diffsim.training.calibration import Calibration as Calibration
from diffsim.training.calibration import calibration as calibration
from diffsim.training.clipped import clipped as clipped
from diffsim.training.deviations import deviations_of as deviations_of
from diffsim.training.deviations import worst_known as worst_known
from diffsim.training.errors import Errors as Errors
from diffsim.training.errors import errors_of as errors_of
from diffsim.training.errors import relabelled as relabelled
from diffsim.training.loss import Loss as Loss
from diffsim.training.predictions import predicted as predicted
from diffsim.training.recipe import Parts as Parts
from diffsim.training.recipe import Training as Training
from diffsim.training.start import referenced as referenced
from diffsim.training.start import scaled as scaled
from diffsim.training.start import standardised as standardised
from diffsim.training.train import TrainingState as TrainingState
from diffsim.training.train import restored as restored
from diffsim.training.train import train as train
from diffsim.training.weights import Weights as Weights
