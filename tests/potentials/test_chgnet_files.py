"""Files of CHGNet's weights: what is read of torch's archives, and what is refused, without running anything."""

import collections
import hashlib
import importlib.util
import io
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import diffsim
from diffsim import CHGNet
from diffsim.potentials import chgnet_weights
from diffsim.potentials.torch_archive import read_torch
from tests.potentials.test_chgnet import tiny

safetensors = pytest.importorskip("safetensors.numpy")


class _Storage:
    """What torch's pickler calls a storage: by its key in the archive."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers.astype("<f4")


class _Tensor:
    def __init__(self, array: np.ndarray, strides: tuple[int, ...] | None = None) -> None:
        self.array = np.asarray(array)
        self.strides = strides or tuple(int(np.prod(self.array.shape[n + 1 :])) for n in range(self.array.ndim))

    def __reduce__(self):
        storage = _Storage(np.concatenate([[7.0], self.array.ravel()]))  # begins at 1
        arguments = (storage, 1, self.array.shape, self.strides, False, collections.OrderedDict())
        return _Global("torch._utils", "_rebuild_tensor_v2"), arguments


class _Global:
    """Pickled as the name of a function, which need not exist."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self) -> None: ...


class _Pickler(pickle._Pickler):  # the one in Python, whose `save` can be told of names
    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Global):
            self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())
        else:
            super().save(obj, save_persistent_id)

    def persistent_id(self, obj):
        if not isinstance(obj, _Storage):
            return None
        key = str(len(self.storages))
        self.storages[key] = obj.numbers
        return "storage", _Global("torch", "FloatStorage"), key, "cpu", len(obj.numbers)


def archive(path: Path, content) -> Path:
    """As `torch.save` writes it."""
    program = io.BytesIO()
    pickler = _Pickler(program, protocol=2)
    pickler.storages = {}
    pickler.dump(content)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", program.getvalue())
        for key, numbers in pickler.storages.items():
            file.writestr(f"archive/data/{key}", numbers.tobytes())
    return path


def test_tensors_of_an_archive_are_read(tmp_path):
    matrix = np.arange(6.0).reshape(2, 3)
    content = collections.OrderedDict(weights=_Tensor(matrix), number=_Tensor(np.array(2.5)))
    content["rest"] = {"depth": 4, "sizes": [1, 2, (3, None)], "flag": True, "far": -70000, "x": 0.5}
    found = read_torch(archive(tmp_path / "model.pt", content))
    np.testing.assert_array_equal(found["weights"], matrix)
    assert found["number"] == 2.5
    assert found["rest"] == {"depth": 4, "sizes": [1, 2, (3, None)], "flag": True, "far": -70000, "x": 0.5}


class _Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_no_pickle_is_run(tmp_path):
    trace = tmp_path / "trace"
    with pytest.raises(ValueError, match=r"its pickle wants .*, which weights need not; it was not run"):
        CHGNet.load(archive(tmp_path / "model.pt", {"model": _Evil(trace)}))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(_Evil(trace)))
    with pytest.raises(ValueError, match=r"model\.pkl was not opened: .* never from a bare pickle"):
        CHGNet.load(tmp_path / "model.pkl")
    assert not trace.exists()


