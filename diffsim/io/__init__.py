"""Files and other programs: structures, ASE, phonopy, saved potentials. Import the module that is needed."""
