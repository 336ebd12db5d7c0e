"""`diffsim sweep FOLDER`: the table and the figure of a sweep, from what its runs have left so far."""

from pathlib import Path

from diffsim.commands.sentences import Arguments


def main(arguments: list[str]) -> None:
    """Reads, writes `sweep.csv` and `sweep.png`, and shows the table."""
    parser = Arguments("diffsim sweep", add_help=False)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(arguments).folder
    from diffsim.report.sweep import overview, read_sweep, write_sweep

    jobs = read_sweep(folder)
    write_sweep(jobs, folder)
    print(overview(jobs, folder))
