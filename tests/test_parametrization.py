"""From potentials to free numbers and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from diffsim import StillingerWeber
from diffsim.parametrization import Parametrization
from tests.helpers import POTENTIALS


@pytest.mark.parametrize("name", POTENTIALS)
def test_free_numbers_rebuild_the_potential(name):
    potential, _ = POTENTIALS[name]()
    parametrization = Parametrization.of(potential)
    again = parametrization.rebuild(potential, parametrization.free(potential))
    assert jax.tree.structure(again) == jax.tree.structure(potential)
    for new, old in zip(jax.tree.leaves(again), jax.tree.leaves(potential), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-14)  # exp(log x)
        assert new.dtype == old.dtype
        assert not new.weak_type


def test_positive_parameters_move_in_log_space_and_others_do_not():
    sw = StillingerWeber.silicon()
    parametrization = Parametrization.of(sw, ["epsilon", "cos_theta0"])
    np.testing.assert_allclose(parametrization.free(sw), [np.log(2.16826), -1 / 3])
    moved = parametrization.rebuild(sw, jnp.array([0.0, -0.4]))
    assert (float(moved.epsilon), float(moved.cos_theta0), float(moved.sigma)) == (1.0, -0.4, 2.0951)


def test_symmetric_entries_move_together_and_zeros_stay():
    sw = StillingerWeber.silicon()
    tables = {"epsilon": np.full((2, 2, 2), 2.0), "sigma": np.array([[2.0, 2.1], [2.1, 2.2]])}
    tables["epsilon"][0, 0, 1] = tables["epsilon"][0, 1, 0] = 0.0
    scalars = {n: getattr(sw, n) for n in ("a", "lam", "gamma", "cos_theta0", "A", "B", "p", "q")}
    potential = StillingerWeber(**tables, **scalars, species=("Cd", "Te"))
    parametrization = Parametrization.of(potential, ["epsilon", "sigma"])
    free = parametrization.free(potential)
    assert len(free) == 5 + 3  # of 8: two are zero, [1 0 1] and [1 1 0] are one; of 4: one pair
    moved = parametrization.rebuild(potential, free + jnp.arange(8.0))
    assert float(moved.sigma[0, 1]) == float(moved.sigma[1, 0])
    assert float(moved.epsilon[1, 0, 1]) == float(moved.epsilon[1, 1, 0])
    np.testing.assert_array_equal(moved.epsilon[0, [0, 1], [1, 0]], 0.0)


def test_unknown_names_come_with_a_suggestion():
    with pytest.raises(ValueError, match=r"no parameter 'epsilom': did you mean 'epsilon'\? It has epsilon, sigma"):
        Parametrization.of(StillingerWeber.silicon(), ["epsilom"])
    with pytest.raises(ValueError, match="nothing to fit"):
        Parametrization.of(StillingerWeber.silicon(), [])
