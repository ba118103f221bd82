"""Sequences of memories: which is active when, in which order, for how long, and how fast.

    active       the memory whose overlap was the largest when it reached `enter`, until its overlap falls below `leave`
                 or another, larger, reaches `enter`; the two levels keep noise from cutting a visit in two (Schmitt
                 1938, J Sci Instrum 15:24)
    visit        the time a memory is active without a break: start, stop, dwell = stop − start
    transition   from one visit to the next: when the next starts, and the gap since the last stopped
    order        part of the transitions that lead from a memory to the one that follows it in the sequence

The sequences with slow switching of Sompolinsky & Kanter 1986 (Phys Rev Lett 57:2861) and Kleinfeld 1986 (PNAS 83:9469)
are what this was made for. A time course of which nothing reaches `enter`, such as one in silence, has no visit: its
dwell times and its order are NaN. Visits that the window cuts have no dwell time.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xarray as xr

from neuroam.analysis.trials import labelled
from neuroam.prediction import DescriptionError

NONE = -1


def active_memory(overlaps: xr.DataArray, enter: float = 0.6, leave: float = 0.4) -> xr.DataArray:
    """Place along `pattern` of the active memory at each time, −1 if none is, dims (…, time).

    `overlaps` (…, time, pattern), as of `overlap.aligned`; NaN counts as below all levels.
    """
    if leave > enter:
        raise DescriptionError(f"leave {leave} is above enter {enter}; a memory must stay active where it became so")
    ordered = overlaps.transpose(..., "time", "pattern")
    values = np.where(np.isnan(ordered.values), -np.inf, ordered.values)
    states = np.full(values.shape[:-1], NONE)
    if not values.shape[-1]:
        return labelled(states, ordered.dims[:-1], ordered, time=ordered["time"].values)
    now = np.full(values.shape[:-2], NONE)
    for t in range(values.shape[-2]):
        now = states[..., t] = _next_state(values[..., t, :], now, enter, leave)
    return labelled(states, ordered.dims[:-1], ordered, time=ordered["time"].values)


def visits(active: xr.DataArray) -> xr.Dataset:
    """Visits of `active_memory`, dims (…, visit): `pattern` (−1 beyond the last), `start`, `stop`, `dwell` in seconds.

    A visit stops at the first sample at which it is over. `dwell` is NaN for a visit that is on at the first or the
    last sample, as the window may cut it.
    """
    time = active["time"].values
    rows = active.transpose(..., "time").values.reshape(-1, len(time))
    found = [_visits(row, time) for row in rows]
    longest = max((len(some) for some in found), default=0)
    table = np.full((len(rows), longest, 4), np.nan)
    for row, some in zip(table, found, strict=True):
        row[:len(some)] = some
    lead = active.transpose(..., "time").dims[:-1]
    table = table.reshape(*(active.sizes[dim] for dim in lead), longest, 4)
    names = ("pattern", "start", "stop", "dwell")
    found_names = {name: labelled(table[..., k], (*lead, "visit"), active) for k, name in enumerate(names)}
    found_names["pattern"] = found_names["pattern"].fillna(NONE).astype(int)
    return xr.Dataset(found_names)


def transitions(found: xr.Dataset) -> xr.Dataset:
    """Transitions between successive `visits`, dims (…, transition): `origin`, `target`, `time`, `gap`, seconds;
    −1 and NaN beyond the last."""
    earlier, later = found.isel(visit=slice(None, -1)), found.isel(visit=slice(1, None))
    real = later["pattern"] >= 0
    table = {"origin": earlier["pattern"].where(real, NONE), "target": later["pattern"], "time": later["start"],
             "gap": (later["start"] - earlier["stop"]).where(real)}
    return xr.Dataset(table).rename(visit="transition")


def order_correctness(found: xr.Dataset, order: Sequence[int], cyclic: bool = False) -> xr.DataArray:
    """Part of the transitions that lead to the successor in `order`, places along `pattern`; NaN without any.

    `cyclic`: the first follows the last. A transition from a memory that has no successor is wrong.
    """
    right, real = _right(found, order, cyclic)
    number = real.sum("transition")
    return (right & real).sum("transition") / number.where(number > 0)


def recalled(found: xr.Dataset, order: Sequence[int], cyclic: bool = False) -> xr.DataArray:
    """Number of memories recalled in the order from the first visit on, until the first error; 0 without a visit."""
    right, _ = _right(found, order, cyclic)
    begun = (found["pattern"] >= 0).any("visit").astype(int)
    return begun + right.astype(int).cumprod("transition").sum("transition")


def dwell_times(found: xr.Dataset) -> xr.DataArray:
    """Mean time a memory is active, seconds, over visits that the window does not cut; NaN without any."""
    return found["dwell"].mean("visit")


def _right(found: xr.Dataset, order: Sequence[int], cyclic: bool) -> tuple[xr.DataArray, xr.DataArray]:
    """Whether each transition is right, and whether it is one."""
    following = dict(pairwise(order))
    if cyclic and len(order):
        following[order[-1]] = order[0]
    moves = transitions(found)
    successor = np.vectorize(lambda place: following.get(place, NONE - 1), otypes=[int])
    expected = xr.apply_ufunc(successor, moves["origin"]) if moves["origin"].size else moves["origin"]
    return moves["target"] == expected, moves["target"] >= 0


def _next_state(overlap: np.ndarray, now: np.ndarray, enter: float, leave: float) -> np.ndarray:
    """The active memory after a sample (…, pattern), given the one before."""
    best = overlap.argmax(axis=-1)
    top = overlap.max(axis=-1)
    own = np.where(now >= 0, np.take_along_axis(overlap, np.maximum(now, 0)[..., None], axis=-1)[..., 0], -np.inf)
    stays = own >= leave
    taken = (top >= enter) & ((top > own) | ~stays)
    return np.where(taken, best, np.where(stays, now, NONE))


def _visits(row: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Pattern, start, stop and dwell of each visit of one time course, shape (n_visits, 4)."""
    cuts = np.flatnonzero(np.diff(row)) + 1
    first, last = np.concatenate([[0], cuts]), np.concatenate([cuts, [len(row)]])
    found = []
    for begin, end in zip(first, last, strict=True):
        if row[begin] >= 0:
            whole = begin > 0 and end < len(row)
            stop = time[end] if end < len(row) else 2 * time[-1] - time[-2]
            found.append((row[begin], time[begin], stop, stop - time[begin] if whole else np.nan))
    return np.array(found, float).reshape(-1, 4)
