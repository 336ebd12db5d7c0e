"""Properties, one a file: a function for a person and an observable for an experiment."""

from diffsim.observables.base import AbstractObservable as AbstractObservable
from diffsim.observables.base import AbstractStatic as AbstractStatic
from diffsim.observables.defects import VacancyFormationEnergy as VacancyFormationEnergy
from diffsim.observables.elastic import ElasticConstants as ElasticConstants
from diffsim.observables.elastic import bulk_modulus as bulk_modulus
from diffsim.observables.elastic import elastic_constants as elastic_constants
from diffsim.observables.elastic import is_born_stable as is_born_stable
from diffsim.observables.elastic import shear_modulus as shear_modulus
from diffsim.observables.energies import CohesiveEnergy as CohesiveEnergy
from diffsim.observables.energies import EquationOfState as EquationOfState
from diffsim.observables.energies import PhaseEnergy as PhaseEnergy
from diffsim.observables.faults import StackingFaultEnergy as StackingFaultEnergy
from diffsim.observables.force_constants import ForceConstants as ForceConstants
from diffsim.observables.lattice import LatticeConstant as LatticeConstant
from diffsim.observables.lattice import Stress as Stress
from diffsim.observables.phonon_response import ModeGruneisen as ModeGruneisen
from diffsim.observables.phonon_response import group_velocities as group_velocities
from diffsim.observables.phonon_response import mode_gruneisen as mode_gruneisen
from diffsim.observables.phonons import PhononFrequencies as PhononFrequencies
from diffsim.observables.phonons import dynamical_matrix as dynamical_matrix
from diffsim.observables.phonons import phonon_frequencies as phonon_frequencies
from diffsim.observables.surfaces import SurfaceEnergy as SurfaceEnergy
from diffsim.observables.thermodynamics import harmonic_thermodynamics as harmonic_thermodynamics
from diffsim.observables.thermodynamics import phonon_dos as phonon_dos
from diffsim.observables.thermodynamics import reciprocal_mesh as reciprocal_mesh
