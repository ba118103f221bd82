"""Timing of song: when each neuron bursts in a motif, and how the motif stretches when a region of the brain is cooled.

    burst        spikes of a neuron less than `pause` apart; its onset is the first of them
    stretch      slope of the burst onsets of a group on those of the same neurons in the reference, over neurons
                 (least squares)
    local        the same over the neurons of each of `parts` equal parts of the motif; their standard deviation tells
                 a uniform stretch from a local one
    slope        of stretch on degrees over conditions, in per cent per °C, and its R²
    unevenness   standard deviation / mean of the number of burst onsets in bins of the motif
    run-up       how long before a burst the mean potential has left its baseline by a tenth of what it will rise

Long & Fee 2008, Nature 456:189; Egger et al. 2020, Cell 183:537. Onsets are means over motifs. Neurons that are silent
in either group take no part; with fewer than three of them a stretch is NaN.
"""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neuroam.analysis.rates import clock, in_ticks, psth, trains, units_of
from neuroam.analysis.responses import select
from neuroam.analysis.trials import labelled
from neuroam.analysis.warp import scaling_against_shift
from neuroam.prediction import DescriptionError

PAUSE = 0.02
EDGE = 10  # per cent of the bursts, at each end of the motif, left out of its unevenness


def bursts(recording: xr.Dataset, population: str, group: str | None = None, block: str | None = None,
           pause: float = PAUSE) -> xr.Dataset:
    """`number` of bursts in each motif (a trial from stimulus onset on), and the `onset` of the first in seconds, NaN
    without one; dims (animal, trial, unit)."""
    recording = select(recording, group, block)
    dt = clock(recording)
    on, stop = (in_ticks(recording[name], dt) for name in ("stimulus_on", "stop_time"))
    n_units = len(units_of(recording, population))
    found = [_bursts(tick, unit, on[a], stop[a], n_units, in_ticks(pause, dt))
             for a, (tick, unit) in enumerate(trains(recording, population))]
    dims = ("animal", "trial", "unit")
    return xr.Dataset({"number": labelled(np.array([number for number, _ in found]), dims, recording),
                       "onset": labelled(np.array([onset for _, onset in found]) * dt, dims, recording)})


def exactly_once(recording: xr.Dataset, population: str, group: str | None = None,
                 block: str | None = None) -> xr.DataArray:
    """Fraction of neurons and motifs with exactly one burst, dims (animal)."""
    return (bursts(recording, population, group, block)["number"] == 1).mean(("trial", "unit"))


def stretch(recording: xr.Dataset, population: str, reference: str, group: str) -> xr.DataArray:
    """Stretch of the motif of `group` against the same animals in the group `reference`, dims (animal)."""
    x, y = _onsets(recording, population, reference), _onsets(recording, population, group)
    values = [_slope(x.sel(seed=seed).values, own.values) for seed, own in zip(y["seed"].values, y, strict=True)]
    return _by_animal(values, y, group)


def local_stretch(recording: xr.Dataset, population: str, reference: str, group: str, parts: int = 10) -> xr.DataArray:
    """Stretch in each part of the motif, dims (animal, part); `middle` (part) is the part's middle, 0 to 1."""
    x, y = _onsets(recording, population, reference), _onsets(recording, population, group)
    values = [_slopes(x.sel(seed=seed).values, own.values, parts)
              for seed, own in zip(y["seed"].values, y, strict=True)]
    found = _by_animal(values, y, group, "part")
    return found.assign_coords(middle=("part", (np.arange(parts) + 0.5) / parts))


def local_spread(recording: xr.Dataset, population: str, reference: str, group: str, parts: int = 10) -> xr.DataArray:
    """Standard deviation of the local stretch over the parts, dims (animal)."""
    return local_stretch(recording, population, reference, group, parts).std("part")


def template_stretch(recording: xr.Dataset, population: str, reference: str, group: str,
                     bin: float = 2e-3) -> xr.DataArray:
    """The factor that best stretches the reference's PSTH onto the group's, for neurons with many bursts; (animal)."""
    x, y = (psth(recording, population, bin, 0, group=name).mean("stimulus") for name in (reference, group))
    x = x.assign_coords(animal=x["seed"].values)
    values = [float(scaling_against_shift(x.sel(animal=seed), own)["scale"])
              for seed, own in zip(y["seed"].values, y, strict=True)]
    return _by_animal(values, y, group)


def degree_slope(recording: xr.Dataset, population: str, degrees: Mapping[str, float], reference: str) -> np.ndarray:
    """Slope of stretch on `degrees` of cooling (by group) and the reference at 0, per cent per °C; animals by seed."""
    return 100 * _lines(recording, population, degrees, reference)[0]


def linearity(recording: xr.Dataset, population: str, degrees: Mapping[str, float], reference: str) -> np.ndarray:
    """R² of the straight line of `degree_slope`; animals by seed."""
    return _lines(recording, population, degrees, reference)[1]


def unevenness(recording: xr.Dataset, population: str, group: str | None = None, bin: float = 5e-3) -> xr.DataArray:
    """Unevenness of the burst onsets, mean over motifs, dims (animal); the first and the last tenth are left out."""
    onset = bursts(recording, population, group)["onset"]
    return xr.apply_ufunc(lambda some: _unevenness(some, bin), onset, input_core_dims=[["unit"]],
                          vectorize=True).mean("trial")


