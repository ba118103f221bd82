"""How many independent patterns a DenseNet or MixedNet was measured to hold, as single transitions and as a sequence
(Chaudhry, Zavatone-Veth, Krotov & Pehlevan 2023, NeurIPS, arXiv 2306.04532).

Two definitions. P50: memories at which half of the transitions (in patterns drawn anew for each), or half of the whole
sequences, have no neuron wrong: failure c = 1/2 in their eqs. 3 and 4. The protocol of their appendix: a number of
sequences drawn anew, P multiplied by .99 until all of them are right.

A transition is checked at its stored pattern, self-terms excluded. Memories far from any large overlap add next to
nothing each: they are left out at first, and a neuron is computed in full only if their sum could turn it, which for
independent patterns it does otherwise with a probability below 5e-11 (Hoeffding).
"""
from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.stats import binom

from neuroam.effective import _kernels_check as kernels
from neuroam.effective.binary import BinaryMemory, pack, require, signs
from neuroam.effective.binary_separation import Exponential, Power, Separation, Table, separation, tabulate
from neuroam.effective.dense_capacity import random_patterns
from neuroam.effective.half_point import half_point
from neuroam.effective.sequence_theory import duplicate_limit, sequence_capacity, transition_capacity
from neuroam.errors import DescriptionError, RecordingError

SHRINK = 0.99
ROUNDS, DRAWS, FEW, LARGE = 32, 10, 5, 1000  # of figure 2A; few rounds where a sequence is longer, and takes seconds
CLOSE = 1.8  # P50 of sequences over their law: from 1.66 to 1.91 at N = 20 … 100, degrees 2 … 4
LEFT_OUT = 0.4  # of the signal: HOEFFDING standard deviations of what is left out stay below this
TRANSITION, SEQUENCE = "transition", "sequence"


def transition_success(neurons: int, memories: int, f: Separation | str, rng: np.random.Generator,
                       draws: int = 1) -> float:
    """Fraction of draws in which ξ^1 is followed by ξ^2 to the last neuron, patterns drawn anew each time."""
    _require_one("draws", draws)
    check = _Check(neurons, memories, separation(f))
    return 1 - sum(check.wrong(rng, 1) for _ in range(draws)) / draws


def all_transitions(neurons: int, memories: int, f: Separation | str, rng: np.random.Generator) -> float:
    """Fraction of all transitions of one sequence that are right."""
    return 1 - _Check(neurons, memories, separation(f)).wrong(rng, memories, memories) / memories


def sequence_success(neurons: int, memories: int, f: Separation | str, rng: np.random.Generator,
                     draws: int = 1) -> float:
    """Fraction of draws in which every transition of the whole periodic sequence is right."""
    _require_one("draws", draws)
    check = _Check(neurons, memories, separation(f))
    return 1 - sum(check.wrong(rng, memories) for _ in range(draws)) / draws


def transition_half(neurons: int, f: Separation | str, rng: np.random.Generator, rounds: int = 60,
                    draws: int = 20) -> float:
    """P50 of single transitions."""
    return half_point(lambda memories, rng: transition_success(neurons, memories, f, rng, draws),
                      1.7 * transition_capacity(neurons, f), rng, rounds)


def sequence_half(neurons: int, f: Separation | str, rng: np.random.Generator, rounds: int = 60,
                  draws: int = 4) -> float:
    """P50 of whole sequences."""
    if isinstance(separation(f), Exponential):
        start = duplicate_limit(neurons)
    else:
        start = CLOSE * sequence_capacity(neurons, f)
    return half_point(lambda memories, rng: sequence_success(neurons, memories, f, rng, draws), start, rng, rounds,
                      0.2)


def mixed_half(neurons: int, holding: Separation | str, moving: Separation | str, strength: float,
               rng: np.random.Generator, start: float, whole: bool = False, rounds: int = 60) -> float:
    """P50 of a MixedNet with τ = 1, of single transitions or whole sequences."""
    def trial(memories: int, rng: np.random.Generator) -> float:
        right = mixed_transitions(random_patterns(memories, neurons, rng), holding, moving, strength)
        return float(right.all()) if whole else float(right.mean())

    return half_point(trial, start, rng, rounds)


