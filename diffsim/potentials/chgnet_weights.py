"""CHGNet's weights from files: those that torch has saved of the original, read without torch, and safetensors."""

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from diffsim.fields import as_array, get, parameters
from diffsim.potentials.chgnet import CHGNet
from diffsim.potentials.chgnet_names import arguments_of, own_arguments, renamed
from diffsim.potentials.torch_archive import read_torch

_LIBRARY = "safetensors, which reads and writes such files, is missing: pip install safetensors"


class _Published(NamedTuple):
    file: str  # in the package chgnet
    sha256: str


PUBLISHED = {
    "0.3.0": _Published(
        "0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
    ),
    "0.2.0": _Published(
        "0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar",
        "ef624f78b6db9d315b4ef256f1bb3207449924191b91720dc17d3f60c5df980e",
    ),
    "r2scan": _Published(
        "r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        "8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
    ),
}


def load(name: str | Path) -> CHGNet:
    """What `CHGNet.load` says."""
    path = _installed(str(name)) if str(name) in PUBLISHED else Path(name)
    if not path.is_file():
        raise ValueError(f"no CHGNet is called {str(name)!r}, and there is no such file: published are {_known()}")
    with path.open("rb") as file:
        start = file.read(9)
    if start[:4] == b"PK\x03\x04":  # a zip archive
        return _from_torch(path)
    if start[8:] == b"{":  # behind the length of a header in JSON
        return _from_safetensors(path)
    raise ValueError(
        f"{path} was not opened: weights are read from what torch has saved since its version 1.6, or from "
        "safetensors, but never from a bare pickle, which may run any code"
    )


def save(potential: CHGNet, path: str | Path) -> None:
    """What `CHGNet.to_safetensors` says."""
    try:
        from safetensors.numpy import save_file
    except ImportError:
        raise ValueError(_LIBRARY) from None
    arrays = {name: np.array(p.value, order="C") for name, p in parameters(potential).items()}
    save_file(arrays, path, metadata={"chgnet": json.dumps(own_arguments(potential))})


def _known() -> str:
    return ", ".join(PUBLISHED)


def _installed(version: str) -> Path:
    """Where the package chgnet, which is found but not imported, has the weights of a version.

    **Raises** `ValueError` where it is not installed, and where the file is another one than is known.
    """
    found = importlib.util.find_spec("chgnet")
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            f"the package chgnet, which has the weights of {version}, is not installed: pip install --no-deps chgnet"
        )
    path = Path(found.submodule_search_locations[0]) / "pretrained" / PUBLISHED[version].file
    if not path.is_file():
        raise ValueError(f"the package chgnet that is installed has no {path.name}: install chgnet 0.4.2")
    if (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != PUBLISHED[version].sha256:
        raise ValueError(
            f"{path} is not CHGNet {version} as it was published: its SHA-256 is {digest[:12]}…; "
            "if it is to be read all the same, give its path"
        )
    return path


def _from_torch(path: Path) -> CHGNet:
    try:
        model = read_torch(path)["model"]
        weights, arguments = model["state_dict"], model["model_args"]
    except (KeyError, TypeError, IndexError):
        raise ValueError(f"{path} holds no CHGNet: there is no model with weights and arguments in it") from None
    try:
        made_with = arguments_of(arguments, weights)
        arrays = renamed(weights, made_with["cutoff"])
    except KeyError as error:
        raise ValueError(f"{path} is not of the CHGNet that is known here: there is no {error}") from None
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not of the CHGNet that is known here: {error}") from None
    return _filled(made_with, arrays, path)


def _from_safetensors(path: Path) -> CHGNet:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise ValueError(_LIBRARY) from None
    try:
        with safe_open(path, "numpy") as file:
            arguments = json.loads((file.metadata() or {})["chgnet"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{path} holds no CHGNet that diffsim has written: {error}") from None
    return _filled(arguments, arrays, path)


def _filled(arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: Path) -> CHGNet:
    """The model of these arguments with these weights by their names in it.

    **Raises** `ValueError` for arguments that make no model, and for weights that are missing, not known, or of another
    shape.
    """
    try:
        empty = eqx.filter_eval_shape(lambda: CHGNet.init(key=jax.random.key(0), **arguments))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} holds no CHGNet that can be made: {str(error).splitlines()[0]}") from None
    shapes = {name: parameter.value.shape for name, parameter in parameters(empty).items()}
    for name in sorted({*shapes, *arrays}):
        wanted, found = shapes.get(name), np.shape(arrays[name]) if name in arrays else None
        if wanted != found:
            says = lambda shape: "not there" if shape is None else f"of shape {shape}"  # noqa: E731
            raise ValueError(f"{path} holds other weights: {name} is {says(found)}, and ought to be {says(wanted)}")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{path} holds weights that are not finite: {name}")
    return eqx.tree_at(lambda p: [get(p, n) for n in shapes], empty, [as_array(arrays[n]) for n in shapes])
