"""Published figures of the correlated memory: range, modes, communities and sequences, with controls that fail."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr
from scipy.cluster.vq import kmeans2

from neuroam.effective.correlated import Correlated, noisy, uniform_memories
from neuroam.effective.correlated_measures import (
    MODES,
    association_range,
    by_distance,
    classify_mode,
    community_correlation,
    correlations,
    effective_memories,
    mean_step,
    overlaps_in_time,
    predict_mode,
    selection_threshold,
)
from neuroam.effective.correlated_phases import phase_diagram
from neuroam.errors import DescriptionError
from neuroam.graphs import cycle, distances, karate, ring_lattice, schapiro, shuffled

C30 = cycle(30)


def relaxed(graph, auto, hetero, seed, steps=100, step_size=0.1, neurons=1000, **settings):
    """Model and final states from noisy starts at every memory, as published."""
    rng = np.random.default_rng(seed)
    patterns = uniform_memories(len(graph.adjacency), neurons, rng)
    model = Correlated(patterns, graph, auto, hetero, **settings)
    return model, model.relax(noisy(patterns, rng), steps, step_size, overshoot="accept")


def mean_curve(graph, auto, hetero, seeds, **settings):
    distance = distances(graph.adjacency)
    curves = [by_distance(correlations(relaxed(graph, auto, hetero, seed, **settings)[1]), distance) for seed in seeds]
    return np.mean(curves, axis=0)


# range

RANGE = {  # correlation of attractors at distance 1, 2, 3, 5 and 11 on the cycle of 30: read off the published figure
    (1, 0): ((-0.03, -0.03, -0.03, -0.03, -0.03), 0.05),
    (0.5, 0.5): ((0.63, 0.09, -0.11, -0.10, -0.09), 0.05),
    (-0.5, 1.5): ((0.77, 0.55, 0.32, -0.05, -0.22), 0.05),
    (-2, 3): ((0.65, 0.52, 0.44, 0.14, -0.31), 0.10),
}


@pytest.mark.parametrize("setting", RANGE)
def test_range_of_recall(setting):
    """Burns 2024, correlation against graph distance; ten seeds."""
    expected, tolerance = RANGE[setting]
    curve = mean_curve(C30, *setting, seeds=range(10))
    assert curve[[1, 2, 3, 5, 11]] == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    "setting, expected", [((-0.5, 1.5), (0.81, 0.66, 0.50, 0.23, 0.01)), ((-2, 3), (0.74, 0.64, 0.57, 0.41, 0.09))]
)
def test_the_printed_background_gives_other_curves(setting, expected):
    """κ = 1/n, as the formula has it, is not what the figures were made with."""
    curve = mean_curve(C30, *setting, seeds=range(10), background=1e-3)[[1, 2, 3, 5, 11]]
    assert curve == pytest.approx(expected, abs=0.05)
    assert abs(curve - RANGE[setting][0]).max() > 2 * RANGE[setting][1]


def test_a_short_step_sharpens_the_most_anti_hebbian_curve():
    """(−2, 3) at η = .1 overshoots; where the flow really goes, neighbours correlate at .88."""
    blurred = mean_curve(C30, -2, 3, seeds=range(5))[1]
    assert mean_curve(C30, -2, 3, seeds=range(5), steps=1000, step_size=0.01)[1] > blurred + 0.2
    for setting in ((1, 0), (0.5, 0.5)):
        long, short = (mean_curve(C30, *setting, seeds=[0], steps=s, step_size=10 / s) for s in (100, 1000))
        assert long == pytest.approx(short, abs=0.001)


@pytest.mark.parametrize("auto, expected", [(1, 0), (0.5, 2), (0.2, 3), (0, 4), (-0.5, 5), (-1, 5), (-2, 8)])
def test_association_range_after_a_fixed_order(auto, expected):
    """97 memories on a cycle, h = 1 − a (after Miyashita 1988). Where the mean of ten seeds is within .03 of the limit
    the range may be one more or less."""
    curve = mean_curve(cycle(97), auto, 1 - auto, seeds=range(10), steps=150)
    assert expected in {int(association_range(curve, limit)) for limit in (0.02, 0.05, 0.08)}


@pytest.mark.parametrize("auto", [-3, -4])
def test_loss_of_association_is_the_steps_doing(auto):
    """At η = .1 nothing is left of the correlations; with a step that is stable the range goes on growing."""
    lost = mean_curve(cycle(97), auto, 1 - auto, seeds=[0, 1], steps=150)
    assert np.all(lost[1:] < 0.15)
    held = mean_curve(cycle(97), auto, 1 - auto, seeds=[0, 1], steps=2000, step_size=0.01)
    assert association_range(held) > 8 and held[1] > 0.85


# modes


def starts_kept(auto, hetero, seed=0):
    model, states = relaxed(C30, auto, hetero, seed, neurons=4000)
    return (np.diagonal(model.attention(states)) > 0.99).mean()


def test_a_memory_holds_itself_above_half_the_hetero_association():
    """Sharp only without crosstalk: with 4000 neurons .15 of the starts hold at a = h/2, .86 at .05 above it."""
    kept = [np.mean([starts_kept(auto, 1, seed) for seed in range(3)]) for auto in (0.45, 0.50, 0.55, 0.60)]
    assert kept[0] < 0.05 and kept[1] < 0.3 and kept[2] > 0.7 and kept[3] > 0.95


@pytest.mark.parametrize("auto, hetero", [(1, 1), (1, 0.5), (1, -1), (2, 1)])
def test_own_and_neighbour_correlation(auto, hetero):
    """a and h/2 over √(a² + h²/2)."""
    model, states = relaxed(C30, auto, hetero, seed=0, neurons=4000)
    overlap = by_distance(correlations(states, model.patterns), distances(C30.adjacency))
    scale = np.hypot(auto, hetero / np.sqrt(2))
    assert overlap[:2] == pytest.approx([auto / scale, hetero / 2 / scale], abs=0.05)


@pytest.mark.parametrize("beside, selects", [(0.8, False), (1.0, True)])
@pytest.mark.parametrize("hetero", [1, 1.5])
def test_the_state_without_a_memory_loses_stability_at_the_threshold(beside, selects, hetero):
    """a + h λ₂ against p/(β n v) = .9 at N = 4000, β = .1; κ = a + h puts that state at zero exactly."""
    auto = beside - hetero * np.cos(2 * np.pi / 30)
    rng = np.random.default_rng(0)
    model = Correlated(uniform_memories(30, 4000, rng), C30, auto, hetero, gain=0.1, background=auto + hetero)
    assert selection_threshold(model) == pytest.approx(0.9, abs=0.02)
    states = model.relax(0.01 * rng.normal(size=(3, 4000)), 2000, overshoot="accept")
    assert (states.std() > 0.1 * model.patterns.std()) == selects
    assert predict_mode(model) == MODES[2 if selects else 3]


AUTOS, HETEROS = (-2, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2), (-1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2, 2.5, 3)


def test_modes_on_the_cycle():
    """The rules and the simulation agree at nine points of ten, and each is found where it should be."""
    found = phase_diagram(C30, AUTOS, HETEROS)["mode"][1]
    patterns = uniform_memories(30, 1000, np.random.default_rng(0))
    rules = np.array([[MODES.index(predict_mode(Correlated(patterns, C30, a, h))) for h in HETEROS] for a in AUTOS])
    assert set(rules.ravel()) == {0, 1, 2, 3}
    assert np.all((found == rules).mean(axis=(1, 2)) > 0.9)
    at = {(a, h): set(found[:, i, j].tolist()) for i, a in enumerate(AUTOS) for j, h in enumerate(HETEROS)}
    assert all(at[point] == {0} for point in ((1, 0), (2, 0), (1, -1), (1.5, 0.25)))
    assert all(at[point] == {1} for point in ((1, 1), (0.5, 0.5), (2, 2)))
    assert all(at[point] == {2} for point in ((-0.5, 1.5), (0, 1), (-1, 2), (-2, 3)))
    assert all(at[point] == {3} for point in ((-2, 1), (-1, 1), (-0.5, 0.5), (-0.5, -1), (-2, 0), (-1, -0.5)))


def test_phase_diagram_is_what_single_runs_give():
    plane = phase_diagram(schapiro(), [0.5, -0.5], [0.5, 1.5], neurons=500, seeds=[7], steps=300, step_size=0.03)
    for i, auto in enumerate([0.5, -0.5]):
        for j, hetero in enumerate([0.5, 1.5]):
            model, states = relaxed(schapiro(), auto, hetero, 7, 300, 0.03, neurons=500)
            pairs = correlations(states)
            at = {name: values[0, i, j] for name, (dims, values) in plane.items() if dims[:1] == ("seed",) != dims}
            assert MODES[at["mode"]] == classify_mode(model, states)
            assert at["correlation"] == pytest.approx(by_distance(pairs, distances(schapiro().adjacency)))
            assert (at["within"], at["between"]) == pytest.approx(community_correlation(pairs, schapiro().communities))
            assert at["spread"] == pytest.approx((states.std(axis=1)).mean() / model.patterns.std(axis=1).mean())
            assert at["active"] == pytest.approx((correlations(states, model.patterns) > 0.1).sum(axis=1).mean())
    dataset = xr.Dataset(plane)
    assert dataset["mode"].dims == ("seed", "auto", "hetero")
    assert dataset["correlation"].sel(seed=7, auto=0.5, hetero=1.5, distance=0) == 1


def test_phase_diagram_marks_where_the_step_is_too_long():
    plane = phase_diagram(C30, [1, -3], [0, 4], seeds=[0])
    assert plane["mode"][1][0, 1, 1] == -1 and plane["jump"][1][0, 1, 1] > 1
    assert plane["jump"][1][0, 0, 0] == 0
    assert phase_diagram(C30, [-3], [4], seeds=[0], steps=1500, step_size=0.01)["mode"][1].item() == 2


def test_what_is_lost_is_not_measured_and_the_step_is_told():
    """Schapiro's graph on h = 1 − a: a = −3 and −4 are lost, to jumps that are irregular."""
    plane = phase_diagram(schapiro(), [0, -3, -4], [1, 4, 5], seeds=[0, 1])
    assert np.all(plane["mode"][1][:, 0, 0] >= 0) and np.all(np.isnan(plane["longest_step"][1][:, 0, 0]))
    for at, step in ((1, 0.026), (2, 0.020)):
        assert np.all(plane["mode"][1][:, at, at] == -1)
        assert plane["longest_step"][1][:, at, at] == pytest.approx(step, abs=0.002)
        for name in ("active", "correlation", "range", "within", "between"):
            assert np.all(np.isnan(plane[name][1][:, at, at])) and np.all(np.isfinite(plane[name][1][:, 0, 0])), name
    held = phase_diagram(schapiro(), [-3], [4], seeds=[0], steps=1500, step_size=0.02)
    assert held["mode"][1].item() >= 0 and held["jump"][1].item() == 0
    assert (held["within"][1].item(), held["between"][1].item()) == pytest.approx((1.00, -0.45), abs=0.05)


