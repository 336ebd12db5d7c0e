"""Conversion factors to diffsim's own units: Å, eV, amu, K (CODATA 2018).

Multiply on the way in (`2 * units.fs`), divide on the way out (`stress / units.GPa`).
Time follows from the others: Å√(amu/eV) = 10.18 fs.
"""

import math

angstrom = 1.0
eV = 1.0
amu = 1.0
K = 1.0
dimensionless = 1.0

_electron_volt = 1.602176634e-19  # J
_atomic_mass = 1.66053906660e-27  # kg
_seconds = math.sqrt(_atomic_mass * 1e-20 / _electron_volt)  # of one internal time unit

meV = 1e-3
kcal_per_mol = 4184.0 / (6.02214076e23 * _electron_volt)
fs = 1e-15 / _seconds
ps = 1e-12 / _seconds
GPa = 1e9 * 1e-30 / _electron_volt  # eV/Å³
J_per_m2 = 1e-20 / _electron_volt  # eV/Å², of surfaces and faults
THz = 1e12 * _seconds  # of a frequency ν = ω/2π
kB = 8.617333262e-5  # eV/K
hbar = 1.054571817e-34 / (_electron_volt * _seconds)  # eV · internal time
coulomb = 14.399645478425668  # e²/4πε₀ in eV Å
