"""Names of what a property is resolved by: "total", or chemical symbols joined by hyphens."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from diffsim.potentials.base import atomic_numbers

TOTAL = "total"


def check_tuples(names: Sequence[str], length: int) -> tuple[str, ...]:
    """The names, each "total" or so many symbols, as in "Si-O".

    **Raises** `ValueError` for anything else, and for none.
    """
    if isinstance(names, str) or not names:
        raise ValueError(f"species must be a list of names such as 'total' or {'-'.join(['Si'] * length)!r}: {names!r}")
    for name in names:
        if name != TOTAL and len(name.split("-")) != length:
            raise ValueError(f"expected 'total' or {length} chemical symbols joined by hyphens, got {name!r}")
        if name != TOTAL:
            for symbol in name.split("-"):
                atomic_numbers(symbol)
    return tuple(names)


def selections(name: str, numbers: Int[Array, " atoms"], length: int) -> Float[Array, "length atoms"]:
    """1 for the atoms that each symbol of a name means, all but padding for "total"; 0 for the others."""
    if name == TOTAL:
        return jnp.broadcast_to((numbers > 0).astype(float), (length, len(numbers)))
    return jnp.stack([(numbers == atomic_numbers(symbol)[0]).astype(float) for symbol in name.split("-")])
