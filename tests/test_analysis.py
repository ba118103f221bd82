"""Statistics of codes against closed forms, numpy, and counting by hand."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from brian2 import Hz, ms

from neuroam.analysis.contrast import difference, in_group, interaction, ratio
from neuroam.analysis.correlation import correlation_matrix, mean_correlation, stimulus_correlations
from neuroam.analysis.learning import TEMPERATURE, learning_curve, preference_index, valence
from neuroam.analysis.responses import responses, select
from neuroam.analysis.sparseness import coding_level, silent_fraction, spikes_per_response, treves_rolls, vinje_gallant
from neuroam.circuit import Circuit, Population
from neuroam.neurons import Drive, Poisson
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.recording import RecordingError, assemble, join
from neuroam.session import schedule
from neuroam.solvers.base import Outcome
from neuroam.wiring import wire

CELLS = 6
DT = 2.5e-4
CIRCUIT = Circuit("c", (Population("KC", CELLS, Poisson()), Population("MBON", 2, Drive())), (),
                  {"odour": "KC", "shock": "MBON"})


def trial(name, phase="", cs="", on=40*ms):
    return Trial(name, 60*ms, (Stimulus("odour", 0*Hz, on, 10*ms),), phase, cs)


def made(blocks, spikes, rates=None, groups=("control",), seeds=(0,)):
    """A recording with the given spikes [(tick, cell), …] and responses of the MBONs, by (group, seed)."""
    protocol = Protocol("p", "p", "", tuple(blocks), (Record("KC"), Record("MBON")))
    parts = []
    for seed in seeds:
        for group in groups:
            wired = wire(CIRCUIT, seed)
            session = schedule(protocol, wired, DT)
            given = np.array(spikes(group, seed, session), dtype=int).reshape(-1, 2)
            given = given[np.argsort(given[:, 0], kind="stable")]
            table = rates(group, seed) if rates else np.zeros((session.n_trials, 2))
            outcome = Outcome({"KC": (given[:, 0], given[:, 1])}, {"MBON": np.array(table, float)})
            parts.append(assemble(wired, session, outcome, Group(group)))
    recording = join(parts)
    recording.attrs["clock_dt"] = DT
    return recording


PAIR = (Block("a", (trial("one"), trial("two", on=20*ms))), Block("b", (trial("three"),)))


def test_spikes_on_the_edges_of_the_window_count_on_the_right_side():
    """The window is [on, off): ticks 40–199, 280–359 and 520–679 of 0.25 ms."""
    spikes = [(39, 0), (40, 1), (199, 2), (200, 3), (279, 0), (280, 1), (359, 2), (360, 3), (520, 4), (679, 4),
              (680, 4)]
    rates = responses(made(PAIR, lambda *_: spikes), "KC").values[0]
    np.testing.assert_allclose(rates, [[0, 25, 25, 0, 0, 0], [0, 50, 50, 0, 0, 0], [0, 0, 0, 0, 50, 0]], rtol=1e-12)


def test_responses_are_counts_over_durations():
    """300 random spikes in two animals, counted by hand."""
    def spikes(group, seed, session):
        rng = np.random.default_rng(seed)
        return np.unique(np.stack([rng.integers(0, 720, 300), rng.integers(0, CELLS, 300)], 1), axis=0)

    blocks = [replace(block, shuffle=True) for block in PAIR]
    recording = made(blocks, spikes, seeds=(3, 4))
    found = responses(recording, "KC")
    for a, seed in enumerate((3, 4)):
        session = schedule(Protocol("p", "p", "", tuple(blocks), (Record("KC"),)), wire(CIRCUIT, seed), DT)
        for row in session.presentations:
            for cell in range(CELLS):
                number = sum(row.on <= t < row.off and c == cell for t, c in spikes("", seed, session))
                assert found.values[a, row.trial, cell] == pytest.approx(number / ((row.off - row.on) * DT))


def test_silent_cells_answer_zero_and_do_not_vanish():
    recording = made(PAIR, lambda *_: [])
    assert responses(recording, "KC").values.tolist() == [[[0.0] * CELLS] * 3]
    assert float(coding_level(recording, "KC")[0]) == 0 and float(silent_fraction(recording, "KC")[0]) == 1
    assert np.isnan(spikes_per_response(recording, "KC")[0])
    assert np.isnan(mean_correlation(recording, "KC")[0])
    assert np.isnan(vinje_gallant(responses(recording, "KC"), "unit")).all()


def test_graded_responses_are_those_stored():
    recording = made(PAIR, lambda *_: [(50, 1)], lambda *_: [[1, 2], [3, 4], [5, 6]])
    assert responses(recording, "MBON", block="a").values.tolist() == [[[1, 2], [3, 4]]]


def test_groups_and_blocks_are_selected_with_their_spikes():
    def spikes(group, seed, session):
        return [(50, 0)] * (group == "other") + [(60, 1), (600, 2)]

    recording = made(PAIR, spikes, groups=("control", "other"), seeds=(7, 8))
    for group, level in (("control", 1 / CELLS), ("other", 2 / CELLS)):
        chosen = responses(recording, "KC", group, "a")
        assert chosen["group"].values.tolist() == [group] * 2 and chosen["seed"].values.tolist() == [7, 8]
        assert (chosen.values > 0).mean(axis=(1, 2)).tolist() == [pytest.approx(level / 2)] * 2
    assert select(recording, "other").sizes["spike"] == 6


@pytest.mark.parametrize("what, message", [
    ({"population": "KX"}, r"'KX' was not recorded; recorded: KC, MBON"),
    ({"population": "KC", "group": "x"}, r"no group 'x' .* there are: control"),
    ({"population": "KC", "block": "x"}, r"no block 'x' .* there are: a, b")])
def test_what_was_not_recorded_is_answered(what, message):
    with pytest.raises(KeyError, match=message):
        responses(made(PAIR, lambda *_: []), **what)


# sparseness

def as_rates(values):
    return xr.DataArray(np.atleast_2d(np.asarray(values, float)), dims=("trial", "unit"))


def test_sparseness_of_k_equal_answers_among_n():
    """k of n cells at one rate: Treves–Rolls a = k/n; Vinje–Gallant (1 − k/n)/(1 − 1/n)."""
    for k in range(1, 11):
        rates = as_rates(7.0 * (np.arange(10) < k))
        assert float(treves_rolls(rates, "unit")[0]) == pytest.approx(k / 10, rel=1e-12)
        assert float(vinje_gallant(rates, "unit")[0]) == pytest.approx((1 - k / 10) / 0.9, rel=1e-12, abs=1e-15)


def test_sparseness_of_unequal_answers():
    """Rates 1, 2, 3, 0: (6/4)²/(14/4) = 9/14."""
    rates = as_rates([1, 2, 3, 0])
    assert float(treves_rolls(rates, "unit")[0]) == pytest.approx(9 / 14, rel=1e-12)
    assert float(vinje_gallant(rates, "unit")[0]) == pytest.approx((1 - 9 / 14) / (3 / 4), rel=1e-12)
    assert vinje_gallant(as_rates([[1, 0], [1, 0], [1, 5]]), "trial").values[0] == pytest.approx(0, abs=1e-15)


def test_sparseness_does_not_depend_on_scale():
    rates = as_rates(np.random.default_rng(0).exponential(size=(5, 20)))
    xr.testing.assert_allclose(vinje_gallant(rates, "unit"), vinje_gallant(100 * rates, "unit"))


def test_levels_silence_and_spikes_per_response():
    """Trial one: cells 0 (3 spikes) and 1 (1); two: cell 1 (2 spikes); three: none. Durations differ."""
    spikes = [(50, 0), (60, 0), (70, 0), (80, 1), (300, 1), (310, 1)]
    recording = made(PAIR, lambda *_: spikes)
    assert float(coding_level(recording, "KC")[0]) == pytest.approx((2 / 6 + 1 / 6 + 0) / 3)
    assert float(silent_fraction(recording, "KC")[0]) == pytest.approx(4 / 6)
    assert float(spikes_per_response(recording, "KC")[0]) == pytest.approx((3 + 1 + 2) / 3)
    assert float(spikes_per_response(recording, "KC", block="a")[0]) == pytest.approx((3 + 1 + 2) / 3)


# correlation

def test_correlations_are_numpys():
    code = np.random.default_rng(0).poisson(1.0, (8, 30)).astype(float)
    np.testing.assert_allclose(correlation_matrix(code), np.corrcoef(code), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("constant", [0.0, 0.1, 3.7])
def test_a_code_without_variance_correlates_with_nothing(constant):
    code = np.random.default_rng(0).random((3, 7))
    code[1] = constant
    matrix = correlation_matrix(code)
    assert np.isnan(matrix[1]).all() and np.isnan(matrix[:, 1]).all()
    assert matrix[0, 2] == pytest.approx(np.corrcoef(code[0], code[2])[0, 1], rel=1e-12)


def test_mean_correlation_is_over_pairs_of_different_trials():
    def spikes(group, seed, session):
        rng = np.random.default_rng(seed)
        return [(row.on + k, c) for row in session.presentations for c in range(CELLS) for k in range(rng.poisson(2))]

    recording = made(PAIR, spikes, seeds=(1, 2))
    code = responses(recording, "KC").values
    for a in range(2):
        matrix = np.corrcoef(code[a])
        np.testing.assert_allclose(stimulus_correlations(recording, "KC").values[a], matrix, rtol=1e-9, atol=1e-12)
        assert float(mean_correlation(recording, "KC")[a]) == pytest.approx(
            (matrix[0, 1] + matrix[0, 2] + matrix[1, 2]) / 3, rel=1e-9)


# learning and comparisons

PHASES = ("baseline", "training", "test")
CONDITIONING = [Block(name, tuple(trial(f"{phase} {cs}", phase, cs) for phase in PHASES for cs in ("CS+", "CS-")))
                for name in ("one", "other")]


def mbons(group, seed):
    """Trials: baseline ±, training ±, test ± in two blocks. Only the tests of the first block are unbalanced."""
    even, plus, minus = [[4, 4]] * 4, [[1 + seed, 3 + seed], [3, 1]], [[2, 2], [0, 0]]
    return even + plus + even + minus


def test_preference_index_in_closed_form():
    """Valences −2/(4 + 2s) for CS+ and 1/2 for CS−: tanh((1/2 + 1/(2 + s))/T) in one block and 0 in the other."""
    recording = made(CONDITIONING, lambda *_: [], mbons, seeds=(0, 1, 2))
    found = preference_index(recording, ("one", "other")).values
    np.testing.assert_allclose(found, [0.5 * np.tanh((0.5 + 1 / (2 + s)) / TEMPERATURE) for s in (0, 1, 2)], rtol=1e-6)
    np.testing.assert_array_equal(preference_index(recording, ("other",)), 0.0)


def test_valence_is_the_relative_balance_and_0_in_silence():
    rates = xr.DataArray([[3.0, 1.0], [0.0, 2.0], [5.0, 5.0], [0.0, 0.0]], dims=("trial", "unit"))
    assert valence(rates).values.tolist() == [0.5, -1.0, 0.0, 0.0]


def test_swapping_the_odours_turns_the_preference_round():
    swapped = lambda g, s: (m := mbons(g, s)) and [m[k ^ 1] for k in range(len(m))]  # noqa: E731
    one, other = (preference_index(made(CONDITIONING, lambda *_: [], f), ("one",)) for f in (mbons, swapped))
    np.testing.assert_allclose(one, -other, rtol=1e-12)


def test_a_learning_curve_is_relative_to_the_naive_response():
    recording = made(CONDITIONING, lambda *_: [], lambda *_: [[4, 1], [8, 1], [2, 1], [8, 1], [1, 1], [6, 1]] * 2)
    np.testing.assert_allclose(learning_curve(recording, "one").values, [[1, 0.5, 0.25]])
    np.testing.assert_allclose(learning_curve(recording, "one", cs_type="CS-").values, [[1, 1, 0.75]])


def test_groups_are_compared_animal_by_animal():
    """Coding levels 1/6 + seed/6 in the control and twice that in the other group, animals out of order."""
    def spikes(group, seed, session):
        number = (1 + seed) * (2 if group == "other" else 1)
        return [(row.on, c) for row in session.presentations for c in range(number)]

    def level(recording, group):
        return coding_level(recording, "KC", group)

    def double(recording, group):
        return 2 * coding_level(recording, "KC", group)

    recording = made(PAIR, spikes, groups=("control", "other"), seeds=(2, 0, 1))
    np.testing.assert_allclose(in_group(recording, level, "control"), np.array([1, 2, 3]) / 6)
    np.testing.assert_allclose(difference(recording, level, "other", "control"), np.array([1, 2, 3]) / 6)
    np.testing.assert_allclose(ratio(recording, level, "other", "control"), [2, 2, 2])
    np.testing.assert_allclose(interaction(recording, double, level, "other", "control"), np.array([1, 2, 3]) / 6)
    silent = made(PAIR, lambda g, s, session: [], groups=("control", "other"))
    assert np.isnan(ratio(silent, level, "other", "control")).all()


@pytest.mark.parametrize("seeds, others", [([0, 1], [0, 2]), ([0, 1], [1]), ([0, 0], [0, 0])], ids=str)
@pytest.mark.parametrize("compare", [difference, ratio])
def test_groups_of_other_animals_are_not_paired(compare, seeds, others):
    def measure(recording, group):
        own = seeds if group == "one" else others
        return xr.DataArray(np.arange(len(own)) + 1.0, dims="animal", coords={"seed": ("animal", own)})

    with pytest.raises(RecordingError, match=r"'one' and 'two' cannot be paired.*the same in both groups"):
        compare(xr.Dataset(), measure, first="one", second="two")
