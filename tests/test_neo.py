"""A recording in Neo objects and back; on the same trains, Elephant computes what the analyses do.

A silent unit has rate 0, and NaN for what its spikes would have to define.
"""
from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pytest
from io_cases import EXAMPLES, animal_of, assert_identical, by_hand

neo = pytest.importorskip("neo")
import quantities as pq  # noqa: E402

from neuroam.analysis.correlation import correlation_matrix  # noqa: E402
from neuroam.analysis.rates import interval_cv, interval_cv2, mean_rate, spike_counts  # noqa: E402
from neuroam.analysis.responses import responses  # noqa: E402
from neuroam.errors import NeuroamError, RecordingError  # noqa: E402
from neuroam.io import from_neo, to_neo, to_nwb  # noqa: E402
from neuroam.recording import spike_trains  # noqa: E402

TRIALS, LASTING, CELLS = 8, 2.0, 6


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    return EXAMPLES[request.param]()


@pytest.fixture(scope="module")
def simulated():
    return EXAMPLES["simulated"]()


def laboratory_trains(rng):
    """On a clock of 0.1 ms, so that no bin's edge is a matter of rounding; cell 2 is silent."""
    last = round(TRIALS * LASTING * 1e4)
    ticks = [np.unique(rng.integers(0, last, 300 if cell != 2 else 0)) for cell in range(CELLS)]
    return [neo.SpikeTrain((tick + 0.5) * 1e-4, TRIALS * LASTING, units="s", name=f"cell {cell}", area="V1",
                           depth=cell * 0.1, sampling_rate=20 * pq.kHz) for cell, tick in enumerate(ticks)]