def mixed_transitions(sequence: np.ndarray, holding: Separation | str, moving: Separation | str,
                      strength: float) -> np.ndarray:
    """Whether each memory of a MixedNet with τ = 1 is followed by the next, to the last neuron."""
    targets = np.roll(sequence, -1, axis=0)
    held, moved = BinaryMemory(sequence, None, holding), BinaryMemory(sequence, targets, moving)
    fields = held.fields(sequence) + strength * moved.fields(sequence)
    return np.all(np.where(fields == 0, sequence, np.sign(fields)) == targets, axis=1)


def exact_transitions(sequence: np.ndarray, f: Separation | str) -> np.ndarray:
    """Whether each memory of a DenseNet is followed by the next, to the last neuron; for patterns of any kind."""
    targets = np.roll(signs(sequence, "the sequence"), -1, axis=0)
    return np.all(BinaryMemory(sequence, targets, f).update(sequence) == targets, axis=1)


def largest_load(neurons: int, f: Separation | str, rng: np.random.Generator, trials: int = 100,
                 whole: bool = True, start: int | None = None) -> int:
    """The published protocol: P starts at twice P_S (or P_T), times .99 until all `trials` draws are right at one P.

    If the start is right already, it is doubled first.
    """
    _require_one("trials", trials)
    f = separation(f)
    law = sequence_capacity if whole else transition_capacity
    memories = start or max(2, int(2 * law(neurons, f)))
    while _all_right(neurons, memories, f, rng, trials, whole):
        memories *= 2
    while memories > 2:
        memories = min(memories - 1, int(SHRINK * memories))
        if _all_right(neurons, memories, f, rng, trials, whole):
            break
    return memories


@dataclass(frozen=True)
class Cell:
    """One measurement of figure 2A: `load` memories that a DenseNet of this degree holds."""

    kind: str
    degree: int
    neurons: int
    repeat: int
    load: float
    published: bool
    seed: int


