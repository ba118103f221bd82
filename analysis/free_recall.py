"""Walks from item to item: how many come to mind, and by what rule.

    path         the stored pattern most like the features, at each sample but the last of a trial
    recalled     different items until a transition, a pair of successive items, is about to be made again
    law          √(3πM/2) for M items in memory (Naim et al. 2020, Phys Rev Lett 124:018101)
    consistency  chance that two items in a row, wherever they recur in an animal's walks, are followed by the same item

Recordings have traces of overlaps, sampled once for each item recalled; the first sample of a trial comes before any.
A measure gives one value per animal.
"""
from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import in_group
from neuroam.analysis.responses import select
from neuroam.recording import RecordingError


def law(items: float) -> float:
    """How many of M items in memory are recalled."""
    return math.sqrt(3 * math.pi * items / 2)


def paths(recording: xr.Dataset, group: str | None = None) -> np.ndarray:
    """Items in the order recalled, (animal, trial, step), as places along `pattern`."""
    recording = select(recording, group)
    if "overlap_trace" not in recording:
        raise RecordingError("the recording has no overlaps in time; record the population that patterns are stored in "
                             "with `every`")
    along = recording["overlap_trace"].fillna(-np.inf).argmax("pattern").transpose("animal", "time").values
    time, starts, stops = recording["time"].values, recording["start_time"].values, recording["stop_time"].values
    step = time[1] - time[0]
    first, last = (np.rint(edge / step).astype(int) for edge in (starts, stops))
    return np.array([[own[a + 1: b] for a, b in zip(begin, end, strict=True)]
                     for own, begin, end in zip(along, first, last, strict=True)])


def until_repeated(path: Sequence[int]) -> list[int]:
    """The walk up to where a transition is about to be made for the second time; all of it, if none is."""
    done: set[tuple[int, int]] = set()
    for n, transition in enumerate(pairwise(path)):
        if transition in done:
            return list(path[: n + 1])
        done.add(transition)
    return list(path)


def recalled(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Items recalled, mean over walks."""
    return _each(recording, group, lambda walk: float(len(set(until_repeated(walk)))))


def over_law(recording: xr.Dataset, items: int, group: str | None = None) -> xr.DataArray:
    """Items recalled over what the law has for `items` in memory."""
    return recalled(recording, group) / law(items)


def over_expected(recording: xr.Dataset, expected: Mapping[str, float]) -> np.ndarray:
    """Items recalled over the number `expected` in each group, mean over groups, animals sorted by seed."""
    return np.mean([in_group(recording, recalled, group) / number for group, number in expected.items()], axis=0)


def closed(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Fraction of walks that repeat a transition before they are cut off."""
    return _each(recording, group, lambda walk: float(len(until_repeated(walk)) < len(walk)))


def turned_back(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Fraction of transitions that return to the item before, or stay."""
    return _each(recording, group, lambda walk: float(np.mean(
        [c in (a, b) for a, b, c in zip(walk, walk[1:], walk[2:], strict=False)])))


def consistency(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Of all recurrences of two items in a row, the fraction that is followed by what followed most often; NaN without
    a recurrence."""
    found = paths(recording, group)
    return _labelled(recording, group, np.array([_agreement(walks.tolist()) for walks in found]))


def exponent(recording: xr.Dataset, groups: Mapping[str, int]) -> np.ndarray:
    """Slope of ln(items recalled) over ln(items in memory), animals sorted by seed. `groups`: items by group."""
    numbers = np.array([in_group(recording, recalled, name) for name in groups])
    return np.polyfit(np.log(list(groups.values())), np.log(numbers), 1)[0]


def _agreement(walks: list[list[int]]) -> float:
    following: dict[tuple[int, int], Counter] = defaultdict(Counter)
    for walk in walks:
        for a, b, c in zip(walk, walk[1:], walk[2:], strict=False):
            following[a, b][c] += 1
    often = [counts for counts in following.values() if counts.total() > 1]
    if not often:
        return math.nan
    return sum(counts.most_common(1)[0][1] for counts in often) / sum(counts.total() for counts in often)


def _each(recording: xr.Dataset, group: str | None, measure: Callable[[list[int]], float]) -> xr.DataArray:
    values = [[measure(walk.tolist()) for walk in walks] for walks in paths(recording, group)]
    return _labelled(recording, group, np.mean(values, axis=1))


def _labelled(recording: xr.Dataset, group: str | None, values: np.ndarray) -> xr.DataArray:
    own = select(recording, group)
    return xr.DataArray(values, dims="animal", coords={name: own[name] for name in ("group", "seed")})
