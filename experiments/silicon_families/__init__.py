"""What each family of learned potentials makes of first-principles silicon, from 10 structures to all there are.

The data are `silicon_configurations`: PBE's energies, forces and stresses from the strained crystal to the liquid. Of
each kind 15 % are for the test and 10 % for validation; of the others the first 10, 30 and 100, and all are learned
from, with at most a quarter as many to validate. `python -m experiments.silicon_families STAGE`:

* ``learn``: each family with each number of structures, in a process of its own, whose time and memory are taken; what
  is in the folder already is not done again;
* ``one FAMILY COUNT``: one of these;
* ``show``: the tables and the learning curves;
* ``all``: first ``learn``, then ``show``.

``--quick`` does it with two families, 12 structures and hardly any learning: it only shows that all works.
"""
