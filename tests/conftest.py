"""64-bit floats, and compiled code kept from one test run to the next."""

import os
from pathlib import Path

# The tests compile much and run little: without optimisations, and by the older of XLA's two code generators.
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_use_fusion_emitters=false"

import jax
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_disable_most_optimizations", True)
cache = Path(os.environ.get("JAX_COMPILATION_CACHE_DIR", Path(__file__).parent.parent / ".jax_cache"))
jax.config.update("jax_compilation_cache_dir", str(cache))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled_code():
    """Compiled functions of one module are not needed by the next: memory stays flat over a long run."""
    yield
    jax.clear_caches()
