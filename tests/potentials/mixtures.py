"""Two-species potentials whose entries all differ, so that no mix-up of indices goes unseen.

Where LAMMPS takes one of two entries at random (the pair part of sw and tersoff, the order of j and k in sw and edip)
they are symmetric.
"""

import numpy as np

from diffsim.potentials import EDIP, StillingerWeber, Tersoff


def cadmium_telluride() -> StillingerWeber:
    """Near Wang, Stroud and Markworth (doi:10.1103/PhysRevB.40.3129), entries spread at random."""
    rng = np.random.default_rng(1)
    pairs = {"sigma": 2.51, "a": 1.8, "A": 7.05, "B": 0.6022, "p": 4.0}
    triplets = {"epsilon": 1.03, "lam": 25.0, "cos_theta0": -1 / 3}
    tables = {name: _spread(rng, value, 2, symmetric=True) for name, value in pairs.items()}
    tables |= {name: _spread(rng, value, 3, symmetric=True) for name, value in triplets.items()}
    tables["epsilon"][1, 0, 0] = tables["epsilon"][0, 1, 1]  # of the pair part
    tables |= {"gamma": _spread(rng, 1.2, 2), "q": np.array([[0.0, 0.1], [0.1, 0.2]])}
    return StillingerWeber(**tables, species=("Cd", "Te"))


def silicon_carbide_edip() -> EDIP:
    """Near silicon's parameters with shorter carbon, entries spread at random."""
    rng = np.random.default_rng(2)
    silicon = EDIP.silicon()
    scale = np.array([[1.0, 0.8], [0.8, 0.7]])  # lengths: Si–Si, Si–C, C–C
    tables = {}
    for name in ("A", "alpha", "beta", "rho"):
        tables[name] = _spread(rng, getattr(silicon, name), 2)
    for name in ("B", "a", "c", "gamma", "sigma"):
        tables[name] = _spread(rng, getattr(silicon, name), 2) * scale
    for name in ("eta", "lam", "mu", "Q0", "u1", "u2", "u3", "u4"):
        tables[name] = _spread(rng, getattr(silicon, name), 3, symmetric=True)
    return EDIP(**tables, species=("Si", "C"))


def silicon_carbide_tersoff() -> Tersoff:
    """Tersoff's SiC (doi:10.1103/PhysRevB.39.5566, erratum doi:10.1103/PhysRevB.41.3248.2); λ₃ and γ made to differ."""
    rng = np.random.default_rng(3)
    of_middle = {"c": (1.0039e5, 38049.0), "d": (16.217, 4.3484), "cos_theta0": (-0.59825, -0.57058)}
    tables = {name: np.broadcast_to(np.array(v)[:, None, None], (2, 2, 2)) for name, v in of_middle.items()}
    tables |= {"n": np.array([[0.78734] * 2, [0.72751] * 2]), "beta": np.array([[1.1e-6] * 2, [1.5724e-7] * 2])}
    mixed = {
        "A": (1830.8, 1597.3111, 1393.6),
        "B": (471.18, 395.126, 346.74),
        "lambda1": (2.4799, 2.9839, 3.4879),
        "lambda2": (1.7322, 1.97205, 2.2119),
    }
    tables |= {name: np.array([[ss, sc], [sc, cc]]) for name, (ss, sc, cc) in mixed.items()}
    tables |= {"R": np.array([[2.85, 2.36], [2.36, 1.95]])[:, None, :].repeat(2, 1), "D": np.full((2, 2, 2), 0.15)}
    tables |= {"gamma": _spread(rng, 1.0, 3), "lambda3": _spread(rng, 0.6, 3)}
    m = np.array([[[1, 3], [3, 1]], [[3, 1], [1, 3]]])
    return Tersoff(**tables, m=m, species=("Si", "C"))


def _spread(rng: np.random.Generator, value: float, rank: int, *, symmetric: bool = False) -> np.ndarray:
    table = float(value) * (1 + 0.05 * rng.uniform(-1, 1, (2,) * rank))
    return 0.5 * (table + np.swapaxes(table, -1, -2)) if symmetric else table
