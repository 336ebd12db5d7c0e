"""`diffsim report FOLDER`: the pictures and the page of a run again, from its stored results."""

import json
from pathlib import Path

from diffsim.commands.sentences import Arguments

_NEEDED = ("results.json", "manifest.json", ".hydra/config.yaml")
_OF_A_FIT = ("sensitivity.json",)


def main(arguments: list[str]) -> None:
    """Draws everything again; nothing is simulated."""
    parser = Arguments("diffsim report", add_help=False)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    check(folder, _NEEDED)
    import jax

    jax.config.update("jax_enable_x64", True)
    from diffsim.commands.stored import stored
    from diffsim.config import plain
    from diffsim.instantiate import instantiate
    from diffsim.report import trained, write

    config = plain(stored(folder))
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if "training" in config:
            trained.render(folder, manifest)
        else:
            check(folder, _OF_A_FIT)
            write.render(folder, instantiate(config["figures"]), manifest)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{str(folder)!r} holds results that this version cannot read: {error!r}") from error
    print(folder / "report.html")


def check(folder: Path, needed: tuple[str, ...]) -> None:
    """Refuses a folder without these files."""
    for name in needed:
        if not (folder / name).is_file():
            raise ValueError(f"{str(folder)!r} holds no finished run: {name} is missing")
