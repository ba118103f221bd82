"""A finite automaton as a circuit: any table of transitions (state, symbol) → state, after Burns 2024.

    τ_v dv/dt = −v + (Σ_q ξ_q f_q + Σ_k ξ_next(k) f_k + I + G x r)/(1 + G r)
    f = softmax(β h)      h_q = Σ_i (ξ_qi − ⟨ξ_q⟩) v_i      h_k = w t_k
    t_k = [s_q + s_x − θ − 2 r]₊      s = likeness of the cells of states to q, and of those of symbols to x; 1 if equal
    r = 1 while a symbol is there      G is 0 on the cells of states

As in the published memory, a state is a pattern over all visible cells that leads to itself, and reading a symbol x in
the state q means: x is written over the last three quarters of the cells, and what this makes leads to the next state.
Here writing is strong input that shunts what else these cells hear. A transition k = (q, x) has a cell that hears both
parts and fires only if both are as they should be; it does so once the symbol is over, or the next state would read the
same symbol again.

Where the circuit differs from the published update, whose transitions compete by their likeness as states do: a symbol
for which the table has no transition moves that memory to some state (`neuroam.effective.automaton` therefore reads
the cue out first). Here no transition fires, the state brings its own pattern back, and the *refusal* cell reports: it
is excited by cells that know the symbol and silenced by any transition.
"""
from __future__ import annotations

import functools
from typing import Any

import numpy as np
from scipy import sparse

from neuroam.circuit import Circuit, Population, Port, Projection, Stored, WeightMatrix
from neuroam.connect import all_to_all, from_matrix
from neuroam.errors import DescriptionError
from neuroam.graphs import FAMILY, Listed, Transitions, states_of, symbols_of, transitions_of
from neuroam.neurons import Drive, Rate
from neuroam.patterns import Patterns
from neuroam.recipe import recipe
from neuroam.transfer import Linear, Rectified, Softmax
from neuroam.units import assumed, cited, ms

BURNS = "Burns 2024, ICML, arXiv 2404.07123"
SMALLEST = 64  # cells of either part, so that no chance likeness comes near a threshold
WRITING = 50.0
TRIGGER = 1000.0  # makes a transition win over any state, whose similarity is at most a twelfth of the cells
PRESENT = 0.75  # likeness from which on a symbol counts as there
DETECTED, VETO = 40.0, 400.0
HOLD = 2.0  # as much as a transition can hear


def likeness(part: np.ndarray) -> np.ndarray:
    """Weights (k, cells) with which a cell gets 1 from each pattern (k, cells) itself, and nothing from what is the
    same in all cells."""
    centred = part - part.mean(axis=1, keepdims=True)
    return centred / (centred**2).sum(axis=1, keepdims=True)


def similarity(patterns: np.ndarray, states: int, transitions: int) -> np.ndarray:
    """Of states alone, (memories, cells)."""
    own = patterns[:states] - patterns[:states].mean(axis=1, keepdims=True)
    return np.vstack([own, np.zeros((transitions, patterns.shape[1]))])


def parts(patterns: np.ndarray, first: int, origins: tuple[int, ...], symbols: tuple[int, ...],
          state_weight: float = 1.0) -> np.ndarray:
    """What transitions hear, (transitions, cells): their state in the first cells, their symbol in the others."""
    state, symbol = likeness(patterns[list(origins), :first]), likeness(patterns[list(symbols), first:])
    return np.hstack([state_weight * state, (HOLD - state_weight) * symbol])


def targets(patterns: np.ndarray, states: int, following: tuple[int, ...]) -> np.ndarray:
    """What memories lead to, (cells, memories): states to themselves, transitions to the next state."""
    return patterns[[*range(states), *following]].T


def known_symbols(patterns: np.ndarray, first: int, states: int) -> np.ndarray:
    """What the cells that know a symbol hear, (symbols, cells)."""
    weights = np.zeros((len(patterns) - states, patterns.shape[1]))
    weights[:, first:] = likeness(patterns[states:, first:])
    return weights


