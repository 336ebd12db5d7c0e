"""Tensors of a file that torch has saved, read without torch and without running the pickle that is inside.

Such a file is a zip archive: numbers under `data/KEY`, and a pickle, a program for a small stack machine, that says
which tensor is made of which. A pickle may call any function of any library. The machine here knows three names, the
storage of 32-bit floats, a tensor made of one, and the ordered dictionary; all it can build is plain data.
"""

import pickletools
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_STORAGE, _TENSOR, _DICT = "torch FloatStorage", "torch._utils _rebuild_tensor_v2", "collections OrderedDict"
_KNOWN = (_STORAGE, _TENSOR, _DICT)
_LITERALS = ("BINUNICODE", "BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1")
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Name(NamedTuple):
    """One of the three; naming it runs nothing."""

    name: str


def read_torch(path: str | Path) -> dict[str, Any]:
    """What `torch.save` wrote of dictionaries, lists, numbers and tensors of 32-bit floats, these as numpy arrays.

    **Raises** `ValueError` for a file that is no such archive, and for one whose pickle asks for anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            (root,) = (n.removesuffix("data.pkl") for n in archive.namelist() if n.endswith("/data.pkl"))
            return _Machine(archive, root).run(archive.read(f"{root}data.pkl"))
    except (zipfile.BadZipFile, KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        reason = str(error) if isinstance(error, _Refused) else f"it is broken or something else ({error})"
        raise ValueError(f"{path} is not a file of weights that torch has saved: {reason}") from None


class _Refused(ValueError):
    pass


class _Machine:
    """Runs the opcodes that plain data and tensors are made of, and refuses all others."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self.archive, self.root = archive, root
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def run(self, program: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(program):
            name = opcode.name
            if name == "STOP":
                return self.stack.pop()
            if name in _LITERALS:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _TUPLES:
                self.stack.append(tuple(self.taken(_TUPLES[name])))
            elif hasattr(self, f"on_{name}"):
                getattr(self, f"on_{name}")(argument)
            elif name != "PROTO":
                raise _Refused(f"its pickle wants {name}, which weights need not; it was not run")
        raise _Refused("its pickle has no end")

    def taken(self, count: int) -> list[Any]:
        first = len(self.stack) - count
        found, self.stack[first:] = self.stack[first:], []
        return found

    def since_mark(self) -> list[Any]:
        return self.taken(len(self.stack) - self.marks.pop())

    def on_MARK(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def on_TUPLE(self, _: None) -> None:
        self.stack.append(tuple(self.since_mark()))

    def on_EMPTY_LIST(self, _: None) -> None:
        self.stack.append([])

    def on_EMPTY_DICT(self, _: None) -> None:
        self.stack.append({})

    def on_APPEND(self, _: None) -> None:
        (item,) = self.taken(1)
        self.stack[-1].append(item)

    def on_APPENDS(self, _: None) -> None:
        items = self.since_mark()
        self.stack[-1].extend(items)

    def on_SETITEM(self, _: None) -> None:
        key, value = self.taken(2)
        self.stack[-1][key] = value

    def on_SETITEMS(self, _: None) -> None:
        items = self.since_mark()
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def on_BINPUT(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def on_BINGET(self, place: int) -> None:
        self.stack.append(self.memo[place])

    on_LONG_BINPUT, on_LONG_BINGET = on_BINPUT, on_BINGET

    def on_GLOBAL(self, name: str) -> None:
        if name not in _KNOWN:
            raise _Refused(f"its pickle wants {name.replace(' ', '.')}, which weights need not; it was not run")
        self.stack.append(_Name(name))

    def on_BUILD(self, _: None) -> None:
        self.taken(1)  # attributes of a dictionary: torch's versions of modules

    def on_BINPERSID(self, _: None) -> None:
        ((what, kind, key, _, count),) = self.taken(1)
        if (what, kind) != ("storage", _Name(_STORAGE)):
            raise _Refused(f"it holds {kind}, not 32-bit floats")
        numbers = np.frombuffer(self.archive.read(f"{self.root}data/{key}"), "<f4")
        self.stack.append(numbers[:count])

    def on_REDUCE(self, _: None) -> None:
        (function, arguments) = self.taken(2)
        if function == _Name(_DICT) and not arguments:
            self.stack.append({})
        elif function == _Name(_TENSOR):
            numbers, start, shape, strides = arguments[:4]
            contiguous = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
            if strides != contiguous:
                raise _Refused(f"it holds a tensor of strides {strides}")
            self.stack.append(numbers[start : start + int(np.prod(shape))].reshape(shape))
        else:
            raise _Refused(f"its pickle calls {function}, which weights need not; it was not run")
