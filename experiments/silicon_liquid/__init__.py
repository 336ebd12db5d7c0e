"""Liquid silicon: parameters fitted to a pair correlation, with molecular dynamics in the loop.

The truth is the liquid of EDIP (doi:10.1103/PhysRevB.58.2539), sampled by LAMMPS: a potential of another form than
Stillinger and Weber's, whose liquid can be sampled as well as one likes. `python -m experiments.silicon_liquid STAGE`:

* ``truth``: melts, quenches and samples; g(r) with errors and labelled snapshots go to ``diffsim/data/silicon_liquid``;
* ``fits``: all Stillinger–Weber parameters to energies and forces alone, and to these and g(r);
* ``judge``: both potentials in runs of their own at temperatures and in a cell that no fit has seen; the figure.
"""
