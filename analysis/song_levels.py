"""What two songs have in common, of two groups of animals or at two levels of description: order, time and content.

    order     rank correlation (Spearman) of the onsets of the same neurons' bursts
    motif     from the first to the last burst onset
    overlap   correlation, over neurons and bins, of the spikes in a motif with a template, the mean over motifs of the
              other song; times are put on the clock of that song by the straight line through the burst onsets of a
              population that keeps time

Neurons that are silent in either song have no place in the order. With fewer than three others, values are NaN.
"""
from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from neuroam.analysis.contrast import Measure
from neuroam.analysis.rates import clock, in_ticks, trains, units_of
from neuroam.analysis.responses import select
from neuroam.analysis.song import bursts
from neuroam.analysis.trials import labelled

BIN = 5e-3
AFTER = 20e-3  # seconds after the last burst that still belong to a motif
Line = tuple[float, float]
SAME: Line = (1.0, 0.0)


def motif_time(recording: xr.Dataset, population: str, group: str) -> xr.DataArray:
    """Seconds of each motif, NaN without a burst, dims (animal, trial)."""
    onset = bursts(recording, population, group)["onset"]
    return onset.max("unit") - onset.min("unit")


def order_kept(recording: xr.Dataset, population: str, reference: str, group: str) -> xr.DataArray:
    """Order of each motif against the mean onsets of the same animal in the group `reference`, dims (animal, trial)."""
    expected, onset = mean_onsets(recording, population, reference), bursts(recording, population, group)["onset"]
    values = [[rank_correlation(expected[seed], motif) for motif in own]
              for seed, own in zip(onset["seed"].values.tolist(), onset.values, strict=True)]
    return labelled(np.array(values), ("animal", "trial"), onset)


def template_overlap(recording: xr.Dataset, population: str, reference: str, group: str,
                     clock_of: str | None = None) -> xr.DataArray:
    """Overlap of each motif with the same animal's template in the group `reference`, dims (animal, trial).

    Without `clock_of`, the population that keeps time, times stay as they are. A motif is left out of its own template;
    of one motif alone the overlap is NaN.
    """
    lines = _lines(recording, clock_of, reference, group)
    end = _last(mean_onsets(recording, clock_of or population, reference))
    sung = counts(recording, population, group, lines, end + AFTER)
    template = counts(recording, population, reference, dict.fromkeys(lines, SAME), end + AFTER)
    values = [[correlation(motif, _mean(template[seed], t if group == reference else None))
               for t, motif in enumerate(own)] for seed, own in sung.items()]
    return labelled(np.array(values), ("animal", "trial"), select(recording, group))


def by_motif(recording: xr.Dataset, measure: Measure) -> xr.DataArray:
    """A measure (animal, trial) of one group, such as `motif_time`, of all groups, as `Protocol.metrics` need it."""
    groups = recording["group"].values
    values = np.full((recording.sizes["animal"], recording.sizes["trial"]), np.nan)
    for group in dict.fromkeys(groups.tolist()):
        values[groups == group] = measure(recording, group=group)
    return xr.DataArray(values, dims=("animal", "trial"))


def levels_agree(one: xr.Dataset, other: xr.Dataset, population: str, follower: str, group: str) -> xr.Dataset:
    """One group at two levels, by `seed`: `order` of the mean onsets of `population`, the `ratio` of its times (slope
    of those at the level `other` on those at `one`), and the `overlap` of what `follower` does on average."""
    x, y = (mean_onsets(recording, population, group) for recording in (one, other))
    lines = {seed: line(x[seed], y[seed]) for seed in x}
    back = {seed: line(y[seed], x[seed]) for seed in x}
    end = _last(x) + AFTER
    first = counts(one, follower, group, dict.fromkeys(x, SAME), end)
    second = counts(other, follower, group, back, end)
    return xr.Dataset({"order": ("seed", [rank_correlation(x[seed], y[seed]) for seed in x]),
                       "ratio": ("seed", [lines[seed][0] for seed in x]),
                       "overlap": ("seed", [correlation(_mean(first[seed]), _mean(second[seed])) for seed in x])},
                      {"seed": list(x)})


def mean_onsets(recording: xr.Dataset, population: str, group: str) -> dict[int, np.ndarray]:
    """Seed → burst onsets, mean over motifs, (n_units,); NaN of silent neurons."""
    onset = bursts(recording, population, group)["onset"]
    heard = onset.notnull().sum("trial")
    mean = (onset.sum("trial") / heard.where(heard > 0)).values
    return dict(zip(onset["seed"].values.tolist(), mean, strict=True))


def counts(recording: xr.Dataset, population: str, group: str, lines: dict[int, Line], end: float,
           bin: float = BIN) -> dict[int, np.ndarray]:
    """Seed → spikes (trial, unit, bin) from stimulus onset to `end` seconds, a time t being put at slope · t +
    intercept of the animal's line."""
    recording = select(recording, group)
    dt, units = clock(recording), len(units_of(recording, population))
    on, stop = (in_ticks(recording[name], dt) for name in ("stimulus_on", "stop_time"))
    found = {}
    for seed, (tick, unit), begin, until in zip(recording["seed"].values.tolist(), trains(recording, population), on,
                                                stop, strict=True):
        slope, intercept = lines[seed]
        table = np.zeros((len(begin), units, int(end / bin)))
        for t, (a, b) in enumerate(zip(begin, until, strict=True)):
            own = (tick >= a) & (tick < b)
            place = np.floor((slope * dt * (tick[own] - a) + intercept) / bin)
            inside = (place >= 0) & (place < table.shape[2])
            np.add.at(table[t], (unit[own][inside], place[inside].astype(int)), 1)
        found[seed] = table
    return found


def line(x: np.ndarray, y: np.ndarray) -> Line:
    """Slope and intercept of y on x by least squares, where both are known; NaN with fewer than three."""
    both = ~np.isnan(x) & ~np.isnan(y)
    if both.sum() < 3:
        return np.nan, np.nan
    slope, intercept = np.polyfit(x[both], y[both], 1)
    return float(slope), float(intercept)


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Spearman's, where both are known."""
    both = ~np.isnan(x) & ~np.isnan(y)
    return correlation(rankdata(x[both]), rankdata(y[both])) if both.sum() > 2 else np.nan


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's, over all entries; NaN where one of the arrays does not vary."""
    x, y = x.ravel() - x.mean(), y.ravel() - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else np.nan


def _lines(recording: xr.Dataset, clock_of: str | None, reference: str, group: str) -> dict[int, Line]:
    """From the clock of `group` to that of the reference."""
    if clock_of is None:
        return dict.fromkeys(select(recording, group)["seed"].values.tolist(), SAME)
    x, y = mean_onsets(recording, clock_of, reference), mean_onsets(recording, clock_of, group)
    return {seed: line(own, x[seed]) for seed, own in y.items()}


def _last(onsets: dict[int, np.ndarray]) -> float:
    """The last burst of all animals; 0 without any."""
    return max((float(own[~np.isnan(own)].max(initial=0.0)) for own in onsets.values()), default=0.0)


def _mean(motifs: np.ndarray, left_out: int | None = None) -> np.ndarray:
    """Mean over motifs (trial, unit, bin), one left out; NaN if none is left."""
    kept = np.arange(len(motifs)) != left_out if left_out is not None else np.ones(len(motifs), bool)
    return motifs[kept].mean(axis=0) if kept.any() else np.full(motifs.shape[1:], np.nan)