@pytest.mark.parametrize("change", [{"step_size": -0.1}, {"step_size": 3}, {"step_size": np.nan}, {"steps": 0},
                                    {"steps": 1.5}, {"seeds": 3}, {"seeds": []}, {"autos": [0, np.nan]},
                                    {"heteros": 1}, {"noise": -1}])
def test_planes_that_make_no_sense_are_refused(change):
    with pytest.raises(DescriptionError):
        phase_diagram(C30, **({"autos": [0.0], "heteros": [1.0]} | change))


# communities

COMMUNITIES = {  # within and between, h = 1 − a
    schapiro: {
        1: (-0.07, -0.07),
        0.5: (0.34, -0.24),
        0: (1.00, -0.49),
        -0.5: (1.00, -0.48),
        -1: (0.99, -0.45),
        -2: (0.82, -0.32),
    },
    karate: {
        1: (-0.03, -0.03),
        0.5: (0.03, -0.07),
        0: (0.29, -0.24),
        -0.5: (0.51, -0.33),
        -1: (0.69, -0.45),
        -2: (0.67, -0.37),
    },
}
CASES = [(graph, auto) for graph, row in COMMUNITIES.items() for auto in row]


def attractor_pairs(graph, auto, seed):
    return correlations(relaxed(graph, auto, 1 - auto, seed, steps=200)[1])


