"""A memory that runs programs: any table of transitions becomes a circuit that reads symbols (Burns 2024).

A state is given, then symbols, one after the other; what is read out is the state after the last one, and whether that
symbol was refused. The table given is the published one, if no other is: four people, and who is whose wife, son or
father. Other groups have tables drawn at random over the same states and symbols. Every symbol is tried in every state,
and programs are run, the published ones step by step.

Two controls must fail. Where a symbol alone is enough for a transition, without the state it belongs to, the circuit
guesses: it moves on a symbol that means nothing there, and reports nothing. Without the cells that carry transitions no
symbol does anything.
"""
from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from neuroam.analysis.contrast import in_group
from neuroam.analysis.plots_programs import program_figures, transition_figures
from neuroam.analysis.programs import reached, refused
from neuroam.errors import DescriptionError
from neuroam.graphs import FAMILY, Listed, transitions_of
from neuroam.manipulations import Silence
from neuroam.prediction import Prediction, Region, below, between, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import ms

BURNS = "Burns 2024, ICML, arXiv 2404.07123"
NOTEBOOK = "the author's notebook"
SIMULATED = "simulations of the published update, ten seeds"
OURS, CONTROL = "expected of an automaton", "control of this protocol"
PROGRAMS = "M daughter daughter brother; B father wife husband; H father son mother"
GIVEN, GUESSING, CUT = "given table", "guessing", "no transitions"
PRESENTED, WAIT, READING, AFTER = 200, 300, 300, 700  # ms
STEP = 2 * ms
SHARE = 0.6  # of the pairs of a random table have a transition
ALL = between(0.995, 1.005)
Table = Mapping[tuple[str, str], str]
Program = tuple[str, ...]


@recipe
def finite_automaton(transitions: Listed = FAMILY, programs: str = PROGRAMS, drawn: int = 8, length: int = 5,
                     tables: int = 3) -> Protocol:
    """`transitions`: state, symbol, next state, as "off push on; on push off", {("off", "push"): "on"} or triples;
    `programs`: a state and its symbols each, run step by step, the published ones with the published table alone;
    `drawn` more of `length` symbols are drawn at random, as are `tables` more tables."""
    table = transitions_of(transitions)
    states = tuple(dict.fromkeys([*(q for q, _ in table), *table.values()]))
    symbols = tuple(dict.fromkeys(x for _, x in table))
    told = programs if programs != PROGRAMS or table == transitions_of(FAMILY) else ""
    given = [_known(tuple(part.split()), states, symbols) for part in told.split(";") if part.strip()]
    listed = [program[:k] for program in given for k in range(3, len(program) + 1)]
    listed += _programs(table, states, symbols, drawn, length)
    singles: list[Program] = [(q, x) for q in states for x in symbols]
    known = {GIVEN: table} | {f"random {k + 1}": random_table(states, symbols, k) for k in range(tables)}
    if not listed:
        raise DescriptionError("finite_automaton: no program of two symbols or more; give some, or drawn above 0")
    shown = given[0] if given else listed[0]
    return Protocol(
        name="finite_automaton",
        title="A memory that runs programs",
        source=BURNS,
        circuit="automaton",
        levels=("rate", "effective"),
        dt=STEP,
        groups=_groups(known),
        blocks=(Block("symbols", _trials(singles)), Block("programs", _trials(listed))),
        record=(Record("visible", every=10 * ms, units=False), Record("refusal", every=10 * ms)),
        predictions=_predictions(known, singles, listed),
        figures=_figures(known, shown, states, symbols),
        notes={"programs": "a state and the symbols read from it on; the published ones are also run up to each symbol",
               "refusal": "the cell for it fired in the 700 ms after the last symbol",
               "random tables": f"have a transition for {100 * SHARE:g} % of the pairs of a state and a symbol, "
                                "at least one for each of either"},
    )


def _known(program: Program, states: Sequence[str], symbols: Sequence[str]) -> Program:
    for word, names, what in ((program[0], states, "state"), *((word, symbols, "symbol") for word in program[1:])):
        if word not in names:
            raise DescriptionError(f"finite_automaton: program {' '.join(program)!r} has {word!r}, which is no {what} "
                                   f"of the table; it has {', '.join(names)}")
    return program


def random_table(states: Sequence[str], symbols: Sequence[str], seed: int) -> dict[tuple[str, str], str]:
    """A partial table over these names, in which every state has a transition and every symbol stands for one."""
    rng = np.random.default_rng(seed)
    there = rng.random((len(states), len(symbols))) < SHARE
    there[np.arange(len(states)), rng.integers(len(symbols), size=len(states))] = True
    there[rng.integers(len(states), size=len(symbols)), np.arange(len(symbols))] = True
    return {(q, x): _one(states, rng) for i, q in enumerate(states) for j, x in enumerate(symbols) if there[i, j]}


