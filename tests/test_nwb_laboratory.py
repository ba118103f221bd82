"""A laboratory's NWB file, with columns of its own and without what neuroam writes, runs through the analyses.

References: counts made here spike by spike from what the file was filled with.
"""
from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

pynwb = pytest.importorskip("pynwb", minversion="4")
from pynwb.file import Subject  # noqa: E402

from neuroam.analysis.correlation import mean_correlation, stimulus_correlations  # noqa: E402
from neuroam.analysis.responses import responses  # noqa: E402
from neuroam.analysis.sparseness import coding_level, silent_fraction  # noqa: E402
from neuroam.errors import RecordingError  # noqa: E402
from neuroam.io import from_nwb, to_nwb, to_nwb_all  # noqa: E402
from neuroam.recording import join, load, save, spike_trains  # noqa: E402

ODOURS = ("isoamyl acetate", "2-heptanone", "blank")
TRIALS, UNITS, RATE = 30, 12, 30_000


def trains(rng):
    """On a clock of 30 kHz over 130 s; unit 3 is silent, unit 5 out of order."""
    found = [np.sort(rng.integers(0, 130 * RATE, rng.poisson(800))) / RATE for _ in range(UNITS)]
    found[3] = np.zeros(0)
    found[5] = rng.permutation(found[5])
    return found


def onsets():
    return 5 + 4.0 * np.arange(TRIALS) + 0.5


def empty_file():
    return pynwb.NWBFile("Odour responses in piriform cortex", "lab-2024-03-07-m12",
                         datetime(2024, 3, 7, 14, 5, tzinfo=UTC))


