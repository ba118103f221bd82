"""Replay: whether an event runs through units in the order of a template, and how much faster.

    order score         Spearman correlation of the times at which units fire in the event with their times in the
                        template, over units that fire in both; 1 forward, −1 in reverse (Foster & Wilson 2006,
                        Nature 440:680)
    p                   (1 + shuffles at least as good) / (1 + shuffles), the times dealt to the same units at random
                        (Lee & Wilson 2002, Neuron 36:1183; Phipson & Smyth 2010, Stat Appl Genet Mol Biol 9:39)
    compression factor  1 / slope of the times in the event on those in the template, by least squares; negative in
                        reverse
    template match      the factor by which a template of activity must be sped up to correlate best with the event, at
                        the best moment (Louie & Wilson 2001, Neuron 29:145; Euston, Tatsuno & McNaughton 2007,
                        Science 318:1147)

Times are those of first spikes or of peaks (`warp.peak_times`). A silent unit has time NaN and takes no part; an event
in which fewer than `least` units take part has NaN and is no replay.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from scipy import stats

from neuroam.analysis.correlation import correlation_matrix
from neuroam.analysis.rates import clock, in_ticks, trains, units_of
from neuroam.analysis.responses import select
from neuroam.analysis.trials import labelled
from neuroam.prediction import DescriptionError

LEAST = 5
ALTERNATIVES: dict[str, Callable] = {"forward": lambda score: score, "reverse": lambda score: -score, "either": np.abs}


def first_spikes(recording: xr.Dataset, population: str, group: str | None = None,
                 block: str | None = None) -> xr.DataArray:
    """Seconds from stimulus onset to each unit's first spike before the trial ends, dims (animal, trial, unit)."""
    recording = select(recording, group, block)
    on, stop = (in_ticks(recording[name], clock(recording)) for name in ("stimulus_on", "stop_time"))
    n_units = len(units_of(recording, population))
    times = np.array([_first(tick, unit, on[a], stop[a], n_units)
                      for a, (tick, unit) in enumerate(trains(recording, population))])
    return labelled(times * clock(recording), ("animal", "trial", "unit"), recording)


def order_score(times: xr.DataArray, template: xr.DataArray, least: int = LEAST) -> xr.DataArray:
    """Order score of each event (…, unit) against the times (unit) of the template, dims (…)."""
    return _for_events(times, template, lambda event, own: _spearman(event, own, least))


def replay_scores(times: xr.DataArray, template: xr.DataArray, shuffles: int = 500, alternative: str = "forward",
                  least: int = LEAST, seed: int = 0) -> xr.Dataset:
    """Order scores with their significance, dims (…): `score`, `p`, `units` that take part, and `compression`.

    `alternative`: "forward", "reverse" or "either". Events draw from one generator, seeded, in their order.
    """
    if alternative not in ALTERNATIVES:
        raise DescriptionError(f"alternative {alternative!r} is unknown; give one of {', '.join(ALTERNATIVES)}")
    rng = np.random.default_rng(seed)
    chance = _for_events(times, template, lambda event, own: _chance(event, own, least, shuffles, alternative, rng))
    taking_part = _for_events(times, template, lambda event, own: float((_both(event, own)).sum()))
    return xr.Dataset({"score": order_score(times, template, least), "p": chance, "units": taking_part.astype(int),
                       "compression": compression(times, template, least)})


def shuffled(times: xr.DataArray, seed: int = 0) -> xr.DataArray:
    """Events (…, unit) with the times of each dealt at random to the units that take part: what chance looks like."""
    rng = np.random.default_rng(seed)
    return xr.apply_ufunc(lambda event: _dealt(event, rng), times, input_core_dims=[["unit"]],
                          output_core_dims=[["unit"]], vectorize=True)


def replay_fraction(scores: xr.Dataset, alpha: float = 0.05) -> xr.DataArray:
    """Fraction of the events with p ≤ alpha among those in which enough units take part, over the last dim."""
    p = scores["p"]
    return (p <= alpha).astype(float).where(p.notnull()).mean(str(p.dims[-1]))


def compression(times: xr.DataArray, template: xr.DataArray, least: int = LEAST) -> xr.DataArray:
    """Compression factor of each event (…, unit), dims (…): 10 if it takes a tenth of the template's time."""
    return _for_events(times, template, lambda event, own: _factor(event, own, least))


