"""A recording goes to disk and back bit for bit, and a file that is not one says so in one sentence."""
from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from brian2 import Hz, ms, mV

from neuroam import recording as recordings
from neuroam.circuit import Circuit, Population, Projection
from neuroam.connect import all_to_all
from neuroam.errors import RecordingError
from neuroam.experiment import simulate
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.recording import EMPTY, REQUIRED, join, load, save, spike_trains

CELL = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV, refractory=2*ms, synapse=5*ms)


def spiking(weight, cells=5):
    """`weight` 0: nobody ever fires."""
    return Circuit("c", (Population("in", 4, Poisson(synapse=5*ms)), Population("out", cells, CELL)),
                   (Projection("in", "out", all_to_all(), weight),), {"odour": "in"})


def graded():
    return Circuit("c", (Population("in", 4, Drive()), Population("out", 3, Rate(5*ms))),
                   (Projection("in", "out", all_to_all(), 1.0),), {"odour": "in"})


def protocol(drive, *record, groups=1):
    trials = tuple(Trial(name, 50*ms, (Stimulus("odour", drive, 30*ms, 10*ms),)) for name in ("one", "two"))
    return Protocol("p", "p", "none", (Block("b", trials, shuffle=True),), record or (Record("out"),),
                    tuple(Group(f"g{k}") for k in range(groups)))


RECORDINGS = {
    "spikes": lambda: simulate(spiking(.05*mV/Hz), protocol(200*Hz, groups=2), animals=2),
    "spikes and traces": lambda: simulate(spiking(.05*mV/Hz), protocol(200*Hz, Record("in"),
                                                                          Record("out", 1*ms, (0, 2))), animals=2),
    "no spikes": lambda: simulate(spiking(0*mV/Hz), protocol(200*Hz), animals=2),
    "one unit": lambda: simulate(spiking(.05*mV/Hz, 1), protocol(200*Hz), animals=1),
    "graded": lambda: simulate(graded(), protocol(1.0, Record("out", 1*ms), Record("in")), animals=2),
    "graded without traces": lambda: simulate(graded(), protocol(1.0), animals=1),
}


@pytest.fixture(scope="module", params=RECORDINGS)
def recording(request):
    return RECORDINGS[request.param]()


@pytest.fixture(scope="module")
def spikes():
    return RECORDINGS["spikes"]()


@pytest.fixture
def rewrite(spikes, tmp_path):
    """A saved recording changed behind neuroam's back."""
    def write(change):
        save(spikes, tmp_path / "before.nc")
        with xr.open_dataset(tmp_path / "before.nc", decode_timedelta=False) as opened:
            change(opened.load()).to_netcdf(tmp_path / "after.nc")
        return tmp_path / "after.nc"

    return write


def assert_identical(one, other):
    """Values, dtypes, coordinates and attributes."""
    xr.testing.assert_identical(one, other)
    for name in one.variables:
        assert one[name].dtype == other[name].dtype, name
        if one[name].dtype.kind == "f":
            assert one[name].values.tobytes() == other[name].values.tobytes(), name


def test_what_is_written_is_read_bit_for_bit(recording, tmp_path):
    assert_identical(load(save(recording, tmp_path / "r.nc")), recording)


def test_twice_is_the_same_file(recording, tmp_path):
    again = load(save(recording, tmp_path / "one.nc"))
    assert_identical(load(save(again, tmp_path / "two.nc")), recording)


def test_netcdf_3_holds_it_too(recording, tmp_path, monkeypatch):
    pytest.importorskip("h5netcdf")
    monkeypatch.setattr(recordings, "_engine", lambda recording: ("scipy", {}))
    assert_identical(load(save(recording, tmp_path / "three.nc")), recording)


def test_compressed_where_h5netcdf_is_and_a_cure_where_it_is_not(spikes, tmp_path, monkeypatch):
    pytest.importorskip("h5netcdf")
    path = save(spikes, tmp_path / "r.nc")
    assert path.read_bytes().startswith(b"\x89HDF")
    assert_identical(load(path), spikes)
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    refuse = ValueError("did not find a match in any of xarray's currently installed IO backends")
    monkeypatch.setattr(xr, "open_dataset", lambda *_, **__: (_ for _ in ()).throw(refuse))
    with pytest.raises(RecordingError, match=r"h5netcdf, which reads it, is not installed: .*neuroam\[io\]") as error:
        load(path)
    one_sentence(error, path)


def test_compressed_is_only_what_shrinks(spikes, tmp_path):
    pytest.importorskip("h5netcdf")
    noise = np.random.default_rng(1).random((1, 400, 100))
    sizes = {}
    for name, values in (("noise", noise), ("steps", np.round(noise))):
        long = spikes.isel(animal=[0], spike=[]).assign(more=(("animal", "a", "b"), values))
        long["spike_count"] = long["spike_count"] * 0
        for plain in (True, False):
            path = save(long, tmp_path / "r.nc", plain=plain)
            sizes[name, plain] = path.stat().st_size / values.nbytes
            assert path.read_bytes().startswith(b"CDF" if plain and name == "noise" else b"\x89HDF")
            assert_identical(load(path), long)
    assert sizes["noise", True] > 1 and sizes["steps", True] == sizes["steps", False] < 0.4


