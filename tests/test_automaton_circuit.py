"""Automata as circuits: every transition of any table, wrong symbols refused, and what fails without either part."""
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neuroam import describe
from neuroam.analysis import programs
from neuroam.circuit import as_rates
from neuroam.circuits.automaton import automaton, known_symbols, likeness, parts, targets
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.automaton import automaton as update
from neuroam.effective.automaton import random_transitions
from neuroam.errors import DescriptionError
from neuroam.experiment import simulate
from neuroam.graphs import FAMILY, states_of, symbols_of, transitions_of
from neuroam.protocols.finite_automaton import CUT, GIVEN, GUESSING, called, finite_automaton, random_table, run
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.wiring import wire

TABLE = transitions_of(FAMILY)
PROTOCOL = finite_automaton(tables=1, drawn=1, length=3)


def simulated(protocol, level="effective", animals=1, cells=1000, keep=("symbols", "programs"), seed=1):
    blocks = tuple(block for block in protocol.blocks if block.name in keep)
    groups = tuple(replace(g, strain=dict(g.strain) | {"cells": cells}) for g in protocol.groups)
    protocol, dt = replace(protocol, blocks=blocks, groups=groups), float(protocol.dt)
    if level == "rate":
        return simulate(as_rates(automaton()), protocol, Numba(dt), animals, seed, level=level)
    return simulate(automaton(), protocol, Adiabatic(dt), animals, seed, level=level)


@pytest.fixture(scope="module")
def recorded():
    return {level: simulated(PROTOCOL, level, cells=800) for level in ("rate", "effective")}


@pytest.mark.parametrize("level", ["rate", "effective"])
def test_every_claim_holds_and_the_controls_fail(recorded, level):
    for claim in PROTOCOL.predictions:
        assert claim.expect.low < claim.statistic(recorded[level]).mean() < claim.expect.high, claim.claim
    assert {GIVEN, "random 1", GUESSING, CUT} == {claim.claim.partition(":")[0] for claim in PROTOCOL.predictions}


def test_the_circuit_does_what_the_update_does(recorded):
    """The published programs, step by step: states and refusals of the memory that reads its cue out first."""
    network = update(TABLE)
    for q in states_of(TABLE):
        for x in symbols_of(TABLE):
            step, = network.run(q, [x])
            state, refused = programs.ends(recorded["effective"], [called((q, x))], GIVEN)[0]
            assert (state, refused) == (step.state, not step.accepted)
    for program in ("M daughter daughter brother", "B father wife husband", "H father son mother"):
        start, *symbols = program.split()
        steps = network.run(start, symbols)
        state, refused = programs.ends(recorded["effective"], [called((start, *symbols))], GIVEN)[0]
        assert (state, refused) == (steps[-1].state, not steps[-1].accepted)


def test_guessing_is_reported_as_wrong(recorded):
    """Must fail: what is measured sees states that should not have been reached."""
    wrong = {called((q, x)): q for q in states_of(TABLE) for x in symbols_of(TABLE) if (q, x) not in TABLE}
    assert programs.reached(recorded["effective"], wrong, GUESSING).item() == 8 / 20  # where the guess is no move
    right = {called(pair): after for pair, after in TABLE.items()}
    assert programs.reached(recorded["effective"], right, GUESSING).item() == 1
    assert programs.refused(recorded["effective"], wrong, GIVEN).item() == 1
    assert programs.refused(recorded["effective"], wrong, GUESSING).item() == 0
    assert programs.refused(recorded["effective"], wrong, CUT).item() == 1
    with pytest.raises(DescriptionError, match="none of the trials"):
        programs.refused(recorded["effective"], ["nobody"], GIVEN)


def test_figures_show_every_level(recorded):
    for figure in PROTOCOL.figures:
        assert set(figure.draw(recorded)) == {"rate", "effective"}


@pytest.mark.parametrize("states, symbols, cells", [(2, 2, 400), (10, 3, 1000)])
def test_automata_of_any_size(states, symbols, cells):
    """All transitions of random tables without gaps, and long programs."""
    table = random_transitions(states, symbols, np.random.default_rng(states))
    text = "; ".join(f"{q} {x} {after}" for (q, x), after in table.items())
    names = states_of(table)
    protocol = finite_automaton(transitions=text, programs="", drawn=2, length=6, tables=0)
    protocol = replace(protocol, groups=protocol.groups[:1])
    made = simulated(protocol, cells=cells)
    trials = [trial.name for block in protocol.blocks for trial in block.trials]
    wanted = {name: run(table, (name.partition(":")[0], *name.partition(": ")[2].split(", ")))[0] for name in trials}
    assert programs.reached(made, wanted, GIVEN).item() == 1
    assert programs.refused(made, trials, GIVEN).item() == 0
    assert len(trials) == len(names) * symbols + 2


def test_programs_by_hand():
    table = {("a", "x"): "b", ("b", "y"): "a"}
    assert run(table, ("a", "x")) == ("b", False) and run(table, ("a", "y")) == ("a", True)
    assert run(table, ("a", "y", "x")) == ("b", False) and run(table, ("a", "x", "x")) == ("b", True)
    drawn = random_table(("a", "b", "c"), ("x", "y"), 3)
    assert {q for q, _ in drawn} == {"a", "b", "c"} and {x for _, x in drawn} == {"x", "y"}
    assert set(drawn.values()) <= {"a", "b", "c"}


# weights

