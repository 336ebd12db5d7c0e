"""First-principles reference data of silicon: PBE with plane waves, made by Quantum ESPRESSO through ASE.

Run ``python -m experiments.silicon_pbe --stage all`` (two or three hours on one core).  The stages are

* ``convergence``: what cutoff, k-mesh and pseudopotential cost in energy differences, forces and stress;
* ``eos``: energy and pressure against volume, the lattice constant and bulk modulus;
* ``elastic``: elastic constants by central differences of the stress, clamped and relaxed;
* ``cohesion``: the cohesive energy against the spin-polarised atom;
* ``phonons``: force constants by finite displacements, frequencies and bands;
* ``vdos``: the density of states that a trajectory of 64 atoms would show, from the force constants;
* ``gruneisen``: the mode Grüneisen parameters;
* ``beta-tin``: the energy of the β-tin phase above diamond;
* ``comparison``: frequencies at Γ and X with the other pseudopotential;
* ``rattled``: energies, forces and stresses of rattled and strained cells, as extended XYZ;
* ``surfaces``: energies of the unreconstructed (111), (110) and (100), rigid and relaxed;
* ``stacking-faults``: unstable and intrinsic faults on {111}.

Every pw.x result is cached in the work directory under a hash of its inputs, so an interrupted run resumes.
Results go to ``diffsim/data/silicon_pbe``, stage by stage.
"""
