"""CHGNet's weights from files: those that torch has saved of the original model, and our own in safetensors."""

import hashlib
import importlib.util
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from diffsim.potentials.chgnet import CHGNet
from diffsim.potentials.chgnet_basis import ChgnetBasis
from diffsim.potentials.chgnet_layers import AngleLayer, AtomLayer, BondLayer, Branch, Embedding, Gated, LayerNorm
from diffsim.potentials.dense import Dense, Perceptron
from diffsim.potentials.torch_archive import read_torch


class _File(NamedTuple):
    path: str  # in the package chgnet
    sha256: str


PUBLISHED = {
    "0.3.0": _File("0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar", ""),
    "0.2.0": _File("0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar", ""),
    "r2scan": _File("r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar", ""),
}


def loaded(name: str | Path) -> CHGNet:
    """What `CHGNet.load` says."""
    path = Path(name)
    if str(name) in PUBLISHED:
        path = _installed(str(name))
    elif not path.is_file():
        raise ValueError(
            f"no CHGNet is called {str(name)!r} and there is no such file: published are {', '.join(PUBLISHED)}"
        )
    with path.open("rb") as file:
        start = file.read(10)
    if start[:4] == b"PK\x03\x04":
        return _from_torch(path)
    if start[:1] == b"\x80":
        raise ValueError(f"{path} is a pickle, which may run any code: it was not opened, ask for safetensors")
    raise ValueError("TODO")


def _installed(version: str) -> Path:
    """Where the package chgnet, which is not imported, has the weights of a version."""
    found = importlib.util.find_spec("chgnet")
    if found is None or not found.submodule_search_locations:
        raise ValueError("the package chgnet, which has the weights, is not installed: pip install --no-deps chgnet")
    file = PUBLISHED[version]
    return Path(found.submodule_search_locations[0]) / "pretrained" / file.path


def _from_torch(path: Path) -> CHGNet:
    model = read_torch(path)["model"]
    return _model(model["state_dict"], model["model_args"])


def _model(weights: Mapping[str, np.ndarray], arguments: Mapping[str, Any]) -> CHGNet:
    """A model of the original's weights by their names there, and of the arguments it was made with."""
    depth = arguments["n_conv"]
    get = weights.get
    bases = "bond_basis_expansion.rbf_expansion_"
    basis = ChgnetBasis(
        Embedding(
            bond=weights["bond_embedding.weight"].T,
            weight=weights["bond_weights_ag.weight"].T,
            near_weight=weights["bond_weights_bg.weight"].T,
            angle=weights["angle_embedding.weight"].T,
        ),
        frequencies=weights[f"{bases}ag.frequencies"],
        near_frequencies=weights[f"{bases}bg.frequencies"],
        angle_frequencies=weights["angle_basis_expansion.fourier_expansion.frequencies"],
        power=arguments["cutoff_coeff"],
        angular_cutoff=float(arguments["bond_graph_cutoff"]),
    )

    def layer(kind: type, name: str, network: str) -> Any:
        gated = _gated(weights, f"{name}.{network}")
        if kind is AngleLayer:
            return AngleLayer(gated)
        return kind(gated, weights[f"{name}.mlp_out.layers.1.weight"].T, get(f"{name}.mlp_out.layers.1.bias"))

    numbers = sorted(int(key.split(".")[2]) for key in weights if key.startswith("mlp.layers.") and "weight" in key)
    return CHGNet(
        basis=basis,
        atom_layers=[layer(AtomLayer, f"atom_conv_layers.{n}", "twoBody_atom") for n in range(depth)],
        bond_layers=[layer(BondLayer, f"bond_conv_layers.{n}", "twoBody_bond") for n in range(depth - 1)],
        angle_layers=[layer(AngleLayer, f"angle_layers.{n}", "twoBody_bond") for n in range(depth - 2)],
        readout=Perceptron(tuple(Dense(weights[f"mlp.layers.{n}.weight"], weights[f"mlp.layers.{n}.bias"]) for n in numbers)),
        moments=Dense(weights["site_wise.weight"], weights["site_wise.bias"]),
        norm=_norm(weights, "readout_norm"),
        embedding=weights["atom_embedding.embedding.weight"],
        reference=weights["composition_model.fc.weight"][0],
        cutoff=arguments["atom_graph_cutoff"],
        species=range(1, 95),
    )


def _gated(weights, name):
    return Gated(_branch(weights, f"{name}.mlp_core", f"{name}.bn1"), _branch(weights, f"{name}.mlp_gate", f"{name}.bn2"))


def _branch(weights, name, norm):
    first = f"{name}.layers.0" if f"{name}.layers.0.weight" in weights else f"{name}.layers.1"
    matrix = weights[f"{first}.weight"].T
    second = weights.get(f"{name}.layers.3.weight")
    return Branch(
        first=matrix.reshape(-1, 64, matrix.shape[1]),
        bias=weights[f"{first}.bias"],
        second=None if second is None else second.T,
        second_bias=weights.get(f"{name}.layers.3.bias"),
        norm=_norm(weights, norm),
    )


def _norm(weights, name):
    return LayerNorm(weights[f"{name}.weight"], weights[f"{name}.bias"]) if f"{name}.weight" in weights else None
