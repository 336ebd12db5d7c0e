"""`diffsim report FOLDER`: the pictures and the page of a run again, from its stored results."""

import json
from pathlib import Path

from diffsim.commands.sentences import Arguments

_NEEDED = ("results.json", "sensitivity.json", "manifest.json", ".hydra/config.yaml")


def main(arguments: list[str]) -> None:
    """Draws everything again; nothing is simulated."""
    parser = Arguments("diffsim report", add_help=False)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    for name in _NEEDED:
        if not (folder / name).is_file():
            raise ValueError(f"{str(folder)!r} holds no finished run: {name} is missing")
    import jax

    jax.config.update("jax_enable_x64", True)
    from diffsim.commands.stored import stored
    from diffsim.config import plain
    from diffsim.instantiate import instantiate
    from diffsim.report.write import render

    figures = instantiate(plain(stored(folder))["figures"])
    try:
        render(folder, figures, json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{str(folder)!r} holds results that this version cannot read: {error!r}") from error
    print(folder / "report.html")
