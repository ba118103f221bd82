"""A recording is a valid NWB file that other tools read and that comes back bit for bit."""
from __future__ import annotations

import errno
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from io_cases import EXAMPLES, animal_of, assert_identical, by_hand

pynwb = pytest.importorskip("pynwb", minversion="4")
import h5py  # noqa: E402

from neuroam.analysis.responses import responses  # noqa: E402
from neuroam.errors import NeuroamError, RecordingError  # noqa: E402
from neuroam.io import from_nwb, to_nwb, to_nwb_all  # noqa: E402
from neuroam.io.nwb_write import identifier  # noqa: E402
from neuroam.recording import spike_trains  # noqa: E402

MUCH_LIKE_OTHERS = ("spikes", "graded", "without traces")


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.slow if name in MUCH_LIKE_OTHERS else ())
                                        for name in EXAMPLES])
def example(request):
    return EXAMPLES[request.param]()


@pytest.fixture(scope="module")
def recording():
    return EXAMPLES["simulated"]()


@pytest.fixture(scope="module")
def written(example, tmp_path_factory):
    """The last animal of an example, its recording and its file."""
    last = example.sizes["animal"] - 1
    path = to_nwb(example, tmp_path_factory.mktemp("written") / "last.nwb", last)
    return animal_of(example, last), path


@pytest.fixture(scope="module")
def one(recording, tmp_path_factory):
    """The third animal of the simulated recording and its file."""
    return animal_of(recording, 2), to_nwb(recording, tmp_path_factory.mktemp("one") / "one.nwb", 2)


# there and back

def test_what_is_written_is_read_bit_for_bit(written):
    animal, path = written
    assert_identical(from_nwb(path), animal)


def test_all_animals_are_joined_again(recording, tmp_path):
    paths = to_nwb_all(recording, tmp_path / "all")
    assert [path.name for path in paths] == ["000_control_7.nwb", "001_blocked-γ-δ_7.nwb", "002_control_8.nwb",
                                             "003_blocked-γ-δ_8.nwb"]
    assert_identical(from_nwb(tmp_path / "all"), recording)
    assert from_nwb([paths[2], paths[0]])["seed"].values.tolist() == [8, 7]


def test_the_comparison_would_see_one_bit(one):
    animal, path = one
    late = animal.copy(deep=True)
    late["spike_time"].values[3] = np.nextafter(late["spike_time"].values[3], 1)
    with pytest.raises(AssertionError):
        assert_identical(from_nwb(path), late)


def test_analysis_is_the_same_from_the_file(recording, one):
    again = from_nwb(one[1])
    for population in ("in", "out", "pool"):
        np.testing.assert_array_equal(responses(again, population), responses(recording, population)[[2]])


# the file itself, read without pynwb

def test_the_units_as_hdf5_has_them(one):
    animal, path = one
    spiking = animal["population"].values != "pool"
    with h5py.File(path) as file:
        units = file["units"]
        np.testing.assert_array_equal(units["spike_times"], animal["spike_time"])
        np.testing.assert_array_equal(units["spike_times_index"], np.cumsum(animal["spike_count"][0, spiking]))
        assert units["spike_times"].attrs["resolution"] == animal.attrs["clock_dt"]
        assert units["obs_intervals"].shape == (spiking.sum(), 2)
        assert (units["obs_intervals"][:, 0] == 0).all() and (units["obs_intervals"][:, 1] >= 0.15).all()
        assert [name.decode() for name in units["population"]] == ["in"] * 4 + ["out"] * 5
        np.testing.assert_array_equal(units["index_in_population"], [0, 1, 2, 3, 0, 1, 2, 3, 4])


def test_what_was_before_time_0_was_observed(tmp_path):
    example = by_hand()
    early = example.assign(spike_time=example["spike_time"] - 1)
    with h5py.File(to_nwb(early, tmp_path / "early.nwb", 0)) as file:
        first = file["units/spike_times"][:].min()
        assert first < 0 and (file["units/obs_intervals"][:, 0] == first).all()


