"""Makes the reference of `diffsim experiment=silicon_vibrations`: `python -m experiments.vibrations`.

The vibrational density of states of the Stillinger–Weber potential of 1985, 64 atoms at 300 K: a truth that is known,
so that a fit to it can be judged by the parameters that it finds.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

FILE = Path(__file__).parents[2] / "diffsim" / "data" / "silicon_sw" / "reference.json"
EDGE, REPEATS, TEMPERATURE = 5.431, 2, 300.0  # Å, cells, K
REPLICAS, FRAMES, LAGS = 32, 400, 100
FREQUENCIES = np.arange(1.0, 19.0)  # THz


def main() -> None:
    """A few minutes."""
    jax.config.update("jax_enable_x64", True)
    from ase.build import bulk

    from diffsim import (
        Schedule,
        StillingerWeber,
        System,
        VelocityVerlet,
        VibrationalDensityOfStates,
        simulate,
        standard_error,
        units,
    )
    from diffsim.system import stack

    system = System.from_ase(bulk("Si", a=EDGE, cubic=True).repeat(REPEATS))
    sw, verlet = StillingerWeber.silicon(), VelocityVerlet(2 * units.fs)
    seen = VibrationalDensityOfStates(frequencies=FREQUENCIES, lags=LAGS)
    heat = 2 * TEMPERATURE  # half of it goes into the springs
    state = stack([verlet.init(sw, system, key, heat) for key in jax.random.split(jax.random.key(1), REPLICAS)])
    schedule = Schedule(frames=FRAMES, stride=5, equilibration=1000)
    records, _ = simulate(sw, verlet, state, schedule, seen.record)
    found = np.mean(
        [
            seen.estimate(one, jnp.full(FRAMES, 1 / FRAMES))
            for one in (jax.tree.map(lambda leaf, m=m: leaf[m], records) for m in range(REPLICAS))
        ],
        axis=0,
    )
    error = standard_error(seen, records, replicas=True)
    value, spread = (np.round(numbers, 4).tolist() for numbers in (found, error))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"vdos": {"value": value, "unit": "1/THz"}, "vdos_error": {"value": spread}}, indent=1))
    print(f"{FILE.name}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
