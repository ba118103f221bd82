"""Finite automata: every transition and program of any table, and a wrong symbol reported, where a network guesses."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuroam.effective.automaton import FAMILY, Automaton, automaton, random_transitions
from neuroam.effective.correlated_measures import correlations
from neuroam.errors import DescriptionError
from neuroam.graphs import FAMILY as TOLD

PROGRAMS = {  # as published: symbols, the states they lead to, and whether each was accepted
    "M": (("daughter", "daughter", "brother"), "LLB", (True, False, True)),
    "B": (("father", "wife", "husband"), "HMH", (True, True, True)),
    "H": (("father", "son", "mother"), "HBM", (False, True, True))}


@pytest.mark.parametrize("seed", range(10))
def test_family_transitions(seed):
    """160 memories in ten networks: each transition leads where it should, and each state holds itself."""
    family = automaton(FAMILY, gain=1.0, seed=seed)
    assert family.model.memories == 16
    for (state, symbol), following in FAMILY.items():
        step, = family.run(state, [symbol])
        assert step.accepted and step.state == following and step.correlation > .9
    held = family.model.relax(family.model.patterns[:4])
    assert np.all(correlations(held, family.model.patterns).argmax(axis=1) == range(4))


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("start", PROGRAMS)
def test_family_programs(start, seed):
    program, states, accepted = PROGRAMS[start]
    steps = automaton(FAMILY, seed=seed).run(start, program)
    assert [step.state for step in steps] == list(states)
    assert tuple(step.accepted for step in steps) == accepted


def test_mean_quality_is_the_measured_one():
    steps = [automaton(FAMILY, gain=1.0, seed=seed).run(q, [x])[0] for seed in range(10) for q, x in FAMILY]
    assert np.mean([step.correlation for step in steps]) == pytest.approx(.934, abs=.01)


@pytest.mark.parametrize("states, symbols", [(2, 2), (5, 3), (12, 4), (20, 5)])
def test_random_automata_run_long_programs(states, symbols):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = random_transitions(states, symbols, rng)
        state, program = "q0", [f"x{rng.integers(symbols)}" for _ in range(12)]
        for step in automaton(table, seed=seed).run(state, program):
            state = table[state, step.symbol]
            assert step.accepted and step.state == state


def test_every_wrong_symbol_is_reported_and_changes_nothing():
    rng = np.random.default_rng(0)
    for seed in range(10):
        complete = random_transitions(6, 4, rng)
        table = {key: following for key, following in complete.items() if rng.random() < .6}
        network = automaton(table, seed=seed)
        reached = set(network.states)
        for key in complete:
            if key[0] in reached and key[1] in network.symbols:
                step, = network.run(key[0], [key[1]])
                assert step.accepted == (key in table)
                assert step.state == table.get(key, key[0])


def test_the_bare_network_guesses():
    """Without the read-out, `husband` at B, who has none, is taken for that of M and leads to H."""
    family = automaton(FAMILY)
    cue = family.cue(family.model.patterns[family.states.index("B")], "husband")
    final = family.model.relax(cue)
    assert family.states[correlations(final[None], family.model.patterns[:4]).argmax()] == "H"
    step, = family.run("B", ["husband"])
    assert not step.accepted and step.state == "B" and step.match < .3


def test_a_state_that_is_lost_is_not_named():
    """Memories replaced by others: nothing that is reached is a state, and none is reported."""
    family = automaton(FAMILY)
    other = automaton(FAMILY, seed=1)
    stranger = Automaton(family.states, family.transitions, family.symbols, other.model)
    _, step = stranger._read(family.model.patterns[0], "son", 100, .1)
    assert not step.accepted and step.state is None


def test_memories_and_links_are_as_described():
    network = automaton({("a", "x"): "b", ("b", "y"): "a"}, neurons=400, symbol_share=.5)
    patterns = network.model.patterns
    assert network.states == ("a", "b") and patterns.shape == (4, 400)
    assert np.array_equal(patterns[2], np.concatenate([patterns[0, :200], network.symbols["x"]]))
    assert network.model.links.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("given", [
    "off push on; on push off", {("off", "push"): "on", ("on", "push"): "off"},
    [("off", "push", "on"), ["on", "push", "off"]], ("off push on", "on push off")])
def test_tables_in_every_form(given):
    network = automaton(given, neurons=400)
    assert network.states == ("off", "on") and network.transitions == (("off", "push"), ("on", "push"))
    assert [step.state for step in network.run("off", ["push"] * 3)] == ["on", "off", "on"]
    assert automaton(TOLD).transitions == tuple(FAMILY)


@pytest.mark.parametrize("table", ["a x a", "a x a; a y a; a z a"])
def test_one_state_reads_all_its_symbols(table):
    """Of 240 steps each none is refused. With the background that other tables have, noise is read and some are."""
    wrong = 0
    for seed in range(20):
        network = automaton(table, seed=seed)
        program = list(network.symbols) * (12 // len(network.symbols))
        steps = network.run("a", program)
        assert all(step.accepted and step.state == "a" and step.correlation > .999 for step in steps)
        faded = replace(network, model=replace(network.model, background=1.))
        wrong += sum(not step.accepted for step in faded.run("a", program))
    assert wrong


@pytest.mark.parametrize("call, message", [
    (lambda: automaton({}), "hold none"), (lambda: automaton("off push"), "'off push': give three words"),
    (lambda: automaton(5), "transitions are 5"), (lambda: automaton({"ab": "b"}), "'ab b': give three"),
    (lambda: automaton([("a b", "x", "a")]), "give three words"), (lambda: automaton({(1, "x"): "b"}), "give three"),
    (lambda: automaton([("a", "x", "a"), ("a", "x", "b")]), "already leads to 'a'")])
def test_tables_that_are_none(call, message):
    with pytest.raises(DescriptionError, match=message):
        call()


@pytest.mark.parametrize("call", [
    lambda: automaton(FAMILY, neurons=100), lambda: automaton(FAMILY, symbol_share=.99),
    lambda: automaton(FAMILY).run("X", ["son"]), lambda: automaton(FAMILY).run("H", ["son", "cousin"])])
def test_refusals(call):
    with pytest.raises(DescriptionError, match="automaton"):
        call()
