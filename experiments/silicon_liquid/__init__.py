"""Liquid silicon: parameters fitted to a pair correlation, with molecular dynamics in the loop.

The truth is the liquid of EDIP (doi:10.1103/PhysRevB.58.2539), sampled by LAMMPS: a potential of another form than
Stillinger and Weber's, whose liquid can be sampled as well as one likes. `python -m experiments.silicon_liquid STAGE`:

* ``truth``: melts, quenches and samples; g(r) with errors and labelled snapshots go to ``diffsim/data/silicon_liquid``;
* ``fits``: seven Stillinger–Weber parameters to energies and forces alone, and to these and g(r);
* ``limit``: the same to g(r) alone, at one of the temperatures to be judged: what the form can do;
* ``judge``: these and the potential of 1985 in runs of their own, at temperatures and in a cell that neither fit has
  seen; the figure.
"""
