"""Correlated memory: the equation itself, its exact reduction, its energy, the graphs, and steps that are too long."""

from __future__ import annotations

import sys
import warnings

import networkx
import numpy as np
import pytest
from scipy import sparse

from neuroam.effective.correlated import Correlated, noisy, uniform_memories
from neuroam.effective.correlated_measures import (
    classify_mode,
    community_correlation,
    correlations,
    overlaps_in_time,
)
from neuroam.effective.correlated_stability import StepTooLong, bounds, jumps, longest_step
from neuroam.errors import DescriptionError, Unsupported
from neuroam.graphs import (
    clique_ring,
    cycle,
    distances,
    karate,
    normalised,
    ring_lattice,
    rooms,
    schapiro,
    shuffled,
)

C30 = cycle(30)
LINE = np.array([[0, 1, 0], [0, 0, 1], [0, 0, 1]])


def memory(nodes=6, neurons=40, seed=0, graph=None, **settings):
    rng = np.random.default_rng(seed)
    return Correlated(uniform_memories(nodes, neurons, rng), cycle(nodes) if graph is None else graph, **settings)


def relaxed(graph, auto, hetero, seed, steps=100, step_size=0.1, neurons=1000, **settings):
    """Model and final states from noisy starts at every memory, as published."""
    rng = np.random.default_rng(seed)
    patterns = uniform_memories(len(graph.adjacency), neurons, rng)
    model = Correlated(patterns, graph, auto, hetero, **settings)
    return model, model.relax(noisy(patterns, rng), steps, step_size, overshoot="accept")


# the equation


