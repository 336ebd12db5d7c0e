"""The configuration that a run has kept, changed by overrides, and how two of them differ."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from diffsim.config import CONF, check_choices, check_file, check_keys, expanded, plain

_FREE = ("steps", "stop", "held_out", "figures")  # where a fit ends, and what is looked at besides


def stored(folder: Path) -> DictConfig:
    """The configuration of the run in `folder`, checked like any other."""
    path = folder / ".hydra" / "config.yaml"
    if not path.is_file():
        raise ValueError(f"{str(folder)!r} is not the folder of a run: it has no .hydra/config.yaml")
    check_file(path)
    config = OmegaConf.load(path)
    if not isinstance(config, DictConfig):
        raise ValueError(f"{str(path)!r} is not the configuration of a run")
    plain(config)
    return config


def changed(config: DictConfig, overrides: list[str]) -> DictConfig:
    """A copy with `key=value` and `group=choice` applied, refused for the reasons that a new run's would be."""
    new = config.copy()
    parsed = OverridesParser.create().parse_overrides(expanded(overrides))
    check_choices(parsed, [CONF])
    rest = []
    for override in parsed:
        key, value = override.key_or_group, override.value()
        file = CONF / key / f"{value}.yaml"
        if key in new and file.is_file():
            new[key] = OmegaConf.load(file)
        elif (CONF / key).is_dir() and key not in new:
            raise ValueError(f"{override.input_line!r} would make another run: start it with diffsim {key}={value}")
        else:
            rest.append(override)
    check_keys(rest, new, [CONF])
    ConfigLoaderImpl._apply_overrides_to_config(rest, new)
    tree = plain(new)
    return OmegaConf.create(tree)


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """`key: old -> new` for all that decides the numbers of a fit."""
    before, after = (dict(_leaves({k: v for k, v in tree.items() if k not in _FREE})) for tree in (old, new))
    keys = [*before, *(key for key in after if key not in before)]
    shown = lambda tree, key: _short(tree[key]) if key in tree else "(not there)"  # noqa: E731
    return [f"{key}: {shown(before, key)} -> {shown(after, key)}" for key in keys if _differ(before, after, key)]


def _differ(before: dict[str, Any], after: dict[str, Any], key: str) -> bool:
    return (key in before) != (key in after) or repr(before[key]) != repr(after[key])


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list) and any(isinstance(value, dict) for value in tree):
        for number, value in enumerate(tree):
            yield from _leaves(value, f"{path}.{number}")
    else:
        yield path, tree