def template_match(template: xr.DataArray, event: xr.DataArray, factors: Sequence[float]) -> xr.Dataset:
    """Match of an event (unit, time) with a template (unit, time) sped up by each of `factors`, dims (factor,).

    Sped up, the template is averaged over the event's time steps and slid along the event. `correlation` is the largest
    Pearson correlation over units and time, `onset` when the template then starts, in the event's time; NaN where the
    sped-up template is longer than the event or shorter than two steps.
    """
    t_x, t_y = template["time"].values, event["time"].values
    x, y = (array.transpose("unit", "time").values.astype(float) for array in (template, event))
    step, template_step = (float(times[1] - times[0]) for times in (t_y, t_x))
    found = [_slide(_sped_up(x, template_step, step, factor), y) for factor in factors]
    correlation, place = (np.array(part) for part in zip(*found, strict=True))
    onset = np.where(np.isnan(correlation), np.nan, t_y[place] - step / 2)
    return xr.Dataset({"correlation": ("factor", correlation), "onset": ("factor", onset)},
                      coords={"factor": np.asarray(factors, float)})


def _for_events(times: xr.DataArray, template: xr.DataArray, measure: Callable) -> xr.DataArray:
    if times.sizes["unit"] != template.sizes["unit"]:
        raise DescriptionError(f"events have {times.sizes['unit']} units and the template {template.sizes['unit']}; "
                               "take the same population")
    return xr.apply_ufunc(measure, times, template, input_core_dims=[["unit"], ["unit"]], vectorize=True,
                          output_dtypes=[float])


def _both(event: np.ndarray, template: np.ndarray) -> np.ndarray:
    return ~np.isnan(event) & ~np.isnan(template)


def _ranks(event: np.ndarray, template: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Standardised ranks of the units that take part; None where there are too few or all are at once."""
    both = _both(event, template)
    if both.sum() < max(least, 2):
        return None
    ranks = [stats.rankdata(row[both]) for row in (event, template)]
    if any(np.ptp(row) == 0 for row in ranks):
        return None
    one, other = (row - row.mean() for row in ranks)
    return one / np.linalg.norm(one), other / np.linalg.norm(other)


def _spearman(event: np.ndarray, template: np.ndarray, least: int) -> float:
    ranks = _ranks(event, template, least)
    return np.nan if ranks is None else float(ranks[0] @ ranks[1])


def _chance(event: np.ndarray, template: np.ndarray, least: int, shuffles: int, alternative: str,
            rng: np.random.Generator) -> float:
    ranks = _ranks(event, template, least)
    if ranks is None:
        return np.nan
    shuffled = rng.permuted(np.tile(ranks[0], (shuffles, 1)), axis=1) @ ranks[1]
    side = ALTERNATIVES[alternative]
    return float((1 + (side(shuffled) >= side(ranks[0] @ ranks[1]) - 1e-12).sum()) / (1 + shuffles))


def _dealt(event: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    dealt = event.copy()
    dealt[~np.isnan(event)] = rng.permutation(event[~np.isnan(event)])
    return dealt


def _factor(event: np.ndarray, template: np.ndarray, least: int) -> float:
    both = _both(event, template)
    if both.sum() < max(least, 2):
        return np.nan
    x, y = template[both] - template[both].mean(), event[both] - event[both].mean()
    return float((x @ x) / (x @ y)) if x @ y != 0 and np.ptp(x) > 0 else np.nan


def _first(tick: np.ndarray, unit: np.ndarray, on: np.ndarray, stop: np.ndarray, n_units: int) -> np.ndarray:
    """Ticks (trial, unit) of first spikes from `on`, NaN where there is none before `stop`."""
    first = np.full((len(on), n_units), np.nan)
    for t, (begin, end) in enumerate(zip(on, stop, strict=True)):
        inside = (tick >= begin) & (tick < end)
        own, place = np.unique(unit[inside], return_index=True)  # a unit's spikes ascend: the first one found
        first[t, own] = tick[inside][place] - begin
    return first


def _sped_up(template: np.ndarray, template_step: float, step: float, factor: float) -> np.ndarray:
    """The template (unit, time) in `1/factor` of its time, averaged over steps of the event."""
    edges = np.arange(0, int(template.shape[1] * template_step / factor / step + 1e-9) + 1) * step * factor
    area = np.concatenate([np.zeros((len(template), 1)), np.cumsum(template, axis=1)], axis=1)
    at = np.arange(template.shape[1] + 1) * template_step
    return np.diff(np.array([np.interp(edges, at, row) for row in area]), axis=1)


def _slide(template: np.ndarray, event: np.ndarray) -> tuple[float, int]:
    """The largest correlation along the event, and where."""
    length = template.shape[1]
    if not 2 <= length <= event.shape[1]:
        return np.nan, 0
    starts = range(event.shape[1] - length + 1)
    pairs = (np.stack([template.ravel(), event[:, s: s + length].ravel()]) for s in starts)
    found = np.array([correlation_matrix(pair)[0, 1] for pair in pairs])
    if np.isnan(found).all():
        return np.nan, 0
    return float(np.nanmax(found)), int(np.nanargmax(found))
