"""Sequences that a memory replays: whether each motif is followed by the next, how far the order holds, how long it
lasts.

    followed    a trial cues a motif; the answer is measured a step later and compared with the motif cued next
    unbroken    a muscle that every motif contracts, and nothing but a whole motif, never relaxes for longer than `gap`
    half        load at which half succeed: Spearman 1908 (Br J Psychol 2:227), Kärber 1931 (Arch Exp Pathol Pharmakol
                162:480), over the logarithm of the load; all are taken to succeed one load before the lowest, none
                after the highest

Order and dwell times are those of `sequence`; the first visit, which the cue makes, is left out of dwell times.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neuroam.analysis import sequence
from neuroam.analysis.compare import mean_known
from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.overlap import aligned, cue_of, final_overlaps
from neuroam.analysis.rates import clock, in_ticks
from neuroam.analysis.responses import responses, select
from neuroam.analysis.trials import labelled
from neuroam.recording import RecordingError

EXACT = 0.999  # overlap from which on every sign is right, for up to a thousand cells


def followed(recording: xr.Dataset, group: str | None = None, block: str | None = None,
             threshold: float = EXACT) -> xr.DataArray:
    """Fraction of motifs that the next one follows, with an overlap above `threshold`; one value per animal. The last
    trial of the block, whose successor no trial cues, is left out."""
    overlap = final_overlaps(recording, group, block)
    following = cue_of(overlap)[1:]
    values = overlap.values[:, np.arange(len(following)), following] > threshold
    return labelled(mean_known(values.astype(float), axis=1), ("animal",), overlap)


def evokes_next(recording: xr.Dataset, population: str, cued: str, after: str,
                group: str | None = None) -> xr.DataArray:
    """Fraction of trials of block `after` in which each cell answers as it does to the cue of the next trial, in block
    `cued`; the first follows the last. One value per animal."""
    shown, found = (responses(recording, population, group, block) for block in (cued, after))
    same = (found.values == np.roll(shown.values, -1, axis=1)).all(axis=2)
    return labelled(same.mean(axis=1), ("animal",), found)


def unbroken(recording: xr.Dataset, gap: float, group: str | None = None, block: str | None = None,
             population: str = "muscle") -> xr.DataArray:
    """1 where the muscle never relaxes for `gap` seconds from its first contraction to the end of a trial, else 0; mean
    over trials, one value per animal."""
    activity = traces(recording, population, group, block).max("trace")
    step = float(activity["time"][1] - activity["time"][0])
    values = [[_longest_pause(trial > 0.1) * step < gap for trial in animal] for animal in activity.values]
    return labelled(np.mean(values, axis=1), ("animal",), activity)


def _longest_pause(active: np.ndarray) -> float:
    """Samples of the longest pause after the first activity; infinite without any."""
    if not active.any():
        return np.inf
    since = np.flatnonzero(active)
    return float(max(np.diff(since, append=len(active)).max() - 1, 0))


def traces(recording: xr.Dataset, population: str, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Sampled activity of a population in each trial, dims (animal, trial, time, trace), `time` in seconds from the
    start of the trial; as long as the shortest trial."""
    recording = select(recording, group, block)
    cells = np.flatnonzero(recording["trace_population"].values == population)
    if not len(cells):
        known = ", ".join(sorted(set(recording["trace_population"].values.tolist()))) or "none"
        raise RecordingError(f"there are no traces of {population!r}; there are: {known}. Record it with every=…")
    ticks = in_ticks(recording["time"], clock(recording))
    start, stop = (np.searchsorted(ticks, in_ticks(recording[name], clock(recording)))
                   for name in ("start_time", "stop_time"))
    sample = start[:, :, None] + np.arange((stop - start).min())
    values = recording["trace_value"].values[:, :, cells][np.arange(len(start))[:, None, None], sample]
    step = float(recording["time"][1] - recording["time"][0])
    return labelled(values.astype(float), ("animal", "trial", "time", "trace"), recording,
                    time=np.arange(sample.shape[2]) * step)


def half(recording: xr.Dataset, groups: Mapping[str, float], measure: Measure) -> np.ndarray:
    """Load at which half succeed; `groups` maps group names to loads, `measure` gives the fraction of successes."""
    order = sorted(groups, key=lambda name: groups[name])
    fraction = np.array([in_group(recording, measure, name) for name in order]).T
    x = np.log([groups[name] for name in order])
    x = np.concatenate([[2 * x[0] - x[1]], x, [2 * x[-1] - x[-2]]])
    ends = np.ones((len(fraction), 1))
    falls = -np.diff(np.concatenate([ends, fraction, 0 * ends], axis=1), axis=1)
    return np.exp(falls @ ((x[:-1] + x[1:]) / 2))


def half_over(recording: xr.Dataset, groups: Mapping[str, float], measure: Measure, value: float) -> np.ndarray:
    """`half` over what is expected."""
    return half(recording, groups, measure) / value