def test_the_trials_are_in_the_order_presented(one):
    animal, path = one
    order = np.argsort(animal["position"].values[0])
    with h5py.File(path) as file:
        trials = file["intervals/trials"]
        assert (np.diff(trials["start_time"]) > 0).all()
        for name in ("start_time", "stop_time", "stimulus_on", "stimulus_off", "position"):
            np.testing.assert_array_equal(trials[name], animal[name].values[0][order])
        for name in ("trial_name", "block", "phase", "cs_type", "stimulus"):
            assert [word.decode() for word in trials[name]] == animal[name].values[order].tolist()
        np.testing.assert_array_equal(trials["trial"], order)
        assert set(trials["group"]) == {b"control"} and set(trials["animal"]) == {2}


def test_epochs_and_events(one):
    animal, path = one
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        file = io.read()
        assert file.epochs["block"][:].tolist() == ["one", "two"]
        np.testing.assert_array_equal(file.epochs["start_time"][:], [0, 0.1])
        events = file.events["stimulus_presentations"]
        order = np.argsort(animal["stimulus_on"].values[0])
        np.testing.assert_array_equal(events["timestamp"][:], animal["stimulus_on"].values[0][order])
        np.testing.assert_allclose(events["duration"][:], 0.03, rtol=1e-12)


def test_signals_have_their_clock_and_unit(one):
    animal, path = one
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        file = io.read()
        potential = file.acquisition["out trace"]
        assert potential.unit == "volt" and potential.data.shape == (150, 2)
        assert potential.rate == pytest.approx(1000, rel=1e-12) and potential.starting_time == 0
        np.testing.assert_array_equal(potential.data[:], animal["trace_value"][0, :, :2])
        answer = file.processing["misc"]["pool response"]
        order = np.argsort(animal["response_on"].values[0])
        np.testing.assert_array_equal(answer.data[:, 0], animal["response"].values[0, order, 0])


def test_wide_signals_are_cut(tmp_path):
    example = EXAMPLES["more cells than trials"]()
    with h5py.File(to_nwb(example, tmp_path / "wide.nwb", 0)) as file:
        series = [part for module in ("processing/misc", "acquisition") for part in file[module].values()
                  if "data" in part]
        assert len(series) > 14
        assert all(part["data"].shape[1] <= part["data"].shape[0] for part in series)


@pytest.mark.parametrize("unit, written", [(None, "unknown"), ("hertz", "hertz")])
def test_the_unit_of_responses(unit, written, tmp_path):
    example = by_hand()
    if unit:
        example = example.assign_coords(response_unit=("responder", np.full(example.sizes["responder"], unit)))
    with h5py.File(to_nwb(example, tmp_path / "unit.nwb", 0)) as file:
        assert file["processing/misc/MBON response/data"].attrs["unit"] == written


# who it is about

def test_it_says_that_it_is_simulated(recording, tmp_path):
    path = to_nwb(recording, tmp_path / "fly.nwb", 1, species="Drosophila melanogaster")
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        file = io.read()
        assert file.subject.species == "Drosophila melanogaster" and file.subject.sex == "U"
        assert file.subject.subject_id == "simulated-blocked-γ-δ-7"
        for text in (file.session_description, file.lab, file.subject.description):
            assert "SIMULATED" in text
        assert file.session_start_time == datetime(2000, 1, 1, tzinfo=UTC)
        assert "Numba" in file.experiment_description and file.protocol == "Two rates"


def test_the_identifier_is_of_the_content(one):
    animal, path = one
    with h5py.File(path) as file:
        written = file["identifier"][()].decode()
    assert written == identifier(animal.copy(deep=True))
    late = animal.copy(deep=True)
    late["spike_time"].values[0] += 1e-4
    others = {identifier(late), identifier(animal.assign_attrs(solver="another")),
              identifier(animal.assign(seed=animal["seed"] + 1))}
    assert len(others | {written}) == 4


# other people's tools

def test_it_is_valid(written):
    assert pynwb.validate(path=str(written[1])) == []


def test_the_inspector_has_suggestions_at_most(written):
    inspector = pytest.importorskip("nwbinspector")
    said = list(inspector.inspect_nwbfile(nwbfile_path=str(written[1]), config=inspector.load_config("dandi")))
    if not written[0].sizes["spike"]:  # some checks of the inspector themselves fail where there is no spike
        said = [message for message in said if message.importance.name != "ERROR"]
    above = [message for message in said if message.importance.name != "BEST_PRACTICE_SUGGESTION"]
    assert said and not above


