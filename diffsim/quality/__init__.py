"""Is this force field fit for use? Checks of any potential, each with a figure that was measured and a bar."""

from diffsim.quality.checks import CHECKS as CHECKS
from diffsim.quality.checks import examined as examined
from diffsim.quality.extrapolation import Range as Range
from diffsim.quality.extrapolation import training_range as training_range
from diffsim.quality.structures import known_crystal as known_crystal
from diffsim.quality.subject import Subject as Subject
from diffsim.quality.verdict import NotApplicable as NotApplicable
from diffsim.quality.verdict import Verdict as Verdict
