"""Finite automata in a correlated memory (Burns 2024, ICML, arXiv 2404.07123).

Any table of transitions (state, symbol) → state becomes memories and a graph:

    memory of a state q               n independent components
    memory of a transition (q, x)     the first components of q's, then a pattern that stands for the symbol x
    links                             (q, x) → next state; q → q

With hetero-association alone (a = 0, h = 1, links as they are) a state holds itself. To read a symbol its pattern is
written over the last components; the memory (q, x) that this makes leads to the next state. Where the table has no such
transition the network would still go to some state, that of the memory with the most in common. So before it relaxes
the cue is read out: it is a known transition only if both its parts correlate with the two parts of one memory.

The background, κ times the mean memory, is left out of a network with one state: all memories share that state's first
components, which would be taken away until nothing but rounding is left to read.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuroam import graphs
from neuroam.effective.correlated import Correlated
from neuroam.effective.correlated_measures import correlations
from neuroam.errors import DescriptionError
from neuroam.graphs import Listed, Transitions, states_of, symbols_of, transitions_of

RECOGNISED = 0.5  # correlation of each part of a cue, and of what is reached, with the memory it is taken for
SMALLEST = 64  # neurons in a part: chance correlations then stay four standard deviations below RECOGNISED

FAMILY = transitions_of(graphs.FAMILY)


@dataclass(frozen=True)
class Step:
    """One symbol read. `accepted`: whether the table has the transition, as read off the network's `match`, the weaker
    of the two correlations of the cue's parts with the best memory; if not, the network stays as it was. `state`: where
    it is now, None if no state is recognised; `correlation` with that state's memory."""

    symbol: str
    accepted: bool
    match: float
    state: str | None
    correlation: float


@dataclass(frozen=True, eq=False)
class Automaton:
    """A network with the memories of `states` and then of `transitions`; `symbols` has each symbol's pattern."""

    states: tuple[str, ...]
    transitions: tuple[tuple[str, str], ...]
    symbols: dict[str, np.ndarray]
    model: Correlated

    def run(self, start: str, program: Sequence[str], steps: int = 100, step_size: float = 0.1) -> tuple[Step, ...]:
        """Read the symbols of `program` one after the other, from the memory of `start`; `steps` of relaxation each."""
        if start not in self.states:
            raise DescriptionError(f"automaton: no state {start!r}; it has {', '.join(self.states)}")
        unknown = [symbol for symbol in program if symbol not in self.symbols]
        if unknown:
            raise DescriptionError(f"automaton: no symbol {unknown[0]!r}; it has {', '.join(self.symbols)}")
        activity, report = self.model.patterns[self.states.index(start)], []
        for symbol in program:
            activity, step = self._read(activity, symbol, steps, step_size)
            report.append(step)
        return tuple(report)

    def cue(self, activity: np.ndarray, symbol: str) -> np.ndarray:
        """Activity (n,) with the symbol's pattern written over its last components."""
        pattern = self.symbols[symbol]
        return np.concatenate([activity[:-len(pattern)], pattern])

    def _read(self, activity: np.ndarray, symbol: str, steps: int, step_size: float) -> tuple[np.ndarray, Step]:
        cue = self.cue(activity, symbol)
        match = self._match(cue, len(self.symbols[symbol]))
        accepted = bool(match > RECOGNISED)
        if accepted:
            activity = self.model.relax(cue, steps, step_size)
        likeness = correlations(activity[None], self.model.patterns[:len(self.states)])[0]
        best = int(likeness.argmax())
        state = self.states[best] if likeness[best] > RECOGNISED else None
        return activity, Step(symbol, accepted, match, state, float(likeness[best]))

    def _match(self, cue: np.ndarray, last: int) -> float:
        memories = self.model.patterns[len(self.states):]
        parts = [correlations(cue[None, part], memories[:, part])[0] for part in (slice(-last), slice(-last, None))]
        return float(np.minimum(*parts).max())


def automaton(transitions: Listed, neurons: int = 1000, *, symbol_share: float = 0.751, gain: float = 0.5,
              seed: int = 0) -> Automaton:
    """The network of a table of transitions, see `graphs.transitions_of`. `symbol_share` of the neurons stand for the
    symbol; all published."""
    table = transitions_of(transitions)
    states, symbols = states_of(table), symbols_of(table)
    last = round(symbol_share * neurons)
    if min(last, neurons - last) < SMALLEST:
        raise DescriptionError(f"automaton: {neurons - last} of {neurons} neurons for states, {last} for symbols; "
                               f"give each at least {SMALLEST}, so that a part is not taken for another by chance")
    rng = np.random.default_rng(seed)
    of_state = rng.random((len(states), neurons))
    of_symbol = dict(zip(symbols, rng.random((len(symbols), last)), strict=True))
    pairs = [np.concatenate([of_state[states.index(q), :-last], of_symbol[x]]) for q, x in table]
    model = Correlated(np.vstack([of_state, *pairs]), _links(states, table), auto=0, hetero=1, gain=gain,
                       background=float(len(states) > 1), normalise=False)
    return Automaton(states, tuple(table), of_symbol, model)


def _links(states: tuple[str, ...], transitions: Transitions) -> np.ndarray:
    """A (p, p): each state to itself, each transition to where it leads."""
    targets = [*range(len(states)), *(states.index(state) for state in transitions.values())]
    return np.eye(len(targets))[targets]


def random_transitions(states: int, symbols: int, rng: np.random.Generator) -> dict[tuple[str, str], str]:
    """A table with every state and symbol, each next state drawn at random."""
    return {(f"q{q}", f"x{x}"): f"q{rng.integers(states)}" for q in range(states) for x in range(symbols)}