def figure_2a(path: str | Path, degrees: Iterable[int] = (1, 2, 3, 4), sizes: Iterable[int] = range(10, 101, 10),
              repeats: int = 20, published: bool = False, seed: int = 0, workers: int = 2) -> list[Cell]:
    """Capacity against N, of transitions and of sequences, each repeat by itself.

    P50, from a few draws each; `published`: the largest load at which 100 draws are right, which for sequences takes
    some fifty times as long at degree 4 (hours; minutes up to degree 3). Each measurement becomes a line of the file
    at `path`, whose folder is made, when it is done; those already there are not repeated, so a run that was cut off
    goes on.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    done = {_name(cell): cell for cell in read_cells(path)}
    wanted = [(kind, degree, neurons, repeat, published, seed)
              for degree in sorted(degrees, reverse=True) for neurons in sorted(sizes, reverse=True)
              for kind in (SEQUENCE, TRANSITION) for repeat in range(repeats)]
    with ThreadPoolExecutor(workers) as pool, path.open("a", encoding="utf-8") as lines:
        for future in as_completed([pool.submit(_measure, *name) for name in wanted if name not in done]):
            cell = future.result()
            done[_name(cell)] = cell
            lines.write(json.dumps(asdict(cell)) + "\n")
            lines.flush()
            os.fsync(lines.fileno())
    return [done[name] for name in wanted]


def read_cells(path: str | Path) -> Iterator[Cell]:
    """Measurements in a file of `figure_2a`. A last line cut off in the middle is taken away."""
    path = Path(path)
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole, _, rest = text.rpartition("\n")
    if rest:
        path.write_text(whole + "\n" if whole else "", encoding="utf-8")
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            yield Cell(**json.loads(line))
        except (json.JSONDecodeError, TypeError) as error:
            raise RecordingError(f"line {number} of {path} is not a measurement of figure 2A ({error}); give a file "
                                 "that holds nothing else") from error


def _measure(kind: str, degree: int, neurons: int, repeat: int, published: bool, seed: int) -> Cell:
    rng = np.random.default_rng([seed, degree, neurons, repeat, published, kind == SEQUENCE])
    if published:
        load: float = largest_load(neurons, Power(degree), rng, 100, kind == SEQUENCE)
    elif kind == SEQUENCE:
        long = sequence_capacity(neurons, Power(degree)) > LARGE
        load = sequence_half(neurons, Power(degree), rng, FEW if long else ROUNDS, 1)
    else:
        load = transition_half(neurons, Power(degree), rng, ROUNDS, DRAWS)
    return Cell(kind, degree, neurons, repeat, load, published, seed)


def _name(cell: Cell) -> tuple[str, int, int, int, bool, int]:
    return cell.kind, cell.degree, cell.neurons, cell.repeat, cell.published, cell.seed


def _require_one(name: str, number: int) -> None:
    if number < 1:
        raise DescriptionError(f"{name} is {number}; give at least 1")


def _all_right(neurons: int, memories: int, f: Separation, rng: np.random.Generator, trials: int, whole: bool) -> bool:
    check = _Check(neurons, memories, f)
    return not any(check.wrong(rng, memories if whole else 1) for _ in range(trials))


class _Check:
    """Random sequences of one size, and which distances may be left out at first."""

    def __init__(self, neurons: int, memories: int, f: Separation) -> None:
        if memories < 2:
            raise DescriptionError(f"a sequence of {memories} memories; give at least 2")
        require(6 * 8 * memories * (-(-neurons // 64)), f"{memories} patterns × {neurons} neurons as bits")
        self.neurons, self.memories = neurons, memories
        self.table = tabulate(f, neurons, memories)
        self.low, self.high, self.variance = _left_out(self.table, neurons, memories)

    def wrong(self, rng: np.random.Generator, transitions: int, most: int = 1) -> int:
        """Of so many transitions of a new sequence how many are wrong, counted up to `most`."""
        bits = random_bits(self.memories, self.neurons, rng)
        return kernels.count_wrong(bits, np.roll(bits, -1, axis=0), np.arange(transitions), self.neurons,
                                   self.table.values, True, self.low, self.high, self.variance, most)


def random_bits(memories: int, neurons: int, rng: np.random.Generator) -> np.ndarray:
    """Independent ±1 patterns as bits, (memories, words)."""
    words = -(-neurons // 64)
    bits = rng.integers(0, 2 ** 64, (memories, words), dtype=np.uint64)
    bits[:, -1] &= pack(np.ones((1, neurons), np.int8))[0, -1]
    return bits


def _left_out(table: Table, neurons: int, memories: int) -> tuple[int, int, float]:
    """Distances low ... high whose memories are left out at first, and a bound on the variance of their sum."""
    agree, differ = np.append(table.values, table.values[-1]), np.append(table.values[0], table.values)
    worst = np.maximum(agree ** 2, differ ** 2)
    chances = binom.pmf(np.arange(neurons + 1), neurons, 0.5)
    budget = (LEFT_OUT * table.values[0] / kernels.HOEFFDING) ** 2
    low = high = int(np.argmin(worst[1:])) + 1
    while True:
        grown = [span for span in ((low - 1, high), (low, high + 1)) if span[0] > 0 and span[1] <= neurons]
        bounds = [_sum_bound(worst[a: b + 1], chances[a: b + 1], memories) for a, b in grown]
        if not grown or min(bounds) > budget:
            return low, high, _sum_bound(worst[low: high + 1], chances[low: high + 1], memories)
        low, high = grown[int(np.argmin(bounds))]


def _sum_bound(squares: np.ndarray, chances: np.ndarray, memories: int) -> float:
    """HOEFFDING standard deviations above the mean of a sum of squares over random memories (Bernstein)."""
    spread = math.sqrt(memories * float(chances @ squares ** 2))
    return (memories * float(chances @ squares) + kernels.HOEFFDING * spread
            + kernels.HOEFFDING ** 2 * float(squares.max()) / 3)
