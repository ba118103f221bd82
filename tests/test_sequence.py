"""Sequence memories against the published model's equations, its published and measured numbers, and brute force."""
from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from neuroam.effective import sequence_capacity as capacity
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import Exponential, Power
from neuroam.effective.dense_capacity import random_patterns
from neuroam.effective.sequence import (
    MixedNet,
    PseudoinverseMemory,
    dense_sequence,
    successors,
    timed_sequence,
)
from neuroam.effective.sequence_capacity import (
    all_transitions,
    exact_transitions,
    figure_2a,
    largest_load,
    mixed_half,
    mixed_transitions,
    read_cells,
    sequence_half,
    sequence_success,
    transition_half,
    transition_success,
)
from neuroam.effective.sequence_theory import duplicate_limit, dwell, mixed_capacity, sequence_capacity
from neuroam.effective.sequence_theory import transition_capacity as law
from neuroam.errors import DescriptionError, RecordingError, Unsupported


def rng(*seed):
    return np.random.default_rng([11, *seed])


def overlaps(trajectory, sequence):
    """Of the states of one trajectory with every memory."""
    return trajectory.astype(float) @ sequence.T / sequence.shape[1]


def stays(trajectory, sequence):
    """How long the network was in each memory it left."""
    winner = overlaps(trajectory, sequence).argmax(axis=1)
    left = np.flatnonzero(np.diff(winner)) + 1
    return np.diff([0, *left])


# DenseNet


def test_figure_1_a_linear_sequence_is_lost_and_a_quadratic_one_is_not():
    """N = 300, P = 100: mean overlap with the right pattern at t = 1, 2, 5, 10, 99."""
    found: dict[int, list] = {1: [], 2: []}
    for degree, runs in ((1, 60), (2, 20)):
        for seed in range(runs):
            sequence = random_patterns(100, 300, rng(seed))
            states = dense_sequence(sequence, Power(degree)).recall(sequence[0], 99 if seed < 20 else 10)
            found[degree].append((states.astype(float) * sequence[: len(states)]).mean(axis=1))
    early = np.mean([run[[1, 2, 5, 10]] for run in found[1]], axis=0)
    assert (np.abs(early - [0.927, 0.886, 0.795, 0.572]) < [0.02, 0.03, 0.06, 0.09]).all()  # theirs: 20 runs
    assert abs(np.mean([run[99] for run in found[1][:20]])) < 0.1 and (np.array(found[2]) == 1).all()


def test_a_silenced_memory_loses_the_transition_out_of_it():
    sequence = random_patterns(20, 200, rng())
    memory = dense_sequence(sequence, Power(3))
    after = np.diag(overlaps(memory.without([5]).update(sequence), np.roll(sequence, -1, axis=0)))
    assert after[5] < 0.3 and np.delete(after, 5).min() == 1
    held = overlaps(memory.without([5]).recall(sequence[0], 10), sequence)
    assert held[5, 5] == 1 and held[6, 6] < 0.3


def test_digits_are_a_sequence_of_correlated_patterns():
    """8 × 8 digits, the first 174 of each class in turn, without repeats: fraction of exact transitions and of bits."""
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    turns = np.stack([np.flatnonzero(digits.target == k)[:174] for k in range(10)], axis=1).ravel()
    images = np.where(digits.data[turns] > 7, 1, -1)
    images = images[np.sort(np.unique(images, axis=0, return_index=True)[1])]
    pairs = images.astype(float) @ images.T / 64
    assert images.shape == (1694, 64) and (pairs.sum() - 1694) / (1694 * 1693) == pytest.approx(0.469, abs=1e-3)
    separations = (Power(1), Power(5), Power(25), Power(51), "exponential")
    correct = [dense_sequence(images, f, self_terms=True).update(images) == successors(images) for f in separations]
    np.testing.assert_allclose([c.all(axis=1).mean() for c in correct], [0, 0, 0.849, 0.997, 1.0], atol=1e-3)
    np.testing.assert_allclose([c.mean() for c in correct], [0.800, 0.844, 0.991, 0.9999, 1], atol=1e-3)


