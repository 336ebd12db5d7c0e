"""What `diffsim NAME …` can do: one file each, with a function `main(arguments)`, imported when it is called for.

Without one of these names, `diffsim key=value …` makes a run (`run.py`).
"""

import importlib

COMMANDS = {
    "resume": "FOLDER [key=value …] [--force]: go on with a run that was stopped, or extend it: steps=60",
    "report": "FOLDER: the pictures and the page of a run again, from its stored results",
    "sweep": "FOLDER: table and figure of a sweep again",
    "gradients": "experiment=NAME [key=value …]: the gradient of its loss by every method, with errors and costs",
    "quality": "model=NAME|POTENTIAL.json|FOLDER [data=FILE] [structure=FILE] [key=value]: whether it is fit for use",
    "solid": "model=NAME|POTENTIAL.json|FOLDER [reference=…] [structure=FILE|ELEMENT] [key=value]: what a crystal does",
    "export": "FOLDER or POTENTIAL.json [--to FOLDER]: the potential as a LAMMPS file and as KIM parameters",
}


def call(name: str, arguments: list[str]) -> None:
    """Runs a sub-command, or says how it is used."""
    if name in COMMANDS and {"-h", "--help"} & {*arguments}:
        print(f"diffsim {name} {COMMANDS[name]}")
        return
    importlib.import_module(f"diffsim.commands.{name}").main(arguments)


def listing() -> str:
    """The sub-commands for `diffsim --help`."""
    return "\n".join(f"  diffsim {name} {usage}" for name, usage in COMMANDS.items())
