"""Silicon from the crystal to the liquid, labelled by PBE at one setting: what learned potentials learn from.

Cells of 7 to 16 atoms, with energies, forces and stresses of Quantum ESPRESSO.
``python -m experiments.silicon_configurations STAGE``:

* ``convergence``: what k-points, cutoff, bands and the threshold cost in labels of each kind, and forces and stresses
  against differences of energies; goes to ``reference.json``;
* ``label``: labels what has none yet, one structure after the other, and puts each into the data set at once; it may be
  stopped at any time, and goes on from the file, here or on another machine;
* ``write``: counts and provenance into ``reference.json``.

Every pw.x result is cached in the work directory under a hash of its inputs too.
"""
