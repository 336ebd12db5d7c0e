"""How derivatives flow back through an experiment, one method a file."""

from diffsim.gradients.adjoint import Adjoint as Adjoint
from diffsim.gradients.auto import Auto as Auto
from diffsim.gradients.backprop import Backprop as Backprop
from diffsim.gradients.base import AbstractGradient as AbstractGradient
from diffsim.gradients.base import Sample as Sample
from diffsim.gradients.equilibrium import FromEquilibrium as FromEquilibrium
from diffsim.gradients.forward import Forward as Forward
from diffsim.gradients.growth import growth_rate as growth_rate
from diffsim.gradients.implicit import Implicit as Implicit
from diffsim.gradients.reversible import Reversible as Reversible
from diffsim.gradients.reweighting import Reweighting as Reweighting
from diffsim.gradients.score import Score as Score
from diffsim.gradients.truncated import Truncated as Truncated
