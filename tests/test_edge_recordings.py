"""Recordings without spikes, of one unit or trial, with NaN and without anything but spikes; files that are cut off,
foreign or of the future; ten million spikes. Each is handled, or refused in one clear sentence.

Every public function of the analysis library that takes a recording is met with each of them. A whole recording is
refused by none: the sentence has to be about what is missing.
"""
from __future__ import annotations

import inspect
import json
import resource
import time
import warnings

import numpy as np
import pytest
import xarray as xr
from edge_cases import ARGUMENTS, EDGES, FIGURES, OWN, analyses, arguments_of, one_trial, whole
from io_cases import animal_of, assert_identical

from neuroam.analysis.correlation import mean_over_pairs, signal_correlations
from neuroam.analysis.decoding import confusion, decode
from neuroam.analysis.dimensionality import participation_ratio, spectrum
from neuroam.analysis.rates import psth
from neuroam.analysis.replay import first_spikes, replay_fraction, replay_scores, template_match
from neuroam.analysis.responses import responses
from neuroam.analysis.selectivity import depth, tuning
from neuroam.analysis.similarity import (
    compare_codes,
    compare_dissimilarity,
    debiased_cka,
    dissimilarity,
    linear_cka,
    procrustes,
)
from neuroam.analysis.sparseness import coding_level, vinje_gallant
from neuroam.analysis.style import canvas
from neuroam.analysis.warp import peak_times, scaling_against_shift
from neuroam.errors import NeuroamError, RecordingError
from neuroam.recording import load, save

KNOWN = [(name, function, needed) for name, function, needed in analyses("recording")
         if set(needed) <= {*ARGUMENTS, *OWN.get(name, {})}]
LIBRARY = ("contrast", "correlation", "decoding", "learning", "overlap", "plot_activity", "plot_code", "rates",
           "replay", "responses", "selectivity", "similarity", "sparseness")
DEMANDED = {
    "rates.mean_rate", "rates.psth", "rates.fano_factor", "sparseness.population_sparseness",
    "sparseness.lifetime_sparseness", "correlation.stimulus_correlations", "correlation.unit_correlations",
    "correlation.signal_correlations", "correlation.noise_correlations", "decoding.decode", "similarity.dissimilarity",
    "overlap.basin", "overlap.success_fraction", "overlap.aligned", "selectivity.tuning", "selectivity.contrast",
    "replay.first_spikes", "plot_activity.raster", "sequence_memory.dwell"}
SAYS_WHAT_THERE_IS = "was not recorded; recorded:", "there is no group", "there is no block"


def met(name, function, recording, words=None):
    """None, or the sentence with which it was refused. Anything else is raised, warnings of numpy too. `words` are what
    this recording calls things."""
    needed = [p.name for p in inspect.signature(function).parameters.values()
              if p.default is p.empty and p.name not in ("ax", "recording")]
    arguments = arguments_of(name, needed) | {word: said for word, said in (words or {}).items() if word in needed}
    axes = (canvas()[1],) if "ax" in inspect.signature(function).parameters else ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            function(*axes, recording, **arguments)
    except NeuroamError as error:
        return str(error)
    except KeyError as error:
        if not any(words in str(error) for words in SAYS_WHAT_THERE_IS):
            raise
        return str(error.args[0])
    return None


@pytest.mark.parametrize("name, function", [
    pytest.param(name, function, id=name, marks=() if name.split(".")[0] in LIBRARY else pytest.mark.slow)
    for name, function, _ in KNOWN])
def test_every_analysis_takes_it_or_says_why_not(name, function):
    for kind, make in EDGES.items():
        said = met(name, function, make())
        assert kind != "whole" or said is None, said
        if said is not None:
            assert "\n" not in said and 20 < len(said) < 400 and " " in said, (kind, said)


DRAWN = [(name, function, needed) for name, function, needed in analyses("levels")
         if set(needed) <= {*FIGURES} - {"measure", "steps", "trial"} and name.startswith("plot")]


@pytest.mark.parametrize("name, function, needed", [
    pytest.param(*one, id=one[0], marks=() if one[0].startswith("plots.") else pytest.mark.slow) for one in DRAWN])
