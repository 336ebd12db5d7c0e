"""Trajectories in files: what was simulated is what is read back."""

import csv

import ase.io
import jax
import numpy as np
import pytest
from ase.build import bulk
from ase.units import kB
from helpers import rattled

from diffsim import Schedule, StillingerWeber, VelocityVerlet, chunks, record_frame, simulate, units, write_frames

SW = StillingerWeber.silicon()
VERLET = VelocityVerlet(1 * units.fs)


@pytest.fixture(scope="module")
def start():
    return VERLET.init(SW, rattled(bulk("Si", a=5.431), 0.05, strain=0.02), jax.random.key(0), 300.0)


def test_frames_are_read_back_as_they_were(start, tmp_path):
    frames, _ = simulate(SW, VERLET, start, Schedule(frames=3, stride=5), record_frame)
    write_frames(tmp_path / "run.extxyz", frames, start.system)
    images = ase.io.read(tmp_path / "run.extxyz", ":")
    assert [image.info["step"] for image in images] == [5, 10, 15]
    for number, image in enumerate(images):
        np.testing.assert_allclose(image.positions, frames.positions[number], atol=1e-7)  # eight decimals
        np.testing.assert_allclose(image.cell, start.system.cell, atol=1e-7)
        np.testing.assert_allclose(image.get_momenta(), frames.momenta[number], atol=1e-7)
        freedom = 3  # of two atoms whose total momentum is zero
        heat = 2 * image.get_kinetic_energy() / (freedom * kB)
        assert image.info["temperature_K"] == pytest.approx(heat, rel=1e-5)
        kinetic = image.info["total_energy_eV"] - image.info["potential_energy_eV"]
        assert kinetic == pytest.approx(image.get_kinetic_energy(), rel=1e-5)
    assert images[-1].info["time_fs"] == pytest.approx(15.0)


def test_chunks_are_added_one_after_the_other(start, tmp_path):
    path = tmp_path / "run.extxyz"
    for chunk in chunks(SW, VERLET, start, Schedule(frames=3, stride=700), record_frame):
        if chunk.records is not None:
            write_frames(path, chunk.records, chunk.state.system)
    assert [image.info["step"] for image in ase.io.read(path, ":")] == [700, 1400, 2100]
    with path.with_suffix(".csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["700", "1400", "2100"]
    energies = [float(row["total_energy_eV"]) for row in rows]
    assert np.ptp(energies) < 1e-3  # constant


def test_a_single_state_can_be_kept(start, tmp_path):
    write_frames(tmp_path / "crash.extxyz", record_frame(SW, start), start.system)
    assert len(ase.io.read(tmp_path / "crash.extxyz", ":")) == 1
