"""Command line: `python -m experiments.silicon_configurations convergence|label|write`."""

import argparse
from pathlib import Path

from experiments.silicon_configurations import __doc__ as about
from experiments.silicon_configurations.convergence import converge
from experiments.silicon_configurations.dataset import describe, extend
from experiments.silicon_pbe.espresso import PwCache

DATA = Path(__file__).parents[2] / "diffsim" / "data" / "silicon_configurations"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.silicon_configurations",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", choices=("convergence", "label", "write"))
    parser.add_argument("--work", type=Path, default=Path("build/silicon_configurations"), help="cached results")
    parser.add_argument("--pseudo-dir", type=Path, default=Path("/usr/share/espresso/pseudo"))
    parser.add_argument("--data", type=Path, default=DATA, help="where the data set is, and goes on")
    given = parser.parse_args(arguments)
    given.data.mkdir(parents=True, exist_ok=True)
    cache = PwCache(given.work.resolve(), given.pseudo_dir.resolve())
    {"convergence": converge, "label": extend, "write": describe}[given.stage](cache, given.data)


if __name__ == "__main__":
    main()
