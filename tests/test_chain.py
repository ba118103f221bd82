"""Chain attractors: the exact mean field, the finite network against its own matrix, and the published reach."""

from __future__ import annotations

import numpy as np
import pytest

from neuroam.effective.chain import Chain, mean_field, random_signs
from neuroam.effective.correlated_measures import by_distance, correlations
from neuroam.errors import DescriptionError
from neuroam.graphs import cycle, distances

SHARP = (1, 0.664, 0.332, 0.123, 0.040, 0.011, 0.002)


def chain(patterns, neurons, seed, activity=0.5, **settings):
    rng = np.random.default_rng(seed)
    return Chain(random_signs(patterns, neurons, rng, activity), activity=activity, **settings)


def curve(network, **how):
    """Correlation of attractors at distance 0, 1, 2 …, from all memories."""
    states, rest = network.relax(**how)
    assert rest.all()
    return by_distance(correlations(states), distances(cycle(len(network.patterns)).adjacency))


# mean field


@pytest.mark.parametrize("patterns", [13, 15, 17])
@pytest.mark.parametrize("neighbour", [0.51, 0.55, 0.6, 0.7, 0.74])
def test_griniasty_tsodyks_amit(neighbour, patterns):
    """Overlaps exactly (77, 51, 13, 3, 1)/128, and correlations over five neighbours."""
    found = mean_field(neighbour, patterns)
    assert found.period == 1
    expected = np.zeros(patterns)
    expected[[0, 1, 2, 3, 4]] = expected[[0, -1, -2, -3, -4]] = 77, 51, 13, 3, 1
    assert np.allclose(128 * found.overlaps, expected, rtol=0, atol=1e-9)
    assert found.correlations[:7] == pytest.approx(SHARP, abs=1e-3)


@pytest.mark.parametrize("neighbour", [0, 0.2, 0.45, 0.49])
def test_no_association_below_one_half(neighbour):
    found = mean_field(neighbour)
    assert found.overlaps.tolist() == [1] + 16 * [0] and np.allclose(found.correlations[1:], 0)


@pytest.mark.parametrize("neighbour", [0.76, 0.9, 1.0])
def test_between_three_quarters_and_one(neighbour):
    """Synchronous updates alternate between two states; the published numbers are those of one of them."""
    found = mean_field(neighbour)
    assert found.period == 2
    assert 128 * found.overlaps[:6] == pytest.approx([79, 49, 15, 1, 1, 0], abs=1e-9)
    assert found.correlations[1:6] == pytest.approx([0.656, 0.328, 0.117, 0.035, 0.006], abs=1e-3)


def test_above_one_the_state_spreads_over_the_ring():
    assert mean_field(1.1, 13).overlaps.min() > 0


