"""`diffsim export FOLDER [--to FOLDER]`: a run's potential, or that of a JSON file, for other programs."""

from pathlib import Path

from diffsim.commands.sentences import Arguments


def main(arguments: list[str]) -> None:
    """Writes the LAMMPS file where the form has one, and the KIM parameters, and says where."""
    parser = Arguments("diffsim export", add_help=False)
    parser.add_argument("source", type=Path)
    parser.add_argument("--to", type=Path)
    args = parser.parse_args(arguments)
    source = args.source / "potential.json" if args.source.is_dir() else args.source
    if not source.is_file():
        raise ValueError(f"there is no potential {str(source)!r}: give a run's folder, or a potential.json")
    import jax

    jax.config.update("jax_enable_x64", True)
    from diffsim.io.kim import write_kim_parameters
    from diffsim.io.potential import load_potential, write_lammps

    potential = load_potential(source)
    folder = source.parent if args.to is None else args.to
    folder.mkdir(parents=True, exist_ok=True)
    lammps = write_lammps(folder, potential)
    kim = folder / "potential.kim.yaml"
    write_kim_parameters(kim, potential)
    if lammps is None:
        print(f"{type(potential).__name__} has no LAMMPS file: its pair_style takes its parameters in the input")
    print("\n".join(str(path) for path in (lammps, kim) if path is not None))
