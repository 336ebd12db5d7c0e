"""Command line: `python -m experiments.silicon_families learn|one|show|all [--quick]`."""

import subprocess
import sys

import jax

from experiments.command import parser_of
from experiments.silicon_families import __doc__ as about


def main(arguments: list[str] | None = None) -> None:
    parser = parser_of("silicon_families", about, ("learn", "one", "show", "all"), "all")
    parser.add_argument("what", nargs="*", help="of one: the family and the number of structures")
    given = parser.parse_args(arguments)
    from experiments.silicon_families.data import COUNTS
    from experiments.silicon_families.families import FAMILIES, QUICK

    families, counts = (QUICK, (12,)) if given.quick else (FAMILIES, COUNTS)
    if given.stage == "one":
        if len(given.what) != 2 or given.what[0] not in families or not given.what[1].isdigit():
            parser.error(f"one takes a family ({', '.join(families)}) and a number of structures, got {given.what}")
        from experiments.silicon_families.learn import learned

        name, count = given.what
        jax.config.update("jax_enable_x64", families[name].bits == 64)
        learned(name, families[name], int(count), given.output)
    if given.stage in ("learn", "all"):
        for name in families:
            for count in counts:
                if not (given.output / f"{name}-{count}.json").exists():
                    print(name, count, flush=True)
                    again = ["--quick"] * given.quick + ["--output", str(given.output)]
                    module = [sys.executable, "-m", "experiments.silicon_families"]
                    subprocess.run([*module, "one", name, str(count), *again], check=True)
    if given.stage in ("show", "all"):
        from experiments.silicon_families.show import curves, read, table

        found = read(given.output)
        (given.output / "table.md").write_text(table(found) + "\n", encoding="utf-8")
        curves(found).savefig(given.output / "learning_curves.png")
        print(table(found))


if __name__ == "__main__":
    main()
