"""The configuration of a run: read through Hydra, and refused in one sentence before anything is compiled."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from diffsim import units
from diffsim.data.reference import reference
from diffsim.instantiate import check_targets, suggestion, targets

_HERE = Path(__file__).parent
CONF = next(p for p in (_HERE / "conf", _HERE.parent / "conf") if (p / "config.yaml").exists())  # wheel, checkout
_KEYS = (
    *("name", "potential", "experiments", "held_out", "optimizer", "trainable", "spread", "steps", "stop", "seed"),
    *("x64", "figures", "model", "data", "training"),
)


def unit(value: float | int, name: str) -> float:
    """`${unit:2,fs}`: a quantity in diffsim's own units."""
    known = [n for n, factor in vars(units).items() if isinstance(factor, float) and not n.startswith("_")]
    if name not in known:
        raise ValueError(f"unknown unit {name!r}{suggestion(name, known)}")
    return float(value) * getattr(units, name)


OmegaConf.register_new_resolver("unit", unit, replace=True)
OmegaConf.register_new_resolver("reference", reference, replace=True)


def expanded(overrides: list[str]) -> list[str]:
    """A mapping as `trainable` takes the place of a list: Hydra would merge the two, and cannot."""
    parsed = OverridesParser.create().parse_overrides(overrides)
    found = []
    for override in parsed:
        line = str(override.input_line)
        mapping = line.startswith("trainable=") and isinstance(override.value(), dict)
        found += ["~trainable", f"+{line}"] if mapping else [line]
    return found


def compositions(overrides: list[str], *, config_dir: str | None = None, multirun: bool = False) -> list[DictConfig]:
    """The configurations, one for each job, that these overrides ask for; each has been checked.

    `config_dir` is a folder of the user's own files beside those in `conf/`.
    """
    folders, extra, overrides = [CONF], [], expanded(overrides)
    if config_dir is not None:
        check_files(Path(config_dir))
        folders.append(Path(config_dir))
        extra = [f"hydra.searchpath=[file://{Path(config_dir).absolute()}]"]
    parse = OverridesParser.create().parse_overrides
    jobs = BasicSweeper.split_arguments(parse(overrides), None)[0] if multirun else [overrides]
    configs = []
    with initialize_config_dir(str(CONF), version_base="1.3", job_name="diffsim"):
        for job in jobs:
            parsed = parse(job)
            check_choices(parsed, folders)
            chosen = [str(override.input_line) for override in parsed if _is_choice(override, folders)]
            check_keys(parsed, compose("config", [*chosen, *extra], return_hydra_config=True), folders)
            configs.append(compose("config", [*job, *extra], return_hydra_config=True))
            check(configs[-1])
    return configs


def check_files(folder: Path) -> None:
    """Refuses YAML aliases, which OmegaConf writes out (9⁸ of them never end), and further search paths."""
    if not folder.is_dir():
        raise ValueError(f"the configuration folder {str(folder)!r} does not exist")
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        check_file(path)


