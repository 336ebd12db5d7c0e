"""`diffsim resume FOLDER [key=value …] [--force]`: goes on with a run from its last checkpoint."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from diffsim.commands.sentences import Arguments
from diffsim.commands.stored import changed, differences, stored
from diffsim.config import plain, resolved


def main(arguments: list[str]) -> None:
    """Refuses a configuration or inputs other than the run's, unless forced, and goes on."""
    parser = Arguments("diffsim resume", add_help=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--force", action="store_true")
    args = parser.parse_intermixed_args(arguments)
    folder = args.folder.absolute()
    config = stored(folder)
    if not (folder / "checkpoints" / "last.npz").is_file():
        raise ValueError(f"{str(args.folder)!r} has no checkpoint, it was stopped before its first update: start again")
    new = changed(config, args.overrides)
    from diffsim.io.lock import locked

    with locked(folder / "checkpoints"):
        manifest = read_manifest(folder)
        if os.path.isdir(manifest["folder"]):
            os.chdir(manifest["folder"])  # where the configuration's paths begin
        inputs = compare(config, new, manifest, force=args.force)
        overrides = [*OmegaConf.load(folder / ".hydra" / "overrides.yaml"), *args.overrides]
        record = {"config.yaml": resolved(new), "overrides.yaml": OmegaConf.to_yaml(overrides)}
        go_on(new, folder, manifest, inputs, record)


def read_manifest(folder: Path) -> dict[str, Any]:
    """What the run has said of itself."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return {"folder": ".", "inputs": {}} | manifest
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{str(folder / 'manifest.json')!r} is not the manifest of a run: {error}") from error


def compare(config: DictConfig, new: DictConfig, manifest: dict[str, Any], *, force: bool) -> dict[str, str]:
    """Shows what differs from the run so far, and refuses it unless forced; the new digests of changed inputs."""
    from diffsim.io.manifest import changed_inputs

    inputs = changed_inputs(manifest["inputs"])
    lines = differences(plain(config), plain(new))
    lines += [f"{name}: {was[:12]} -> {now[:12]}" for name, (was, now) in inputs.items()]
    if lines:
        print("\n".join(lines), file=sys.stderr)
        if not force:
            raise ValueError("this is not how the run began: add --force to go on all the same, or start a new run")
    return {name: now for name, (_, now) in inputs.items()}


def go_on(
    config: DictConfig, folder: Path, manifest: dict[str, Any], inputs: dict[str, str], record: dict[str, str]
) -> None:
    """The rest of the run, with a manifest that tells of both parts."""
    import jax

    jax.config.update("jax_enable_x64", bool(config.x64))
    from diffsim.commands.run import kind_of
    from diffsim.instantiate import instantiate
    from diffsim.io.manifest import manifest as manifest_now

    now = manifest_now("", config.seed)
    again = {key: now[key] for key in ("started", "command", "versions", "git", "platform", "device")}
    told = manifest | {key: now[key] for key in ("seed", "x64")} | {"inputs": manifest["inputs"] | inputs}
    finished = told.pop("finished", None) is not None
    told["resumed"] = [*told.get("resumed", []), again]
    parts = instantiate(plain(config))
    kind = kind_of(config)
    results = kind.resume(parts, folder, told, record, finished=finished)
    print(kind.overview(results, folder))