def test_weights_are_what_they_are_said_to_be():
    rng = np.random.default_rng(0)
    patterns = rng.random((5, 300))  # three states, two symbols
    np.testing.assert_allclose(np.diagonal(likeness(patterns) @ patterns.T), 1)
    np.testing.assert_allclose(likeness(patterns) @ np.ones(300), 0, atol=1e-12)
    heard = parts(patterns, 100, (0, 2), (3, 4))
    cue = np.concatenate([patterns[2, :100], patterns[4, 100:]])
    assert heard[1] @ cue == pytest.approx(2) and heard[0] @ cue < .7
    assert np.array_equal(targets(patterns, 3, (1, 0)).T, patterns[[0, 1, 2, 1, 0]])
    known = known_symbols(patterns, 100, 3)
    assert not known[:, :100].any() and known[1] @ cue == pytest.approx(1)


def test_a_symbol_is_written_over_its_cells_alone():
    wired = wire(automaton(cells=400), 0)
    trial = replace(PROTOCOL.blocks[0].trials[0], name="t")
    short = replace(PROTOCOL, blocks=(replace(PROTOCOL.blocks[0], trials=(trial,)),),
                    record=(replace(PROTOCOL.record[0], units=True),))
    trace = Adiabatic(2e-3).run(wired, schedule(short, wired, 2e-3)).traces["visible"]
    before, written = trace[49], trace[79]
    first = 400 - round(.751 * 400)
    assert np.corrcoef(written[:first], before[:first])[0, 1] > .99
    symbol = wired.patterns[list(wired.ports["symbol"].names).index("wife")]
    assert np.corrcoef(written[first:], symbol[first:])[0, 1] > .99


# tables and refusals

def test_tables_from_text():
    assert transitions_of("off push on;\n on push off;") == {("off", "push"): "on", ("on", "push"): "off"}
    assert states_of(TABLE) == ("H", "M", "L", "B") and len(TABLE) == 12 and len(symbols_of(TABLE)) == 8
    assert transitions_of("a x b; a x b") == {("a", "x"): "b"}


@pytest.mark.parametrize("given", [
    {("off", "push"): "on", ("on", "push"): "off"}, (("off", "push", "on"), ("on", "push", "off"))])
def test_tables_in_other_forms_are_the_same_circuit(given):
    made, told = (wire(automaton(form, cells=300), 0) for form in (given, "off push on; on push off"))
    for one, other in zip(made.projections, told.projections, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)


@pytest.mark.parametrize("text, message", [
    ("a x", "three words"), ("", "hold none"), ("a x b; a x c", "already leads to 'b'"),
    ("a b b", "state and a symbol")])
def test_tables_that_are_none_are_refused(text, message):
    with pytest.raises(DescriptionError, match=message):
        automaton(transitions=text)


@pytest.mark.parametrize("settings, message", [
    ({"cells": 100}, "25 of 100 cells for states"), ({"symbol_share": .99}, "10 of 1000"),
    ({"threshold": 2.5}, "below 2"), ({"state_weight": 3.}, "give 0 to 2")])
def test_circuits_that_cannot_be_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        automaton(**settings)


def test_a_table_without_gaps_has_no_wrong_symbols():
    complete = finite_automaton(transitions="off push on; on push off", programs="off push push", drawn=0, tables=0)
    assert not [claim.claim for claim in complete.predictions if "wrong" in claim.claim]
    assert len(complete.predictions) == 4


def test_a_protocol_without_a_program_is_refused():
    with pytest.raises(DescriptionError, match="no program"):
        finite_automaton(programs="H wife", drawn=0)


@pytest.mark.parametrize("program, message", [
    ("a x y", "'y', which is no symbol of the table; it has x"), ("x x x", "'x', which is no state of the table"),
    ("a x x; c", "'c', which is no state")])
def test_programs_of_another_table_are_refused(program, message):
    with pytest.raises(DescriptionError, match=message):
        finite_automaton(transitions="a x b", programs=program, drawn=0, tables=0)


def test_published_programs_and_numbers_go_with_the_published_table():
    protocol = finite_automaton(transitions="off push on; on push off", tables=0)
    assert all(trial.name.startswith(("off: push", "on: push")) for block in protocol.blocks for trial in block.trials)
    assert not any("160" in claim.published for claim in protocol.predictions)
    told = finite_automaton(tables=0, drawn=0)
    assert [trial.name for trial in told.blocks[1].trials][:2] == ["M: daughter, daughter",
                                                                   "M: daughter, daughter, brother"]
    assert sum("160 of 160" in claim.published for claim in told.predictions) == 2


@pytest.mark.parametrize("given", [
    "off push", "off push on; off push off", "", ";", "a x b c", 5, None, {}, {"ab": "b"}, {("a", 1): "b"},
    [("a", "x")], ["a x"], [("a b", "x", "a")], [("a;", "x", "a")], [1], "off push on; on push off",
    {("off", "push"): "on"}, [("off", "push", "on"), ["on", "push", "off"]], ["off push on"], FAMILY])
def test_the_protocol_takes_the_tables_that_a_circuit_takes(given):
    try:
        found = transitions_of(given)
    except DescriptionError:
        with pytest.raises(DescriptionError):
            finite_automaton(transitions=given)
    else:
        strain = finite_automaton(transitions=given).groups[0].strain["transitions"]
        assert transitions_of(strain) == found


def test_a_table_that_goes_nowhere_has_no_claim_to_move():
    """Nor any trial that nobody wants: all claims are about some."""
    still = finite_automaton(transitions="a x a; b y b", tables=0)
    assert not any(claim.claim.startswith(CUT) for claim in still.predictions)
    for claim in still.predictions:
        settings = claim.statistic.keywords["measure"].keywords
        assert settings.get("wanted") or settings.get("trials")


def test_the_methods_section_names_what_there_is():
    text = str(describe(automaton()))
    for word in ("refusal", "transition", "Burns 2024", "likeness"):
        assert word in text