def test_the_inspector_would_object(tmp_path):
    inspector = pytest.importorskip("nwbinspector")
    path = to_nwb(by_hand(), tmp_path / "r.nwb", 0)
    with h5py.File(path, "a") as file:
        del file["general/subject"]
        file["units/spike_times"][:2] = [2.0, 1.0]
    said = list(inspector.inspect_nwbfile(nwbfile_path=str(path), config=inspector.load_config("dandi")))
    critical = {message.check_function_name for message in said if message.importance.name == "CRITICAL"}
    assert critical == {"check_subject_exists", "check_ascending_spike_times"}


def test_pynapple_reads_it(recording, tmp_path):
    nap = pytest.importorskip("pynapple")
    silent = animal_of(recording, 0)
    silent["spike_count"][0, 4] = 0
    first = int(recording["spike_count"].values[0, :4].sum())
    last = first + int(recording["spike_count"].values[0, 4])
    silent = silent.isel(spike=np.r_[:first, last:silent.sizes["spike"]])
    data = nap.load_file(str(to_nwb(silent, tmp_path / "r.nwb")))
    units, trials = data["units"], data["trials"]
    trains = [train for name in ("in", "out") for train in spike_trains(silent, 0, name)]
    assert len(units) == len(trains) == 9 and len(units[4]) == 0
    for k, train in enumerate(trains):
        assert units[k].t.tobytes() == train.tobytes()
    assert units["population"].tolist() == ["in"] * 4 + ["out"] * 5
    order = np.argsort(silent["position"].values[0])
    np.testing.assert_array_equal(trials.start, silent["start_time"].values[0][order])
    np.testing.assert_allclose(trials.end, silent["stop_time"].values[0][order], atol=1.1e-6)  # it parts touching ones
    assert trials["trial_name"].tolist() == silent["trial_name"].values[order].tolist()
    np.testing.assert_array_equal(data["out trace"].d, silent["trace_value"][0, :, :2])
    np.testing.assert_allclose(data["out trace"].t, silent["time"], atol=1e-9)


# what is refused

def one_sentence(error, *parts):
    text = str(error.value)
    assert "\n" not in text
    for part in parts:
        assert str(part) in text


def test_several_animals_do_not_fit(recording, tmp_path):
    with pytest.raises(RecordingError) as error:
        to_nwb(recording, tmp_path / "r.nwb")
    one_sentence(error, "4 animals", "give animal=0 … 3", "to_nwb_all(recording, folder)")
    with pytest.raises(RecordingError, match=r"animal=4: this recording has the animals 0 to 3"):
        to_nwb(recording, tmp_path / "r.nwb", 4)
    with pytest.raises(RecordingError, match=r"animal=-1"):
        to_nwb(recording, tmp_path / "r.nwb", -1)
    assert not list(tmp_path.iterdir())