def run_up(recording: xr.Dataset, population: str, group: str | None = None,
           baseline: tuple[float, float] = (0.02, 0.04), part: float = 0.1) -> xr.DataArray:
    """Run-up of the potential in seconds, over the neurons whose potential was recorded and all motifs; dims (animal).

    `baseline`: from when to when before burst onset the potential is at its baseline.
    """
    recording = select(recording, group)
    traced = recording["trace_population"].values == population
    if not traced.any():
        raise DescriptionError(f"no potential of {population!r} was recorded; record it with every=…")
    cells = recording["trace_cell"].values[traced]
    onset = bursts(recording, population)["onset"].values[:, :, cells] + recording["stimulus_on"].values[..., None]
    time = recording["time"].values
    step = float(time[1] - time[0])
    values = [_run_up(trace[:, traced], np.floor(when / step), [round(edge / step) for edge in baseline], part) * step
              for trace, when in zip(recording["trace_value"].values.astype(float), onset, strict=True)]
    return labelled(np.array(values), ("animal",), recording)


def _bursts(tick: np.ndarray, unit: np.ndarray, on: np.ndarray, stop: np.ndarray, n_units: int,
            pause: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number and first onset, in ticks from stimulus onset, of the bursts in each trial, each (trial, unit)."""
    number, onset = np.zeros((len(on), n_units), int), np.full((len(on), n_units), np.inf)
    for t, (begin, end) in enumerate(zip(on, stop, strict=True)):
        inside = (tick >= begin) & (tick < end)
        when, who = tick[inside], unit[inside]  # a unit's spikes ascend
        fresh = np.ones(len(when), bool)
        fresh[1:] = (np.diff(who) != 0) | (np.diff(when) >= pause)
        np.add.at(number[t], who[fresh], 1)
        np.minimum.at(onset[t], who[fresh], when[fresh] - begin)
    return number, np.where(np.isinf(onset), np.nan, onset)


def _onsets(recording: xr.Dataset, population: str, group: str) -> xr.DataArray:
    """Mean burst onsets, dims (seed, unit), animals by seed."""
    onset = bursts(recording, population, group)["onset"]
    mean = onset.sum("trial", skipna=True) / onset.notnull().sum("trial").where(lambda number: number > 0)
    return xr.DataArray(mean.values, dims=("seed", "unit"), coords={"seed": onset["seed"].values}).sortby("seed")


def _by_animal(values: list, onsets: xr.DataArray, group: str, *dims: str) -> xr.DataArray:
    seeds = onsets["seed"].values
    return xr.DataArray(np.array(values, float), dims=("animal", *dims),
                        coords={"seed": ("animal", seeds), "group": ("animal", np.full(len(seeds), group))})


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    both = ~np.isnan(x) & ~np.isnan(y)
    if both.sum() < 3:
        return np.nan
    x, y = x[both] - x[both].mean(), y[both]
    return float(x @ y / (x @ x)) if x.any() else np.nan


def _slopes(x: np.ndarray, y: np.ndarray, parts: int) -> np.ndarray:
    if np.isnan(x).all():
        return np.full(parts, np.nan)
    edges = np.linspace(np.nanmin(x), np.nanmax(x), parts + 1)
    where = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, parts - 1)
    return np.array([_slope(x[where == k], y[where == k]) for k in range(parts)])


def _lines(recording: xr.Dataset, population: str, degrees: Mapping[str, float],
           reference: str) -> tuple[np.ndarray, np.ndarray]:
    """Slope and R² of stretch on degrees, each (animal,), by seed."""
    measured = [stretch(recording, population, reference, group).sortby("seed").values for group in degrees]
    y = np.array([np.ones(len(measured[0])), *measured])
    x = np.array([0.0, *degrees.values()])
    x = x - x.mean()
    slope = x @ y / (x @ x)
    rest = y - y.mean(axis=0) - x[:, None] * slope
    total = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    return slope, 1 - (rest**2).sum(axis=0) / np.where(total > 0, total, np.nan)


def _unevenness(onset: np.ndarray, bin: float) -> float:
    if np.isnan(onset).all():
        return np.nan
    low, high = np.nanpercentile(onset, [EDGE, 100 - EDGE])
    counts = np.histogram(onset, low + bin * np.arange(int((high - low) / bin) + 1))[0]
    return float(counts.std() / counts.mean()) if len(counts) and counts.mean() > 0 else np.nan


def _run_up(trace: np.ndarray, onset: np.ndarray, baseline: list[int], part: float) -> float:
    """Run-up in samples of traces (time, cell) around onsets (trial, cell), in samples."""
    trial, cell = np.nonzero(~np.isnan(onset) & (onset >= baseline[1]))
    if not len(cell):
        return np.nan
    at = onset[trial, cell].astype(int)
    before = np.array([trace[at - lag, cell].mean() for lag in range(baseline[1] + 1)])
    rest = before[baseline[0]:].mean()
    risen = before >= rest + part * (before[0] - rest)
    return float(np.argmin(risen)) if not risen.all() else np.nan
