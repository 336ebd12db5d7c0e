"""Linear least squares, for potentials whose energy is linear in some of their parameters."""

from diffsim.linear.labels import Scales as Scales
from diffsim.linear.posterior import LinearPosterior as LinearPosterior
from diffsim.linear.solve import LinearSolution as LinearSolution
from diffsim.linear.solve import solve_linear as solve_linear
