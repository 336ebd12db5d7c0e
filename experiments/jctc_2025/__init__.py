"""Silicon and silica of J. Chem. Theory Comput. 21, 5867 (2025), doi:10.1021/acs.jctc.4c01784: fitted by derivatives.

The study fits Stillinger–Weber in (ε, λ) and EDIP in (A, λ) to first-principles elastic constants, to the force
constants of 64 atoms, and to both, with four optimizers from four starts; and BKS silica to elastic constants. Here
with its settings (its norm, lattice constants and cutoffs), so that numbers can be compared:

  elastic           elastic constants: losses, optimizers, phonons before and after
  force_constants   the same for force constants
  both              the same for the sum of the two norms
  landscape         the loss over the two parameters, and the optimizers' paths
  quartz            BKS on α-quartz, relaxed, before and after a fit
  trap              what a fixed lattice constant without a stress target leads to
  pareto            elastic constants against phonons, at rest: what each functional form can do (our own PBE data)
  evidence          trained on the crystal, tested on defects, surfaces and another phase; checked by LAMMPS

The study's force constants are read from --force-constants PATH (github.com/M3RG-IITD/Force-field-optimization tells
where they are); without it our own first-principles data take their place, and only the elastic fits are comparable.
"""