def laboratory_file():
    """As laboratories write them: electrodes, waveforms, quality, ragged columns, an outcome for each trial."""
    rng, file = np.random.default_rng(11), empty_file()
    file.subject = Subject(subject_id="m12", species="Mus musculus", sex="F", age="P90D", genotype="Thy1-GCaMP6f")
    device = file.create_device("probe")
    groups = [file.create_electrode_group(f"shank {area}", area, area, device) for area in ("aPC", "OB")]
    for k in range(UNITS):
        file.add_electrode(group=groups[k % 2], location=("aPC", "OB")[k % 2], x=0.0, y=float(k), z=0.0)
    file.add_unit_column("quality", "of the sorting")
    file.add_unit_column("presence_ratio", "fraction of the session")
    file.add_unit_column("amplitudes", "of each spike", index=True)
    for k, train in enumerate(trains(rng)):
        file.add_unit(spike_times=train, obs_intervals=[[0.0, 60.0], [60.0, 130.0]] if k else [[0.0, 100.0]],
                      electrodes=[k], electrode_group=groups[k % 2], waveform_mean=rng.random(30), quality="good",
                      presence_ratio=np.nan if k == 3 else 0.9, amplitudes=rng.random(len(train)), id=100 + k)
    file.units.resolution = 1 / RATE
    for name in ("odor_name", "odorOn_time", "odorOff_time", "correct", "reaction_time", "block_number"):
        file.add_trial_column(name, name)
    for k, on in enumerate(onsets()):
        file.add_trial(start_time=on - 0.5, stop_time=on + 3.0, odor_name=ODOURS[k % 3], odorOn_time=on,
                       odorOff_time=on + 1.0, correct=bool(k % 2), reaction_time=np.nan if k % 5 else 0.31,
                       block_number=k // 10, tags=["rewarded"])
    file.add_acquisition(pynwb.TimeSeries("sniff", rng.random(1000), "volts", rate=100.0, starting_time=0.0))
    return file


def bare_file(trials=True, resolution=None):
    """Spike times and, perhaps, starts and stops."""
    file = empty_file()
    for train in trains(np.random.default_rng(11)):
        file.add_unit(spike_times=train)
    if trials:
        for on in onsets():
            file.add_trial(start_time=on, stop_time=on + 1.0)
    file.units.resolution = resolution
    return file


@pytest.fixture
def write(tmp_path):
    def written(file):
        with pynwb.NWBHDF5IO(str(tmp_path / "lab.nwb"), "w") as io:
            io.write(file)
        return tmp_path / "lab.nwb"

    return written


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("lab") / "lab.nwb"
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(laboratory_file())
    return path


@pytest.fixture(scope="module")
def recording(path):
    with pytest.warns(UserWarning, match="is not from neuroam and lacks: "):
        return from_nwb(path)


def counted(units, duration=1.0):
    """Spikes of each unit in each trial while the odour was on, one by one, hertz."""
    all_trains = trains(np.random.default_rng(11))
    return np.array([[sum(on <= t < on + duration for t in all_trains[k]) / duration for k in units]
                     for on in onsets()])


def missing(recording):
    return json.loads(recording.attrs["missing"])


def test_responses_are_the_spikes_while_the_odour_was_on(recording):
    for area, units in (("aPC", range(0, UNITS, 2)), ("OB", range(1, UNITS, 2))):
        rates = responses(recording, area)
        np.testing.assert_allclose(rates[0], counted(units), rtol=1e-9)
        assert rates["stimulus"].values.tolist() == [ODOURS[k % 3] for k in range(TRIALS)]
    assert counted(range(UNITS)).sum() > 1000 and not counted([3]).any()


def test_sparseness_and_correlations(recording):
    expected = counted(range(1, UNITS, 2))
    assert coding_level(recording, "OB").item() == pytest.approx((expected > 0).mean())
    assert silent_fraction(recording, "OB").item() == pytest.approx(1 / 6)
    np.testing.assert_allclose(stimulus_correlations(recording, "OB")[0], np.corrcoef(expected), rtol=1e-9)
    upper = np.corrcoef(expected)[np.triu_indices(TRIALS, 1)]
    assert mean_correlation(recording, "OB").item() == pytest.approx(upper.mean())
    np.testing.assert_array_equal(responses(recording, "OB", block="1")[0], responses(recording, "OB")[0, 10:20])


def test_what_is_missing_is_named(recording):
    text = "; ".join(missing(recording))
    assert "phase, cs_type (empty)" in text and "the signals sniff (not read)" in text
    assert "amplitudes" in text and "waveform_mean" in text and "electrode_group" in text
    assert "some trials of 1 units" in text
    assert not any(word in text for word in ("stimulus_on", "resolution", "population", "obs_intervals"))


def test_what_was_read_as_what(recording):
    assert json.loads(recording.attrs["columns"]) == {
        "stimulus": "odor_name", "stimulus_on": "odorOn_time", "stimulus_off": "odorOff_time", "block": "block_number",
        "population": "location"}
    assert recording.attrs["clock_dt"] == 1 / RATE
    assert recording["unit_id"].values.tolist() == list(range(100, 100 + UNITS))
    assert recording["quality"].values.tolist() == ["good"] * UNITS
    assert np.isnan(recording["presence_ratio"].values[3])
    assert recording["correct"].dims == ("trial",) and recording["correct"].dtype == bool
    assert np.isnan(recording["reaction_time"].values).sum() == 24
    assert recording["block"].values.tolist() == [str(k // 10) for k in range(TRIALS)]


def test_spikes_are_sorted_and_exact(recording):
    original = trains(np.random.default_rng(11))
    for area, first in (("aPC", 0), ("OB", 1)):
        for train, expected in zip(spike_trains(recording, 0, area), original[first::2], strict=True):
            assert train.tobytes() == np.sort(expected).tobytes()


def test_units_that_were_not_observed(recording):
    """Unit 0 was lost at 100 s."""
    late = int((onsets() + 1.0 > 100).sum())
    assert 0 < late < TRIALS
    assert recording["unobserved_trials"].values.tolist() == [late] + [0] * (UNITS - 1)


def test_it_is_kept_as_netcdf(recording, tmp_path):
    again = load(save(recording, tmp_path / "lab.nc"))
    np.testing.assert_array_equal(responses(again, "OB"), responses(recording, "OB"))
    assert again["correct"].values.tolist() == recording["correct"].values.tolist()


def test_written_again_it_is_the_animal_it_was(recording, tmp_path):
    path = to_nwb(recording, tmp_path / "again.nwb")
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        file = io.read()
        assert file.subject.species == "Mus musculus" and file.subject.age == "P90D"
        assert file.session_start_time == datetime(2024, 3, 7, 14, 5, tzinfo=UTC)
        assert "obs_intervals" not in file.units.colnames  # unit 0 was lost before the end
        said = [file.session_description, file.subject.description or "", file.lab or "", file.units.description]
        assert not any("SIMULATED" in text or "simulated" in text for text in said)
    np.testing.assert_array_equal(responses(from_nwb(path), "OB"), responses(recording, "OB"))


# less than that

def test_a_file_with_starts_and_stops_alone(write):
    with pytest.warns(UserWarning) as caught:
        recording = from_nwb(write(bare_file()))
    assert len(caught) == 1 and caught[0].filename == __file__
    np.testing.assert_allclose(responses(recording, "units")[0], counted(range(UNITS)), rtol=1e-9)
    assert missing(recording) == ["obs_intervals (units count as observed throughout)",
                                  "resolution (times are taken to a microsecond)",
                                  "stimulus_on, stimulus_off (taken from the trial)",
                                  "population (all are 'units')", "stimulus, block, phase, cs_type (empty)"]


def test_a_file_without_trials(write):
    path = write(bare_file(trials=False))
    with pytest.raises(RecordingError, match=r"has no intervals 'trials'; use trials=None for the session as one"):
        from_nwb(path)
    with pytest.warns(UserWarning, match=r"trials \(the session is one\)"):
        recording = from_nwb(path, trials=None)
    original = trains(np.random.default_rng(11))
    span = (recording["stop_time"] - recording["start_time"]).item()
    np.testing.assert_allclose(responses(recording, "units")[0, 0], [len(own) / span for own in original], rtol=1e-6)
    assert span == pytest.approx(130, abs=1)


def test_another_table_of_intervals(write):
    file = bare_file()
    table = pynwb.epoch.TimeIntervals(name="passive", description="odours without a task")
    table.add_column("stim_duration", "s")
    for on in onsets()[:4]:
        table.add_interval(start_time=on, stop_time=on + 2.0, stim_duration=0.5)
    file.add_time_intervals(table)
    path = write(file)
    with pytest.warns(UserWarning):
        recording = from_nwb(path, trials="passive", columns={"stimulus_on": "start_time"})
    np.testing.assert_allclose(responses(recording, "units")[0], counted(range(UNITS), 0.5)[:4], rtol=1e-9)
    with pytest.raises(RecordingError, match=r"no intervals 'active'; choose trials, passive with trials=…"):
        from_nwb(path, trials="active")


def test_columns_can_be_named(path):
    with pytest.warns(UserWarning):
        recording = from_nwb(path, columns={"stimulus": "correct", "population": "quality",
                                            "stimulus_on": "start_time", "stimulus_off": "odorOn_time"})
    assert recording["stimulus"].values.tolist() == [str(bool(k % 2)) for k in range(TRIALS)]
    assert set(recording["population"].values) == {"good"}
    np.testing.assert_allclose(recording["stimulus_off"] - recording["stimulus_on"], 0.5)
    assert "odor_name" in recording.coords


@pytest.mark.parametrize("columns, said", [
    ({"stimulus": "odour"}, r"columns names 'odour' for stimulus, but the trials have trial_id, start_time, stop"),
    ({"population": "area"}, r"columns names 'area' for population, but the units have location, unit_id, quality"),
    ({"stim": "odor_name"}, r"columns: 'stim' is none of stimulus, stimulus_on"),
    ({"stimulus_on": "odor_name"}, r"the column 'odor_name' does not hold times, so it cannot be stimulus_on"),
    ({"stimulus_on": "reaction_time", "stimulus_off": "reaction_time"}, r"no trial has an onset and a later end"),
    ({"group": "odor_name"}, r"has 2-heptanone, blank, isoamyl acetate, but an animal is of one group"),
    ({"stimulus_off": "stop_time", "stimulus_on": "trial_id"}, r"the windows of trials 0 and 1 overlap")])
def test_what_cannot_be_read(path, columns, said):
    with pytest.raises(RecordingError, match=said) as error:
        from_nwb(path, columns=columns)
    assert "\n" not in str(error.value)


def test_a_column_that_is_named_is_nothing_else(write):
    file = bare_file()
    file.add_trial_column("group", "of trials", data=["a", "b"] * (TRIALS // 2))
    file.add_trial_column("response_on", "of the animal", data=onsets() + 0.2)
    file.add_trial_column("stimulus", "what", data=["x", "y"] * (TRIALS // 2))
    path = write(file)
    with pytest.warns(UserWarning):
        recording, other = from_nwb(path), from_nwb(path, columns={"block": "group", "phase": "stimulus"})
    assert recording["group"].values.tolist() == ["recorded"] and "response_on" not in recording
    np.testing.assert_allclose(responses(recording, "units")[0], counted(range(UNITS)), rtol=1e-9)
    assert recording["group_in_file"].values.tolist() == ["a", "b"] * (TRIALS // 2)
    assert other["block"].values.tolist() == ["a", "b"] * (TRIALS // 2)
    assert set(other["phase"].values) == {"x", "y"} and set(other["stimulus"].values) == {""}


def test_signals_alone_are_no_recording(write):
    file = empty_file()
    file.add_acquisition(pynwb.TimeSeries("sniff", np.zeros(10), "volts", rate=100.0))
    with pytest.raises(RecordingError, match=r"has no units with spike times, which a recording needs"):
        from_nwb(write(file))


def test_broken_trials_and_spikes_are_left_out_and_counted(write):
    file = bare_file(resolution=1e-4)
    file.add_trial_column("cue_on", "onset", data=np.where(np.arange(TRIALS) % 10, onsets(), np.nan))
    file.units["spike_times"].target.data[7] = np.nan
    with pytest.warns(UserWarning):
        recording = from_nwb(write(file))
    assert recording.sizes["trial"] == 27
    assert "a window in 3 of 30 trials (left out)" in missing(recording)
    assert "the time of 1 spikes (left out)" in missing(recording)
    assert int(recording["spike_count"].sum()) == sum(map(len, trains(np.random.default_rng(11)))) - 1
    keep = np.arange(TRIALS) % 10 > 0
    np.testing.assert_allclose(responses(recording, "units")[0, :, 1:], counted(range(1, UNITS))[keep], rtol=1e-9)


def test_trials_of_one_animal_cannot_be_joined_with_those_of_another(path, write):
    with pytest.warns(UserWarning), pytest.raises(RecordingError, match=r"differ in trial_name"):
        from_nwb([path, write(bare_file())])


# several animals

def mouse(folder, name, cs=("CS+", "CS-"), units=3, resolution=1e-4, **further):
    """Eight trials of two odours, and the columns given; unit ids are the animal's own."""
    rng, file = np.random.default_rng(sum(map(ord, name))), empty_file()
    file.subject = Subject(subject_id=name, species="Mus musculus", sex="F", age="P90D")
    for k in range(units):
        file.add_unit(spike_times=np.sort(rng.uniform(0, 16, 100)), id=1000 + k + int(name[1:]))
    for word in ("stimulus", "cs_type", *further):
        file.add_trial_column(word, word)
    for k in range(8):
        file.add_trial(start_time=2.0 * k, stop_time=2.0 * k + 1, stimulus="AB"[k % 2], cs_type=cs[k % 2],
                       **{word: values[k] for word, values in further.items()})
    file.units.resolution = resolution
    with pynwb.NWBHDF5IO(str(folder / f"{name}.nwb"), "w") as io:
        io.write(file)
    return folder / f"{name}.nwb"


def correct(first):
    return [bool((k + first) % 2) for k in range(8)]


@pytest.mark.filterwarnings("ignore:.*is not from neuroam")
def test_two_mice_are_joined_each_with_its_own_columns(tmp_path):
    one, two = (mouse(tmp_path, name, correct=correct(k)) for k, name in enumerate(("m1", "m2")))
    apart, both = [from_nwb(path) for path in (one, two)], from_nwb(tmp_path)
    assert both.identical(from_nwb([one, two])) and both["seed"].values.tolist() == [0, 1]
    for k, own in enumerate(apart):
        np.testing.assert_array_equal(responses(both, "units")[k], responses(own, "units")[0])
        np.testing.assert_array_equal(both["correct"][k], correct(k))
        np.testing.assert_array_equal(both["unit_id"][k], own["unit_id"])
        assert json.loads(both["subject"].values[k])["subject_id"] == f"m{k + 1}"
    assert both["correct"].dims == ("animal", "trial") and both["correct"].dtype == bool
    assert both["stimulus"].dims == ("trial",) and "subject" not in both.attrs
    assert load(save(both, tmp_path / "both.nc")).identical(both)


@pytest.mark.filterwarnings("ignore:.*is not from neuroam")
def test_joined_mice_are_written_with_their_own_subjects(tmp_path):
    names = "m1", "m2", "m3"
    first = join([from_nwb(mouse(tmp_path, name, correct=correct(k))) for k, name in enumerate(names[:2])])
    three = join([first, from_nwb(mouse(tmp_path, names[2]))])
    paths = to_nwb_all(three, tmp_path / "out")
    for name, path in zip(names, paths, strict=True):
        with pynwb.NWBHDF5IO(str(path), "r") as io:
            assert io.read().subject.subject_id == name
    assert three["seed"].values.tolist() == [0, 1, 2]
    assert from_nwb(tmp_path / "out").identical(three)


@pytest.mark.filterwarnings("ignore:.*is not from neuroam")
@pytest.mark.parametrize("order", [("m1", "m2"), ("m2", "m1")])
def test_a_column_that_one_file_has_is_not_the_others(tmp_path, order):
    paths = {"m1": mouse(tmp_path, "m1", correct=correct(1), side=["left"] * 8), "m2": mouse(tmp_path, "m2")}
    both = from_nwb([paths[name] for name in order])
    having, lacking = order.index("m1"), order.index("m2")
    np.testing.assert_array_equal(both["correct"][having], correct(1))
    assert np.isnan(both["correct"][lacking]).all()
    assert set(both["side"].values[having]) == {"left"} and set(both["side"].values[lacking]) == {""}


@pytest.mark.filterwarnings("ignore:.*is not from neuroam")
def test_mice_that_analyses_would_take_for_alike_are_refused(tmp_path):
    one, turned = from_nwb(mouse(tmp_path, "m1")), from_nwb(mouse(tmp_path, "m2", cs=("CS-", "CS+")))
    with pytest.raises(RecordingError, match=r"differ in cs_type; .*recording.rename\(cs_type='own_cs_type'\)"):
        join([one, turned])
    both = join([part.rename(cs_type="own_cs_type") for part in (one, turned)])
    assert both["own_cs_type"].values[:, 0].tolist() == ["CS+", "CS-"]
    for name, part in {"population": from_nwb(mouse(tmp_path, "m3", units=4)),
                       "clock_dt": from_nwb(mouse(tmp_path, "m4", resolution=1e-5)),
                       "calibration": one.assign_coords(calibration=["threshold"])}.items():
        with pytest.raises(RecordingError, match=f"differ in {name}"):
            join([one, part])
    numbers, words = (from_nwb(mouse(tmp_path, name, label=label)) for name, label in (
        ("m5", [1.0] * 8), ("m6", ["good"] * 8)))
    with pytest.raises(RecordingError, match="label has words in some of these recordings and numbers in others"):
        join([numbers, words])
    simulated = one.copy()
    del simulated.attrs["origin"]
    with pytest.raises(RecordingError, match="some of these recordings were measured and some simulated"):
        join([one, simulated])
