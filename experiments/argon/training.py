"""A network learns the frames."""

from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import optax

from diffsim import (
    DirectSchNet,
    Loss,
    SchNet,
    clipped,
    load_potential,
    referenced,
    save_potential,
    scaled,
    train,
    updates_per_epoch,
)
from diffsim.potentials import AbstractPotential
from experiments.argon.data import Parts, parts
from experiments.argon.size import Size

_BATCH, _RATE, _LAST = 1, 2e-3, 0.005  # structures, of the first update, of the last one relative to that
_FORCES = 1e4  # so that 1 meV/Å is 1, as are 0.1 meV/atom and about 3 MPa


def loss_of(energies: float = 1.0) -> Loss:
    """Of all labels; how much more energies weigh may be said."""
    return Loss(energy=1e4 * energies, forces=_FORCES, stress=3e4)


def train_models(names: Sequence[str], size: Size, folder: Path) -> None:
    """Those of `MODELS`, in 32-bit floats, which are enough for labels."""
    with jax.enable_x64(False):
        for name in names:
            MODELS[name](parts(size, folder / "frames.xyz"), size, folder)


def train_on(
    data: Parts, start: AbstractPotential, loss: Loss, folder: Path, epochs: int, rate: float = _RATE
) -> AbstractPotential:
    """Leaves `potential.json` in the folder after each epoch: where the rate ends near zero, the last is the best."""
    folder.mkdir(parents=True, exist_ok=True)
    updates = epochs * updates_per_epoch(data.training, _BATCH)
    schedule = optax.warmup_cosine_decay_schedule(0.1 * rate, rate, updates // 50, updates, _LAST * rate)
    optimizer = clipped(optax.adam(schedule), 100.0)
    last = start
    for state in train(
        start,
        data.training,
        data.validation,
        optimizer,
        loss=loss,
        epochs=epochs,
        batch_size=_BATCH,
        average=0.999,
    ):
        found = state.history[-1]
        print(
            f"epoch {state.step}, {state.seconds:.0f} s: loss {found.loss:.3g}, "
            f"validation {found.validation_loss:.3g}, "
            f"{found.energy_rmse:.3f} meV/atom, {found.forces_rmse:.3f} meV/Å, {found.stress_rmse:.2f} MPa",
            flush=True,
        )
        last = state.potential
        save_potential(folder / "potential.json", last)
    return last


def conservative(data: Parts, size: Size, folder: Path) -> AbstractPotential:
    """SchNet, whose forces are derivatives of its energy."""
    start = SchNet.init(("Ar",), 0, **size.network)
    start = referenced(scaled(start, data.training), data.training)
    return train_on(data, start, loss_of(), folder / "conservative", size.epochs)


def direct(data: Parts, size: Size, folder: Path) -> AbstractPotential:
    """DirectSchNet, whose forces are derivatives of nothing: it learns forces alone."""
    start = scaled(DirectSchNet.init(("Ar",), 0, **size.network), data.training)
    loss = Loss(energy=0, forces=_FORCES, stress=0)
    return train_on(data, start, loss, folder / "direct", size.epochs)


MODELS: dict[str, Callable[[Parts, Size, Path], AbstractPotential]] = {"conservative": conservative, "direct": direct}


def trained(folder: Path) -> dict[str, AbstractPotential]:
    """Those of `MODELS` that are in the folder."""
    found = {name: folder / name / "potential.json" for name in MODELS}
    return {name: load_potential(path) for name, path in found.items() if path.exists()}
