"""`diffsim gradients experiment=NAME [group=choice] [key=value]`: the loss's gradient by every method, side by side."""

import argparse
from pathlib import Path

from diffsim.commands.run import check_folder
from diffsim.commands.sentences import Arguments
from diffsim.config import compositions, plain


def main(arguments: list[str]) -> None:
    """Compares them for each experiment that moves; leaves tables and figures, and shows the tables."""
    parser = Arguments("diffsim gradients", add_help=False)
    parser.add_argument("overrides", nargs=argparse.ZERO_OR_MORE)
    parser.add_argument("--config-dir")
    args = parser.parse_intermixed_args(arguments)
    config = compositions(args.overrides, config_dir=args.config_dir)[0]
    folder = Path(config.hydra.run.dir)
    check_folder(folder)
    import jax
    from omegaconf import OmegaConf

    jax.config.update("jax_enable_x64", bool(config.x64))
    from diffsim.comparison import compare_gradients
    from diffsim.instantiate import instantiate
    from diffsim.report.gradients import gradient_table, write_gradients
    from diffsim.report.study import start_of
    from diffsim.report.tables import plain_text

    parts = instantiate(plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])))
    moving = {name: one for name, one in parts["experiments"].items() if not one.is_static}
    if not moving:
        raise ValueError("nothing moves in these experiments: at rest there is one method, Implicit")
    start = start_of(parts)
    for name, experiment in moving.items():
        found = compare_gradients(start, experiment, trainable=parts["trainable"], key=jax.random.key(parts["seed"]))
        folder.mkdir(parents=True, exist_ok=True)
        written = write_gradients(found, folder, name)
        print(f"{name}: {plain_text(gradient_table(found))}\n")
        print("\n".join(map(str, written)))
