"""`key=value` on a command line that makes no run."""

from typing import Any

import yaml
from omegaconf import OmegaConf


def options_of(options: list[str]) -> dict[str, Any]:
    """The values by their keys, read as YAML; a word alone is the model.

    **Raises** `ValueError` for what is not readable.
    """
    lines = [option if "=" in option else f"model={option}" for option in options]
    try:
        given: Any = OmegaConf.to_container(OmegaConf.from_dotlist(lines))
    except yaml.YAMLError as error:
        raise ValueError(f"{' '.join(lines)} is not readable: {' '.join(str(error).split())}") from error
    return given
