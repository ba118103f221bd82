"""Sweeps: what a recording is measured by, and the results of many cells as one Dataset over the parameters.

Dims are the parameters of a grid, or `cell` for a list of parameter sets, whose parameters are then coordinates of
`cell`; besides them `level`, `animal` (one a seed), `claim`, `metric` and `group`.

    statistic(…, level, claim, animal)               of each prediction; NaN where an animal, or a cell, has none
    statistic_mean, _low, _high(…, level, claim)     its mean over animals and 95 % bootstrap interval
    verdict(…, level, claim)                         against the region that the claim expects in that cell
    measure(…, level, metric, group, animal)         mean over trials, and measure_mean, _low, _high over animals
    recording(…, level)                              the file of the cell, "" where there is none
    message(…, level)                                why there is none

Claims, metrics and groups that some cells lack are NaN there. Intervals are those of `prediction.bootstrap_interval`
(Efron & Tibshirani 1993, An introduction to the bootstrap, ch. 13).
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from neuroam.analysis.compare import ACTIVE, MATCH, MEAN, OVERLAP, Metric, intervals, mean_known
from neuroam.analysis.overlap import cued_overlap, retrieves_cue
from neuroam.analysis.responses import responses
from neuroam.prediction import Prediction, decide
from neuroam.recording import RecordingError

RESERVED = ("cell", "level", "claim", "metric", "group", "animal", "expect", "expect_low", "expect_high", "published",
            "source", "recording", "message", "verdict",
            *(f"{name}{end}" for name in ("statistic", "measure") for end in ("", "_mean", "_low", "_high")))
NOTHING = ""


def measures(recording: xr.Dataset, metrics: Mapping[str, Metric]) -> xr.DataArray:
    """Means over trials, dims (metric, animal): of every recorded population its mean response and the fraction of
    cells that answer, of stored patterns the overlap with the cued one and whether it is the best match, and the
    protocol's own `metrics`. One that a recording does not have is NaN."""
    found = {f"{p}: {kind}": values for p in dict.fromkeys(recording["population"].values.tolist())
             for kind, values in _of_population(recording, p).items()}
    known: dict[str, Metric] = {OVERLAP: cued_overlap, MATCH: retrieves_cue} if "overlap" in recording else {}
    for name, metric in {**known, **metrics}.items():
        found[name] = _over_trials(recording, metric)
    values = np.array(list(found.values())).reshape(len(found), recording.sizes["animal"])
    return xr.DataArray(values, dims=("metric", "animal"), coords={"metric": np.array(list(found), dtype=str)})


def _of_population(recording: xr.Dataset, population: str) -> dict[str, np.ndarray]:
    answers = responses(recording, population).values
    return {MEAN: answers.mean(axis=(1, 2)), ACTIVE: (answers > 0).mean(axis=(1, 2))}


def _over_trials(recording: xr.Dataset, metric: Metric) -> np.ndarray:
    try:
        values = metric(recording)
    except (RecordingError, KeyError):
        return np.full(recording.sizes["animal"], np.nan)
    return mean_known(values.transpose("animal", "trial").values.astype(float), axis=1)


@dataclass(frozen=True, eq=False)
class Parameters:
    """What was varied. `values` by parameter, one for each parameter set in order; of a grid the sets are the product
    of the distinct values, the last parameter fastest. `attributes` by parameter (unit, how it is shown)."""

    values: Mapping[str, Sequence[Any]]
    grid: bool
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(self.values) if self.grid else ("cell",)

    @property
    def shape(self) -> tuple[int, ...]:
        if self.grid:
            return tuple(len(dict.fromkeys(column)) for column in self.values.values())
        return (len(next(iter(self.values.values()))),)

    @property
    def coords(self) -> dict[str, Any]:
        attributes = {name: dict(self.attributes.get(name, {})) for name in self.values}
        if self.grid:
            return {name: (name, np.array(list(dict.fromkeys(column))), attributes[name])
                    for name, column in self.values.items()}
        return {"cell": np.arange(self.shape[0]),
                **{name: ("cell", np.array(list(column)), attributes[name]) for name, column in self.values.items()}}


@dataclass(frozen=True, eq=False)
class Result:
    """Of one cell: place of its parameter set, level, values by claim and seed, by (metric, group, seed), its claims,
    its file and why it has none."""

    place: int
    level: str
    seeds: tuple[int, ...] = ()
    statistic: Mapping[str, np.ndarray] = field(default_factory=dict)
    measure: Mapping[tuple[str, str, int], float] = field(default_factory=dict)
    predictions: tuple[Prediction, ...] = ()
    recording: str = NOTHING
    message: str = NOTHING


