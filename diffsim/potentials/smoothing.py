"""Taking a function of the distance smoothly to zero."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def mollifier(square: Float[Array, "..."], onset: Float[Array, ""], cutoff: Float[Array, ""]) -> Float[Array, "..."]:
    """XPLOR's switch: 1 up to the onset, 0 from the cutoff on, with a continuous slope (doi:10.1002/jcc.540040211).

    S = (r_c² − r²)² (r_c² + 2r² − 3r_on²) / (r_c² − r_on²)³ of r² in Å²
    """
    start, end = onset * onset, cutoff * cutoff
    switch = (end - square) ** 2 * (end + 2 * square - 3 * start) / (end - start) ** 3
    return jnp.where(square < start, 1.0, jnp.where(square < end, switch, 0.0))
