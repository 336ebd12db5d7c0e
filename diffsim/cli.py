"""The command line: `diffsim experiment=NAME [group=choice] [key=value] [-m]` makes runs, `diffsim COMMAND …` the rest.

What is wrong is said in one sentence on stderr, exit code 2, before anything is compiled or written
(HYDRA_FULL_ERROR=1 shows the traceback instead). Ctrl-C and SIGTERM end it with 130 and 143, `io/stop.py` says when.
Nothing heavy is imported before a run starts.
"""

import sys
from importlib.metadata import version

from diffsim.commands import COMMANDS, call
from diffsim.commands.sentences import errors_as_sentences
from diffsim.io.stop import stoppable


def main() -> None:
    """The console script."""
    arguments = sys.argv[1:]
    if "--version" in arguments:
        print(f"diffsim {version('diffsim')}")
        return
    with errors_as_sentences(), stoppable():
        if arguments and arguments[0] in COMMANDS:
            call(arguments[0], arguments[1:])
        else:
            call("run", arguments)