def test_without_h5netcdf_other_files_are_still_what_they_are(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    for content, said in ((b"\x89HDF\r\n\x1a\n" + bytes(200), "pip install"), (b"hello", "not a readable netCDF")):
        (tmp_path / "r.nc").write_bytes(content)
        with pytest.raises(RecordingError, match=said):
            load(tmp_path / "r.nc")


def test_the_examples_are_what_their_names_say():
    made = {name: make() for name, make in RECORDINGS.items()}
    assert made["spikes"].sizes["spike"] > 50 and made["no spikes"].sizes["spike"] == 0
    assert made["no spikes"].sizes["unit"] == 5 and made["one unit"].sizes["unit"] == 1
    assert made["graded"].sizes["time"] == 100 and made["spikes and traces"].sizes["trace"] == 2
    assert made["spikes"]["group"].values.tolist() == ["g0", "g1"] * 2
    assert made["spikes"]["seed"].values.tolist() == [0, 0, 1, 1]


def test_spike_trains_are_grouped_and_ascending(spikes):
    assert int(spikes["spike_count"].sum()) == spikes.sizes["spike"]
    total = 0
    for animal in range(spikes.sizes["animal"]):
        trains = spike_trains(spikes, animal, "out")
        assert len(trains) == 5
        for train, count in zip(trains, spikes["spike_count"].values[animal], strict=True):
            assert len(train) == count and (np.diff(train) > 0).all()
            assert ((train >= 0) & (train < 0.1)).all()
            np.testing.assert_allclose(train * 1e4, np.rint(train * 1e4), atol=1e-9)  # on the clock
        total += sum(map(len, trains))
    assert total == spikes.sizes["spike"]


def test_groups_that_are_treated_alike_are_alike(spikes):
    for seed in (0, 1):
        one, other = (spike_trains(spikes, 2 * seed + k, "out") for k in (0, 1))
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_trials_are_in_the_protocols_order_with_their_position(spikes):
    assert spikes["trial_name"].values.tolist() == ["one", "two"]
    for position, start in zip(spikes["position"].values, spikes["start_time"].values, strict=True):
        np.testing.assert_allclose(start, position * 0.05, rtol=1e-12)
    np.testing.assert_allclose(spikes["stimulus_on"] - spikes["start_time"], 0.01, rtol=1e-9)


# files that are no recordings

def one_sentence(error, path):
    text = str(error.value)
    assert str(path) in text and "\n" not in text
    return text


@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_truncated_file(spikes, tmp_path, fraction):
    whole = save(spikes, tmp_path / "whole.nc").read_bytes()
    path = tmp_path / "cut.nc"
    path.write_bytes(whole[: int(fraction * len(whole))])
    with pytest.raises(RecordingError) as error:
        load(path)
    assert "truncated" in one_sentence(error, path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89HDF\r\n\x1a\n" + bytes(200), b"CDF\x01" + bytes(30)])
def test_a_file_of_another_kind(tmp_path, content):
    path = tmp_path / "other.nc"
    path.write_bytes(content)
    with pytest.raises(RecordingError) as error:
        load(path)
    one_sentence(error, path)


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.nc", tmp_path):
        with pytest.raises(RecordingError) as error:
            load(path)
        one_sentence(error, path)


def test_somebody_elses_netcdf(tmp_path):
    path = tmp_path / "foreign.nc"
    xr.Dataset({"temperature": ("x", [1.0, 2.0])}).to_netcdf(path)
    with pytest.raises(RecordingError, match=r"no attribute neuroam_schema: not a neuroam recording") as error:
        load(path)
    one_sentence(error, path)


def test_a_recording_of_the_future(rewrite):
    path = rewrite(lambda r: r.assign_attrs(neuroam_schema="recording-99"))
    with pytest.raises(RecordingError, match=r"schema 'recording-99'.*update neuroam"):
        load(path)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable(rewrite, name):
    def without(recording):
        empty = json.loads(recording.attrs[EMPTY])
        empty.pop(name, None)
        return recording.drop_vars(name, errors="ignore").assign_attrs({EMPTY: json.dumps(empty)})

    with pytest.raises(RecordingError, match=rf"lacks {name}; it is incomplete"):
        load(rewrite(without))


def test_counts_that_do_not_add_up(rewrite):
    path = rewrite(lambda r: r.isel(spike=slice(5, None)))
    with pytest.raises(RecordingError, match=r"spike_count adds up to \d+, but there are \d+ spike times"):
        load(path)


def test_what_cannot_be_joined(spikes):
    other = simulate(spiking(.05*mV/Hz, 6), protocol(200*Hz), animals=1)
    with pytest.raises(RecordingError, match=r"differ in population"):
        join([spikes, other])


def test_nothing_but_a_recording_is_saved(tmp_path):
    with pytest.raises(RecordingError, match=r"no attribute neuroam_schema"):
        save(xr.Dataset(), tmp_path / "x.nc")
    assert not list(tmp_path.iterdir())


# places that cannot be written

def test_a_folder_that_cannot_be(spikes, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", Path("/proc/none")):
        with pytest.raises(RecordingError, match=r"cannot write .*choose another folder"):
            save(spikes, folder / "r.nc")


@pytest.mark.parametrize("failing", ["write", "replace"])
def test_a_full_disk_leaves_what_was_there(spikes, tmp_path, monkeypatch, failing):
    path = save(spikes, tmp_path / "r.nc")
    before = path.read_bytes()

    def full(target, content):
        with open(target, "wb") as file:
            file.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if failing == "write":
        monkeypatch.setattr(Path, "write_bytes", full)
    else:
        monkeypatch.setattr(os, "replace", lambda source, target: full(tmp_path / "other", before))
    with pytest.raises(RecordingError, match=r"cannot write .*No space left on device.*free some space"):
        save(spikes.assign_attrs(title="new"), path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} <= {"r.nc", "other"}


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 64 kB, where we may mount one."""
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("mounting a tmpfs is not allowed here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(spikes, tiny_disk):
    big = spikes.assign(padding=("n", np.random.default_rng(0).random(50_000)))
    with pytest.raises(RecordingError, match=r"cannot write .*free some space"):
        save(big, tiny_disk / "r.nc")
    assert not list(tiny_disk.iterdir())