def agreement(graph, auto, seed):
    """Adjusted Rand index of the attractors' clusters with the communities."""
    labels = clusters(attractor_pairs(graph, auto, seed), len(set(graph.communities)), np.random.default_rng(seed))
    return adjusted_rand(labels, graph.communities)


def clusters(rows, number, rng):
    """k-means, the best of ten."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy reports an empty cluster, which another start avoids
        found = [kmeans2(rows, number, minit="++", rng=rng, iter=50) for _ in range(10)]
    return min(found, key=lambda one: ((rows - one[0][one[1]]) ** 2).sum())[1]


def adjusted_rand(labels, communities):
    """Hubert & Arabie 1985."""

    def pairs_in(counts):
        return (counts * (counts - 1) / 2).sum()

    table = np.array([[((labels == a) & (communities == b)).sum() for b in set(communities)] for a in set(labels)])
    rows, columns, total = pairs_in(table.sum(1)), pairs_in(table.sum(0)), pairs_in(table.sum())
    by_chance = rows * columns / total
    return (pairs_in(table) - by_chance) / ((rows + columns) / 2 - by_chance)


@pytest.mark.parametrize("make, auto", CASES)
def test_communities(make, auto):
    graph = make()
    pairs = np.array([attractor_pairs(graph, auto, seed) for seed in range(10)])
    found = np.mean(community_correlation(pairs, graph.communities), axis=1)
    assert found == pytest.approx(COMMUNITIES[make][auto], abs=0.1)


def test_scale_grows_as_auto_association_falls():
    """The number of memories in a state, on the karate graph."""
    runs = [[relaxed(karate(), auto, 1 - auto, seed, steps=200) for seed in range(5)] for auto in (1, 0.5, 0, -0.5, -1)]
    shared = [np.mean([effective_memories(*run).mean() for run in row]) for row in runs]
    assert shared == pytest.approx([1.0, 1.0, 4.0, 8.2, 11.8], abs=1.5) and np.all(np.diff(shared[1:]) > 2)


def test_clusters_are_the_communities():
    assert np.mean([agreement(schapiro(), 0, seed) for seed in range(5)]) == 1
    for auto, expected in ((1, 0.05), (0, 0.77), (-0.5, 0.86), (-1, 0.86)):
        found = np.mean([agreement(karate(), auto, seed) for seed in range(10)])
        assert found == pytest.approx(expected, abs=0.15)


def test_no_communities_in_the_controls():
    """Graphs of the same degrees: what the communities' labels divide is not divided by the states."""
    labels = schapiro().communities
    for control in (ring_lattice(15, 4), shuffled(schapiro(), seed=3)):
        gaps = []
        for seed in range(5):
            within, between = community_correlation(correlations(relaxed(control, 0, 1, seed, steps=200)[1]), labels)
            gaps.append(within - between)
        assert np.mean(gaps) < 0.9 < 1.3  # 1.49 on the graph with communities


