"""Makes the reference of the crystal in `diffsim experiment=silicon_ensembles`: `python -m experiments.ensembles`.

EDIP silicon, 64 atoms at 300 K: the lattice constant at zero pressure, and there the isothermal elastic constants. (The
reference of the liquid is that of `experiments.silicon_liquid`.)
"""

from pathlib import Path

import jax
import numpy as np

FOLDER = Path(__file__).parents[2] / "diffsim" / "data" / "silicon_edip"
TEMPERATURE, REPLICAS = 300.0, 8
PRESSURELESS, STRAINED = (600, 25), (600, 25)  # frames and steps of 2 fs between them, for each replica


def main(
    folder: Path = FOLDER, pressureless: tuple[int, int] = PRESSURELESS, strained: tuple[int, int] = STRAINED
) -> None:
    """Some ten minutes."""
    jax.config.update("jax_enable_x64", True)
    from ase.build import bulk

    from diffsim import (
        EDIP,
        Bussi,
        FiniteTemperatureElasticConstants,
        Langevin,
        LatticeConstant,
        Schedule,
        StochasticCellRescaling,
        System,
        simulate,
        units,
    )
    from diffsim.system import stack
    from experiments.silicon_pbe.report import format_json

    edip, dt = EDIP.silicon(), 2 * units.fs

    def run(simulator, edge: float, frames: int, stride: int, observable) -> tuple[np.ndarray, np.ndarray]:
        """Of each replica alone: their mean, and its error from their spread."""
        system = System.from_ase(bulk("Si", a=edge, cubic=True), [2, 2, 2])
        keys = jax.random.split(jax.random.key(3), REPLICAS)
        state = stack([simulator.init(edip, system, key) for key in keys])
        records, _ = simulate(edip, simulator, state, Schedule(frames, stride, equilibration=2500), observable.record)
        alone = np.array(
            [
                observable.estimate(jax.tree.map(lambda leaf, m=m: leaf[m], records), np.full(frames, 1 / frames))
                for m in range(REPLICAS)
            ]
        )
        return alone.mean(axis=0), alone.std(axis=0, ddof=1) / np.sqrt(REPLICAS)

    barostat = StochasticCellRescaling(
        thermostat=Bussi(dt, TEMPERATURE, 0.2 * units.ps),
        pressure=0.0,
        timescale=0.5 * units.ps,
        compressibility=1 / (98 * units.GPa),
    )
    edge, edge_error = run(barostat, 5.43, *pressureless, LatticeConstant(multiplicity=1))
    lattice, lattice_error = float(edge) / 2, float(edge_error) / 2
    constants = FiniteTemperatureElasticConstants(temperature=TEMPERATURE)
    found, error = run(Langevin(dt, TEMPERATURE, 2 / units.ps), lattice, *strained, constants)
    content = {
        "description": "EDIP silicon (1998) at 300 K, 64 atoms, classical molecular dynamics",
        "lattice_constant": {"value": round(lattice, 5), "unit": "Å", "error": round(lattice_error, 5)},
        "edge": {"value": round(2 * lattice, 5), "unit": "Å", "error": round(2 * lattice_error, 5)},
        "elastic_constants": {
            "value": np.round(found, 2).tolist(),
            "unit": "GPa",
            "error": np.round(error, 2).tolist(),
        },
        "components": list(constants.labels),
        "replicas": REPLICAS,
        "sampled_ps": [REPLICAS * frames * stride * 0.002 for frames, stride in (pressureless, strained)],
    }
    folder.mkdir(exist_ok=True)
    (folder / "reference.json").write_text(format_json(content) + "\n", encoding="utf-8")
    print(content)


if __name__ == "__main__":
    main()
