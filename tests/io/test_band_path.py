"""The path of the bands, in the reciprocal basis of whatever cell is given."""

import numpy as np
import pytest
from ase.build import bulk

import diffsim
from diffsim import StillingerWeber, System
from diffsim.io.band_path import band_path


def test_special_points_of_silicon_have_its_known_frequencies():
    system = System.from_ase(bulk("Si", a=5.43094978))
    path = band_path(system, 4)
    named = {label: path.qpoints[place] for place, label in path.labels}
    assert {"Γ", "X", "L", "W", "K"} <= set(named)
    at = np.array([named["Γ"], named["X"], named["L"]])
    frequencies = diffsim.phonon_frequencies(StillingerWeber.silicon(), system, at)
    np.testing.assert_allclose(frequencies[:, -1], [17.83255, 15.62862, 16.76683], atol=1e-5)  # the table's last digit


def test_another_choice_of_primitive_vectors_gives_the_same_wave_vectors():
    one = bulk("Si", a=5.43)
    other = one.copy()
    other.set_cell(np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1]]) @ np.asarray(one.cell))
    waves = []
    for atoms in (one, other):
        system = System.from_ase(atoms)
        waves.append(np.linalg.norm(band_path(system, 3).qpoints @ np.linalg.inv(np.asarray(system.cell)).T, axis=1))
    np.testing.assert_allclose(waves[0], waves[1], atol=1e-9)


def test_distances_are_lengths_along_the_path():
    path = band_path(System.from_ase(bulk("Si", a=5.43)), 10)
    assert (np.diff(path.distances) >= 0).all()
    (start, first), (end, second) = path.labels[:2]
    assert (first, second) == ("Γ", "X")
    assert path.distances[end] - path.distances[start] == pytest.approx(1 / 5.43)
    with pytest.raises(ValueError, match="at least one interval"):
        band_path(System.from_ase(bulk("Si", a=5.43)), 0)
