"""Structure files of every format that ASE knows."""

from pathlib import Path
from typing import cast

from diffsim.system import System


def read_structure(path: str | Path) -> System:
    """The structure in a file, or the last one where there are several; ASE finds out the format.

    **Raises** `ValueError`, one sentence, where the file is missing, unreadable, empty or truncated.
    """
    import ase
    import ase.io

    if not Path(path).is_file():
        raise ValueError(f"cannot read the structure {path}: there is no such file")
    if Path(path).stat().st_size == 0:
        raise ValueError(f"cannot read the structure {path}: the file is empty")
    try:
        atoms = cast(ase.Atoms, ase.io.read(Path(path), do_not_split_by_at_sign=True))
    except Exception as error:  # ASE's readers raise anything on a broken file
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise ValueError(
            f"cannot read the structure {path}: it is broken, truncated, or of an unknown format ({reason})"
        ) from None
    if not len(atoms):
        raise ValueError(f"cannot read the structure {path}: it has no atoms")
    try:
        return System.from_ase(atoms)
    except ValueError as error:
        raise ValueError(f"the structure {path} makes no sense: {error}") from None


def write_structure(path: str | Path, system: System) -> None:
    """Writes a file in the format that its name asks for (`.xyz` is extended XYZ, which keeps all but the last digits).

    **Raises** `ValueError` where the format is unknown or the file cannot be written.
    """
    import ase.io
    from ase.io.formats import UnknownFileTypeError

    try:
        ase.io.write(Path(path), system.to_ase())
    except (OSError, UnknownFileTypeError) as error:
        raise ValueError(f"cannot write the structure {path}: {error}") from None