def test_community_labels_need_two_communities():
    with pytest.raises(DescriptionError, match="two communities"):
        community_correlation(np.eye(4), np.zeros(4))


# sequences

SETTINGS = ((1, 0), (0.5, 0.5), (0, 1), (0, 3), (-1, 3), (-1.5, 3), (-2, 3), (-2, 3.5))


def replay(patterns, setting, gain, step_size, rng, **how):
    model = Correlated(patterns, cycle(len(patterns), directed=True), *setting, gain=gain, **how)
    return overlaps_in_time(model, noisy(patterns, rng), 100, step_size)


def smooth_frames(frames, neurons, rng, width=1.5):
    """Frames on a ring that resemble those before and after, as of a film: filtered noise, within 0…1."""
    apart = np.minimum(np.arange(frames), frames - np.arange(frames))
    kernel = np.fft.fft(np.exp(-((apart / width) ** 2) / 2))
    noise = np.fft.ifft(np.fft.fft(rng.normal(size=(frames, neurons)), axis=0) * kernel[:, None], axis=0).real
    return (noise - noise.min()) / np.ptp(noise)


@pytest.mark.parametrize(
    "gain, step_size, expected",
    [
        (0.6, 0.2, (0, 0.06, 0.49, 0.51, 0.99, 1.00, 1.00, 1.00)),
        (1, 0.1, (0, 0.02, 0.33, 0.41, 0.54, 0.89, 0.98, 0.95)),
    ],
)
def test_speed_of_replay(gain, step_size, expected):
    found = np.zeros((3, len(SETTINGS)))
    for seed, row in enumerate(found):
        for k, setting in enumerate(SETTINGS):
            rng = np.random.default_rng(seed)
            overlaps = replay(uniform_memories(49, 2000, rng), setting, gain, step_size, rng)
            row[k] = mean_step(overlaps, signed=False).mean()
    assert found.mean(axis=0) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(
    "gain, step_size, expected",
    [
        (0.6, 0.2, (0, 0.08, 0.21, 0.22, 0.35, 0.47, 0.68, 0.53)),
        (1, 0.1, (0, 0.03, 0.10, 0.11, 0.18, 0.25, 0.38, 0.30)),
    ],
)
def test_anti_hebbian_terms_speed_up_a_film(gain, step_size, expected):
    """The published order: slowest without them, then (−1, 3), (−1.5, 3), (−2, 3.5), and (−2, 3) fastest."""
    rng = np.random.default_rng(0)
    frames = smooth_frames(49, 2000, rng)
    speeds = {}
    for setting in SETTINGS:
        overlaps = replay(frames, setting, gain, step_size, rng)
        speeds[setting] = mean_step(overlaps).mean()
        assert overlaps[50:].max(axis=-1).mean() > 0.9
    order = [(0, 1), (-1, 3), (-1.5, 3), (-2, 3.5), (-2, 3)]
    assert sorted(order, key=speeds.get) == order
    assert list(speeds.values()) == pytest.approx(expected, abs=0.06)


def test_sense_of_the_arrows():
    rng = np.random.default_rng(0)
    patterns = uniform_memories(49, 2000, rng)
    speeds = [mean_step(replay(patterns, (-2, 3), 0.6, 0.2, rng, forward=forward)).mean() for forward in (True, False)]
    assert speeds == pytest.approx([1, -1], abs=0.01)
