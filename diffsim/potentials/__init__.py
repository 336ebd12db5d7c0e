"""Functional forms, one a file."""

from diffsim.potentials.base import AbstractPotential as AbstractPotential
from diffsim.potentials.behler_parrinello import BehlerParrinello as BehlerParrinello
from diffsim.potentials.buckingham import Buckingham as Buckingham
from diffsim.potentials.dense import Dense as Dense
from diffsim.potentials.dense import Perceptron as Perceptron
from diffsim.potentials.eam import EAM as EAM
from diffsim.potentials.edip import EDIP as EDIP
from diffsim.potentials.ensemble import Ensemble as Ensemble
from diffsim.potentials.gap import GAP as GAP
from diffsim.potentials.gupta import Gupta as Gupta
from diffsim.potentials.lennard_jones import LennardJones as LennardJones
from diffsim.potentials.mace import MACE as MACE
from diffsim.potentials.mace_layer import MACELayer as MACELayer
from diffsim.potentials.moment_tensors import MomentTensors as MomentTensors
from diffsim.potentials.morse import Morse as Morse
from diffsim.potentials.of_edges import FunctionOfEdges as FunctionOfEdges
from diffsim.potentials.of_positions import FunctionOfPositions as FunctionOfPositions
from diffsim.potentials.schnet import SchNet as SchNet
from diffsim.potentials.soap import SOAP as SOAP
from diffsim.potentials.stillinger_weber import StillingerWeber as StillingerWeber
from diffsim.potentials.sum import Sum as Sum
from diffsim.potentials.tersoff import Tersoff as Tersoff
from diffsim.potentials.uncertain import AbstractUncertain as AbstractUncertain
from diffsim.potentials.zbl import ZBL as ZBL
