"""How derivatives flow back through an experiment, one method a file."""

from diffsim.gradients.base import AbstractGradient as AbstractGradient
from diffsim.gradients.base import Sample as Sample
from diffsim.gradients.implicit import Implicit as Implicit