# Pseudoinverse


def biased(memories, neurons, bias, seed):
    return np.where(rng(seed).random((memories, neurons)) < (1 + bias) / 2, 1, -1)


def exact(memory, sequence):
    return np.all(memory.update(sequence) == np.roll(sequence, -1, axis=0), axis=1).mean()


@pytest.mark.parametrize("bias", [0.0, 0.4, 0.8])
@pytest.mark.parametrize("f", [Power(1), Power(2), Power(3)], ids=str)
def test_pseudoinverse_recalls_any_independent_sequence(bias, f):
    """N = 100, P = 50, and at no bias up to P = N."""
    sequence = biased(50, 100, bias, 1)
    assert exact(PseudoinverseMemory(sequence, separation=f), sequence) == 1
    assert exact(PseudoinverseMemory(sequence, separation=f, self_terms=False), sequence) > 0.95
    full = biased(100, 100, 0.0, 2)
    assert exact(PseudoinverseMemory(full, separation=f), full) == 1


def test_pseudoinverse_of_more_memories_than_neurons():
    """P = 120: .31 of transitions at d = 1, all at d = 3."""
    linear, cubic = (np.mean([exact(PseudoinverseMemory(s, separation=Power(d)), s) for s in
                              (biased(120, 100, 0.0, seed) for seed in range(4))]) for d in (1, 3))
    assert linear == pytest.approx(0.31, abs=0.12) and cubic == 1


def test_without_decorrelation_bias_ends_recall():
    """d = 3: .67 of transitions at ε = .5 and .03 at .6; d = 2: .31 at .4 and .01 at .5."""
    def plain(degree, bias):
        found = [exact(dense_sequence(s, Power(degree), self_terms=True), s)
                 for s in (biased(50, 100, bias, seed) for seed in range(20))]
        return np.mean(found)

    for degree, bias, expected in ((3, 0.4, 1), (3, 0.5, 0.67), (3, 0.6, 0.03), (2, 0.4, 0.31), (2, 0.5, 0.01)):
        assert plain(degree, bias) == pytest.approx(expected, abs=0.12)


@pytest.mark.parametrize("self_terms", [True, False])
def test_pseudoinverse_fields_by_the_equation(self_terms):
    """O⁺ of the overlaps as each neuron sees them, one after another."""
    sequence, states = random_patterns(12, 30, rng(1)).astype(float), random_patterns(3, 30, rng(2)).astype(float)
    inverse, n = np.linalg.pinv(sequence @ sequence.T / 30), 30
    expected = np.empty_like(states)
    for b, state in enumerate(states):
        for i in range(n):
            part = np.ones(n) if self_terms else (np.arange(n) != i)
            overlap = sequence @ (part * state) / part.sum()
            expected[b, i] = np.roll(sequence, -1, axis=0)[:, i] @ (inverse @ overlap) ** 3
    memory = PseudoinverseMemory(sequence, None, Power(3), self_terms)
    np.testing.assert_allclose(memory.fields(states), expected, atol=1e-10)
    assert memory.recall(sequence[0], 3).shape == (4, 30)


@pytest.mark.parametrize("self_terms", [True, False])
def test_a_silenced_memory_of_the_pseudoinverse_rule_projects_nothing(self_terms):
    """Its row of f is left out of the sum, and decorrelation is that of all memories; the others go on."""
    sequence = biased(12, 60, 0.4, 3)
    memory = PseudoinverseMemory(sequence, separation=Power(3), self_terms=self_terms)
    gated = memory.without([3])
    fields = memory.fields(sequence[5]) - gated.fields(sequence[5])
    inverse = np.linalg.pinv(sequence @ sequence.T / 60)
    for i in range(60):
        part = np.ones(60) if self_terms else (np.arange(60) != i)
        own = (inverse @ (sequence @ (part * sequence[5]) / part.sum()))[3] ** 3
        assert fields[i] == pytest.approx(sequence[4, i] * own, abs=1e-10)
    after = (gated.update(sequence) == successors(sequence)).all(axis=1)
    assert not after[3] and np.delete(after, 3).all()
    states = gated.recall(sequence[1], 8)
    assert (states[2] == sequence[3]).all() and not (states[3:] == sequence[4]).all(axis=1).any()
    assert gated.without([7]).silenced == (3, 7) and memory.silenced == ()
    with pytest.raises(DescriptionError, match="memory 12 is not one of the 12"):
        memory.without([12])
    with pytest.raises(DescriptionError, match="leave at least one"):
        memory.without(range(12))


