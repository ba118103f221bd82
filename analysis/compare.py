"""Levels of description compared on the same animals and trials: what each says of a trial, and how far they are apart.

    difference      m_a − m_b of a measure m of one trial: mean response over the cells, fraction of cells that answer
                    (as `sparseness`), overlap with the cued pattern and whether it is the best match (as `overlap`),
                    and any measure of one's own
    1 − cosine      1 − a·b / (|a||b|) of the response vectors of a population in that trial; NaN where one is silent
    relative L2     |a − b| / |b|; 0 where both are silent, NaN where b alone is

a is the level named first in a pair, b the second. Animals of one seed are one animal at every level, so they are
compared in pairs. Means are over animals, with their 95 % bootstrap interval (Efron & Tibshirani 1993, An introduction
to the bootstrap, ch. 13); over all trials, each animal's mean over the trials comes first.
"""
from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np
import xarray as xr

from neuroam.analysis.overlap import cued_overlap, retrieves_cue
from neuroam.analysis.responses import responses
from neuroam.prediction import RESAMPLES
from neuroam.recording import RecordingError

Metric = Callable[[xr.Dataset], xr.DataArray]
Levels = Mapping[str, xr.Dataset]
Values = dict[tuple[str, str], np.ndarray]
MEAN, ACTIVE, COSINE, LENGTH = "mean response", "fraction that answers", "1 − cosine", "relative L2"
OVERLAP, MATCH = "overlap with the cued pattern", "best match is the cued pattern"
DIFFERENCE, DISTANCE = "difference", "distance"
COLUMNS = 400  # whose resamples are held in memory at once
LABELS = ("trial_name", "block", "phase", "cs_type", "stimulus")


def compare_levels(levels: Levels, metrics: Mapping[str, Metric] | None = None,
                   absent: Mapping[str, Collection[str]] | None = None) -> xr.Dataset:
    """Compare recordings of one protocol, name → recording.

    `metrics` adds measures, name → function from a recording to (animal, trial). `absent` names the populations that a
    level records but does not model. The result has

        difference, low, high (pair, metric, group, trial)          mean over animals and its interval
        overall, overall_low, overall_high (pair, metric, group)    the same over all trials
        mean, overall_mean (level, metric, group[, trial])          what each level says; NaN for distances

    and `kind` (metric) says which metrics are differences and which distances. A measure that a level does not have is
    NaN, and the attribute `left_out` says why. Raises `RecordingError` for recordings with other animals, trials or
    cells.
    """
    _check_matched(levels)
    left_out: list[str] = []
    own = {name: dict(_own(name, recording, metrics or {}, left_out)) for name, recording in levels.items()}
    owners = _owners(levels, absent or {})
    groups = list(dict.fromkeys(next(iter(levels.values()))["group"].values.tolist()))
    kinds = _kinds(owners, own)
    if not kinds:
        raise RecordingError("no two of the levels have a population or a metric in common; record a population")
    parts = [_summary(levels, kinds, *_measured(levels, own, owners, group)) for group in groups]
    whole = xr.concat(parts, xr.DataArray(groups, dims="group", name="group"), coords="minimal", compat="override")
    whole = whole.transpose("level", "pair", "metric", "group", "trial")
    return whole.assign_attrs(left_out="; ".join(left_out), animals=_animals(levels, groups[0]))