def _one(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def _programs(table: Table, states: Sequence[str], symbols: Sequence[str], number: int, length: int) -> list[Program]:
    """Every other symbol is one that the table has for the state it meets, if there is any; the rest are any."""
    rng = np.random.default_rng(0)
    made: list[Program] = []
    for _ in range(number):
        program: Program = (_one(states, rng),)
        for place in range(length):
            fits = [x for q, x in table if q == run(table, program)[0]] if place % 2 == 0 else []
            program += (_one(fits or symbols, rng),)
        made.append(program)
    return made


def run(table: Table, program: Program) -> tuple[str, bool]:
    """The state after a program (a state, then symbols), and whether its last symbol has no transition there."""
    state, wrong = program[0], False
    for symbol in program[1:]:
        wrong = (state, symbol) not in table
        state = table.get((state, symbol), state)
    return state, wrong


def called(program: Program) -> str:
    return f"{program[0]}: {', '.join(program[1:])}"


def times(program: Program) -> list[tuple[int, int]]:
    """When each symbol comes and goes, in ms."""
    ons = [PRESENTED + WAIT + k * (READING + AFTER) for k in range(len(program) - 1)]
    return [(on, on + READING) for on in ons]


def _trials(programs: Iterable[Program]) -> tuple[Trial, ...]:
    return tuple(_trial(program) for program in programs)


def _trial(program: Program) -> Trial:
    read = tuple(Stimulus("symbol", symbol, READING * ms, onset=on * ms)
                 for symbol, (on, _) in zip(program[1:], times(program), strict=True))
    over = times(program)[-1][1]
    return Trial(called(program), (over + AFTER) * ms, (Stimulus("state", program[0], PRESENTED * ms), *read),
                 measured=(over * ms, AFTER * ms))


def _groups(known: Mapping[str, Table]) -> tuple[Group, ...]:
    strains = {name: {"transitions": "; ".join(f"{q} {x} {after}" for (q, x), after in table.items())}
               for name, table in known.items()}
    return (*(Group(name, strain=strain) for name, strain in strains.items()),
            Group(GUESSING, strain=strains[GIVEN] | {"state_weight": 0.0}),
            Group(CUT, (Silence("transition"),), strain=strains[GIVEN]))


def _predictions(known: Mapping[str, Table], singles: list[Program], programs: list[Program]
                 ) -> tuple[Prediction, ...]:
    right, wrong = _split(known[GIVEN], singles)
    moves = [pair for pair in right if run(known[GIVEN], pair)[0] != pair[0]]
    stuck = (_claim("no transitions: symbols that lead to the next state", CUT, reached, within(0.005), CONTROL,
                    "must fail", wanted=_wanted(known[GIVEN], moves)),)
    guessed = (
        _claim("guessing: wrong symbols that leave the state unchanged", GUESSING, reached, below(0.7), CONTROL,
               "must fail", wanted=_wanted(known[GIVEN], wrong)),
        _claim("guessing: wrong symbols that are refused", GUESSING, refused, below(0.1), CONTROL, "must fail",
               trials=_names(wrong)),
    )
    return (
        *(claim for name, table in known.items() for claim in _of_table(name, table, singles, programs)),
        *(guessed if wrong else ()),
        *(stuck if moves else ()),
    )


def _of_table(name: str, table: Table, singles: list[Program], programs: list[Program]) -> list[Prediction]:
    right, wrong = _split(table, singles)
    told = name == GIVEN and table == transitions_of(FAMILY)
    source, published = (SIMULATED, "160 of 160; 90 of 90 steps") if told else (OURS, "all")
    kept = (NOTEBOOK, "unchanged") if told else (OURS, "unchanged")
    of_wrong = [
        _claim(f"{name}: wrong symbols that leave the state unchanged", name, reached, ALL, *kept,
               wanted=_wanted(table, wrong)),
        _claim(f"{name}: wrong symbols that are refused", name, refused, ALL, OURS, "all", trials=_names(wrong)),
    ]
    return [
        _claim(f"{name}: symbols that lead to the next state", name, reached, ALL, source, published,
               wanted=_wanted(table, right)),
        _claim(f"{name}: programs that end in the right state", name, reached, ALL, source, published,
               wanted=_wanted(table, programs)),
        *(of_wrong if wrong else ()),
        _claim(f"{name}: right symbols that are refused", name, refused, within(0.005), OURS, "none",
               trials=_names(right)),
    ]


def _split(table: Table, singles: list[Program]) -> tuple[list[Program], list[Program]]:
    """Pairs of a state and a symbol that the table has, and those it does not."""
    return [p for p in singles if not run(table, p)[1]], [p for p in singles if run(table, p)[1]]


def _wanted(table: Table, programs: list[Program]) -> dict[str, str]:
    return {called(program): run(table, program)[0] for program in programs}


def _names(programs: list[Program]) -> tuple[str, ...]:
    return tuple(called(program) for program in programs)


def _claim(claim: str, group: str, measure: Any, expect: Region, source: str, published: str, **settings: Any
           ) -> Prediction:
    statistic = functools.partial(in_group, measure=functools.partial(measure, **settings), group=group)
    certainty = {SIMULATED: "measured independently", NOTEBOOK: "read in the code"}.get(source, "ours")
    return Prediction(claim, statistic, expect, published, source, certainty)


def _figures(known: Mapping[str, Table], shown: Program, states: tuple[str, ...], symbols: tuple[str, ...]
             ) -> tuple[Figure, ...]:
    marks = {f"{symbol}{' ' * k}": (on / 1000, off / 1000)  # a symbol may come twice
             for k, (symbol, (on, off)) in enumerate(zip(shown[1:], times(shown), strict=True))}
    return (
        Figure("A program",
               f"Overlap with each state while {called(shown)} is read, and what the refusal cell says, in arbitrary "
               "units; grey: a symbol is there. First animal.",
               functools.partial(program_figures, groups=(GIVEN, GUESSING), trial=called(shown), states=states,
                                 symbols=marks)),
        Figure("Every symbol in every state",
               "The state that is reached from that of the row by the symbol of the column, – where the symbol was "
               "refused. Green: a transition that the table has; grey: none, and refused; red: wrong. First animal.",
               functools.partial(transition_figures, tables=dict(known) | {GUESSING: known[GIVEN], CUT: known[GIVEN]},
                                 states=states, symbols=symbols, naming="{state}: {symbol}")),
    )
