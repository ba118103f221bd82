"""Dense memories of ±1 neurons against the formulas as they are written down, in whole numbers where there are any."""
from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from neuroam.effective import binary
from neuroam.effective.binary import BinaryMemory
from neuroam.effective.binary_separation import NEAREST, Exponential, Power, separation
from neuroam.errors import DescriptionError, Unsupported

POWERS = [Power(1), Power(2), Power(3), Power(5), Power(1, rectified=True), Power(4, rectified=True)]
SIZES = [(2, 3), (64, 60), (65, 300), (20, 1300), (1000, 7)]
FEW, MANY = 5, 45  # states: one way of computing and the other


def random_signs(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).choice(np.array([-1, 1]), shape)


def cases(neurons, memories, hetero, states):
    """Patterns, what they project to, and states: some stored, one inverted, the others random."""
    patterns = random_signs(memories, neurons)
    stored = patterns[: states // 2]
    others = random_signs(states - len(stored) - 1, neurons, seed=1)
    return patterns, np.roll(patterns, -1, axis=0) if hetero else None, np.concatenate([stored, -patterns[:1], others])


def cavity(patterns, state, self_terms):
    """Overlaps as each neuron sees them, whole numbers (memories, neurons)."""
    overlap = (patterns @ state)[:, None]
    return overlap + 0 * patterns if self_terms else overlap - patterns * state


def whole_fields(patterns, projected, states, f, self_terms):
    """Σ ξ' q^d in whole numbers, by the explicit array of all cavity overlaps."""
    def one(state):
        q = cavity(patterns, state, self_terms)
        return (projected * (np.maximum(q, 0) if f.rectified else q) ** f.degree).sum(axis=0)

    return np.array([one(state) for state in states])


def signed(fields, states):
    return np.where(fields == 0, states, np.sign(fields))


@pytest.mark.parametrize("f", POWERS, ids=str)
@pytest.mark.parametrize("self_terms", [False, True])
@pytest.mark.parametrize("hetero", [False, True])
@pytest.mark.parametrize("neurons, memories", SIZES)
def test_fields_and_steps_are_those_of_the_explicit_array(neurons, memories, hetero, self_terms, f):
    for number in (FEW, MANY):
        patterns, projected, states = cases(neurons, memories, hetero, number)
        memory = BinaryMemory(patterns, projected, f, self_terms)
        whole = whole_fields(patterns, patterns if projected is None else projected, states, f, self_terms)
        reach = neurons if self_terms else neurons - 1
        np.testing.assert_array_equal(memory.fields(states), whole * float(reach) ** -f.degree)
        np.testing.assert_array_equal(memory.update(states), signed(whole, states))


@pytest.mark.parametrize("hetero", [False, True])
def test_excluding_the_own_part_makes_a_difference(hetero):
    patterns, projected, states = cases(20, 60, hetero, MANY)
    without, with_own = (BinaryMemory(patterns, projected, Power(3), own).update(states) for own in (False, True))
    assert (without != with_own).any()


@pytest.mark.parametrize("number", [FEW, MANY])
@pytest.mark.parametrize("gain", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("self_terms", [False, True])
def test_exponential(number, gain, self_terms):
    patterns, projected, states = cases(60, 400, True, number)
    memory = BinaryMemory(patterns, projected, Exponential(gain), self_terms)
    reach = 60 if self_terms else 59
    fields = np.array([(projected * np.exp(gain * (cavity(patterns, state, self_terms) - reach))).sum(axis=0)
                       for state in states])
    np.testing.assert_allclose(memory.fields(states), fields, rtol=1e-10, atol=1e-12 * np.abs(fields).max())
    clear = np.abs(fields) > 1e-9 * np.abs(fields).max(axis=1, keepdims=True)
    np.testing.assert_array_equal(memory.update(states)[clear], np.sign(fields)[clear])


def test_exponential_far_from_every_memory():
    """exp(q − N) is 0 in floating point at every overlap here, and yet the nearest memories decide."""
    patterns, states = random_signs(50, 2000), random_signs(3, 2000, seed=2)
    q = states @ patterns.T
    assert np.exp(q.max() - 2000.0) == 0
    fields = np.array([(patterns * np.exp(cavity(patterns, s, False) - o.max())).sum(axis=0)
                       for s, o in zip(states, q, strict=True)])
    np.testing.assert_array_equal(BinaryMemory(patterns, None, "exponential").update(states), np.sign(fields))


@pytest.mark.parametrize("number", [FEW, MANY])
def test_the_nearest_memory_decides(number):
    """Infinite gain: weights (P + 1)^q in whole numbers of any length, so one memory outweighs all farther ones."""
    patterns, projected, states = cases(12, 30, True, number)
    weights = np.array([31 ** k for k in range(26)], dtype=object)
    fields = np.array([(projected * weights[cavity(patterns, s, False) + 12]).sum(axis=0) for s in states])
    expected = np.where(fields == 0, states, np.where(fields > 0, 1, -1))
    np.testing.assert_array_equal(BinaryMemory(patterns, projected, "nearest").update(states), expected)
    np.testing.assert_array_equal(BinaryMemory(patterns, projected, NEAREST).update(patterns[:1]), projected[:1])


@pytest.mark.parametrize("degree", [30, 60])
def test_degrees_beyond_whole_numbers(degree):
    patterns, projected, states = cases(64, 700, True, MANY)
    fields = np.array([(projected * (cavity(patterns, s, False) / 63.0) ** degree).sum(axis=0) for s in states])
    clear = np.abs(fields) > 1e-9 * np.abs(fields).max(axis=1, keepdims=True)
    memory = BinaryMemory(patterns, projected, Power(degree))
    for number in (FEW, MANY):
        np.testing.assert_array_equal(memory.update(states[-number:])[clear[-number:]],
                                      np.sign(fields[-number:])[clear[-number:]])


def test_a_field_of_zero_leaves_the_neuron():
    memory = BinaryMemory([[1, 1, 1, 1], [1, 1, -1, -1]], [[1, 1, 1, 1], [-1, -1, -1, -1]], "linear", self_terms=True)
    state = np.array([1, -1, 1, -1])  # overlaps 0 and 0
    assert not memory.fields(state).any()
    np.testing.assert_array_equal(memory.update(state), state)


def test_memories_of_little_weight_decide_where_the_others_all_but_cancel():
    """Overlaps 400 − 200 − 198 with a state of ones, and −3 × 2 from memories that are left out at first."""
    patterns = np.ones((6, 400), int)
    for row, number in enumerate((0, 100, 101, 199, 199, 199)):
        patterns[row, :number] = -1
    projected = np.repeat([[1], [-1], [-1], [-1], [-1], [-1]], 400, axis=1)
    memory = BinaryMemory(patterns, projected, "linear", self_terms=True)
    for number in (1, MANY):
        assert (memory.update(np.ones((number, 400))) == -1).all()


def test_many_states_fall_in_portions(monkeypatch):
    patterns, projected, states = cases(30, 90, True, 70)
    memory = BinaryMemory(patterns, projected, Power(2))
    whole = memory.update(states)
    monkeypatch.setattr(binary, "STATES_AT_ONCE", 33)
    monkeypatch.setattr(binary, "MEMORIES_AT_ONCE", 32)
    np.testing.assert_array_equal(memory.update(states), whole)
    np.testing.assert_array_equal(memory.update(states[:1]), whole[:1])


def test_recall_takes_step_after_step():
    patterns, projected, states = cases(30, 20, True, 4)
    memory = BinaryMemory(patterns, projected, Power(2))
    trajectory = memory.recall(states.reshape(2, 2, 30), 3)
    assert trajectory.shape == (4, 2, 2, 30) and trajectory.dtype == np.int8
    np.testing.assert_array_equal(trajectory[0].reshape(4, 30), states)
    for before, after in pairwise(trajectory):
        np.testing.assert_array_equal(memory.update(before), after)
    assert memory.recall(states[0], 2).shape == (3, 30)


@pytest.mark.parametrize("f", [*POWERS, Exponential(0.5)], ids=str)
def test_energy_is_the_sum_over_memories(f):
    patterns, states = random_signs(7, 11), random_signs(5, 11, seed=3)
    m = (states @ patterns.T) / 11
    if isinstance(f, Exponential):
        terms = np.exp(0.5 * 11 * (m - 1)) / (0.5 * 11)
    else:
        terms = (np.maximum(m, 0) if f.rectified else m) ** (f.degree + 1) / (f.degree + 1)
    np.testing.assert_allclose(BinaryMemory(patterns, None, f).energy(states), -11 * terms.sum(axis=1), rtol=1e-6)


@pytest.mark.parametrize("f", [*POWERS, Exponential(0.5)], ids=str)
def test_the_separation_is_the_slope_of_the_energy(f):
    m, step = np.linspace(-0.9, 0.9, 19), 1e-6
    slope = (f.antiderivative(m + step, 9) - f.antiderivative(m - step, 9)) / (2 * step)
    np.testing.assert_allclose(slope, f(m, 9), rtol=1e-6, atol=1e-6)


def flips_that_help(patterns, state, rise):
    """Energy differences of every flip, in whole numbers; `rise` is F."""
    q = patterns @ state
    return np.array([np.sum(rise(q - 2 * patterns[:, i] * state[i]) - rise(q)) > 0 for i in range(len(state))])


@pytest.mark.parametrize("f", POWERS, ids=str)
def test_relaxing_is_flipping_one_neuron_at_a_time(f):
    patterns, states = random_signs(40, 30), random_signs(6, 30, seed=4)

    def rise(q):
        return (np.maximum(q, 0) if f.rectified else q) ** (f.degree + 1)

    rng, expected = np.random.default_rng(5), states.copy()
    for state in expected:
        for _ in range(20):
            flips = 0
            for i in rng.permutation(30):
                if flips_that_help(patterns, state, rise)[i]:
                    state[i], flips = -state[i], flips + 1
            if flips == 0:
                break
    memory = BinaryMemory(patterns, None, f)
    relaxed = memory.relax(states, 20, np.random.default_rng(5))
    np.testing.assert_array_equal(relaxed, expected)
    stable = [not flips_that_help(patterns, s, rise).any() for s in (*states, *expected)]
    np.testing.assert_array_equal(memory.stable(np.concatenate([states, expected])), stable)
    assert all(stable[len(states):]) and not all(stable)


@pytest.mark.parametrize("f", [Power(1), Power(2), Power(3, True), Exponential(0.3)], ids=str)
def test_the_energy_only_falls(f):
    patterns, states = random_signs(25, 40), random_signs(10, 40, seed=6)
    memory, rng = BinaryMemory(patterns, None, f), np.random.default_rng(0)
    energies = [memory.energy(states)]
    for _ in range(10):
        states = memory.relax(states, 1, rng)
        energies.append(memory.energy(states))
    falls = np.diff(energies, axis=0)
    assert (falls <= 1e-6).all() and (falls[0] < -1e-6).any()


def test_all_at_once_the_energy_may_rise():
    """The control: two memories that make the synchronous network alternate, which no energy allows one by one."""
    memory = BinaryMemory([[1, 1], [-1, -1]])
    energies = memory.energy(memory.recall([1, -1], 2))
    assert (memory.recall([1, -1], 2) == [[1, -1], [-1, 1], [1, -1]]).all()
    assert energies[0] == energies[1] == 0 > memory.energy(memory.relax([1, -1], 5, np.random.default_rng(0)))


def test_silenced_memory_neurons_project_nothing():
    patterns, projected, states = cases(40, 12, True, MANY)
    kept = [k for k in range(12) if k not in (3, 7)]
    np.testing.assert_array_equal(BinaryMemory(patterns, projected, Power(2)).without([3, 7]).fields(states),
                                  BinaryMemory(patterns[kept], projected[kept], Power(2)).fields(states))


def test_patterns_that_project_to_themselves_have_an_energy():
    patterns = random_signs(4, 9)
    assert BinaryMemory(patterns, patterns.copy()).symmetric
    memory = BinaryMemory(patterns, -patterns)
    for call in (memory.energy, memory.stable, lambda s: memory.relax(s, 1, np.random.default_rng(0))):
        with pytest.raises(Unsupported, match="has no energy; use update or recall"):
            call(patterns)


def test_patterns_are_copied():
    patterns = random_signs(4, 9)
    memory = BinaryMemory(patterns)
    before = memory.fields(memory.patterns)
    patterns[:] = 1
    np.testing.assert_array_equal(memory.fields(memory.patterns), before)


@pytest.mark.parametrize("wrong, said", [
    ([[1, 0]], "patterns hold 0 at row 0, neuron 1; a neuron is −1 or 1"),
    ([[1, -1], [1.0, math.nan]], "patterns hold nan at row 1, neuron 1"),
    ([[1, 0.5]], "patterns hold 0.5"),
    ([1, -1], r"patterns have shape \(2,\); give a table"),
    (np.zeros((0, 5)), r"patterns have shape \(0, 5\)"),
    ([[1], [-1]], "one neuron"),
    ([["1", "-1"]], "are of type"),
    ([[True, False]], "are of type bool"),
    ([[1j, 1]], "are of type complex")])
def test_wrong_patterns_are_refused(wrong, said):
    with pytest.raises(DescriptionError, match=said):
        BinaryMemory(wrong)


def test_wrong_arguments_are_refused():
    patterns = random_signs(4, 9)
    memory = BinaryMemory(patterns)
    for call, said in (
            (lambda: BinaryMemory(patterns, patterns[:3]), "one projected pattern for each memory"),
            (lambda: BinaryMemory(patterns, separation="cubic"), "no separation 'cubic'; give linear, exponential"),
            (lambda: Power(0), "degree of Power is 0"), (lambda: Power(1.5), "degree of Power is 1.5"),
            (lambda: Exponential(0), "gain of Exponential is 0"), (lambda: Exponential(math.nan), "gain"),
            (lambda: memory.update(patterns[:, :5]), "last dimension is that of the 9 neurons"),
            (lambda: memory.update(np.zeros(9)), "states hold 0.0"),
            (lambda: memory.without([4]), "memory 4 is not one of the 4"),
            (lambda: memory.without(range(4)), "all memories are silenced"),
            (lambda: memory.relax(patterns, 3, 1), "give numpy.random.default_rng")):
        with pytest.raises(DescriptionError, match=said):
            call()
    with pytest.raises(Unsupported, match="finite gain"):
        BinaryMemory(patterns, None, "nearest").energy(patterns)


def test_what_does_not_fit_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(binary, "free_memory", lambda: 1e9)
    huge = np.broadcast_to(np.int8(1), (10 ** 6, 10 ** 4))
    with pytest.raises(DescriptionError, match=r"patterns \(1000000 × 10000\) needs 30 GB and 1 GB is free"):
        BinaryMemory(huge)
    memory = BinaryMemory(random_signs(4, 9))
    with pytest.raises(DescriptionError, match=r"over 1000000000 steps needs 9 GB"):
        memory.recall(random_signs(1, 9), 10 ** 9)


def test_names_of_separations():
    assert separation("linear") == Power(1) and separation(Power(3)) == Power(3)
    assert separation("exponential") == Exponential(1.0) and separation("nearest").gain == math.inf
