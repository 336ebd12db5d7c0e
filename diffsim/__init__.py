"""Fit interatomic force fields by differentiating the simulation itself: the public names, and where each one lives.

Nothing is imported before it is used: jax alone takes seconds, and `diffsim --help` should not wait for it.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffsim import units
    from diffsim.choice import decided
    from diffsim.comparison import compare_gradients
    from diffsim.data.configurations import Configuration, read_configurations, unlabelled
    from diffsim.data.labelled import energy_target, force_target, snapshot
    from diffsim.data.labels import updates_per_epoch
    from diffsim.data.splitting import split
    from diffsim.deviation import energy_deviation, force_deviation, stress_deviation
    from diffsim.experiment import Experiment, evaluate
    from diffsim.fit import Plateau, fit
    from diffsim.fit_state import FitState
    from diffsim.gradients import (
        AbstractGradient,
        Adjoint,
        Auto,
        Backprop,
        Forward,
        FromEquilibrium,
        Implicit,
        Reversible,
        Reweighting,
        Score,
        Truncated,
        growth_rate,
    )
    from diffsim.io.ase import Calculator
    from diffsim.io.checkpoint import load_state, save_state
    from diffsim.io.crash import crash_written
    from diffsim.io.potential import load_potential, save_potential
    from diffsim.io.structures import read_structure
    from diffsim.io.trajectory import record_frame, write_frames
    from diffsim.linear import LinearPosterior, LinearSolution, Scales, solve_linear
    from diffsim.magnetism import magnetic_moments
    from diffsim.mechanics import energy, force_constants, forces, hessian, stress
    from diffsim.multistart import multistart
    from diffsim.neighbors import Neighbors
    from diffsim.observables import (
        AbstractObservable,
        AngularDistribution,
        AverageStress,
        CohesiveEnergy,
        ConfigurationEnergies,
        ConfigurationForces,
        Density,
        Diffusion,
        ElasticConstants,
        EquationOfState,
        FiniteTemperatureElasticConstants,
        ForceConstants,
        GreenKuboDiffusion,
        HarmonicDensityOfStates,
        HeatCapacity,
        LatticeConstant,
        MeanSquareDisplacement,
        ModeGruneisen,
        PhaseEnergy,
        PhononFrequencies,
        PotentialEnergy,
        Pressure,
        RadialDistribution,
        SpectralEnergyDensity,
        StackingFaultEnergy,
        Stress,
        StructureFactor,
        SurfaceEnergy,
        Temperature,
        ThermalExpansion,
        VacancyFormationEnergy,
        VacancySite,
        VelocityAutocorrelation,
        VibrationalDensityOfStates,
        arrhenius,
        bulk_modulus,
        damped_line,
        dynamical_matrix,
        elastic_constants,
        error_of_mean,
        group_velocities,
        harmonic_thermodynamics,
        hops_of,
        independent_frames,
        is_born_stable,
        mode_gruneisen,
        phonon_dos,
        phonon_frequencies,
        poisson_rate,
        reciprocal_mesh,
        shear_modulus,
        standard_error,
    )
    from diffsim.optimizers import DampedGaussNewton, Scipy
    from diffsim.parametrization import Free
    from diffsim.paths import (
        HarmonicRate,
        MigrationBarrier,
        MinimumEnergyPath,
        harmonic_rate,
        minimum_energy_path,
        saddle_point,
        vacancy_hop,
    )
    from diffsim.potentials import (
        EAM,
        EDIP,
        GAP,
        MACE,
        SOAP,
        ZBL,
        AbstractDirectForces,
        AbstractPotential,
        AbstractUncertain,
        BehlerParrinello,
        Branch,
        Buckingham,
        CHGNet,
        CHGNetAngleLayer,
        CHGNetAtomLayer,
        CHGNetBasis,
        CHGNetBondLayer,
        CHGNetEmbedding,
        Dense,
        DirectSchNet,
        Ensemble,
        FunctionOfEdges,
        FunctionOfPositions,
        Gated,
        Gupta,
        LayerNorm,
        LennardJones,
        MACELayer,
        MomentTensors,
        Morse,
        Perceptron,
        SchNet,
        StillingerWeber,
        Sum,
        Tersoff,
        dropout_ensemble,
        thinned,
    )
    from diffsim.quality import training_range
    from diffsim.relax import relax
    from diffsim.simulate import chunks, record_positions, simulate
    from diffsim.simulators import (
        Aboba,
        AbstractSimulator,
        Brownian,
        Bussi,
        JaxMD,
        Langevin,
        NoseHoover,
        Ode,
        Ramp,
        Schedule,
        State,
        StochasticCellRescaling,
        VelocityVerlet,
    )
    from diffsim.solid import hop_rate, migration, vibrations
    from diffsim.starts import perturbed
    from diffsim.system import System
    from diffsim.targets import Target
    from diffsim.training import (
        Loss,
        Training,
        TrainingState,
        calibration,
        clipped,
        deviations_of,
        errors_of,
        referenced,
        relabelled,
        scaled,
        standardised,
        train,
        worst_known,
    )
    from diffsim.trouble import SimulationError
    from diffsim.uncertainty import uncertainty

_CONTENTS = {
    "system": "System",
    "neighbors": "Neighbors",
    "potentials": """
        AbstractDirectForces AbstractPotential AbstractUncertain BehlerParrinello Branch Buckingham CHGNet
        CHGNetAngleLayer CHGNetAtomLayer CHGNetBasis CHGNetBondLayer CHGNetEmbedding Dense DirectSchNet EAM EDIP
        Ensemble FunctionOfEdges FunctionOfPositions GAP Gated Gupta LayerNorm LennardJones MACE MACELayer MomentTensors
        Morse Perceptron SchNet SOAP StillingerWeber Sum Tersoff ZBL dropout_ensemble
        thinned
    """,
    "mechanics": "energy force_constants forces hessian stress",
    "magnetism": "magnetic_moments",
    "deviation": "energy_deviation force_deviation stress_deviation",
    "relax": "relax",
    "simulators": """
        Aboba AbstractSimulator Brownian Bussi JaxMD Langevin NoseHoover Ode Ramp Schedule State
        StochasticCellRescaling VelocityVerlet
    """,
    "simulate": "chunks record_positions simulate",
    "trouble": "SimulationError",
    "gradients": """
        AbstractGradient Adjoint Auto Backprop Forward FromEquilibrium Implicit Reversible Reweighting Score Truncated
        growth_rate
    """,
    "observables": """
        AbstractObservable AngularDistribution AverageStress CohesiveEnergy ConfigurationEnergies ConfigurationForces
        Density Diffusion ElasticConstants EquationOfState FiniteTemperatureElasticConstants ForceConstants
        GreenKuboDiffusion HarmonicDensityOfStates HeatCapacity LatticeConstant
        MeanSquareDisplacement ModeGruneisen PhaseEnergy PhononFrequencies PotentialEnergy Pressure RadialDistribution
        SpectralEnergyDensity StackingFaultEnergy Stress StructureFactor SurfaceEnergy Temperature ThermalExpansion
        VacancyFormationEnergy VacancySite VelocityAutocorrelation VibrationalDensityOfStates
        arrhenius bulk_modulus damped_line dynamical_matrix elastic_constants error_of_mean group_velocities
        harmonic_thermodynamics hops_of independent_frames is_born_stable mode_gruneisen phonon_dos
        phonon_frequencies poisson_rate reciprocal_mesh shear_modulus standard_error
    """,
    "paths": """
        HarmonicRate MigrationBarrier MinimumEnergyPath harmonic_rate minimum_energy_path saddle_point vacancy_hop
    """,
    "targets": "Target",
    "experiment": "Experiment evaluate",
    "choice": "decided",
    "comparison": "compare_gradients",
    "fit_state": "FitState",
    "fit": "Plateau fit",
    "optimizers": "DampedGaussNewton Scipy",
    "parametrization": "Free",
    "starts": "perturbed",
    "multistart": "multistart",
    "uncertainty": "uncertainty",
    "data.configurations": "Configuration read_configurations unlabelled",
    "linear": "LinearPosterior LinearSolution Scales solve_linear",
    "data.labelled": "energy_target force_target snapshot",
    "data.labels": "updates_per_epoch",
    "data.splitting": "split",
    "training": """
        Loss Training TrainingState calibration clipped deviations_of errors_of referenced relabelled scaled
        standardised train worst_known
    """,
    "quality": "training_range",
    "solid": "hop_rate migration vibrations",
    "io.ase": "Calculator",
    "io.potential": "load_potential save_potential",
    "io.checkpoint": "load_state save_state",
    "io.crash": "crash_written",
    "io.structures": "read_structure",
    "io.trajectory": "record_frame write_frames",
}
HOMES = {name: f"diffsim.{home}" for home, names in _CONTENTS.items() for name in names.split()}


class _Package(ModuleType):
    """Looks a public name up where it lives, once. (Python's `__getattr__` of modules, and one thing more.)"""

    def __getattr__(self, name: str) -> Any:
        if name == "units":
            return importlib.import_module("diffsim.units")
        if name not in HOMES:
            raise AttributeError(f"module 'diffsim' has no attribute {name!r}")
        self.__dict__[name] = getattr(importlib.import_module(HOMES[name]), name)
        return self.__dict__[name]

    def __setattr__(self, name: str, value: Any) -> None:
        """Importing `diffsim.relax` would put the file where the function `relax` belongs: the function stays."""
        if not (name in HOMES and isinstance(value, ModuleType)):
            self.__dict__[name] = value

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *HOMES})


sys.modules[__name__].__class__ = _Package
