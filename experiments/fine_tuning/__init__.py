"""A network, trained on energies and forces, fine-tuned to observables: what is bought, and what is paid for it.

The truth is EDIP's silicon (doi:10.1103/PhysRevB.58.2539), crystal and liquid, known as well as one likes. A network
that passes messages learns crystals, frames at 5000 K and very few of the liquid.
`python -m experiments.fine_tuning STAGE`:

* ``pretrain``: MACE on energies, forces and stresses;
* ``fits``: from there, all weights free, to energies and forces of the liquid alone; to these and g(r) at 1500 and
  2500 K, by reweighting and through short paths; and to these and the elastic constants and phonons of the crystal;
* ``judge``: g(r) at 1000, 2000 and 3000 K and in a cell of 216 atoms, which no fit has seen; errors of energies and
  forces that no fit has seen; the crystal. A table and a figure;
* ``universal``: CHGNet to the elastic constants and phonons of PBE's crystal, alone and with energies and forces of a
  few structures; what becomes of other phonons, of silicon that no fit has seen, and of other crystals. A table.

``--quick`` does all of it with a network, and runs, that are far too small to be of use.
"""
