"""Free recall by a circuit: it takes the walk of the theory, item by item; measures on walks made up here; controls."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuroam import judge, simulate
from neuroam.analysis import free_recall as walks
from neuroam.analysis.plots_free_recall import law_figures, path_figures
from neuroam.circuit import as_rates
from neuroam.circuits.free_recall import DRAWS, chance, fatigue_left, free_recall, synapses, synapses_back
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.free_recall import recall_law, recall_walk, recalled, sparse_patterns
from neuroam.errors import DescriptionError
from neuroam.experiment import try_on
from neuroam.prediction import NOT_REPRODUCED, REPRODUCED
from neuroam.protocols import free_recall as protocols
from neuroam.recording import RecordingError
from neuroam.solvers import Numba
from neuroam.wiring import wire
from tests.little_memory import memory, spiking

LISTED, TURNING, NOISY = protocols.listed(16), protocols.turning(16), protocols.noisy(16)


# the circuit

def patterns(items=12, cells=400):
    return sparse_patterns(items, cells, np.random.default_rng(0), 0.05, exact=True).astype(float)


def test_synapses_are_the_patterns_a_little_changed_and_the_same_there_and_back():
    made = patterns()
    weight = synapses(made, 0.3)
    assert np.array_equal(weight, synapses_back(made, 0.3).T)
    assert np.array_equal(weight > 0, made > 0)
    assert all(1 < own[own > 0].max() / own[own > 0].min() < 1.3 for own in weight)
    np.testing.assert_allclose(weight.sum(axis=1), made.sum(axis=1))
    shared = (weight @ weight.T)[np.triu_indices(len(made), 1)]
    assert len(np.unique(shared[shared > 0])) == np.count_nonzero(shared)


@pytest.mark.parametrize("excluded", [1, 2])
def test_fatigue_excludes_as_many_items_as_it_should_whatever_was_recalled_before(excluded):
    """Leaky integration of walks that go round three items or wander; `left` is what each item has at each choice."""
    cycle, tau = 80e-3, 75e-3
    theta, half, whole = fatigue_left(excluded, cycle, tau), np.exp(-cycle / 2 / tau), np.exp(-cycle / tau)
    rng = np.random.default_rng(0)
    for walk in ([0, 1, 2] * 10, rng.permutation(30).tolist(), [0, 1, 2, 3, 0, 4, 5] * 4):
        left = np.zeros(30)
        for n, item in enumerate(walk):
            left = left * whole + (np.arange(30) == item) * (1 - half) * half
            assert set(np.flatnonzero(left > theta)) == set(walk[max(0, n + 1 - excluded): n + 1])


def test_noise_makes_choices_of_a_temperature():
    """P ∝ exp(S/T), four standard errors."""
    similarity, temperature = np.array([0.0, 1.0, 3.0]), 2.0
    draws = [np.argmax(similarity + temperature * chance({f"draw {k}": 1.0}, 3)) for k in range(4000)]
    expected = np.exp(similarity / temperature) / np.exp(similarity / temperature).sum()
    found = np.bincount(draws, minlength=3) / len(draws)
    assert np.all(abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / len(draws)))
    assert not chance({}, 3).any()


@pytest.mark.parametrize("settings", [{"items": 3}, {"level": 0.001}, {"excluded": 3}, {"temperature": -1.0},
                                      {"spread": 0.0}])
def test_refusals(settings):
    with pytest.raises(DescriptionError, match=f"free_recall: {next(iter(settings))} is"):
        free_recall(**settings)


# the walk

LEVELS = {"rate": lambda circuit, dt: (as_rates(circuit), Numba(dt=dt)),
          "effective": lambda circuit, dt: (circuit, Adiabatic(dt=dt))}


def run(level, groups, transitions=18, animals=1, dt=None, **settings):
    protocol = protocols.free_recall(transitions=transitions)
    protocol = replace(protocol, groups=tuple(g for g in protocol.groups if g.name in groups))
    circuit, solver = LEVELS[level](free_recall(cells=400, **settings), dt or float(protocol.dt))
    return simulate(circuit, protocol, solver, animals=animals, seed=3)


@pytest.fixture(scope="module", params=LEVELS)
def recording(request):
    return run(request.param, (LISTED, TURNING, NOISY))


def similarity(items):
    weight = synapses(wire(free_recall(cells=400, items=items), 3).patterns, 0.3)
    return weight @ weight.T


@pytest.mark.parametrize("group, rule", [(LISTED, {}), (TURNING, {"turn_back": True})])
def test_the_circuit_takes_the_walk_of_the_theory_item_by_item(recording, group, rule):
    for start, path in enumerate(walks.paths(recording, group)[0].tolist()):
        expected = recall_walk(similarity(16), start, **rule).tolist()
        assert walks.until_repeated(path) == expected[: len(path)]
        assert len(path) == 19 and len(expected) < 19


def test_a_coarser_clock_takes_the_same_walk():
    """At the effective level, where no time constant of 2 ms needs to be resolved; a cycle has 16 steps then."""
    made = run("effective", (LISTED,), dt=5e-3)
    for start, path in enumerate(walks.paths(made, LISTED)[0].tolist()):
        assert walks.until_repeated(path) == recall_walk(similarity(16), start).tolist()


def test_it_recalls_as_many_items_as_the_theory(recording):
    expected = [recalled(recall_walk(similarity(16), start)) for start in range(8)]
    assert walks.recalled(recording, LISTED).item() == np.mean(expected)
    assert walks.closed(recording, LISTED).item() == 1


def test_the_rule_holds_and_must_fail_where_it_is_broken(recording):
    assert walks.turned_back(recording, LISTED).item() == 0 and walks.consistency(recording, LISTED).item() == 1
    assert walks.turned_back(recording, TURNING).item() > 0.5
    assert walks.recalled(recording, TURNING).item() < walks.recalled(recording, LISTED).item()
    assert walks.consistency(recording, NOISY).item() < 0.8


def test_protocol_fits_the_circuit_at_both_levels_and_never_runs_out_of_noise():
    protocol = protocols.free_recall()
    for level in LEVELS:
        circuit, solver = LEVELS[level](free_recall(), float(protocol.dt))
        _, session = try_on(circuit, protocol, solver)
    assert session.n_trials == protocols.STARTS
    draws = {s.what for t in protocol.blocks[0].trials for s in t.stimuli if s.port == "chance"}
    assert len(draws) == 8 * 61 and protocols.STARTS * (protocols.MOST + 1) <= DRAWS


def test_without_controls_the_lists_are_the_same_and_nothing_else_is_run():
    alone, whole = protocols.free_recall(18, controls=False), protocols.free_recall(18)
    assert alone.groups == whole.groups[:len(protocols.PUBLISHED)]
    assert [p.claim for p in alone.predictions] == [p.claim for p in whole.predictions][:len(alone.predictions)]
    assert not any("noisy" in p.claim or "may turn" in p.claim for p in alone.predictions)
    small = [replace(p, groups=whole.groups[1:2]) for p in (alone, whole)]
    found = [simulate(free_recall(cells=400), p, Adiabatic(5e-3), 1, 3) for p in small]
    assert walks.paths(found[0]).tolist() == walks.paths(found[1]).tolist()


@pytest.mark.parametrize("transitions", [1, 121])
def test_walks_too_short_or_too_long_are_refused(transitions):
    with pytest.raises(DescriptionError, match=f"transitions is {transitions}"):
        protocols.free_recall(transitions=transitions)


def test_figures_show_the_numbers_and_where_walks_repeat(recording):
    curves = {"listed": {LISTED: 16}, "back": {TURNING: 16}}
    ax = law_figures({"rate": recording}, curves)["rate"].axes[0]
    assert [line.get_ydata()[0] for line in ax.lines[:2]] == [walks.recalled(recording, group).item()
                                                             for group in (LISTED, TURNING)]
    assert ax.lines[2].get_ydata()[0] == recall_law(16)
    panel = path_figures({"rate": recording}, (LISTED, TURNING))["rate"].axes[0]
    rings = [line.get_xdata()[0] for line in panel.lines if len(line.get_xdata()) == 1]
    paths = walks.paths(recording, LISTED)[0][:3].tolist()
    assert rings == [len(walks.until_repeated(path)) + 1 for path in paths]


# the measures

def walked(*paths):
    """A recording of walks over 6 items, sampled every 100 ticks in trials of 400 or so, the first sample empty."""
    steps = len(paths[0]) + 1
    trace = np.zeros((1, steps * len(paths), 6))
    for k, path in enumerate(paths):
        trace[0, k * steps, 5] = 1
        for n, item in enumerate(path):
            trace[0, k * steps + n + 1, item] = 1
    names = [f"from item {k + 1}" for k in range(len(paths))]
    made = memory(np.zeros((1, len(paths), 6)), names, [f"item {k + 1}" for k in range(6)], trace, 100)
    for edge in ("start_time", "stop_time"):
        shift = edge == "stop_time"
        made[edge] = (("animal", "trial"), (np.arange(len(paths))[None] + shift) * steps * 0.1)
    return made


def test_paths_are_read_from_overlaps_in_time():
    paths = [[0, 1, 2, 0, 1], [3, 4, 3, 4, 3]]
    assert walks.paths(walked(*paths))[0].tolist() == paths
    with pytest.raises(RecordingError, match="`every`"):
        walks.paths(spiking([[]], ["a"], 2))


@pytest.mark.parametrize("path, expected", [([0, 1, 2, 0, 1], [0, 1, 2, 0]), ([3, 4, 3, 4, 3], [3, 4, 3]),
                                            ([0, 1, 2, 3], [0, 1, 2, 3]), ([0, 1, 0, 2, 0, 1], [0, 1, 0, 2, 0])])
def test_a_walk_ends_where_a_transition_would_repeat(path, expected):
    assert walks.until_repeated(path) == expected


def test_counts_on_walks_made_up():
    made = walked([0, 1, 2, 0, 1, 2, 0], [3, 4, 3, 4, 3, 4, 3], [0, 1, 3, 2, 4, 5, 0])
    assert walks.recalled(made).item() == pytest.approx((3 + 2 + 6) / 3)
    assert walks.over_law(made, 6).item() == pytest.approx(11 / 3 / recall_law(6))
    assert walks.over_expected(made, {"control": 11.0}).tolist() == pytest.approx([1 / 3])
    assert walks.closed(made).item() == pytest.approx(2 / 3)
    assert walks.turned_back(made).item() == pytest.approx((0 + 1 + 0) / 3)
    # (0,1) → 2, 2 and 3; (1,2) → 0, 0; (3,4) → 3 three times; (4,3) → 4 twice; (2,0) → 1 once
    assert walks.consistency(made).item() == pytest.approx((2 + 2 + 3 + 2) / (3 + 2 + 3 + 2))


def test_law_is_that_of_the_theory():
    assert [walks.law(items) for items in (8, 100)] == [recall_law(items) for items in (8, 100)]


@pytest.mark.slow
def test_no_claim_fails_and_all_but_those_on_single_lists_are_decided():
    protocol = protocols.free_recall()
    circuit, solver = LEVELS["rate"](free_recall(), float(protocol.dt))
    verdicts = judge(simulate(circuit, protocol, solver, animals=50, seed=1), protocol)
    assert NOT_REPRODUCED not in {v.verdict for v in verdicts}
    assert {v.verdict for v in verdicts if "over the law's" not in v.claim} == {REPRODUCED}
