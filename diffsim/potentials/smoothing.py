"""Taking a function of the distance smoothly to zero."""

import jax.numpy as jnp
from jaxtyping import Array, Float


def mollifier(r: Float[Array, "..."], onset: Float[Array, ""], cutoff: Float[Array, ""]) -> Float[Array, "..."]:
    """XPLOR's switch: 1 up to the onset, 0 from the cutoff on, with a continuous slope (doi:10.1002/jcc.540040211).

    S(r) = (r_c² − r²)² (r_c² + 2r² − 3r_on²) / (r_c² − r_on²)³
    """
    r2, on2, cut2 = r * r, onset * onset, cutoff * cutoff
    switch = (cut2 - r2) ** 2 * (cut2 + 2 * r2 - 3 * on2) / (cut2 - on2) ** 3
    return jnp.where(r < onset, 1.0, jnp.where(r < cutoff, switch, 0.0))
