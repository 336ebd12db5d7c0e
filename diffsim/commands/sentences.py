"""What a person can put right is said in one sentence on stderr, with exit code 2."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

MISTAKES = (ValueError, OSError, HydraException, OmegaConfBaseException)
_TRACEBACK = os.environ.get("HYDRA_FULL_ERROR") == "1"  # asked for by the user: `run` sets the same variable


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Prints mistakes in one line and exits with 2; errors of the program keep their traceback."""
    try:
        yield
    except MISTAKES as error:
        if _TRACEBACK:
            raise
        print(f"diffsim: {sentence(error)}", file=sys.stderr)
        sys.exit(2)


def sentence(error: Exception) -> str:
    """An error's message as one line, without the frame that OmegaConf puts around ours."""
    if isinstance(error, OSError) and error.strerror is not None:
        return error.strerror + (f": {error.filename!r}" if error.filename is not None else "")
    lines = str(error).splitlines()
    text = lines[0] if isinstance(error, OmegaConfBaseException) else " ".join(line.strip() for line in lines)
    text = text.removeprefix("ValueError raised while resolving interpolation: ")
    return text if isinstance(error, MISTAKES) else f"{type(error).__name__}: {text}"


class Arguments(ArgumentParser):
    """A parser whose mistakes are a `ValueError`."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message}: see diffsim --help")