def check_file(path: Path) -> None:
    """Refuses what is wrong in one file."""
    try:
        for event in yaml.parse(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError(f"{path} uses the YAML alias *{event.anchor}: write it out, or refer to ${{its.key}}")
            if isinstance(event, yaml.ScalarEvent) and event.value.split(".")[-1] == "searchpath":
                raise ValueError(f"{path} sets hydra.searchpath: give one folder with --config-dir instead")
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ValueError(f"{path} is not readable YAML: {error}") from error


def check_choices(overrides: list[Override], folders: list[Path]) -> None:
    """Every choice of a group must be one of its files."""
    for override in overrides:
        key, value = override.key_or_group, override.value()
        if override.is_sweep_override():
            raise ValueError(
                f"{override.input_line!r} names several values: add -m to run them all, or quote a list [a,b]"
            )
        if key.startswith("hydra.searchpath"):
            raise ValueError("hydra.searchpath is not read: give one folder with --config-dir instead")
        if key.startswith("hydra/") and not str(value).replace("_", "").isalnum():
            raise ValueError(f"{key} must be the name of an option, got {value!r}")
        if (key, value) == ("hydra/launcher", "joblib") and not _has_joblib():
            raise ValueError("hydra/launcher=joblib needs one more package: pip install hydra-joblib-launcher")
        if _is_choice(override, folders) and not key.startswith("hydra/"):
            known = [path.stem for folder in folders for path in (folder / key).glob("*.yaml")]
            unknown = [v for v in (value if isinstance(value, list) else [value]) if v is not None and v not in known]
            if unknown:
                raise ValueError(f"unknown {key} {str(unknown[0])!r}{suggestion(str(unknown[0]), known)}")


def check_keys(overrides: list[Override], config: DictConfig, folders: list[Path]) -> None:
    """Every key that is set must exist, unless it is added with +."""
    for override in overrides:
        key = override.key_or_group
        if _is_choice(override, folders) or override.is_add() or override.is_force_add():
            continue
        parent: Any = config
        for name in key.split("."):
            if not (OmegaConf.is_config(parent) and name in parent):
                places = list(parent) if OmegaConf.is_dict(parent) else []
                known = [str(p) for p in places if p != "hydra"] + (_groups(folders) if parent is config else [])
                raise ValueError(f"unknown option {key!r}{suggestion(name, sorted(set(known)))}")
            parent = parent._get_node(name)


def check(config: DictConfig) -> None:
    """The whole tree before any of it is used: what it calls, and values that no run can take."""
    HydraConfig.instance().set_config(config)
    hydra: Any = OmegaConf.to_container(config.hydra, resolve=False)
    logging = [hydra[key] for key in ("job_logging", "hydra_logging")]
    if hydra["callbacks"] or any("handlers" in log or "formatters" in log for log in logging):
        raise ValueError("hydra.callbacks and hydra.*_logging run code of their own and are not read: leave them out")
    for path, target in targets(hydra, "hydra"):
        if not str(target).startswith(("hydra._internal.core_plugins.", "hydra_plugins.")):
            raise ValueError(f"{path} is {target!r}, which a configuration may not call: only Hydra's own plugins are")
    plain(OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"]))


def plain(config: DictConfig) -> dict[str, Any]:
    """A run's configuration as checked dictionaries and lists, interpolations resolved."""
    tree: Any = OmegaConf.to_container(config, resolve=True)
    check_targets(tree)
    check_values(tree)
    return tree


def resolved(config: DictConfig) -> str:
    """A run's configuration as YAML that stands on its own: no interpolations, and none of YAML's aliases."""
    return OmegaConf.to_yaml(OmegaConf.create(OmegaConf.to_container(config, resolve=True)))


def check_values(tree: dict[str, Any]) -> None:
    """Numbers of the run itself; what objects are made of is checked where they are made."""
    if unknown := [key for key in tree if key not in _KEYS]:
        raise ValueError(f"unknown option {unknown[0]!r}{suggestion(unknown[0], list(_KEYS))}")
    if "training" in tree:
        for key in ("experiments", "held_out", "figures", "spread"):
            if tree[key]:
                raise ValueError(f"{key} belongs to a fit, and this is a training: leave it out")
    elif not tree["experiments"]:
        known = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
        raise ValueError(f"nothing to run: choose with experiment=NAME; available: {', '.join(known)}")
    for key, least in (("steps", 0 if "training" in tree else 1), ("seed", 0)):
        value = tree[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{key} must be a whole number of at least {least}, got {value!r}")
    spread = tree["spread"]
    if isinstance(spread, bool) or not isinstance(spread, int | float) or not 0 <= spread < float("inf"):
        raise ValueError(f"spread must be a number of at least 0, got {spread!r}")
    check_trainable(tree["trainable"])
    for path, value in _entries(tree):
        if path.split(".")[-1] in ("dt", "temperature") and isinstance(value, int | float) and not value > 0:
            raise ValueError(f"{path} must be positive, got {value}")


def check_trainable(trainable: Any) -> None:
    """Names of parameters, or how each may move."""
    if isinstance(trainable, dict):
        for name, how in trainable.items():
            if not (isinstance(how, dict) and how.get("_target_") == "diffsim.Free"):
                raise ValueError(f"trainable.{name} must be a diffsim.Free, got {how!r}")
    elif not (trainable is None or (isinstance(trainable, list) and all(isinstance(n, str) for n in trainable))):
        raise ValueError(f"trainable must be null, a list of names, or a mapping of names, got {trainable!r}")


def _entries(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _entries(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for value in tree:
            yield from _entries(value, path)
    else:
        yield path, tree


def _has_joblib() -> bool:
    return find_spec("hydra_plugins") is not None and find_spec("hydra_plugins.hydra_joblib_launcher") is not None


def _groups(folders: list[Path]) -> list[str]:
    return sorted({path.name for folder in folders for path in folder.iterdir() if path.is_dir()} - {"hydra"})


def _is_choice(override: Override, folders: list[Path]) -> bool:
    return override.key_or_group.startswith("hydra/") or override.key_or_group in _groups(folders)