# MixedNet


def test_mixed_net_with_a_trace_of_one_step_is_two_memories():
    sequence = random_patterns(30, 40, rng())
    for f in (Power(3), Exponential(0.5)):
        net = MixedNet(sequence, Power(2), f, tau=1, strength=1.7)
        fields = (BinaryMemory(sequence, None, Power(2)).fields(sequence)
                  + 1.7 * dense_sequence(sequence, f).fields(sequence))
        np.testing.assert_allclose(net.fields(sequence, {1.0: sequence.astype(float)}), fields, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(net.recall(sequence, 1)[1], np.where(fields > 0, 1, -1))
        right = mixed_transitions(sequence, Power(2), f, 1.7)
        np.testing.assert_array_equal(right, (net.recall(sequence, 1)[1] == successors(sequence)).all(axis=1))


def brute_mixed(sequence, states, weights, moving, strength):
    """Field of the moving term, neuron by neuron, from past states (lag, neurons) and their weights."""
    trace = np.tensordot(weights, states, axes=1)
    n = sequence.shape[1]
    fields = np.zeros(n)
    for i in range(n):
        others = np.arange(n) != i
        overlap = sequence[:, others] @ trace[others] / (n - 1)
        fields[i] = (strength * successors(sequence)[:, i] * moving(overlap, n - 1)).sum()
    return fields


@pytest.mark.parametrize("trace", ["boxcar", "exponential"])
@pytest.mark.parametrize("moving", [Power(2), Power(5, True), Exponential(0.4)], ids=str)
def test_mixed_net_follows_its_equation(trace, moving):
    """Step by step from a given history, with τ and λ of each memory its own."""
    sequence = random_patterns(9, 25, rng(3)).astype(int)
    past, start = random_patterns(6, 25, rng(4)).astype(int), sequence[2]
    taus, strengths = np.array([1, 3, 4] * 3), np.linspace(0.5, 3, 9)
    net = MixedNet(sequence, Power(2), moving, taus, strengths, trace)
    states = [*np.repeat(sequence[-1:], 5, axis=0), *past, start]
    for found in net.recall(start, 6, history=past):
        np.testing.assert_array_equal(found, states[-1])
        fields = BinaryMemory(sequence, None, Power(2)).fields(states[-1])
        for tau in (1, 3, 4):
            if trace == "boxcar":
                weights = np.r_[np.zeros(len(states) - tau), np.full(tau, 1 / tau)]
            else:
                decay = math.exp(-1 / tau)
                weights = (1 - decay) * decay ** np.arange(len(states))[::-1]
                weights[0] /= 1 - decay
            fields += brute_mixed(sequence, np.array(states), weights, moving, strengths * (taus == tau))
        states.append(np.where(fields == 0, states[-1], np.where(fields > 0, 1, -1)))


def test_figure_4a():
    """N = 100, P = 40, τ = 5, λ = 2.5: degree 1 fails, 2 keeps the order at dwell 4, 10 order and time, dwell 5."""
    found = {}
    for degree in (1, 2, 10):
        steps, perfect, height = [], 0, []
        for seed in range(20):
            sequence = random_patterns(40, 100, rng(seed))
            states = MixedNet(sequence, Power(degree), Power(degree), tau=5, strength=2.5).recall(sequence[0], 120)
            overlap = overlaps(states, sequence)
            steps += list(stays(states, sequence))
            height.append(overlap.max(axis=1).mean())
            winner = overlap.argmax(axis=1)
            perfect += bool((overlap.max(axis=1) > 0.9).all() and set(np.diff(winner)) <= {0, 1})
        found[degree] = np.mean(steps), perfect, np.mean(height)
    assert found[1][1] == 0 and found[1][2] == pytest.approx(0.385, abs=0.05)
    assert found[2][0] == pytest.approx(4, abs=0.05) and found[2][2] == pytest.approx(0.991, abs=0.01)
    assert found[2][1] < 15 and found[10] == (5, 20, 1)


@pytest.mark.parametrize("tau, strength, degree", [(10, 5, 10), (5, 20, 10), (6, 2.5, 3), (8, 2.2, 4)])
@pytest.mark.parametrize("trace", ["boxcar", "exponential"])
def test_dwell_times_are_those_of_theory(tau, strength, degree, trace):
    sequence = random_patterns(10, 600, rng(5))
    net = MixedNet(sequence, Power(degree), Power(degree), tau, strength, trace)
    expected = dwell(tau, strength, degree, trace)
    found = stays(net.recall(sequence[0], 6 * int(expected)), sequence)
    assert len(found) >= 4 and (np.abs(found[1:] - expected) <= (1 if trace == "exponential" else 0)).all()


@pytest.mark.parametrize("degree", [4, 10])
def test_each_memory_has_its_own_dwell_time(degree):
    sequence, wanted = random_patterns(12, 300, rng(6)), [1, 5, 3, 8, 2, 2, 1, 1, 20, 4, 6, 7]
    states = timed_sequence(sequence, wanted, degree).recall(sequence[0], 2 * sum(wanted))
    np.testing.assert_array_equal(stays(states, sequence), wanted * 2)
    assert overlaps(states, sequence).max(axis=1).min() == 1


def test_dwell_times_out_of_reach_are_refused():
    sequence = random_patterns(6, 100, rng(7))
    with pytest.raises(DescriptionError, match="dwell time 400 of memory 2 is out of reach: at degree 3, 6 memories "
                                               "of 100 neurons can have from 1 to") as refused:
        timed_sequence(sequence, [2, 3, 400, 2, 2, 2], 3)
    longest = int(str(refused.value).split("from 1 to ")[1].split(";")[0])
    states = timed_sequence(sequence, [longest] * 6, 3).recall(sequence[0], 6 * longest)
    np.testing.assert_array_equal(stays(states, sequence), [longest] * 6)
    with pytest.raises(DescriptionError, match="none at all"):
        timed_sequence(sequence, [2] * 6, 1)
    for wrong in ([2] * 5, [2.5] * 6):
        with pytest.raises(DescriptionError, match="one whole number of steps"):
            timed_sequence(sequence, wrong)
    with pytest.raises(DescriptionError, match=r"dwell times are \[2.0, nan.*one whole number of steps"):
        timed_sequence(sequence, [2, math.nan, 2, 2, 2, 2])
    with pytest.raises(DescriptionError, match="dwell time 0 of memory 5"):
        timed_sequence(sequence, [1, 1, 1, 1, 1, 0])


@pytest.mark.parametrize("neurons", [300, 7, 50, 0])
def test_states_of_another_size_are_refused(neurons):
    """Three states' worth of neurons in one row are no three states; one row a state is."""
    sequence = random_patterns(4, 100, rng(9))
    network, inverse = MixedNet(sequence), PseudoinverseMemory(sequence)
    for call in (lambda s: network.recall(s, 3), inverse.update, inverse.fields, lambda s: inverse.recall(s, 0),
                 dense_sequence(sequence).update):
        with pytest.raises(DescriptionError, match=rf"states have shape \({neurons},\); .* 100 neurons"):
            call(np.ones(neurons))
        with pytest.raises(DescriptionError, match="states hold 0"):
            call(np.zeros((3, 100)))
    assert network.recall(np.ones((3, 100)), 3).shape == inverse.recall(np.ones((3, 100)), 3).shape == (4, 3, 100)


@pytest.mark.parametrize("alike, degree, kept", [(0.0, 4, True), (0.8, 4, False), (0.8, 60, True)])
def test_patterns_that_overlap_are_timed_right_or_refused(alike, degree, kept):
    """Patterns made of one another: what is accepted keeps to its times, the rest is refused."""
    common, own = random_patterns(1, 300, rng(12)), random_patterns(8, 300, rng(13))
    sequence = np.where(rng(14).random((8, 300)) < np.sqrt(alike), common, own)
    wanted = [2, 4, 3, 1, 5, 2, 3, 4]
    if kept:
        states = timed_sequence(sequence, wanted, degree).recall(sequence[0], 3 * sum(wanted))
        np.testing.assert_array_equal(stays(states, sequence), wanted * 3)
    else:
        with pytest.raises(DescriptionError, match=r"memory \d would not last . steps at degree 4: .* up to 0\.8"):
            timed_sequence(sequence, wanted, degree)


def test_digits_at_degree_4_are_refused():
    datasets = pytest.importorskip("sklearn.datasets")
    images = np.where(datasets.load_digits().data[:10] > 7.5, 1, -1)
    with pytest.raises(DescriptionError, match="these patterns overlap by up to"):
        timed_sequence(images, [3] * 10, 4)


def test_context_gates_a_transition():
    """The network stays in the memory whose transition is silenced, and goes on in the control."""
    sequence = random_patterns(10, 300, rng(8))
    net = MixedNet(sequence, Power(4), Power(4), tau=4)
    gated, control = (overlaps(n.recall(sequence[0], 60), sequence).argmax(axis=1) for n in (net.gated([3]), net))
    assert list(dict.fromkeys(gated)) == [0, 1, 2, 3] and (gated[-20:] == 3).all()
    assert set(control) == set(range(10))


def test_wrong_settings_are_refused():
    sequence = random_patterns(4, 20, rng(9))
    for call, said in (
            (lambda: MixedNet(sequence, trace="gamma"), "no trace 'gamma'; give boxcar or exponential"),
            (lambda: MixedNet(sequence, tau=0), "tau of MixedNet is 0"),
            (lambda: MixedNet(sequence, tau=1.5), "for a boxcar a whole one"),
            (lambda: MixedNet(sequence, tau=[1, 2]), "one for each of the 4 memories"),
            (lambda: MixedNet(sequence, strength=math.nan), "strength of MixedNet is nan"),
            (lambda: MixedNet(sequence, strength=-1), "at least 0"),
            (lambda: MixedNet(sequence).gated([9]), "memory 9 is not one of the 4"),
            (lambda: MixedNet(sequence).recall(sequence[0], 3, history=sequence[0]), "history has shape"),
            (lambda: MixedNet(sequence).recall(sequence[:2], 3, history=np.ones((2, 3, 20))), "history is of 3 states"),
            (lambda: PseudoinverseMemory(sequence, sequence[:2]), "one projected pattern for each memory"),
            (lambda: dense_sequence(sequence * 2), "the sequence hold"),
            (lambda: sequence_success(20, 1, Power(1), rng()), "a sequence of 1 memories"),
            (lambda: sequence_success(20, 9, Power(1), rng(), 0), "draws is 0; give at least 1"),
            (lambda: transition_success(20, 9, Power(1), rng(), draws=0), "draws is 0; give at least 1"),
            (lambda: largest_load(20, Power(1), rng(), trials=0), "trials is 0; give at least 1")):
        with pytest.raises(DescriptionError, match=said):
            call()
    for call in (lambda: MixedNet(sequence, moving="nearest"), lambda: PseudoinverseMemory(sequence, None, "nearest")):
        with pytest.raises(Unsupported, match="finite gain"):
            call()
    MixedNet(sequence, tau=1.5, trace="exponential")


# Capacity


@pytest.mark.parametrize("neurons, memories, f", [
    (50, 150, Power(2)), (100, 500, Power(2)), (40, 700, Power(3)), (130, 40, Power(1)), (20, 150, Power(4)),
    (100, 3000, Power(4)), (16, 2000, "exponential"), (33, 200, Power(3, True)), (64, 30, Power(1))], ids=str)
def test_what_is_left_out_at_first_changes_no_verdict(neurons, memories, f):
    """The quick check of random patterns, near capacity, against the exact update of the same ones."""
    check = capacity._Check(neurons, memories, capacity.separation(f))
    bits = capacity.random_bits(memories, neurons, rng(neurons))
    patterns = np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little")[:, :neurons].astype(int) * 2 - 1
    right = exact_transitions(patterns, f)
    quick = 1 - check.wrong(rng(neurons), memories, memories) / memories
    assert quick == pytest.approx(right.mean(), abs=1e-12)
    one_by_one = [capacity.kernels.count_wrong(bits, np.roll(bits, -1, axis=0), np.array([mu]), neurons,
                                               check.table.values, True, check.low, check.high, check.variance, 1)
                  for mu in range(0, memories, 1 + memories // 200)]
    np.testing.assert_array_equal(one_by_one, ~right[:: 1 + memories // 200])


def test_transitions_against_the_sum_as_it_is_written_down():
    found = []
    for seed in range(300):
        patterns = random_patterns(60, 30, rng(seed)).astype(int)
        overlap = (patterns @ patterns[0])[:, None] - patterns * patterns[0]
        found.append((np.sign((np.roll(patterns, -1, axis=0) * overlap ** 2).sum(axis=0)) == patterns[1]).all())
    assert transition_success(30, 60, Power(2), rng(), 2000) == pytest.approx(np.mean(found), abs=0.1)


@pytest.mark.parametrize("degree, neurons, at_half, whole_at_half", [
    (1, 100, 19.5, 11.5), (1, 400, 50.5, 27.5), (2, 60, 232, 81), (2, 100, 557, 198), (3, 40, 939, 259),
    (3, 50, 1720, 468)])
def test_half_of_transitions_and_of_sequences(degree, neurons, at_half, whole_at_half):
    """log₁₀ P50 within .05 of what was measured elsewhere, and .2 to .35 above P_T and P_S."""
    f = Power(degree)
    transition, whole = transition_half(neurons, f, rng(1)), sequence_half(neurons, f, rng(2))
    assert math.log10(transition / at_half) == pytest.approx(0, abs=0.05)
    assert math.log10(whole / whole_at_half) == pytest.approx(0, abs=0.05)
    assert 0.1 < math.log10(transition / law(neurons, f)) < 0.35
    assert 0.15 < math.log10(whole / sequence_capacity(neurons, f)) < 0.4


def test_capacity_grows_as_the_power_of_the_size():
    """d log P50 / d log N close to d, less a logarithmic correction."""
    for degree, sizes in ((1, (100, 400)), (2, (40, 100)), (3, (20, 50))):
        half = [transition_half(n, Power(degree), rng(n)) for n in sizes]
        assert degree - 0.45 < math.log(half[1] / half[0]) / math.log(sizes[1] / sizes[0]) < degree


@pytest.mark.parametrize("neurons", [10, 12, 14, 16])
def test_half_of_transitions_of_the_exponential(neurons):
    """P50 / P_T = 2.2 ± .2 (N = 10 … 16): half of the transitions at 2.2 P_T."""
    memories = round(2.2 * law(neurons, "exponential"))
    assert transition_success(neurons, memories, "exponential", rng(neurons), 800) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("neurons", [8, 10, 12, 14, 16, 18])
def test_like_patterns_limit_sequences_of_the_exponential(neurons):
    """√(2 log 2) 2^{N/2} / √(1 + N/2) ± 15 %, and nowhere near eq. 10."""
    found = sequence_half(neurons, "exponential", rng(neurons), rounds=200)
    assert found == pytest.approx(duplicate_limit(neurons), rel=0.15)
    if neurons >= 14:
        assert found < 0.2 * sequence_capacity(neurons, "exponential")


@pytest.mark.parametrize("degree, neurons", [(2, 50), (2, 100), (3, 40)])
def test_failures_at_the_capacities_of_theory(degree, neurons):
    """At P_T 12–14 % of transitions fail, at P_S some 1 % of sequences, at 2 P_T most transitions: the control."""
    f = Power(degree)
    fails = [1 - transition_success(neurons, round(k * law(neurons, f)), f, rng(k), 1500) for k in (1, 2)]
    assert fails[0] == pytest.approx(0.13, abs=0.035) and 0.6 < fails[1] < 0.87
    assert sequence_success(neurons, int(sequence_capacity(neurons, f)), f, rng(3), 300) > 0.96


@pytest.mark.parametrize("degree, neurons", [(1, 200), (1, 400), (2, 40), (2, 60), (2, 80)])
def test_sequences_at_capacity_are_perfect(degree, neurons):
    f = Power(degree)
    assert sequence_success(neurons, max(2, int(sequence_capacity(neurons, f))), f, rng(4), 20) >= 0.95
    wrong = 1 - np.mean([all_transitions(neurons, max(2, int(law(neurons, f))), f, rng(5, k)) for k in range(40)])
    assert wrong == pytest.approx(0.075 if degree == 1 else 0.135, abs=0.03)
    assert 1 - np.mean([all_transitions(neurons, int(2 * law(neurons, f)), f, rng(6, k)) for k in range(10)]) > 0.6


@pytest.mark.parametrize("neurons, memories", [(60, 52), (80, 88), (100, 135)])
def test_a_hundred_perfect_sequences(neurons, memories):
    """The published protocol at d = 2, within 10 %; P_S is 48.8, 81.1, 120.6."""
    found = np.mean([largest_load(neurons, Power(2), rng(neurons, k)) for k in range(4)])
    assert found == pytest.approx(memories, rel=0.1) and found > sequence_capacity(neurons, Power(2)) * 0.95


@pytest.mark.slow
@pytest.mark.parametrize("degree, neurons, memories", [
    (1, 40, 3.3), (1, 100, 6.5), (2, 20, 5.8), (2, 40, 22.5), (3, 20, 18.5), (3, 30, 67.0), (3, 40, 156)])
def test_a_hundred_perfect_sequences_of_other_degrees(degree, neurons, memories):
    found = np.mean([largest_load(neurons, Power(degree), rng(neurons, k)) for k in range(10)])
    assert found == pytest.approx(memories, rel=0.12)


@pytest.mark.slow
def test_degree_of_small_networks():
    """P50 of transitions at N = 10 for d = 1 … 8, measured elsewhere; higher degrees add nothing, as the nearest memory
    decides at all of them.

    Left out of what was measured there: N = 10, d = 10 and 14 (65, 39) and N = 15, d = 10 and 14 (1332, 241). They are
    not found here: at those loads 65 to 92 % of transitions are right, also in whole numbers, and that is where a
    search was cut off (next two tests).
    """
    expected = {1: 6, 2: 15, 3: 33, 4: 63, 5: 77, 6: 92, 8: 100}
    found = {d: transition_half(10, Power(d), rng(d), 150) for d in (*expected, 10, 14)}
    np.testing.assert_allclose([found[d] for d in expected], list(expected.values()), rtol=0.15)
    assert found[10] == pytest.approx(found[8], rel=0.12) and found[14] == pytest.approx(found[8], rel=0.12)


@pytest.mark.parametrize("neurons, degree, memories", [(10, 14, 60), (10, 10, 65), (10, 14, 39), (15, 14, 241)])
def test_transitions_at_a_high_degree_against_whole_numbers(neurons, degree, memories):
    """The sum as it is written down, in whole numbers, at loads near to which half were once said to fail; however ties
    are counted."""
    found = []
    for seed in range(400):
        patterns = random_patterns(memories, neurons, rng(seed)).astype(np.int64)
        overlap = (patterns @ patterns[0])[:, None] - patterns * patterns[0]
        fields = (np.roll(patterns, -1, axis=0) * overlap ** degree).sum(axis=0)  # at most 241 · 14¹⁴ < 2⁶³
        after = np.where(fields == 0, patterns[0], np.sign(fields))
        found.append([(state == patterns[1]).all() for state in (after, np.sign(fields))])
    stays, tie_wrong = np.mean(found, axis=0)
    assert transition_success(neurons, memories, Power(degree), rng(), 2000) == pytest.approx(stays, abs=0.08)
    assert tie_wrong > 0.6


SCAN = {10: {1: 6, 2: 15, 3: 33, 4: 63, 5: 77, 6: 92, 8: 100, 10: 65, 14: 39},
        15: {1: 7, 3: 77, 5: 391, 6: 655, 7: 890, 8: 1267, 10: 1332, 14: 241}}


@pytest.mark.parametrize("neurons, degree, at_half", [(n, d, p) for n, row in SCAN.items() for d, p in row.items()])
def test_high_degrees_of_the_other_measurement_are_where_its_search_ended(neurons, degree, at_half):
    """A search for the load of half the transitions that goes no further than 8 P_T + 40 ends there at d = 10 and 14,
    where more than half are right still, and does not at any lower degree."""
    end = 8 * law(neurons, Power(degree)) + 40
    right = transition_success(neurons, int(end), Power(degree), rng(degree, neurons), 2000)
    if degree >= 10:
        assert right > 0.6
        assert int(end) - max(1, 0.01 * end) <= at_half <= int(end)  # a whole number below, or one per cent
    else:
        assert right < 0.5
        assert at_half < 0.85 * end


@pytest.mark.parametrize("neurons, holding, moving, at_half", [
    (60, 2, 2, 78.5), (60, 1, 3, 42.5), (60, 3, 1, 8.5), (60, 3, 2, 110), (60, 1, 1, 9.5)])
def test_capacity_of_mixed_nets(neurons, holding, moving, at_half):
    """λ = 2.5, τ = 1, P50 of transitions within 15 %; of sequences in the slow tests."""
    start = 1.5 * mixed_capacity(neurons, Power(holding), Power(moving), 2.5)
    found = mixed_half(neurons, Power(holding), Power(moving), 2.5, rng(holding, moving), start, rounds=40)
    assert found == pytest.approx(at_half, rel=0.15)


@pytest.mark.slow
def test_the_lower_degree_sets_the_capacity_of_mixed_nets():
    """P50 at N = 60, λ = 2.5: (2,3) > (3,2) > (2,2) > (1,3) > (1,1), as γ says; sequences and N = 40 (3,3) too."""
    expected = {(2, 3): (456, 124), (3, 2): (110, 35), (2, 2): (78.5, 28.5), (1, 3): (42.5, 16.5)}
    found = {}
    for pair, (_, whole) in expected.items():
        given = Power(pair[0]), Power(pair[1]), 2.5
        found[pair] = [mixed_half(60, *given, rng(w), 1.5 * mixed_capacity(60, *given, whole=w), w, 80)
                       for w in (False, True)]
        assert found[pair][0] == pytest.approx(expected[pair][0], rel=0.12)
        assert found[pair][1] == pytest.approx(whole, rel=0.15)
    order = list(expected)
    assert all(found[a][0] > found[b][0] for a, b in pairwise(order))
    cubic = mixed_half(40, Power(3), Power(3), 2.5, rng(3), 300)
    assert cubic == pytest.approx(434, rel=0.12)


def test_figure_2a_goes_on_where_it_was_cut_off(tmp_path):
    path = tmp_path / "a folder" / "not there yet" / "cells.jsonl"
    given = {"degrees": (1, 2), "sizes": (10, 20), "repeats": 2}
    first = figure_2a(path, **given)
    assert len(first) == 16 == len(path.read_text().splitlines()) and figure_2a(path, **given) == first
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:9]) + lines[9][:20])
    assert figure_2a(path, **given, workers=1) == first
    assert len(path.read_text().splitlines()) == 16
    means = {(c.kind, c.degree, c.neurons): c.load for c in first}
    assert means["transition", 2, 20] > means["transition", 1, 20] and means["transition", 2, 20] > means[
        "sequence", 2, 20]
    path.write_text("something else\n")
    with pytest.raises(RecordingError, match=r"line 1 of .* is not a measurement of figure 2A"):
        list(read_cells(path))


def test_figure_2a_by_the_published_protocol(tmp_path):
    cells = figure_2a(tmp_path / "cells.jsonl", degrees=(2,), sizes=(40,), repeats=4, published=True)
    whole = np.mean([c.load for c in cells if c.kind == "sequence"])
    assert whole == pytest.approx(22.5, rel=0.12)