@pytest.mark.parametrize("kind", EDGES)
def test_the_figures_of_a_report_are_drawn_or_say_why_not(kind, name, function, needed):
    own = {"shown": ARGUMENTS["trials"]} if name.startswith("plots_dormant.") else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            figures = function({"spiking": EDGES[kind]()}, **{word: (FIGURES | own)[word] for word in needed})
            for figure in figures.values():
                figure.canvas.draw()
    except NeuroamError as error:
        assert kind != "whole", error
        assert "\n" not in str(error) and len(str(error)) > 20
    except KeyError as error:
        assert kind != "whole" and any(words in str(error) for words in SAYS_WHAT_THERE_IS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no spikes", "NaN", "one cell", "one animal"])
def test_the_report_is_written_and_decides_nothing(kind, tmp_path):
    from little import little_recording

    from neuroam.circuits.mushroom_body import mushroom_body
    from neuroam.experiment import judge
    from neuroam.protocols.odour_discrimination import odour_discrimination
    from neuroam.report import Level, write_report

    protocol = odour_discrimination()
    little = {"NaN": {"fill": float("nan")}, "one cell": {"cells": 1}}.get(kind, {})
    recording = little_recording(protocol, animals=1, **little)
    if kind == "no spikes":
        recording = recording.isel(spike=slice(0, 0)).assign(spike_count=recording["spike_count"] * 0)
    verdicts = judge(recording, protocol)
    assert {verdict.verdict for verdict in verdicts} == {"not decidable"}
    page = write_report(tmp_path, [Level("spiking", recording, verdicts)], mushroom_body(), protocol, "neuroam run")
    assert page.stat().st_size > 1e5


def peaks_and_templates(recording):
    courses = psth(recording, "KC", 0.02)
    one = courses.isel(animal=0, stimulus=0)
    first = first_spikes(recording, "KC")
    scores = replay_scores(first, first.isel(animal=0, trial=0, drop=True), shuffles=5)
    return [peak_times(courses), scaling_against_shift(one, one).to_array(), replay_fraction(scores),
            template_match(one, one, [1, 2]).to_array()]


def accuracy_and_p(recording):
    found = decode(recording, population_of(recording), shuffles=5)
    return [found["accuracy"], found["p"], confusion(found)]


def population_of(recording):
    """The graded one where it was recorded."""
    return "MBON" if "MBON" in recording["population"].values else "KC"


ARRAYS = {
    "participation_ratio": lambda r: [participation_ratio(tuning(r, population_of(r)))],
    "participation over trials": lambda r: [participation_ratio(responses(r, population_of(r)), over="trial")],
    "spectrum": lambda r: [spectrum(tuning(r, population_of(r)))],
    "depth": lambda r: [depth(tuning(r, population_of(r)))],
    "sparseness": lambda r: [vinje_gallant(tuning(r, population_of(r)), dim) for dim in ("unit", "stimulus")],
    **{measure.__name__: lambda r, measure=measure: [compare_codes(*2 * [tuning(r, population_of(r))], measure)]
       for measure in (linear_cka, debiased_cka, procrustes)},
    **{metric: lambda r, metric=metric: [compare_dissimilarity(*2 * [dissimilarity(r, population_of(r), metric)])]
       for metric in ("correlation", "euclidean")},
    "mean over pairs": lambda r: [mean_over_pairs(signal_correlations(r, population_of(r)))],
    "decode": accuracy_and_p, "peaks and templates": peaks_and_templates}
UNITS_ENOUGH = {"decode", "peaks and templates"}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_takes_arrays_takes_those_of_them_all(name):
    for kind, make in EDGES.items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", RuntimeWarning)
                found = ARRAYS[name](make())
        except NeuroamError as error:
            assert name in UNITS_ENOUGH and kind in ("one trial", "one unit"), (kind, str(error))
            continue
        if kind == "NaN" and name != "peaks and templates":
            assert all(np.isnan(array).all() for array in found), found


def test_every_measure_demanded_is_among_them():
    assert {name for name, _, _ in KNOWN} >= DEMANDED and len(KNOWN) > 80


def test_the_check_would_see_a_bare_error():
    def careless(recording):
        return recording["overlap"].values[0]

    def noisy(recording):
        return np.mean(recording["spike_time"].values)

    assert met("careless", careless, whole()) is None
    with pytest.raises(KeyError, match="No variable named"):
        met("careless", careless, EDGES["bare"]())
    with pytest.raises(RuntimeWarning):
        met("noisy", noisy, EDGES["no spikes"]())


def test_nothing_is_changed():
    before = whole().copy(deep=True)
    for name, function, _ in KNOWN:
        if name.split(".")[0] in ("rates", "replay", "sparseness", "overlap", "correlation"):
            met(name, function, whole())
    assert_identical(whole(), before)


# a laboratory's file

@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """As sorters and behavioural rigs leave it: units with waveforms and electrodes, some without a depth, one silent;
    trials with columns of their own, of which some were never filled; no intervals of observation, no resolution."""
    pynwb = pytest.importorskip("pynwb", minversion="4")
    from datetime import UTC, datetime

    from neuroam.io import from_nwb

    rng = np.random.default_rng(8)
    file = pynwb.NWBFile("Whisker detection", "m3-2023-05-02", datetime(2023, 5, 2, 9, tzinfo=UTC), lab="barrel lab")
    shank = file.create_electrode_group("shank0", "NeuroNexus A1x16", "S1", file.create_device("probe"))
    for k in range(8):
        file.add_electrode(group=shank, location=("S1", "S2")[k // 4], x=np.nan, y=25.0 * k, z=np.nan)
    for name in ("depth_um", "isi_violations", "KSLabel"):
        file.add_unit_column(name, name)
    for k in range(8):
        times = np.sort(rng.uniform(0, 90, 0 if k == 2 else 700))
        file.add_unit(spike_times=times, electrodes=[k], waveform_mean=rng.random((82, 4)), KSLabel="good",
                      waveform_sd=rng.random((82, 4)), depth_um=np.nan if k == 5 else 25.0 * k, isi_violations=0.01)
    for name in ("whisker_angle", "stimulus_type", "choice", "response_latency", "laser_power"):
        file.add_trial_column(name, name)
    for k in range(24):
        file.add_trial(start_time=3.5 * k, stop_time=3.5 * k + 3, whisker_angle=8.0 * (k % 3), laser_power=np.nan,
                       stimulus_type=("none", "left", "right")[k % 3], choice=-1 if k % 5 else 1,
                       response_latency=np.nan if k % 4 else 0.2)
    path = tmp_path_factory.mktemp("measured") / "m3.nwb"
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    with pytest.warns(UserWarning, match="lacks: "):
        return from_nwb(path, columns={"stimulus": "stimulus_type"})


def of_barrel_cortex(recording, group=None):
    return coding_level(recording, "S1", group)


THEIRS = {"measure": of_barrel_cortex, "one": of_barrel_cortex, "other": of_barrel_cortex,
          "population": "S1", "group": "recorded", "block": "", "groups": ("recorded",), "first": "left",
          "second": "right", "run": "", "rest": "", "blocks": ("",)}


@pytest.mark.parametrize("name, function", [pytest.param(name, function, id=name) for name, function, _ in KNOWN
                                            if name.split(".")[0] in LIBRARY])
def test_a_laboratorys_file_runs_through_them_too(measured, name, function):
    words = THEIRS | ({"first": "recorded", "second": "recorded"} if name.startswith("contrast.") else {})
    words |= {"blocks": ("",), "pairs": {"all": ("",)}} if "learning" in name else {}
    said = met(name, function, measured, words)
    if said is not None:
        assert any(part in said for part in ("no overlaps", "no patterns", "MBON", "no trace", "CS+"))


def test_a_laboratorys_file_says_what_it_lacks(measured):
    lacks = "; ".join(json.loads(measured.attrs["missing"]))
    for part in ("obs_intervals", "resolution", "stimulus_on, stimulus_off", "waveform_mean", "block, phase, cs_type"):
        assert part in lacks, lacks
    assert measured["population"].values.tolist() == ["S1"] * 4 + ["S2"] * 4
    assert int(measured["spike_count"][0, 2]) == 0 and np.isnan(measured["depth_um"].values[5])
    assert np.isnan(measured["laser_power"].values).all() and measured["choice"].dims == ("trial",)


# there and back

@pytest.mark.parametrize("kind", EDGES)
def test_netcdf_there_and_back(kind, tmp_path):
    recording = EDGES[kind]()
    fitting = {name: (v.dims, np.array(v.values.tolist(), dtype=str), v.attrs)
               for name, v in recording.variables.items() if v.dtype.kind == "U" and v.size}  # words as wide as needed
    assert_identical(load(save(recording, tmp_path / "r.nc")), recording.assign(fitting))


@pytest.mark.parametrize("kind", ["no spikes", *(pytest.param(kind, marks=pytest.mark.slow) for kind in (
    "whole", "one unit", "NaN", "one trial", "bare"))])
def test_nwb_there_and_back(kind, tmp_path):
    pytest.importorskip("pynwb", minversion="4")
    from neuroam.io import from_nwb, to_nwb

    recording = EDGES[kind]()
    last = recording.sizes["animal"] - 1
    assert_identical(from_nwb(to_nwb(recording, tmp_path / "r.nwb", last)), animal_of(recording, last))


@pytest.mark.parametrize("kind", EDGES)
def test_neo_there_and_back(kind):
    pytest.importorskip("neo")
    from neuroam.io import from_neo, to_neo

    recording = EDGES[kind]()
    last = recording.sizes["animal"] - 1
    assert_identical(from_neo(to_neo(recording, last)), animal_of(recording, last))


# files that are something else

@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """By name: files that are no recording, or not one of today."""
    folder = tmp_path_factory.mktemp("files")
    good = save(one_trial(), folder / "good.nc").read_bytes()
    contents = {"empty": b"", "text": b"unit,time\n0,0.1\n", "a tenth": good[: len(good) // 10],
                "all but the end": good[: len(good) - 200], "HDF5 without content": b"\x89HDF\r\n\x1a\n" + bytes(100),
                "zip": b"PK\x03\x04" + bytes(50), "MATLAB": b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200)}
    found = {}
    for name, content in contents.items():
        found[name] = folder / f"{name}.file"
        found[name].write_bytes(content)
    found["a climate model"] = folder / "climate.nc"
    xr.Dataset({"temperature": ("time", [280.0, 281.0])}).to_netcdf(found["a climate model"])
    found["the future"] = folder / "future.nc"
    future = one_trial().assign_attrs(neuroam_schema="recording-2")
    future.to_netcdf(found["the future"])
    found["a folder"] = folder / "folder"
    found["a folder"].mkdir()
    found["nothing"] = folder / "nothing.nc"
    return found


FILES = ("empty", "text", "a tenth", "all but the end", "HDF5 without content", "zip", "MATLAB", "a climate model",
         "the future", "a folder", "nothing")


def sentence(error, *parts):
    text = str(error.value)
    assert "\n" not in text and len(text) < 400 and all(str(part) in text for part in parts), text
    return text


@pytest.mark.parametrize("name", FILES)
def test_netcdf_refuses(files, name):
    with pytest.raises(RecordingError) as error:
        load(files[name])
    said = sentence(error, files[name])
    if name == "the future":
        assert "recording-2" in said and "update neuroam" in said


@pytest.mark.parametrize("name", FILES)
def test_nwb_refuses(files, name):
    pytest.importorskip("pynwb", minversion="4")
    from neuroam.io import from_nwb

    with pytest.raises(RecordingError) as error:
        from_nwb(files[name])
    sentence(error, files[name])


def test_nwb_is_not_netcdf(tmp_path):
    pytest.importorskip("pynwb", minversion="4")
    from neuroam.io import to_nwb

    path = to_nwb(one_trial(), tmp_path / "r.nwb")
    with pytest.raises(RecordingError) as error:
        load(path)
    sentence(error, path)


def test_a_block_of_the_future():
    pytest.importorskip("neo")
    from neuroam.io import from_neo, to_neo

    block = to_neo(one_trial())
    about = json.loads(block.annotations["neuroam_recording"])
    block.annotate(neuroam_recording=json.dumps(about | {"layout": 2}))
    with pytest.raises(RecordingError) as error:
        from_neo(block)
    sentence(error, "layout 2", "update neuroam")


# ten million spikes

@pytest.mark.slow
def test_ten_million_spikes(tmp_path, capsys):
    """Analyses that look at every spike, and the file; seconds of the processor and memory are printed."""
    many = pytest.importorskip("benchmarks.nwb").many_spikes(units=2000, spikes=10_000_000, seconds=600)
    population = str(many["population"].values[0])
    from neuroam.analysis.rates import fano_factor, interval_cv, mean_rate, psth
    from neuroam.analysis.responses import responses
    from neuroam.analysis.sparseness import lifetime_sparseness, population_sparseness

    took, size = {}, int((many["population"] == population).sum())
    for function, further in ((mean_rate, {}), (responses, {}), (fano_factor, {}), (interval_cv, {}),
                              (psth, {"bin": 0.05}), (lifetime_sparseness, {}), (population_sparseness, {})):
        start = time.process_time()
        assert size in function(many, population, **further).shape or function is population_sparseness
        took[function.__name__] = time.process_time() - start
    start = time.process_time()
    path = save(many, tmp_path / "r.nc")
    took["save"] = time.process_time() - start
    again = load(path)
    took["load"] = time.process_time() - start - took["save"]
    assert_identical(again, many)
    with capsys.disabled():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("\n" + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items()) + f"; peak {peak:.0f} MB")
    assert sum(took.values()) < 120
