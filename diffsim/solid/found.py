"""What a part of the study finds."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

Columns = Mapping[str, list[Any]]


class Found(NamedTuple):
    """What one part says of one solid: figures by their names, and columns of numbers for pictures.

    `numbers["stopped"]` is why the part is not complete, where it is not.
    """

    numbers: dict[str, Any]
    columns: Columns = MappingProxyType({})


Earlier = Mapping[str, Mapping[str, Found | str]]