@recipe
def automaton(transitions: Listed = FAMILY, cells: int = 1000, symbol_share: float = 0.751, sharpness: float = 0.5,
              threshold: float = 1.25, state_weight: float = 1.0, tau_visible: Any = 100 * ms, tau_memory: Any = 2 * ms,
              tau_refusal: Any = 50 * ms) -> Circuit:
    """`transitions`: state, symbol, next state, as "off push on; on push off", {("off", "push"): "on"} or triples.
    `symbol_share` of the `cells` stand for the symbol, `sharpness` is β; both as published. `threshold` is θ. A
    transition hears its state with `state_weight` and its symbol with the rest of 2: without the state any symbol is
    enough, and the circuit guesses."""
    table = transitions_of(transitions)
    states, symbols = states_of(table), symbols_of(table)
    last = round(symbol_share * cells)
    _check(states, symbols, cells, last, threshold, state_weight)
    tau = assumed(tau_memory, "fast; the theory takes it to 0")
    membrane = assumed(tau_visible, "slow, so that a state outlasts the handover to the next")
    stored = Patterns(len(states) + len(symbols), cells, "visible", "uniform", names=(*states, *symbols),
                      source=f"{BURNS}: independent components, uniform in 0…1")
    return Circuit(
        name=f"automaton of {len(states)} states and {len(table)} transitions",
        source=BURNS,
        populations=(
            Population("start", cells, Drive(), "a state that is given"),
            Population("symbol", cells, Drive(), "the symbol that is given"),
            Population("reading", 1, Rate(tau, Linear()), "a symbol is there"),
            Population("visible", cells, Rate(membrane, Linear()), "state, and symbol in the last cells"),
            Population("transition", len(table),
                       Rate(tau, Rectified(threshold=assumed(threshold, "both parts needed, 1 each"))),
                       "a state and a symbol together"),
            Population("memory", len(states) + len(table),
                       Rate(tau, Softmax(gain=cited(sharpness, f"{BURNS}, programs"))), "states, then transitions"),
            Population("detector", len(symbols), Rate(tau, Rectified(threshold=assumed(PRESENT, "nearly whole"))),
                       "the symbol is known"),
            Population("refusal", 1, Rate(assumed(tau_refusal, "outlasts the handover"), Rectified()),
                       "known, but not here"),
        ),
        projections=_projections(table, states, symbols, cells, last, state_weight),
        ports={"state": Port("start", patterns=True), "symbol": Port("symbol", patterns=True)},
        patterns=stored,
        hidden=("reading", "transition", "memory", "detector"),
    )


def _projections(table: Transitions, states: tuple[str, ...], symbols: tuple[str, ...], cells: int, last: int,
                 state_weight: float) -> tuple[Projection, ...]:
    first, ours = cells - last, "this circuit's own"
    written = np.repeat([0.0, WRITING], [first, last])
    trigger = np.vstack([np.zeros((len(states), len(table))), TRIGGER * np.eye(len(table))])
    pair = {"origins": tuple(states.index(q) for q, _ in table),
            "symbols": tuple(len(states) + symbols.index(x) for _, x in table), "state_weight": state_weight}
    following = tuple(states.index(q) for q in table.values())
    return (
        Projection("start", "visible", from_matrix(sparse.identity(cells)), assumed(1.0, "as strong as a memory")),
        Projection("symbol", "visible", from_matrix(sparse.diags(written)), assumed(1.0, "writes over what was there")),
        Projection("symbol", "reading", all_to_all(), assumed(2 / cells, "1 for any symbol, whose cells average ½")),
        Projection("reading", "visible", all_to_all(), WeightMatrix(written[:, None], "1", ours), acts="divisive"),
        Projection("visible", "transition", all_to_all(),
                   _stored(parts, "likeness of both parts", first=first, **pair)),
        Projection("reading", "transition", all_to_all(), assumed(-HOLD, "waits until the symbol is over")),
        Projection("visible", "memory", all_to_all(),
                   _stored(similarity, "ξ_qi − ⟨ξ_q⟩ for states", states=len(states), transitions=len(table))),
        Projection("transition", "memory", all_to_all(), WeightMatrix(trigger, "1", ours)),
        Projection("memory", "visible", all_to_all(),
                   _stored(targets, "the state itself, or the next", states=len(states), following=following)),
        Projection("visible", "detector", all_to_all(),
                   _stored(known_symbols, "likeness of the symbol", first=first, states=len(states))),
        Projection("reading", "detector", all_to_all(), assumed(-HOLD, "waits until the symbol is over")),
        Projection("detector", "refusal", all_to_all(), assumed(DETECTED, "a quarter above threshold is plenty")),
        Projection("transition", "refusal", all_to_all(), assumed(-VETO, "any transition is enough")),
    )


def _stored(rule: Any, text: str, **settings: Any) -> Stored:
    return Stored(functools.partial(rule, **settings), text, source=BURNS)


def _check(states: tuple[str, ...], symbols: tuple[str, ...], cells: int, last: int, threshold: float,
           state_weight: float) -> None:
    both = [name for name in symbols if name in states]
    if both:
        raise DescriptionError(f"automaton: {both[0]!r} is a state and a symbol; give them different names")
    if min(last, cells - last) < SMALLEST:
        raise DescriptionError(f"automaton: {cells - last} of {cells} cells for states, {last} for symbols; give each "
                               f"at least {SMALLEST}, so that a part is not taken for another by chance")
    if not 0 <= state_weight <= HOLD:
        raise DescriptionError(f"automaton: state_weight is {state_weight}; give 0 to 2: the symbol has the rest")
    if not 0 < threshold < HOLD:
        raise DescriptionError(f"automaton: threshold is {threshold}; give it above 0 and below 2, which is all that a "
                               "transition can hear")