def found_visits(recording: xr.Dataset, group: str | None = None, block: str | None = None, enter: float = 0.8,
                 leave: float = 0.4) -> xr.Dataset:
    """`sequence.visits` of every trial from its cue on. At levels of −1 the motif of the largest overlap is active."""
    overlaps = _stored_only(aligned(recording, 0.0, group=group, block=block))
    return sequence.visits(sequence.active_memory(overlaps, enter, leave))


def in_order(recording: xr.Dataset, group: str | None = None, block: str | None = None,
             motifs: int | None = None) -> xr.DataArray:
    """Motifs recalled in order before the first error, mean over trials; at most `motifs`."""
    found = found_visits(recording, group, block)
    number = sequence.recalled(found, list(range(_stored(recording, group))), cyclic=True).mean("trial")
    return number.clip(max=motifs) if motifs else number


def order(recording: xr.Dataset, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Part of the transitions that lead to the next motif, mean over trials; 0 without any transition."""
    found = found_visits(recording, group, block)
    motifs = list(range(_stored(recording, group)))
    return sequence.order_correctness(found, motifs, cyclic=True).fillna(0).mean("trial")


def dwell(recording: xr.Dataset, group: str | None = None, block: str | None = None, enter: float = 0.8,
          leave: float = 0.4) -> xr.DataArray:
    """Mean time a motif lasts, seconds, over whole visits but the first, and over trials; see `found_visits`."""
    return _but_the_first(found_visits(recording, group, block, enter, leave))["dwell"].mean(("trial", "visit"))


def dwell_by_motif(recording: xr.Dataset, motifs: int, group: str | None = None,
                   block: str | None = None) -> xr.DataArray:
    """Mean time each motif lasts, dims (animal, motif), over whole visits but the first; NaN where there are none."""
    found = _but_the_first(found_visits(recording, group, block))
    parts = [found["dwell"].where(found["pattern"] == k).mean(("trial", "visit")) for k in range(motifs)]
    return xr.concat(parts, "motif").transpose("animal", "motif")


def deviation(recording: xr.Dataset, wanted: Sequence[float], group: str | None = None, block: str | None = None,
              relative: bool = True) -> xr.DataArray:
    """Largest deviation of the time a motif lasts from the one that is wanted (motifs,), over that or in seconds;
    infinite where a motif was not visited."""
    lasted = dwell_by_motif(recording, len(wanted), group, block)
    target = xr.DataArray(np.asarray(wanted), dims="motif")
    apart = abs(lasted - target) / (target if relative else 1)
    return apart.fillna(np.inf).max("motif")


def each_trial(recording: xr.Dataset, measure: Measure) -> xr.DataArray:
    """A measure of every trial by itself, dims (animal, trial)."""
    values = [measure(recording.isel(trial=[k])) for k in range(recording.sizes["trial"])]
    return xr.concat(values, "trial").transpose("animal", "trial")


def clearness(recording: xr.Dataset, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Largest overlap with any motif, mean over time from the cue on and over trials."""
    return aligned(recording, 0.0, group=group, block=block).max("pattern").mean(("time", "trial"))


def overlap_after(recording: xr.Dataset, steps: int, clock_group: str, group: str | None = None,
                  block: str | None = None) -> xr.DataArray:
    """Overlap with the motif that is due `steps` steps after the cued one, in the middle of the time at which the same
    animal in group `clock_group`, which recalls the sequence, is there; NaN where it does not get so far. First
    trial."""
    overlaps = _stored_only(aligned(recording, 0.0, group=group, block=block))
    recalled = found_visits(recording, clock_group, block).isel(trial=0)
    if recalled.sizes["visit"] <= steps:
        return labelled(np.full(overlaps.sizes["animal"], np.nan), ("animal",), overlaps)
    due, visit = (cue_of(overlaps)[0] + steps) % overlaps.sizes["pattern"], recalled.isel(visit=steps)
    seeds = select(recording, clock_group)["seed"].values.tolist()
    values = []
    for seed, own in zip(overlaps["seed"].values.tolist(), overlaps.isel(trial=0, pattern=due), strict=True):
        there = visit.isel(animal=seeds.index(seed))
        values.append(float(own.sel(time=float(there["start"] + there["stop"]) / 2, method="nearest")))
    return labelled(np.array(values), ("animal",), overlaps)


def motif_at(recording: xr.Dataset, time: float, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Place of the active motif `time` seconds after the cue began, first trial; −1 for none."""
    overlaps = _stored_only(aligned(recording, 0.0, group=group, block=block))
    return sequence.active_memory(overlaps).isel(trial=0).sel(time=time, method="nearest")


def _but_the_first(found: xr.Dataset) -> xr.Dataset:
    return found.isel(visit=slice(1, None))


def _stored(recording: xr.Dataset, group: str | None) -> int:
    return _stored_only(select(recording, group)["overlap"]).sizes["pattern"]


def _stored_only(overlaps: xr.DataArray) -> xr.DataArray:
    """Without the patterns that these animals do not store."""
    return overlaps.dropna("pattern", how="all")