def intervals(values: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """`prediction.bootstrap_interval` of every column of `values` (animals, columns): two arrays (columns,)."""
    low, high = np.full((2, values.shape[1]), np.nan)
    known = (~np.isnan(values)).sum(axis=0)
    # animals without a value are dropped, and the others keep their order
    packed = np.take_along_axis(values, np.argsort(np.isnan(values), axis=0, kind="stable"), axis=0)
    for n in np.unique(known[known > 1]):
        picks = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
        share = np.zeros((RESAMPLES, n))
        np.add.at(share, (np.arange(RESAMPLES)[:, None], picks), 1 / n)
        columns = np.flatnonzero(known == n)
        for some in np.split(columns, range(COLUMNS, len(columns), COLUMNS)):
            ends = [50 * (1 - level), 50 * (1 + level)]
            low[some], high[some] = np.percentile(packed[:n, some].T @ share.T, ends, axis=1)
    return low, high


def mean_known(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Mean of what is not NaN; NaN where there is nothing else."""
    known = (~np.isnan(values)).sum(axis=axis)
    return np.nansum(values, axis=axis) / np.where(known > 0, known, np.nan)


def cosine_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """1 − cosine along the last axis, as ½ |one/|one| − other/|other||², which rounding leaves at least 0."""
    gap = _unit(one) - _unit(other)
    return (gap * gap).sum(axis=-1) / 2


def relative_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """|one − other| / |other| along the last axis."""
    gap, norm = np.linalg.norm(one - other, axis=-1), np.linalg.norm(other, axis=-1)
    return np.where(gap == 0, 0.0, gap / np.where(norm > 0, norm, np.nan))


def _unit(vectors: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norm > 0, norm, np.nan)


def _check_matched(levels: Levels) -> None:
    if len(levels) < 2:
        raise RecordingError(f"a comparison needs two levels or more, got {', '.join(levels) or 'none'}")
    (first, reference), *others = levels.items()
    for name, recording in others:
        if sorted(_who(recording)) != sorted(_who(reference)):
            raise RecordingError(f"levels {first!r} and {name!r} have other animals; compare recordings of one "
                                 "protocol with the same seeds")
        for label in LABELS:
            if not np.array_equal(recording[label], reference[label]):
                raise RecordingError(f"levels {first!r} and {name!r} have other trials ({label}); compare recordings "
                                     "of one protocol")


def _who(recording: xr.Dataset) -> list[tuple[str, int]]:
    return list(zip(recording["group"].values.tolist(), recording["seed"].values.tolist(), strict=True))


def _own(name: str, recording: xr.Dataset, metrics: Mapping[str, Metric],
         left_out: list[str]) -> Iterator[tuple[str, xr.DataArray]]:
    """Measures of a level that are not of one population, each (animal, trial)."""
    known: dict[str, Metric] = {OVERLAP: cued_overlap, MATCH: retrieves_cue} if "overlap" in recording else {}
    for metric, measure in {**known, **metrics}.items():
        try:
            values = measure(recording)
        except (RecordingError, KeyError) as error:
            left_out.append(f"{metric} at the {name} level: {error.args[0]}")
            continue
        if set(values.dims) != {"animal", "trial"}:
            raise RecordingError(f"metric {metric!r} has dims {values.dims}; it must give one value for each (animal, "
                                 "trial)")
        yield metric, values.transpose("animal", "trial")


def _kinds(owners: Mapping[str, list[str]], own: Mapping[str, Mapping[str, xr.DataArray]]) -> dict[str, str]:
    """Every metric, population by population, and whether it is a difference or a distance."""
    kinds = {f"{population}: {metric}": kind for population in owners
             for metric, kind in ((MEAN, DIFFERENCE), (ACTIVE, DIFFERENCE), (COSINE, DISTANCE), (LENGTH, DISTANCE))}
    return kinds | {metric: DIFFERENCE for measures in own.values() for metric in measures}


def _owners(levels: Levels, absent: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Each population that two levels have or more, in the order recorded, and the levels that have it."""
    names = dict.fromkeys(p for recording in levels.values() for p in recording["population"].values.tolist())
    found = {p: [name for name, recording in levels.items()
                 if p in recording["population"].values and p not in absent.get(name, ())] for p in names}
    return {p: own for p, own in found.items() if len(own) > 1}


def _measured(levels: Levels, own: Mapping[str, Mapping[str, xr.DataArray]], owners: Mapping[str, list[str]],
              group: str) -> tuple[Values, Values]:
    """(level, metric) → values and (pair, metric) → distances of a group, each (animal, trial), animals by seed."""
    values: Values = {}
    distances: Values = {}
    for population, names in owners.items():
        codes = {name: responses(levels[name], population, group).values[_by_seed(levels[name], group)[1]]
                 for name in names}
        for name, code in codes.items():
            values[name, f"{population}: {MEAN}"] = code.mean(axis=2)
            values[name, f"{population}: {ACTIVE}"] = (code > 0).mean(axis=2)
        for a, b in itertools.combinations(names, 2):
            if codes[a].shape != codes[b].shape:
                raise RecordingError(f"{population!r} has {codes[a].shape[2]} cells at level {a!r} and "
                                     f"{codes[b].shape[2]} at {b!r}; compare recordings of one circuit")
            distances[_pair(a, b), f"{population}: {COSINE}"] = cosine_distance(codes[a], codes[b])
            distances[_pair(a, b), f"{population}: {LENGTH}"] = relative_distance(codes[a], codes[b])
    for name, measures in own.items():
        members, order = _by_seed(levels[name], group)
        values.update(((name, metric), array.values[members[order]].astype(float))
                      for metric, array in measures.items())
    return values, distances


def _by_seed(recording: xr.Dataset, group: str) -> tuple[np.ndarray, np.ndarray]:
    """The animals of a group, and the order that sorts them by seed."""
    members = np.flatnonzero(recording["group"].values == group)
    return members, np.argsort(recording["seed"].values[members], kind="stable")


def _pair(a: str, b: str) -> str:
    return f"{a} − {b}"


def _summary(levels: Levels, metrics: Mapping[str, str], values: Values, distances: Values) -> xr.Dataset:
    """Means and intervals of one group; `metrics` maps a name to its kind."""
    pairs = {_pair(a, b): (a, b) for a, b in itertools.combinations(levels, 2)}
    unknown = np.full(next(iter(values.values())).shape, np.nan)
    said = np.array([[values.get((name, metric), unknown) for metric in metrics] for name in levels])
    apart = np.array([[distances.get((pair, metric), unknown) if kind == DISTANCE else
                       values.get((a, metric), unknown) - values.get((b, metric), unknown)
                       for metric, kind in metrics.items()] for pair, (a, b) in pairs.items()])
    mean, low, high = _over_animals(apart)
    overall, overall_low, overall_high = _over_animals(mean_known(apart, 3))
    by_trial, by_metric = ("pair", "metric", "trial"), ("pair", "metric")
    first = next(iter(levels.values()))
    return xr.Dataset(
        {"difference": (by_trial, mean), "low": (by_trial, low), "high": (by_trial, high),
         "overall": (by_metric, overall), "overall_low": (by_metric, overall_low),
         "overall_high": (by_metric, overall_high),
         "mean": (("level", "metric", "trial"), mean_known(said, 2)),
         "overall_mean": (("level", "metric"), mean_known(mean_known(said, 3), 2))},
        {"level": list(levels), "pair": list(pairs), "metric": list(metrics),
         "kind": ("metric", list(metrics.values())), "trial": np.arange(first.sizes["trial"]),
         **{name: ("trial", first[name].values) for name in LABELS}})


def _over_animals(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, low and high of `values` (pair, metric, animal[, trial]) over animals."""
    columns = np.moveaxis(values, 2, 0)
    mean = mean_known(columns)
    low, high = intervals(columns.reshape(len(columns), -1))
    return mean, low.reshape(mean.shape), high.reshape(mean.shape)


def _animals(levels: Levels, group: str) -> int:
    return int((next(iter(levels.values()))["group"].values == group).sum())