def assemble(parameters: Parameters, results: Sequence[Result]) -> xr.Dataset:
    """One Dataset of all cells."""
    levels = list(dict.fromkeys(result.level for result in results))
    seeds = sorted({seed for result in results for seed in result.seeds})
    claims = {p.claim: p for result in results for p in result.predictions}
    whole = xr.Dataset(coords={**parameters.coords, "level": np.array(levels), "animal": np.array(seeds, np.int64)})
    for name in ("recording", "message"):
        table = _table(parameters, levels, (), "")
        for result in results:
            table[result.place, levels.index(result.level)] = getattr(result, name)
        whole[name] = _shaped(parameters, table.astype(str), ())
    if claims:
        whole = _with_statistics(whole, parameters, results, levels, claims)
    if any(result.measure for result in results):
        whole = _with_measures(whole, parameters, results, levels, seeds)
    return whole


def _with_statistics(whole: xr.Dataset, parameters: Parameters, results: Sequence[Result], levels: list[str],
                     claims: Mapping[str, Prediction]) -> xr.Dataset:
    names = list(claims)
    table = _table(parameters, levels, (len(names), whole.sizes["animal"]))
    for result in results:
        for claim, values in result.statistic.items():
            table[result.place, levels.index(result.level), names.index(claim), : len(values)] = values
    parts = _with_intervals("statistic", parameters, table, ("claim",))
    verdicts = _table(parameters, levels, (len(names),), "")
    low, high = (part.values.reshape(verdicts.shape) for part in (parts["statistic_low"], parts["statistic_high"]))
    for result in (some for some in results if some.statistic):
        for p in result.predictions:
            at = result.place, levels.index(result.level), names.index(p.claim)
            verdicts[at] = decide(low[at], high[at], p.expect)
    about: dict[str, Any] = {"claim": np.array(names)}
    about |= {word: ("claim", np.array([str(getattr(p, word)) for p in claims.values()]))
              for word in ("expect", "published", "source")}
    about |= {f"expect_{end}": ("claim", np.array([getattr(p.expect, end) for p in claims.values()]))
              for end in ("low", "high")}
    parts["verdict"] = _shaped(parameters, verdicts.astype(str), ("claim",))
    return whole.assign(parts).assign_coords(about)


def _with_measures(whole: xr.Dataset, parameters: Parameters, results: Sequence[Result], levels: list[str],
                   seeds: list[int]) -> xr.Dataset:
    metrics = _places(metric for result in results for metric, _, _ in result.measure)
    groups = _places(group for result in results for _, group, _ in result.measure)
    table = _table(parameters, levels, (len(metrics), len(groups), len(seeds)))
    for result in results:
        for (metric, group, seed), value in result.measure.items():
            table[result.place, levels.index(result.level), metrics[metric], groups[group], seeds.index(seed)] = value
    parts = _with_intervals("measure", parameters, table, ("metric", "group"))
    return whole.assign(parts).assign_coords(metric=np.array(list(metrics)), group=np.array(list(groups)))


def _places(names: Iterable[str]) -> dict[str, int]:
    return {name: k for k, name in enumerate(dict.fromkeys(names))}


def _table(parameters: Parameters, levels: list[str], shape: tuple[int, ...], fill: Any = np.nan) -> np.ndarray:
    """(parameter set, level, …)."""
    kind = object if isinstance(fill, str) else float
    return np.full((int(np.prod(parameters.shape)), len(levels), *shape), fill, dtype=kind)


def _shaped(parameters: Parameters, table: np.ndarray, dims: tuple[str, ...]) -> xr.DataArray:
    return xr.DataArray(table.reshape(*parameters.shape, *table.shape[1:]), dims=(*parameters.dims, "level", *dims))


def _with_intervals(name: str, parameters: Parameters, table: np.ndarray, dims: tuple[str, ...],
                    ) -> dict[str, xr.DataArray]:
    """The values by animal, and their mean and interval."""
    columns = np.moveaxis(table, -1, 0)
    ends = [end.reshape(columns.shape[1:]) for end in intervals(columns.reshape(len(columns), -1))]
    found = {name: _shaped(parameters, table, (*dims, "animal"))}
    for word, values in zip(("mean", "low", "high"), (mean_known(table, axis=-1), *ends), strict=True):
        found[f"{name}_{word}"] = _shaped(parameters, values, dims)
    return found
