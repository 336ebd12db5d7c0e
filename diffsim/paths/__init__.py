"""Ways from one minimum to another: paths, saddle points, barriers and rates."""

from diffsim.paths.barrier import MigrationBarrier as MigrationBarrier
from diffsim.paths.hops import vacancy_hop as vacancy_hop
from diffsim.paths.profile import MinimumEnergyPath as MinimumEnergyPath
from diffsim.paths.rates import HarmonicRate as HarmonicRate
from diffsim.paths.rates import harmonic_rate as harmonic_rate
from diffsim.paths.saddle import saddle_point as saddle_point
from diffsim.paths.string import minimum_energy_path as minimum_energy_path