@pytest.mark.parametrize("forward", [True, False])
def test_update_is_the_published_formula(forward):
    """Written out with memories as columns, as published."""
    adjacency = np.random.default_rng(1).random((6, 6))
    model = memory(graph=adjacency, auto=-0.7, hetero=1.9, gain=0.6, background=0.3, forward=forward)
    xi, sigma = model.patterns.T, np.random.default_rng(2).random(40)
    d = np.diag(adjacency.sum(axis=1) ** -0.5)
    m = d @ adjacency @ d
    q = -0.7 * xi + 1.9 * xi @ (m if forward else m.T).T
    weight = np.exp(0.6 * sigma @ xi) / np.exp(0.6 * sigma @ xi).sum()
    expected = sigma + 0.2 * (weight @ q.T - 0.3 * xi.mean(axis=1) - sigma)
    assert np.allclose(model.update(sigma, 0.2), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("forward, reached", [(True, 3), (False, 1)])
def test_association_goes_along_the_arrows_unless_told_otherwise(forward, reached):
    model = memory(neurons=500, graph=cycle(6, directed=True), auto=0, hetero=1, forward=forward)
    assert correlations(model.update(model.patterns[2], 1.0)[None], model.patterns).argmax() == reached


@pytest.mark.parametrize(
    "graph, settings, step_size, steps",
    [
        (C30, {"auto": 1, "hetero": 0}, 0.1, 100),
        (C30, {"auto": 0.5, "hetero": 0.5}, 0.1, 100),
        (C30, {"auto": -0.5, "hetero": 1.5, "background": 1e-3}, 0.02, 300),
        (C30, {"auto": -2, "hetero": 3}, 0.02, 300),
        (cycle(30, directed=True), {"auto": -2, "hetero": 3, "gain": 0.6}, 0.05, 30),
        (karate, {"auto": -1, "hetero": 2, "gain": 0.3}, 0.02, 300),
        (cycle(30, directed=True), {"auto": 0.2, "hetero": 0.6, "forward": False, "normalise": False}, 0.1, 60),
    ],
)
def test_reduction_is_exact(graph, settings, step_size, steps):
    graph = graph() if callable(graph) else graph
    rng = np.random.default_rng(3)
    model = Correlated(uniform_memories(len(graph.adjacency), 1000, rng), graph, **settings)
    starts = noisy(model.patterns, rng)
    full, late = model.relax_directly(starts, steps, step_size)
    reduced, late_reduced = model.relax_reduced(starts, steps, step_size)
    assert np.allclose(full, reduced, rtol=0, atol=1e-10)
    assert np.allclose(late, late_reduced, rtol=0, atol=1e-8)


def test_states_keep_their_shape_and_steps_add_up():
    model = memory(auto=0.5, hetero=0.5)
    starts = noisy(model.patterns, np.random.default_rng(0))
    together = model.relax(starts, 30)
    assert np.allclose(model.relax(starts[4], 30), together[4])
    assert np.allclose(model.relax(starts.reshape(2, 3, 40), 30).reshape(6, 40), together)
    assert np.allclose(model.relax(model.relax(starts, 10), 20), together)


def test_overlaps_in_time_are_those_of_the_states():
    model = memory(neurons=200, auto=-0.5, hetero=1.5, graph=cycle(6, directed=True))
    starts = noisy(model.patterns, np.random.default_rng(0))
    overlaps = overlaps_in_time(model, starts, steps=7)
    assert overlaps.shape == (7, 6, 6)
    states, _ = model.relax_directly(starts, 7, 0.1)
    assert np.allclose(overlaps[-1], correlations(states, model.patterns))


def test_softmax_does_not_overflow():
    model = memory(gain=1e5)
    assert np.isfinite(model.relax(100 * model.patterns, 5)).all()
    assert model.attention(model.patterns).sum(axis=1) == pytest.approx(1)


# energy


@pytest.mark.parametrize("auto", [1.0, 0.4, -0.8])
def test_without_links_the_field_is_the_gradient_of_the_energy(auto):
    model = memory(auto=auto, hetero=0, gain=1.3, background=0.7)
    states = np.random.default_rng(4).normal(size=(5, 40))
    h = 1e-5
    slope = np.array([(model.energy(states + h * e) - model.energy(states - h * e)) / (2 * h) for e in np.eye(40)]).T
    assert np.allclose(model.update(states, 1.0) - states, -slope, rtol=0, atol=1e-6)


@pytest.mark.parametrize("step_size", [0.05, 0.3, 1.0])
def test_energy_falls_without_links(step_size):
    model = memory(auto=1, hetero=0)
    states = noisy(model.patterns, np.random.default_rng(5))
    energies = []
    for _ in range(30):
        energies.append(model.energy(states))
        states = model.update(states, step_size)
    assert np.all(np.diff(energies, axis=0) < 1e-9)


def test_no_energy_with_links():
    with pytest.raises(Unsupported, match="no gradient"):
        memory(auto=1, hetero=0.1).energy(np.zeros(40))
    unlinked = memory(auto=1, hetero=0.1, graph=np.zeros((6, 6)), normalise=False)
    assert np.isfinite(unlinked.energy(np.zeros(40)))


def test_with_links_the_field_has_a_rotation():
    """The reason for the refusal: its Jacobian is not symmetric, and without links it is."""

    def asymmetry(hetero):
        model = memory(neurons=12, auto=0.5, hetero=hetero)
        state, h = model.patterns[0], 1e-5
        jacobian = np.array(
            [(model.update(state + h * e, 1.0) - model.update(state - h * e, 1.0)) / (2 * h) for e in np.eye(12)]
        )
        return abs(jacobian - jacobian.T).max() / abs(jacobian).max()

    assert asymmetry(0) < 1e-6 < 0.1 < asymmetry(1)


# what is refused


@pytest.mark.parametrize(
    "change, message",
    [
        ({"gain": 0}, "gain"),
        ({"gain": -1}, "gain"),
        ({"auto": np.nan}, "auto"),
        ({"hetero": np.inf}, "hetero"),
        ({"graph": cycle(5)}, "5 nodes for 6"),
        ({"graph": np.ones((6, 5))}, "square"),
        ({"graph": np.full((6, 6), np.nan)}, "not finite"),
        ({"graph": np.eye(6, k=1), "hetero": 1}, "node 5 sum to 0"),
        ({"graph": -np.ones((6, 6)), "hetero": 1}, "normalise=False"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(DescriptionError, match=message):
        memory(**change)


@pytest.mark.parametrize("patterns", [np.ones(5), np.ones((0, 4)), np.array([[1.0, np.nan], [0, 1]])])
def test_bad_patterns_are_refused(patterns):
    with pytest.raises(DescriptionError, match="pattern"):
        Correlated(patterns, np.ones((2, 2)))


def test_bad_states_and_steps_are_refused():
    model = memory()
    for call in (
        lambda: model.update(np.zeros(39)),
        lambda: model.attention(3.0),
        lambda: model.relax(np.zeros(41)),
        lambda: model.relax(np.zeros(40), step_size=0),
        lambda: model.relax(np.zeros(40), step_size=1.5),
        lambda: model.relax(np.zeros(40), steps=0),
        lambda: model.relax(np.zeros(40), steps=2.5),
        lambda: model.relax(np.full(40, np.nan)),
        lambda: overlaps_in_time(model, model.patterns, step_size=-1),
        lambda: overlaps_in_time(model, model.patterns, step_size=3),
        lambda: overlaps_in_time(model, model.patterns, steps=0),
        lambda: overlaps_in_time(model, model.patterns[0]),
        lambda: model.relax(np.zeros(40), overshoot="maybe"),
    ):
        with pytest.raises(DescriptionError):
            call()


@pytest.mark.parametrize(
    "states, message",
    [
        (np.ones(40), "one state a row"),
        (np.ones((3, 41)), "40 neurons"),
        (np.zeros((0, 40)), "one state a row"),
        (np.full((2, 40), np.nan), "state 0 is not finite"),
    ],
)
def test_states_without_a_mode_are_refused(states, message):
    with pytest.raises(DescriptionError, match=message):
        classify_mode(memory(), states)


def test_correlations_need_rows_over_the_same_neurons():
    with pytest.raises(DescriptionError, match="one state a row"):
        correlations(np.arange(4.0))
    with pytest.raises(DescriptionError, match="4 neurons and others of 5"):
        correlations(np.eye(4), np.eye(5))


def test_links_are_not_asked_for_where_they_do_not_matter():
    """Without hetero-association a graph without links is as good as any."""
    bare, linked = (memory(graph=graph) for graph in (np.zeros((6, 6)), cycle(6)))
    start = noisy(linked.patterns, np.random.default_rng(1))
    assert np.array_equal(bare.relax(start), linked.relax(start))
    assert bare.energy(start) == pytest.approx(linked.energy(start))


def test_isolated_nodes_pass_where_nothing_is_normalised():
    model = memory(nodes=3, neurons=300, graph=LINE, auto=0, hetero=1, normalise=False)
    assert correlations(model.update(model.patterns[:1], 1.0), model.patterns).argmax() == 1


# graphs


def test_graphs_may_come_in_any_form():
    ring = networkx.cycle_graph(6)
    expected = memory().links
    for graph in (ring, networkx.to_numpy_array(ring), sparse.csr_array(networkx.to_numpy_array(ring)), cycle(6)):
        assert np.allclose(memory(graph=graph).links, expected)
    weighted = networkx.DiGraph([(0, 1, {"weight": 2.0}), (1, 2), (2, 0)])
    assert memory(nodes=3, graph=weighted, normalise=False).links.tolist() == [[0, 2, 0], [0, 0, 1], [1, 0, 0]]


def test_normalisation():
    adjacency = karate().adjacency
    degree = adjacency.sum(axis=1)
    assert np.allclose(normalised(adjacency), adjacency / np.sqrt(degree[:, None] * degree))


def test_schapiro_graph_is_the_published_one_and_trik5():
    """Its successor representation has the similarities computed from Schapiro's description; triK5 as its authors
    link it, clique by clique."""
    adjacency, communities = schapiro()
    assert np.all(adjacency.sum(axis=1) == 4) and len(adjacency) == 15
    cliques = networkx.disjoint_union_all([networkx.complete_graph(5)] * 3)
    cliques.remove_edges_from([(3, 4), (8, 9), (13, 14)])
    cliques.add_edges_from([(4, 8), (9, 13), (14, 3)])
    assert networkx.is_isomorphic(networkx.from_numpy_array(adjacency), cliques)
    assert not networkx.is_isomorphic(networkx.from_numpy_array(ring_lattice(15, 4).adjacency), cliques)
    same = communities[:, None] == communities
    off = ~np.eye(15, dtype=bool)
    for discount, expected in (
        (0.5, (0.23, -0.19, 0.26, 0.08)),
        (0.7, (0.48, -0.29, 0.51, 0.10)),
        (0.9, (0.78, -0.41, 0.80, 0.07)),
    ):
        alike = correlations(np.linalg.inv(np.eye(15) - discount * adjacency / 4))
        sets = (same & off, ~same, same & (adjacency > 0), ~same & (adjacency > 0))
        assert [alike[chosen].mean() for chosen in sets] == pytest.approx(expected, abs=0.006)


def test_rooms_and_karate():
    adjacency, communities = rooms()
    assert adjacency.sum() / 2 == 4 * 40 + 4 and np.all(adjacency == adjacency.T)
    assert (adjacency * (communities[:, None] != communities)).sum() / 2 == 4
    assert distances(adjacency)[0, 24] == 8
    assert len(karate().adjacency) == 34 and karate().adjacency.sum() / 2 == 78
    assert np.bincount(karate().communities).tolist() == [17, 17]


def test_shuffled_keeps_degrees_and_nothing_else():
    original = schapiro()
    control = shuffled(original, seed=1)
    assert np.all(control.adjacency.sum(axis=1) == 4) and np.isfinite(distances(control.adjacency)).all()
    crossing = control.adjacency * (original.communities[:, None] != original.communities)
    assert crossing.sum() / 2 > 9  # three in the original
    assert np.all(shuffled(original, seed=1).adjacency == control.adjacency)


@pytest.mark.parametrize(
    "make",
    [
        lambda: cycle(2),
        lambda: clique_ring(2, 5),
        lambda: ring_lattice(10, 3),
        lambda: shuffled(cycle(5, directed=True), 0),
    ],
)
def test_graphs_that_make_no_sense_are_refused(make):
    with pytest.raises(DescriptionError):
        make()


def test_without_networkx_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(Unsupported, match="install networkx"):
        karate()


# the step


@pytest.mark.parametrize("auto", [0.2, 0, -0.5, -1, -2, -3])
def test_longest_step_divides_rest_from_overshoot(auto):
    model, _ = relaxed(C30, auto, 1 - auto, seed=0)
    starts = noisy(model.patterns, np.random.default_rng(0))
    longest = longest_step(model, starts)
    for share, overshoots in ((0.9, False), (1.1, True)):
        step = share * longest
        tail = model.relax_reduced(starts, int(80 / step), step)[1]
        assert np.any(jumps(tail)) == np.any(jumps(tail, symmetric=True)) == overshoots


def test_bound_is_the_eigenvalue_of_the_full_map():
    model = memory(neurons=12, auto=-1, hetero=2, gain=3)
    state = model.relax(model.patterns[0], 4000, 0.01)
    h = 1e-6
    jacobian = np.array(
        [(model.update(state + h * e, 1.0) - model.update(state - h * e, 1.0)) / (2 * h) for e in np.eye(12)]
    )
    growth = np.linalg.eigvals(jacobian)
    growth = growth[growth.real < 1]
    assert bounds(model, state[None])[0] == pytest.approx(
        (2 * (1 - growth.real) / abs(1 - growth) ** 2).min(), rel=1e-4
    )


def test_overshoot_is_reported_and_noise_is_refused():
    model, _ = relaxed(C30, -0.5, 1.5, seed=0)
    with pytest.warns(StepTooLong, match="step_size below 0.04"):
        model.relax(model.patterns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.relax(model.patterns, 500, 0.02)
        relaxed(C30, 0.5, 0.5, seed=0)[0].relax(model.patterns)
    model, _ = relaxed(C30, -3, 4, seed=0)
    with pytest.raises(DescriptionError, match="too long for auto -3"):
        model.relax(model.patterns)
    with pytest.warns(StepTooLong):
        model.relax(model.patterns, overshoot="warn")


def test_a_sequence_is_not_taken_for_overshoot():
    """One memory at every update, the published replay."""
    model, _ = relaxed(cycle(49, directed=True), -2, 3, seed=0, neurons=2000, gain=0.6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.relax(noisy(model.patterns, np.random.default_rng(0)), 100, 0.2)


@pytest.mark.parametrize("auto, gain, step_size", [(-2, 0.6, 0.1), (-3, 1, 0.1), (-5, 1, 0.05), (0, 1, 0.25)])
def test_a_directed_cycle_goes_round_with_any_step(auto, gain, step_size):
    """At one memory a step where steps are long, resolved in time where they are short: nothing is reported."""
    model = relaxed(cycle(30, directed=True), auto, 1 - auto, seed=0, gain=gain, steps=1)[0]
    starts = noisy(model.patterns, np.random.default_rng(0))
    for step in (step_size, step_size / 8):
        tail = model.relax_reduced(starts, int(20 / step), step)[1]
        moved = np.mean(tail[1:].argmax(axis=-1) != tail[:-1].argmax(axis=-1))
        assert moved > 0.03
        assert not warned(model, starts, int(20 / step), step)[1]


def arrows(memories, links, seed):
    """As many links from each memory to others at random, none of them both ways by design."""
    rng, weights = np.random.default_rng(seed), np.zeros((memories, memories))
    for k in range(memories):
        weights[k, rng.choice(np.delete(np.arange(memories), k), links, replace=False)] = 1
    return weights


@pytest.mark.parametrize("links, auto", [(2, -3), (2, -5), (4, -3), (4, -5)])
def test_irregular_jumps_on_directed_graphs_are_reported_with_a_step_that_rests(links, auto):
    """The ratio alone takes them for a sequence; at a quarter of the reported step they are where they were told to
    rest, and nothing is reported."""
    patterns = uniform_memories(20, 1000, np.random.default_rng(0))
    model = Correlated(patterns, arrows(20, links, 1), auto, 1 - auto)
    starts = noisy(model.patterns, np.random.default_rng(1))
    tail = model.relax_reduced(starts, 200, 0.1)[1]
    assert np.mean(jumps(tail) > 0) < 0.1 and np.mean(jumps(tail, symmetric=True) > 0) > 0.9
    message = warned(model, starts, 200, 0.1)[1][0]
    longest = float(message.split("step_size below ")[1].split()[0])
    assert 0.005 < longest < 0.1
    rested, reported = warned(model, starts, int(30 / longest), 0.95 * longest)
    assert not reported
    np.testing.assert_allclose(rested, model.relax(starts, int(120 / longest), longest / 4, "accept"), atol=1e-3)


GRAPHS = {
    "schapiro": schapiro,
    "karate": karate,
    "ring": lambda: ring_lattice(15, 4),
    "cliques": lambda: clique_ring(4, 6),
}


def warned(model, starts, steps, step_size):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        states = model.relax(starts, steps, step_size, overshoot="warn")
    return states, [str(each.message) for each in caught if each.category is StepTooLong]


@pytest.mark.parametrize("steps, seed", [(100, 0), (200, 1)])
@pytest.mark.parametrize("graph", GRAPHS)
def test_irregular_jumps_are_reported_with_a_step_that_rests(graph, seed, steps):
    """On h = 1 − a. Jumps of period two, which alone a plain return would tell, end where a is about −2."""
    for auto, too_long in ((1, False), (0, False), (-1, True), (-3, True), (-4, True), (-5, True)):
        model, _ = relaxed(GRAPHS[graph](), auto, 1 - auto, seed, steps=1)
        starts = noisy(model.patterns, np.random.default_rng(seed))
        longest = longest_step(model, starts)
        assert bool(warned(model, starts, steps, 0.1)[1]) == too_long == (longest < 0.1)
        assert longest > 0.01
        if too_long and steps == 100:
            assert not warned(model, starts, int(20 / longest), 0.9 * longest)[1]


def test_irregular_jumps_are_not_of_period_two():
    """What the rule for directed graphs sees of them, as the control: nothing."""
    model, _ = relaxed(schapiro(), -3, 4, seed=0)
    tail = model.relax_reduced(noisy(model.patterns, np.random.default_rng(0)), 200, 0.1)[1]
    assert not np.any(jumps(tail)) and np.median(jumps(tail, symmetric=True)) > 0.9


def test_communities_are_whole_at_the_reported_step():
    """(−3, 4) on Schapiro's graph: blurred at η = .1, 1.00 / −.45 where the states rest."""
    model, _ = relaxed(schapiro(), -3, 4, seed=0)
    starts = noisy(model.patterns, np.random.default_rng(0))
    found = []
    for step in (0.1, 0.99 * longest_step(model, starts)):
        states, messages = warned(model, starts, int(40 / step), step)
        assert bool(messages) == (step == 0.1)
        found.append(community_correlation(correlations(states), schapiro().communities))
    assert found[0][0] < 0.7 and found[0][1] > -0.35
    assert found[1] == pytest.approx((1.00, -0.45), abs=0.05)
    with pytest.raises(DescriptionError, match=r"step_size below 0\.026"):
        model.relax(starts)


@pytest.mark.parametrize("graph, setting", [("ring", (0, 1)), ("karate", (0, 1)), ("ring", (-0.3, 0.9))])
def test_slow_states_are_not_taken_for_overshoot(graph, setting):
    model, _ = relaxed(GRAPHS[graph](), *setting, seed=0, steps=1)
    starts = noisy(model.patterns, np.random.default_rng(0))
    tail = model.relax_reduced(starts, 40, 0.05)[1]
    assert np.abs(tail[-1] - tail[-2]).max() > 1e-3 * np.ptp(tail[-1])
    assert not warned(model, starts, 40, 0.05)[1]


def test_states_that_die_away_are_not_taken_for_overshoot():
    """Only rounding is left of them after 40 time constants."""
    model, _ = relaxed(ring_lattice(15, 4), -5, 6, seed=0, steps=1)
    assert not warned(model, 1e-3 * noisy(model.patterns, np.random.default_rng(0)), 2000, 0.02)[1]


@pytest.mark.parametrize("made, expected", [([1, 2, 3], 4), ([0, 1, 0], 0), ([0, 1, 1 + 1j], 2)])
def test_the_ratio_by_hand(made, expected):
    """Straight on, back, and at right angles; the limit is at the last of them."""
    plane = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    tail = np.array([np.real(made), np.imag(made)]).T @ plane
    one = np.mean([np.sum((tail[k + 1] - tail[k]) ** 2) for k in (0, 1)])
    assert np.sum((tail[2] - tail[0]) ** 2) / one == pytest.approx(expected)
    assert (jumps(tail[:, None], symmetric=True) > 0).tolist() == [expected < 1]
