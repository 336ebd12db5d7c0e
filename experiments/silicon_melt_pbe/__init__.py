"""Liquid silicon from first principles, as far as one step of reweighting carries.

A classical melt of 64 atoms at 2500 K is sampled, snapshots far enough apart are labelled by Quantum ESPRESSO (PBE, the
electrons' free energy at 2500 K), and averages are reweighted to it.  So that weights have a chance, the potential is
fitted to labels first, twice.  ``python -m experiments.silicon_melt_pbe STAGE``, some hour and a half on one core:

* ``snapshots``: published melts, labels, a fit, its melt, more labels, the second fit and its melt of 30 ps;
* ``label``: the convergence table, a force by differences, and the labels of the last melt; all go to
  ``diffsim/data/silicon_melt_pbe``;
* ``reweight``: weights, effective sample size, g(r) and the figure.

Every pw.x result is cached in the work directory under a hash of its inputs, so an interrupted run resumes.
"""