def test_enumeration_is_the_average_over_all_signs():
    """Against both halves of the signs, written out, at the fixed point itself."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1).T
    m = mean_field(0.6, 9).overlaps
    field = [sum(row[k] * (m[k] + 0.6 * (m[k - 1] + m[(k + 1) % 9])) for k in range(9)) for row in signs]
    assert np.allclose((signs * np.sign(field)[:, None]).mean(axis=0), m)


@pytest.mark.parametrize("patterns", [4, 30])
def test_mean_field_of_a_size_that_cannot_be_listed(patterns):
    with pytest.raises(DescriptionError, match="5 to 21"):
        mean_field(0.6, patterns)


# finite networks


def dense_relax(network, state, sweeps, together=False):
    """The same network from its matrix, spelt out."""
    xi, n = network.centred, network.patterns.shape[1]
    after = np.roll(xi, -1, axis=0)
    weights = (network.auto * xi.T @ xi + network.neighbour * (after.T @ xi + xi.T @ after)) / n
    np.fill_diagonal(weights, 0)
    state = state.copy()
    for _ in range(sweeps):
        if together:
            field = weights @ state
            state = np.where(abs(field) < 1e-12, state, np.sign(field))
            continue
        for i in range(n):
            field = weights[i] @ state
            state[i] = state[i] if abs(field) < 1e-12 else np.sign(field)
    return state


@pytest.mark.parametrize("auto, neighbour, activity", [(1, 0.6, 0.5), (1.5, 1, 0.2), (-1.5, 1, 0.2)])
@pytest.mark.parametrize("together", [False, True])
def test_network_is_that_of_its_matrix(auto, neighbour, activity, together):
    network = chain(7, 301, 0, activity, auto=auto, neighbour=neighbour)
    states, _ = (network.relax_together if together else network.relax)(None, 3)
    for cue, state in zip(network.patterns, states, strict=True):
        assert np.array_equal(dense_relax(network, cue, 3, together), state)


def test_one_by_one_comes_to_rest_where_no_neuron_would_change():
    network = chain(10, 500, 1, auto=-1, neighbour=1)
    states, rest = network.relax()
    assert rest.all()
    for state in states:
        assert np.array_equal(dense_relax(network, state, 1, together=True), state)


def profile(neighbour, seeds):
    """Mean over networks of 20 000 neurons and 30 patterns. In some of them a few attractors stray, so that a single
    network may lie outside."""
    return np.mean([curve(chain(30, 20_000, seed, neighbour=neighbour), sweeps=400) for seed in seeds], axis=0)


def is_sharp(found):
    return (
        0.62 < found[1] < 0.69 and 0.28 < found[2] < 0.36 and 0.09 < found[3] < 0.15 and np.all(abs(found[6:]) < 0.03)
    )


def test_many_neurons_reach_the_mean_field():
    assert is_sharp(profile(0.53, range(4)))


def test_in_another_order_nothing_falls_with_distance():
    """The same attractors, arranged in an order that was not learned: alike at all distances."""
    network = chain(30, 20_000, 0, neighbour=0.53)
    states = network.relax()[0][np.random.default_rng(0).permutation(30)]
    found = by_distance(correlations(states), distances(cycle(30).adjacency))
    assert not is_sharp(found) and np.all(abs(found[1:] - found[1:].mean()) < 0.1)


def test_without_association_attractors_are_the_memories():
    network = chain(30, 20_000, 0, neighbour=0.3)
    assert np.all(abs(curve(network)[1:]) < 3 / np.sqrt(20_000))
    assert (network.relax()[0] == network.patterns).mean() > 0.999


def test_load_broadens_the_correlations():
    """Fewer neurons a pattern: a steady fall over six distances, no longer the sharp profile."""
    found = curve(chain(30, 5000, 0, neighbour=0.53), sweeps=400)
    assert np.all(np.diff(found[1:7]) < 0) and found[1] - found[4] > 0.3
    assert found[4] > SHARP[4] + 0.1 and not is_sharp(found)


@pytest.mark.slow
def test_97_patterns_in_20_000_neurons():
    """The state goes on spreading over the chain for some hundred sweeps: what is measured after twenty steps is not
    yet the attractor, which is wider."""
    network = chain(97, 20_000, 0, neighbour=0.55)
    early = by_distance(correlations(network.relax_together(steps=20)[0]), distances(cycle(97).adjacency))
    assert early[1:9] == pytest.approx([0.72, 0.54, 0.39, 0.27, 0.17, 0.10, 0.05, 0.02], abs=0.06)
    found = curve(network, sweeps=400)
    assert np.all(np.diff(found[1:7]) < 0) and found[1] - found[4] > 0.3
    assert np.all(found[4:9] > early[4:9] + 0.05)


@pytest.mark.parametrize("auto, reaches", [(1.5, False), (-1.5, True)])
def test_inhibition_that_has_learned_widens_association(auto, reaches):
    """Haga & Fukai 2019: sparse patterns, correlation at distance five below .1 or above .5."""
    found = curve(chain(71, 5000, 0, activity=0.1, auto=auto), sweeps=400)
    assert found[5] > 0.5 if reaches else found[5] < 0.1


@pytest.mark.slow
def test_reach_over_ten_networks():
    """Correlation at distance five grows as the auto-association falls, in every network."""
    for seed in range(10):
        reach = [curve(chain(71, 5000, seed, activity=0.1, auto=auto), sweeps=400)[5] for auto in (1.5, 0.5, -1.5)]
        assert reach[0] < 0.1 and reach[0] < reach[1] < reach[2] and reach[2] > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("neighbour", [0.53, 0.55])
def test_profile_over_ten_networks(neighbour):
    assert is_sharp(profile(neighbour, range(10)))


def test_overlap_of_a_memory_with_itself_is_one():
    network = chain(4, 20_000, 0, activity=0.1)
    assert network.overlaps(network.patterns) == pytest.approx(np.eye(4), abs=0.05)


@pytest.mark.parametrize(
    "patterns, settings",
    [(np.zeros((5, 10)), {}), (np.ones((2, 10)), {}), (np.ones(10), {}), (np.ones((5, 10)), {"activity": 0})],
)
def test_refusals(patterns, settings):
    with pytest.raises(DescriptionError, match="chain"):
        Chain(patterns, **settings)


def test_states_that_do_not_fit_are_refused():
    network = chain(5, 50, 0)
    for states in (np.ones(49), np.zeros(50)):
        with pytest.raises(DescriptionError, match="states of shape"):
            network.relax(states)
