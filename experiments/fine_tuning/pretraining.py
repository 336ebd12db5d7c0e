"""The network before any fit: trained on energies, forces and stresses of crystals, and a few of the liquid."""

from pathlib import Path

import optax

from diffsim import clipped, referenced, save_potential, scaled, train, updates_per_epoch
from experiments.fine_tuning.data import learned
from experiments.fine_tuning.size import Size

_BATCH, _RATE = 4, 5e-3


def pretrain(size: Size, folder: Path) -> None:
    """Leaves `pretrained/potential.json` in the folder."""
    data = learned(size)
    start = size.network(("Si",), 0)
    start = referenced(scaled(start, data.pretraining), data.pretraining)
    updates = size.epochs * updates_per_epoch(data.pretraining, _BATCH)
    optimizer = clipped(optax.adam(optax.cosine_decay_schedule(_RATE, updates)), 10.0)
    for state in train(start, data.pretraining, data.validation, optimizer, epochs=size.epochs, batch_size=_BATCH):
        last = state.history[-1]
        print(f"epoch {state.step}: {last.energy_rmse:.1f} meV/atom, {last.forces_rmse:.0f} meV/Å", flush=True)
    (folder / "pretrained").mkdir(parents=True, exist_ok=True)
    save_potential(folder / "pretrained" / "potential.json", state.best)