EMBEDDING = {"atom_embedding.embedding.weight": _Tensor(np.ones((2, 3)))}
LAYER = {"angle_layers.0.weight": _Tensor(np.ones(3))}
ARGUMENTS = {
    "atom_graph_cutoff": 6.0,
    "bond_graph_cutoff": 3.0,
    "n_conv": 4,
    "atom_fea_dim": 3,
    "num_radial": 3,
    "num_angular": 5,
    "mlp_hidden_dims": [3],
    "cutoff_coeff": 8,
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": _Tensor(np.ones((2, 3)), strides=(1, 2))}, r"it holds a tensor of strides \(1, 2\)"),
        ({"weights": _Tensor(np.ones(3))}, "holds no CHGNet: there is no model with weights and arguments in it"),
        (
            {"model": {"state_dict": {"x": _Tensor(np.ones(3))}, "model_args": {}}},
            "is not of the CHGNet that is known here: there is no 'atom_embedding.embedding.weight'",
        ),
        ({"model": {"state_dict": EMBEDDING, "model_args": ARGUMENTS}}, "known here: it has no angle_layers"),
        (
            {"model": {"state_dict": EMBEDDING | LAYER | {"x": _Tensor(np.ones(3))}, "model_args": ARGUMENTS}},
            r"known here: nothing is known of its weights 'x' \(3,\)",
        ),
        (
            {"model": {"state_dict": EMBEDDING | LAYER, "model_args": ARGUMENTS | {"atom_graph_cutoff": "far"}}},
            "known here: could not convert string to float",
        ),
        (
            {"model": {"state_dict": EMBEDDING | LAYER, "model_args": ARGUMENTS | {"n_conv": 1}}},
            "holds no CHGNet that can be made: CHGNet needs a depth of at least 2, got 1",
        ),
    ],
)
def test_other_archives_are_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        CHGNet.load(archive(tmp_path / "model.pt", content))


def test_broken_archives_are_refused(tmp_path):
    path = archive(tmp_path / "model.pt", {"model": _Tensor(np.ones(300))})
    whole = path.read_bytes()
    for length in (30, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model\.pt is not a file of weights that torch has saved"):
            CHGNet.load(path)


@pytest.mark.parametrize("changed", [{}, {"biased": True, "normalised": False, "hidden": 2}], ids=["new", "old"])
def test_safetensors_bring_a_model_back_to_the_last_bit(tmp_path, changed):
    potential = tiny(("Si", "C"), **changed)
    potential.to_safetensors(tmp_path / "model.safetensors")
    again = CHGNet.load(tmp_path / "model.safetensors")
    assert jax.tree.structure(again) == jax.tree.structure(potential)
    jax.tree.map(np.testing.assert_array_equal, again, potential)


def test_safetensors_of_something_else_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    tiny(("Si", "C")).to_safetensors(path)
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata, arrays = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    cases = {
        "embedding is of shape (5, 3), and ought to be of shape (2, 3)": arrays | {"embedding": np.ones((5, 3))},
        "other is of shape (1,), and ought to be not there": arrays | {"other": np.ones(1)},
        "weights that are not finite: cutoff": arrays | {"cutoff": np.array(np.nan)},
    }
    for message, changed in cases.items():
        safetensors.save_file(changed, path, metadata)
        with pytest.raises(ValueError) as error:  # noqa: PT011
            CHGNet.load(path)
        assert message in str(error.value)
    for told, message in (
        ("{", "holds no CHGNet that diffsim has written: Expecting property name"),
        ("{}", "holds no CHGNet that can be made: missing a required argument: 'species'"),
        ('{"species": [14], "layers": 3}', "holds no CHGNet that can be made: .*'layers'"),
    ):
        safetensors.save_file(arrays, path, {"chgnet": told})
        with pytest.raises(ValueError, match=message):
            CHGNet.load(path)
    safetensors.save_file(arrays, path)
    with pytest.raises(ValueError, match="holds no CHGNet that diffsim has written"):
        CHGNet.load(path)


def test_a_version_is_looked_up_in_the_package_and_known_by_its_digest(tmp_path, monkeypatch):
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: package)
    with pytest.raises(ValueError, match=r"has no chgnet_0\.3\.0_.*: install chgnet 0\.4\.2"):
        CHGNet.load("0.3.0")
    path = tmp_path / "pretrained" / chgnet_weights.PUBLISHED["0.3.0"].file
    path.parent.mkdir(parents=True)
    archive(path, {"model": {}})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    with pytest.raises(ValueError, match=rf"is not CHGNet 0\.3\.0 as it was published: its SHA-256 is {digest}"):
        CHGNet.load("0.3.0")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"is not installed: pip install --no-deps chgnet"):
        CHGNet.load("0.3.0")
    with pytest.raises(ValueError, match=r"no CHGNet is called '0\.9', .* published are 0\.3\.0, 0\.2\.0, r2scan"):
        diffsim.CHGNet.load("0.9")
