"""A network learns Lennard-Jones argon from crystals and liquids, and is asked about what it has never seen.

After Mohanty, Wang and Cai (doi:10.48550/arXiv.2409.09931). The truth is Lennard-Jones' argon, known as well as one
likes; no structure that is learned from has a vacancy. `python -m experiments.argon STAGE`:

* ``data``: frames of diffsim's own dynamics, crystals of 5 to 80 K and liquids of 85 to 130 K, with energies, forces
  and stresses; goes to ``frames.xyz``;
* ``train conservative`` and ``train direct``: SchNet as an energy, whose derivatives forces are, and DirectSchNet,
  whose forces are derivatives of nothing, from the same frames and in 32-bit floats;
* ``judge``: errors on frames held back, the Hessian's asymmetry, phonons, the vacancy, speed. A table;
* ``engineer``: the conservative network learns on with frames of vacancies, of hops, and of hotter and stretched
  crystals added, in large cells and small ones, and is asked about the vacancy and its barrier again. A table;
* ``solid``: vibrations at rest and in motion, the vacancy and its hops, of both networks beside the truth. The page
  of ``diffsim solid``.

``--quick`` does all of it with networks, and runs, that are far too small to be of use.
"""