def test_a_variable_of_another_type(tmp_path):
    example = by_hand().assign(when=("animal", np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")))
    with pytest.raises(RecordingError, match=r"the variable when has the type datetime64\[ns\]; make it numbers"):
        to_nwb(example, tmp_path / "r.nwb", 0)


def test_nothing_but_a_recording_is_written(tmp_path):
    for write in (to_nwb, to_nwb_all):
        with pytest.raises(RecordingError, match=r"no attribute neuroam_schema"):
            write(xr.Dataset(), tmp_path / "x")


def test_animals_of_different_experiments_are_not_joined(one, tmp_path):
    other = to_nwb(by_hand(), tmp_path / "b.nwb", 0)
    with pytest.raises(RecordingError, match=r"differ in trial_name"):
        from_nwb([one[1], other])


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file(one, tmp_path, fraction):
    whole = one[1].read_bytes()
    path = tmp_path / "cut.nwb"
    path.write_bytes(whole[: int(fraction * len(whole))])
    with pytest.raises(RecordingError) as error:
        from_nwb(path)
    one_sentence(error, path, "truncated")


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "other.nwb"
    for content in (b"hello", b"CDF\x01" + bytes(30), b"\x89HDF\r\n\x1a\n" + bytes(200)):
        path.write_bytes(content)
        with pytest.raises(RecordingError) as error:
            from_nwb(path)
        one_sentence(error, path)
    with h5py.File(path, "w") as file:
        file["x"] = [1, 2]
    with pytest.raises(RecordingError) as error:
        from_nwb(path)
    one_sentence(error, path)


def test_a_path_without_a_file(tmp_path):
    with pytest.raises(RecordingError, match=r"none.nwb: there is no such file"):
        from_nwb(tmp_path / "none.nwb")
    with pytest.raises(RecordingError, match=r"no .nwb file in this folder"):
        from_nwb(tmp_path)
    with pytest.raises(RecordingError, match=r"no NWB file was given"):
        from_nwb([])


def with_header(one, tmp_path, change):
    """The file with another header: what `change` returns for the text."""
    path = tmp_path / "changed.nwb"
    path.write_bytes(one[1].read_bytes())
    with h5py.File(path, "a") as file:
        before = file["scratch/neuroam_recording"]
        text, attributes = change(before[()].decode()), dict(before.attrs)
        del file["scratch/neuroam_recording"]
        file["scratch/neuroam_recording"] = text
        file["scratch/neuroam_recording"].attrs.update(attributes)
    return path


@pytest.mark.parametrize("change, said", [
    (lambda text: text.replace('"layout": 1', '"layout": 99'), r"has layout 99, this neuroam reads 1; update neuroam"),
    (lambda text: text.replace("recording-1", "recording-99"), r"schema 'recording-99'.*update neuroam"),
    (lambda text: text[:-1], r"cannot be read any more; export it again"),
    (lambda text: "[1]", r"cannot be read any more; export it again"),
    (lambda text: text.replace('"group":', '"party":'), r"has 0 values of party where neuroam wrote 1")])
def test_a_file_of_the_future_or_of_nobody(one, tmp_path, change, said):
    path = with_header(one, tmp_path, change)
    with pytest.raises(RecordingError, match=said) as error:
        from_nwb(path)
    one_sentence(error, path)


@pytest.mark.parametrize("part, missing", [("scratch/seed", "0 values of seed"), ("units", "0 values of spike_time")])
def test_a_file_that_was_changed_since(one, tmp_path, part, missing):
    path = tmp_path / "changed.nwb"
    path.write_bytes(one[1].read_bytes())
    with h5py.File(path, "a") as file:
        del file[part]
    with pytest.raises(RecordingError) as error:
        from_nwb(path)
    one_sentence(error, path, missing, "changed since")


def test_a_folder_that_cannot_be(recording, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for write in (lambda: to_nwb(recording, tmp_path / "file" / "r.nwb", 0),
                  lambda: to_nwb_all(recording, tmp_path / "file")):
        with pytest.raises(RecordingError, match=r"cannot write "):
            write()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_what_was_there(recording, tmp_path, monkeypatch):
    path = tmp_path / "r.nwb"
    path.write_bytes(before := b"another file")

    def full(target, content):
        with open(target, "wb") as file:
            file.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RecordingError, match=r"cannot write .*No space left on device"):
        to_nwb(recording, path, 1)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_without_pynwb_it_says_what_to_install(recording, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pynwb.event", None)
    for use in (lambda: to_nwb(recording, tmp_path / "r.nwb", 0), lambda: from_nwb(tmp_path)):
        with pytest.raises(NeuroamError, match=r"pip install 'neuroam\[nwb\]'"):
            use()


def test_many_spikes(tmp_path):
    example = pytest.importorskip("benchmarks.nwb").many_spikes(units=200, spikes=100_000, seconds=60)
    assert_identical(from_nwb(to_nwb(example, tmp_path / "r.nwb")), example)


@pytest.mark.slow
def test_ten_million_spikes(tmp_path):
    example = pytest.importorskip("benchmarks.nwb").many_spikes(units=2000, spikes=10_000_000, seconds=600)
    assert_identical(from_nwb(to_nwb(example, tmp_path / "r.nwb")), example)
