"""d⟨U⟩/dε and d⟨U⟩/dσ of liquid argon by every method, against the length of the run: error and cost.

`python -m experiments.gradient_methods` measures (half an hour on one core), writes `results.json` beside this file and
the figure of docs/theory/dynamics.md; `--figure` draws it again from what was measured; `--quick` shows the machinery
in a minute, and keeps nothing but what `--output` says.
"""

import argparse
import json
from pathlib import Path

import jax

HERE = Path(__file__).parent
FIGURE = HERE.parents[1] / "docs" / "assets" / "gradient_methods.png"


def main(arguments: list[str] | None = None) -> None:
    """Measures and draws."""
    parser = argparse.ArgumentParser(prog="python -m experiments.gradient_methods")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--figure", action="store_true", help="draw what was measured before")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    args = parser.parse_args(arguments)
    if args.quick and args.output == HERE / "results.json":
        parser.error("--quick measures too little to be kept: say where it goes, --output FILE.json")
    jax.config.update("jax_enable_x64", True)
    from experiments.gradient_methods.figure import draw
    from experiments.gradient_methods.measure import measured

    if not args.figure:
        found = measured(quick=args.quick)
        args.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    picture = FIGURE if args.output == HERE / "results.json" else args.output.with_suffix(".png")
    draw(json.loads(args.output.read_text(encoding="utf-8")), picture)
    print(picture)


if __name__ == "__main__":
    main()
