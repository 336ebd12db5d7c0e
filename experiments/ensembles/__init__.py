"""Several ensembles at once: a crystal at constant pressure, the same at constant volume, and a liquid.

`diffsim experiment=silicon_ensembles` is the fit. `python -m experiments.ensembles STAGE`:

* ``reference``: EDIP's crystal at 300 K: the lattice constant at zero pressure, and isothermal elastic constants there;
* ``judge FILE``: the potential of a fit, and that of 1985, sampled anew and for longer.
"""
