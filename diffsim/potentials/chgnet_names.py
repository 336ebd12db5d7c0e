"""What the original CHGNet calls its weights and its arguments, and what they are called here."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from diffsim.potentials.chgnet import CHGNet

_PLAIN = {  # names that stand for themselves; matrices are transposed: here features come last
    "composition_model.fc.weight": "reference",
    "atom_embedding.embedding.weight": "embedding",
    "bond_embedding.weight": "basis.embedding.bond",
    "bond_weights_ag.weight": "basis.embedding.weight",
    "bond_weights_bg.weight": "basis.embedding.near_weight",
    "angle_embedding.weight": "basis.embedding.angle",
    "bond_basis_expansion.rbf_expansion_ag.frequencies": "basis.frequencies",
    "bond_basis_expansion.rbf_expansion_bg.frequencies": "basis.near_frequencies",
    "angle_basis_expansion.fourier_expansion.frequencies": "basis.angle_frequencies",
    "site_wise.weight": "moments.weight",
    "site_wise.bias": "moments.bias",
    "readout_norm.weight": "norm.scale",
    "readout_norm.bias": "norm.shift",
}
_LAYERS = {"atom_conv_layers": "atom_layers", "bond_conv_layers": "bond_layers", "angle_layers": "angle_layers"}
_NORMS = {"bn1": "core", "bn2": "gate"}
_UPRIGHT = ("embedding", "moments.weight")  # not transposed


def arguments_of(original: Mapping[str, Any], weights: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Arguments of `CHGNet.init` for a model that was made with others."""
    return {
        "species": list(range(1, 1 + len(weights["atom_embedding.embedding.weight"]))),
        "cutoff": float(original["atom_graph_cutoff"]),
        "angular_cutoff": float(original["bond_graph_cutoff"]),
        "depth": original["n_conv"],
        "features": original["atom_fea_dim"],
        "waves": (original["num_radial"], original["num_angular"] // 2),
        "hidden": len(original["mlp_hidden_dims"]),
        "power": original["cutoff_coeff"],
        "normalised": "readout_norm.weight" in weights,
        "biased": "atom_conv_layers.0.mlp_out.layers.1.bias" in weights,
    }


def own_arguments(potential: CHGNet) -> dict[str, Any]:
    """Arguments of `CHGNet.init` that make a model of the same shape."""
    return {
        "species": potential.species,
        "cutoff": float(potential.cutoff),
        "angular_cutoff": potential.angular_cutoff,
        "depth": potential.depth,
        "features": potential.embedding.shape[1],
        "waves": (len(potential.basis.frequencies), len(potential.basis.angle_frequencies)),
        "hidden": len(potential.readout.layers) - 1,
        "power": potential.basis.power,
        "normalised": potential.norm is not None,
        "biased": potential.atom_layers[0].bias is not None,
    }


def renamed(weights: Mapping[str, np.ndarray], cutoff: float) -> dict[str, np.ndarray]:
    """All weights by their names and of their shapes here, but those of the last angles, which nobody looks at.

    **Raises** `ValueError` for weights without layers of angles, and for names that are not known.
    """
    return {"cutoff": np.asarray(cutoff), **dict(_renamed(weights))}


def _renamed(weights: Mapping[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    features = weights["atom_embedding.embedding.weight"].shape[1]
    angles = [int(match[1]) for name in weights if (match := re.match(r"angle_layers\.(\d+)\.", name))]
    if not angles:
        raise ValueError("it has no angle_layers")
    last = max(angles)
    readout = sorted({int(match[1]) for name in weights if (match := re.match(r"mlp\.layers\.(\d+)\.", name))})
    for name, value in weights.items():
        if name.startswith(f"angle_layers.{last}."):
            continue
        if match := re.fullmatch(r"mlp\.layers\.(\d+)\.(weight|bias)", name):
            yield f"readout.layers.{readout.index(int(match[1]))}.{match[2]}", value
        elif name == "composition_model.fc.weight":
            yield "reference", value[0]
        elif name in _PLAIN:
            yield _PLAIN[name], value if _PLAIN[name] in _UPRIGHT else value.T
        else:
            try:
                yield _of_layer(name, value, features)
            except (KeyError, IndexError, ValueError):
                raise ValueError(f"nothing is known of its weights {name!r} {np.shape(value)}") from None


def _of_layer(name: str, value: np.ndarray, features: int) -> tuple[str, np.ndarray]:
    kind, number, *rest = name.split(".")
    layer = f"{_LAYERS[kind]}.{number}"
    if rest[0] == "mlp_out":
        return f"{layer}.{'outward' if rest[-1] == 'weight' else 'bias'}", value.T
    if rest[1] in _NORMS:
        return f"{layer}.gated.{_NORMS[rest[1]]}.norm.{'scale' if rest[2] == 'weight' else 'shift'}", value
    branch = f"{layer}.gated.{rest[1].removeprefix('mlp_')}"  # core, gate
    if rest[3] == "3":
        return f"{branch}.{'second' if rest[4] == 'weight' else 'second_bias'}", value.T
    if rest[4] == "bias":
        return f"{branch}.bias", value
    return f"{branch}.first", value.T.reshape(-1, features, len(value))