def laboratory_block(**annotations):
    block, segment = neo.Block(name="gratings"), neo.Segment()
    block.segments.append(segment)
    segment.spiketrains.extend(laboratory_trains(np.random.default_rng(2)))
    start, labels = LASTING * np.arange(TRIALS), np.array(["up", "down"] * (TRIALS // 2))
    segment.epochs.append(neo.Epoch(start, np.full(TRIALS, LASTING), labels, units="s", name="gratings",
                                    array_annotations=annotations))
    return block


@pytest.fixture(scope="module")
def block():
    return laboratory_block(contrast=np.linspace(0, 1, TRIALS))


@pytest.fixture(scope="module")
def recording(block):
    with pytest.warns(UserWarning, match="this Neo block is not from neuroam and lacks: "):
        return from_neo(block)


# there and back

def test_there_and_back_it_is_the_same(example):
    last = example.sizes["animal"] - 1
    assert_identical(from_neo(to_neo(example, last)), animal_of(example, last))


def test_the_objects(simulated):
    block = to_neo(simulated, 2)
    (segment,) = block.segments
    trains = [train for name in ("in", "out") for train in spike_trains(simulated, 2, name)]
    assert len(segment.spiketrains) == len(trains) == 9
    for made, train in zip(segment.spiketrains, trains, strict=True):
        assert made.rescale("s").magnitude.tobytes() == train.tobytes()
        assert made.t_start == 0 * pq.s and made.t_stop >= 0.149 * pq.s
    assert [t.annotations["population"] for t in segment.spiketrains] == ["in"] * 4 + ["out"] * 5
    (epoch,) = segment.epochs
    order = np.argsort(simulated["position"].values[2])
    np.testing.assert_array_equal(epoch.magnitude, simulated["start_time"].values[2][order])
    assert epoch.labels.tolist() == simulated["trial_name"].values[order].tolist()
    potential = next(s for s in segment.analogsignals if s.name == "out trace_value")
    assert potential.units == pq.V and potential.shape == (150, 2)
    assert potential.sampling_period.rescale("ms").item() == pytest.approx(1.0)
    assert block.annotations["simulated"] and block.annotations["seed"] == 8


def test_a_silent_unit_is_an_empty_train():
    segment = to_neo(by_hand(), 0).segments[0]
    assert [len(train) for train in segment.spiketrains] == [20] * 11 + [0]


def test_neo_reads_our_nwb(simulated, tmp_path):
    pytest.importorskip("pynwb", minversion="4")
    from neo.io import NWBIO

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (block,) = NWBIO(str(to_nwb(simulated, tmp_path / "r.nwb", 2)), "r").read_all_blocks()
    segment = block.segments[0]
    trains = [train for name in ("in", "out") for train in spike_trains(simulated, 2, name)]
    assert [train.magnitude.tolist() for train in segment.spiketrains] == [train.tolist() for train in trains]
    assert segment.epochs[0].labels.ravel().tolist() == ["one", "two"]


def test_several_animals_do_not_fit(simulated):
    with pytest.raises(RecordingError, match=r"has 4 animals where there is room for one; give animal=0 … 3"):
        to_neo(simulated)


def test_a_block_that_was_changed(simulated):
    def changed(change):
        block = to_neo(simulated, 0)
        change(block)
        with pytest.raises(RecordingError, match=r"changed since") as error:
            from_neo(block)
        assert "\n" not in str(error.value)

    changed(lambda block: block.segments.clear())
    changed(lambda block: block.segments[0].epochs.clear())
    changed(lambda block: block.segments[0].analogsignals.clear())
    changed(lambda block: block.annotations.pop("neuroam_arrays"))
    changed(lambda block: block.segments[0].spiketrains[0].annotations.pop("unit"))


def test_without_neo_it_says_what_to_install(simulated, monkeypatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    for use in (lambda: to_neo(simulated, 0), lambda: from_neo(None)):
        with pytest.raises(NeuroamError, match=r"pip install 'neuroam\[neo\]'"):
            use()


# other people's blocks

def test_a_block_of_a_laboratory(recording, block):
    assert recording["population"].values.tolist() == ["V1"] * CELLS
    assert recording["unit_name"].values.tolist() == [f"cell {k}" for k in range(CELLS)]
    np.testing.assert_allclose(recording["depth"], 0.1 * np.arange(CELLS))
    np.testing.assert_allclose(recording["contrast"], np.linspace(0, 1, TRIALS))
    assert recording["stimulus"].values.tolist() == ["up", "down"] * (TRIALS // 2)
    assert recording.attrs["clock_dt"] == pytest.approx(5e-5) and recording.attrs["title"] == "gratings"
    assert json.loads(recording.attrs["missing"]) == ["stimulus_on, stimulus_off (taken from the trial)",
                                                      "block, phase, cs_type (empty)"]
    for ours, theirs in zip(spike_trains(recording, 0, "V1"), block.segments[0].spiketrains, strict=True):
        np.testing.assert_array_equal(ours, theirs.magnitude)


def test_segments_are_trials(recording, block):
    """The same trains cut into one segment a trial, each with a clock of its own."""
    cut = neo.Block(name="cut")
    for k in range(TRIALS):
        own = neo.Segment(stimulus=("up", "down")[k % 2])
        start, stop = k * LASTING * pq.s, (k + 1) * LASTING * pq.s
        own.spiketrains.extend([train.time_slice(start, stop).time_shift(-start)
                                for train in block.segments[0].spiketrains])
        cut.segments.append(own)
    with pytest.warns(UserWarning):
        again = from_neo(cut)
    np.testing.assert_allclose(responses(again, "V1"), responses(recording, "V1"))
    assert again["stimulus"].values.tolist() == recording["stimulus"].values.tolist()


def test_times_in_milliseconds(block):
    other = laboratory_block()
    trains = [train.rescale("ms") for train in other.segments[0].spiketrains]
    other.segments[0].spiketrains.clear()
    other.segments[0].spiketrains.extend(trains)
    with pytest.warns(UserWarning):
        again = from_neo(other)
    for ours, theirs in zip(spike_trains(again, 0, "V1"), block.segments[0].spiketrains, strict=True):
        np.testing.assert_allclose(ours, theirs.magnitude, rtol=1e-14)


def test_what_cannot_be_read(block):
    bare = laboratory_block()
    bare.segments[0].epochs.clear()
    with pytest.raises(RecordingError, match=r"no epoch 'trials'; use trials=None for the session as one trial"):
        from_neo(bare)
    with pytest.warns(UserWarning, match=r"trials \(the session is one\)"):
        whole = from_neo(bare, trials=None)
    assert whole.sizes["trial"] == 1
    two = laboratory_block()
    two.segments[0].epochs.append(neo.Epoch([0.0], [1.0], ["x"], units="s", name="licks"))
    with pytest.raises(RecordingError, match=r"no epoch 'trials'; choose one of 'gratings', 'licks' with trials=…"):
        from_neo(two)
    with pytest.raises(RecordingError, match=r"has no spike trains"):
        from_neo(neo.Block())
    uneven = laboratory_block()
    uneven.segments.append(neo.Segment())
    uneven.segments[1].spiketrains.append(block.segments[0].spiketrains[0])
    with pytest.raises(RecordingError, match=r"segments with different numbers of spike trains"):
        from_neo(uneven)


# Elephant as the reference

@pytest.fixture(scope="module")
def elephant():
    return pytest.importorskip("elephant")


def elephants_counts(trains, width, t_stop=None):
    from elephant.conversion import BinnedSpikeTrain

    return BinnedSpikeTrain(trains, bin_size=width * pq.s, t_start=0 * pq.s,
                            t_stop=(t_stop or TRIALS * LASTING) * pq.s).to_array()


def test_rates_are_elephants(elephant, recording, block):
    """But for a silent unit's in a window, which Elephant refuses to give and we say is 0."""
    from elephant.statistics import mean_firing_rate

    ours, heard = responses(recording, "V1").values[0], [k for k in range(CELLS) if k != 2]
    for trial in range(TRIALS):
        start, stop = trial * LASTING * pq.s, (trial + 1) * LASTING * pq.s
        theirs = [mean_firing_rate(block.segments[0].spiketrains[k], start, stop).item() for k in heard]
        np.testing.assert_allclose(ours[trial, heard], theirs, rtol=1e-12)
    assert (ours[:, 2] == 0).all() and (ours[:, :2] > 0).all()
    whole = [mean_firing_rate(train).rescale("Hz").item() for train in block.segments[0].spiketrains]
    np.testing.assert_allclose(mean_rate(recording, "V1")[0], whole, rtol=1e-12)


@pytest.mark.parametrize("width", [0.01, 0.05, 0.5])
def test_binned_counts_are_elephants(elephant, recording, block, width):
    ours = spike_counts(recording, "V1", width).values[0]
    ours = ours.transpose(1, 0, 2).reshape(CELLS, -1)
    np.testing.assert_array_equal(ours, elephants_counts(list(block.segments[0].spiketrains), width))


def test_bins_of_a_simulation_are_elephants(elephant, simulated):
    """Spikes of a clock fall on the edges of bins: where Elephant rounds them to, we count in whole ticks."""
    trains = list(to_neo(simulated, 0).segments[0].spiketrains)
    order = np.argsort(simulated["position"].values[0])
    ours = np.concatenate([spike_counts(simulated, name, 1e-3, 0.01, 0.04).values[0][order] for name in ("in", "out")],
                          axis=1).transpose(1, 0, 2).reshape(9, -1)
    np.testing.assert_array_equal(ours, elephants_counts(trains, 1e-3, 0.15))


def test_correlations_are_elephants(elephant, recording, block):
    from elephant.conversion import BinnedSpikeTrain
    from elephant.spike_train_correlation import correlation_coefficient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the silent train
        theirs = correlation_coefficient(BinnedSpikeTrain(list(block.segments[0].spiketrains), bin_size=0.1 * pq.s,
                                                          t_start=0 * pq.s, t_stop=TRIALS * LASTING * pq.s))
    counts = spike_counts(recording, "V1", 0.1).values[0].transpose(1, 0, 2).reshape(CELLS, -1)
    ours = correlation_matrix(counts.astype(float))
    heard = np.arange(CELLS) != 2
    np.testing.assert_allclose(ours[np.ix_(heard, heard)], theirs[np.ix_(heard, heard)], rtol=1e-10)
    assert np.isnan(ours[2]).all() and np.isnan(ours[:, 2]).all()
    assert np.isnan(theirs[2, heard]).all()


def test_variability_is_elephants(elephant):
    """One trial, as Elephant knows of none."""
    from elephant.statistics import cv, cv2, isi

    block = laboratory_block()
    block.segments[0].epochs.clear()
    with pytest.warns(UserWarning):
        recording = from_neo(block, trials=None)
    heard = [k for k in range(CELLS) if k != 2]
    intervals = [isi(block.segments[0].spiketrains[k]).magnitude for k in heard]
    for ours, theirs in ((interval_cv, cv), (interval_cv2, cv2)):
        values = ours(recording, "V1").values[0]
        np.testing.assert_allclose(values[heard], [theirs(own) for own in intervals], rtol=1e-9)
        assert np.isnan(values[2])


@pytest.mark.parametrize("unit, known", [("1", "dimensionless"), ("volt/hertz", "V/Hz"), ("hertz", "Hz"),
                                         ("arbitrary units", "dimensionless")])
def test_units_that_neo_has_and_has_not(unit, known):
    example = EXAMPLES["graded"]()
    example = example.assign_coords(trace_unit=("trace", np.full(example.sizes["trace"], unit)))
    block = to_neo(example, 0)
    traces = [one for one in block.segments[0].analogsignals if one.annotations["variable"] == "trace_value"]
    assert traces and all(one.dimensionality.string == known for one in traces)
    assert from_neo(block)["trace_unit"].values.tolist() == [unit] * example.sizes["trace"]


def test_what_is_no_block_is_answered():
    block = to_neo(by_hand(), 0)
    for other, kind in (([block], "list"), (block.segments[0], "Segment"), (None, "NoneType")):
        with pytest.raises(RecordingError, match=rf"one neo.Block, not a {kind}; give one block, such as blocks\[0\]"):
            from_neo(other)
