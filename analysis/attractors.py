"""Attractors: how alike the states are that different cues end in, and what their likeness follows.

    correlation     Pearson correlation over cells of the states that two cues left behind
    serial          its mean over pairs of trials that are so many places apart in the order of the protocol, round the
                    whole order if it is a cycle (Miyashita 1988, Nature 335:817)
    range           the number of distances from 1 on, without a gap, at which that exceeds a level
    communities     its mean over pairs with the same `phase`, or with different ones (Schapiro et al. 2013, Nat
                    Neurosci 16:486)
    closeness       its rank correlation with the closeness of nodes on a graph: −links on the shortest way, or
                    communicability, the matrix exponential of the adjacency (Garvert et al. 2017, eLife 6:e17086)
    active          exp(entropy of the answers of the memory neurons): how many memories share the state
    speed           memories by which the best match advances round the order of patterns, in a unit of time

Correlations of a state that is the same in all cells are NaN, and left out of means.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from scipy import linalg
from scipy.cluster.vq import ClusterError, kmeans2
from scipy.sparse import csgraph
from scipy.special import comb

from neuroam.analysis.compare import mean_known
from neuroam.analysis.contrast import Measure, in_group
from neuroam.analysis.correlation import correlation_matrix, stimulus_correlations
from neuroam.analysis.overlap import aligned, cue_of, final_overlaps
from neuroam.analysis.responses import responses, select
from neuroam.analysis.similarity import rank_agreement
from neuroam.prediction import DescriptionError

VISIBLE, MEMORY = "visible", "memory"
ABOVE = 0.05
STARTS = 10  # of k-means; the tightest clusters count
Links = Sequence[tuple[int, int]]


def serial_correlation(recording: xr.Dataset, farthest: int = 10, cyclic: bool = False, group: str | None = None,
                       block: str | None = None) -> xr.DataArray:
    """Correlation at distances 1 … `farthest`, dims (animal, distance)."""
    matrices = stimulus_correlations(recording, VISIBLE, group, block)
    number = matrices.sizes["trial"]
    if not 1 <= farthest < number / (2 if cyclic else 1):
        raise DescriptionError(f"farthest is {farthest} for {number} trials; give a distance that occurs")
    place = np.arange(number)
    apart = abs(place[:, None] - place)
    apart = np.minimum(apart, number - apart) if cyclic else apart
    distance = np.arange(1, farthest + 1)
    means = [mean_known(matrices.values[:, apart == d], axis=1) for d in distance]
    return xr.DataArray(np.array(means).T, dims=("animal", "distance"),
                        coords={"distance": distance, "group": matrices["group"], "seed": matrices["seed"]})


def correlation_at(recording: xr.Dataset, distance: int, cyclic: bool = False, group: str | None = None,
                   block: str | None = None) -> xr.DataArray:
    """Correlation at one distance, one value per animal."""
    return serial_correlation(recording, distance, cyclic, group, block).sel(distance=distance, drop=True)


def association_range(recording: xr.Dataset, farthest: int = 10, above: float = ABOVE, cyclic: bool = False,
                      group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Range of correlation, one value per animal, at most `farthest`."""
    curve = serial_correlation(recording, farthest, cyclic, group, block)
    return (curve > above).cumprod("distance").sum("distance")


def span(recording: xr.Dataset, first: int, last: int, cyclic: bool = False, group: str | None = None,
         block: str | None = None) -> xr.DataArray:
    """Mean correlation over the distances `first` … `last`, one value per animal."""
    curve = serial_correlation(recording, last, cyclic, group, block)
    return curve.sel(distance=slice(first, last)).mean("distance")


def drop(recording: xr.Dataset, near: int, far: int, cyclic: bool = False, group: str | None = None,
         block: str | None = None) -> xr.DataArray:
    """Correlation at distance `near` less that at `far`, one value per animal."""
    curve = serial_correlation(recording, far, cyclic, group, block)
    return curve.sel(distance=near, drop=True) - curve.sel(distance=far, drop=True)


def largest_rise(recording: xr.Dataset, farthest: int, cyclic: bool = False, group: str | None = None,
                 block: str | None = None) -> xr.DataArray:
    """Largest change of correlation from one distance to the next, one value per animal; below 0 if it only falls."""
    return serial_correlation(recording, farthest, cyclic, group, block).diff("distance").max("distance")


def trend(recording: xr.Dataset, measure: Measure, groups: Mapping[str, float]) -> np.ndarray:
    """Spearman correlation, over groups, of a measure with the number that belongs to each; one value per animal, NaN
    where the measure is the same in all."""
    from scipy import stats

    values = np.array([in_group(recording, measure, group) for group in groups]).T
    numbers = stats.rankdata(list(groups.values()))
    return np.array([correlation_matrix(np.array([stats.rankdata(row), numbers]))[0, 1] for row in values])


def held(recording: xr.Dataset, above: float = 0.1, group: str | None = None,
         block: str | None = None) -> xr.DataArray:
    """Number of stored patterns whose overlap with the state exceeds a level, mean over trials, per animal."""
    return (final_overlaps(recording, group, block) > above).sum("pattern").mean("trial")


def community_correlation(recording: xr.Dataset, same: bool = True, group: str | None = None,
                          block: str | None = None) -> xr.DataArray:
    """Mean correlation over pairs of different trials of one `phase`, or of different ones; one value per animal."""
    matrices, alike = _communities(recording, group, block)
    wanted = (alike & ~np.eye(len(alike), dtype=bool)) if same else ~alike
    return _mean(matrices, wanted)


def community_contrast(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Correlation within communities less that between them, one value per animal."""
    return community_correlation(recording, True, group) - community_correlation(recording, False, group)


def boundary_contrast(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Correlation of trials next to each other on the ring of all: of one community, less across a boundary. Both kinds
    of pairs are linked, on a graph of communities as on a ring lattice. One value per animal."""
    matrices, alike = _communities(recording, group)
    ahead = np.roll(np.eye(len(alike), dtype=bool), 1, axis=1)
    return _mean(matrices, ahead & alike) - _mean(matrices, ahead & ~alike)


def closeness_agreement(recording: xr.Dataset, links: Links, kind: str = "shortest way",
                        group: str | None = None) -> xr.DataArray:
    """Rank correlation of the correlations with closeness on the graph, one value per animal."""
    matrices = stimulus_correlations(recording, VISIBLE, group)
    near = closeness(adjacency(links, matrices.sizes["trial"]), kind)
    return _per_animal([rank_agreement(matrix, near) for matrix in matrices.values], matrices)


def closeness(table: np.ndarray, kind: str) -> np.ndarray:
    """−links on the shortest way, or the communicability, of an adjacency matrix (p, p)."""
    if kind == "shortest way":
        return -csgraph.shortest_path(table, directed=False, unweighted=True)
    if kind == "communicability":
        return linalg.expm(table)
    raise DescriptionError(f"closeness of kind {kind!r} is unknown; use 'shortest way' or 'communicability'")


def adjacency(links: Links, nodes: int) -> np.ndarray:
    """Symmetric matrix (p, p) of pairs of nodes, counted from 0."""
    table = np.zeros((nodes, nodes))
    if any(not 0 <= node < nodes for pair in links for node in pair):
        raise DescriptionError(f"links name nodes beyond the {nodes} that there are trials of; record a trial of each")
    for one, other in links:
        table[one, other] = table[other, one] = 1
    return table


def cluster_agreement(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Adjusted Rand index of the communities and as many clusters, by k-means, of the rows of the correlation matrix;
    one value per animal."""
    matrices, _ = _communities(recording, group)
    _, labels = np.unique(matrices["phase"].values, return_inverse=True)
    number = int(labels.max()) + 1
    return _per_animal([np.nan if np.isnan(matrix).any() else adjusted_rand(clusters(matrix, number), labels)
                        for matrix in matrices.values], matrices)


def clusters(rows: np.ndarray, number: int) -> np.ndarray:
    """Labels (n,) of k-means over rows (n, m), the tightest of `STARTS` starts."""
    tightest, best = np.inf, np.zeros(len(rows), int)
    for start in range(STARTS):
        try:
            centres, labels = kmeans2(rows, number, minit="++", seed=start, missing="raise")
        except ClusterError:  # a cluster lost all its rows
            continue
        inertia = float(((rows - centres[labels])**2).sum())
        if inertia < tightest:
            tightest, best = inertia, labels
    return best


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """Adjusted Rand index of two labellings (n,): 1 for the same, 0 by chance (Hubert & Arabie 1985, J Classif
    2:193)."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1)
    pairs, rows, columns = (comb(counts, 2).sum() for counts in (table, table.sum(axis=1), table.sum(axis=0)))
    chance = rows * columns / comb(len(one), 2)
    most = (rows + columns) / 2
    return float((pairs - chance) / (most - chance)) if most > chance else 1.0


def active_memories(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """exp(entropy) of what memory neurons answer, as shares of their sum; mean over trials, one value per animal."""
    rates = responses(recording, MEMORY, group)
    shares = np.maximum(rates.values, 0) / np.maximum(rates.values, 0).sum(axis=2, keepdims=True)
    logarithm = np.log(np.where(shares > 0, shares, 1))
    return _per_animal(np.exp(-(shares * logarithm).sum(axis=2)).mean(axis=1), rates)


def best_match(recording: xr.Dataset, window: float | None = None, group: str | None = None) -> xr.DataArray:
    """The stored pattern, from 0, that the state is most like after the cue, dims (animal, trial, time); for `window`
    seconds, or to the end of the trial."""
    courses = aligned(recording, before=0.0, group=group)
    chosen = select(recording, group)
    length = float((chosen["stimulus_off"] - chosen["stimulus_on"]).values.max())
    half = float(courses["time"][1] - courses["time"][0]) / 2
    after = courses["time"].values > length - half
    if window is not None:
        after &= courses["time"].values < length + window - half
    best = courses.isel(time=np.flatnonzero(after))
    return best.fillna(-np.inf).argmax("pattern")


def speed(recording: xr.Dataset, per: float, window: float | None = None, signed: bool = True,
          group: str | None = None) -> xr.DataArray:
    """Memories by which the best match advances in `per` seconds, mean over trials, one value per animal; against the
    order of the patterns it is negative, unless only its size is asked for."""
    best = best_match(recording, window, group)
    memories = recording.sizes["pattern"]
    half = (memories - 1) // 2
    moves = (np.diff(best.transpose("animal", "trial", "time").values) + half) % memories - half
    step = float(best["time"][1] - best["time"][0])
    return _per_animal((moves if signed else abs(moves)).mean(axis=(1, 2)) * per / step, best)


def visited(recording: xr.Dataset, window: float | None = None, group: str | None = None) -> xr.DataArray:
    """Part of the memories that were the best match at some time, mean over trials, one value per animal."""
    best = best_match(recording, window, group).transpose("animal", "trial", "time")
    seen = [[len(np.unique(course)) for course in trials] for trials in best.values]
    return _per_animal(np.mean(seen, axis=1) / recording.sizes["pattern"], best)


def clarity(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """Largest overlap with any memory in the last half of the trials, mean over time, one value per animal."""
    courses = aligned(recording, before=0.0, group=group)
    late = courses.isel(time=slice(courses.sizes["time"] // 2, None))
    return late.max("pattern").mean(("trial", "time"))


def retrieves_kind(recording: xr.Dataset, group: str | None = None, block: str | None = None) -> xr.DataArray:
    """Part of the trials whose state is most like a pattern of the `phase` that was cued, one value per animal. The
    phase of a pattern is that of the trials that cue it."""
    chosen = final_overlaps(recording, group, block)
    kind = dict(zip(cue_of(recording).tolist(), recording["phase"].values.tolist(), strict=True))
    best = chosen.fillna(-np.inf).argmax("pattern").values
    right = np.array([[kind.get(match) == phase for match, phase in zip(row, chosen["phase"].values, strict=True)]
                      for row in best.tolist()])
    return _per_animal(right.mean(axis=1), chosen)


def _communities(recording: xr.Dataset, group: str | None,
                 block: str | None = None) -> tuple[xr.DataArray, np.ndarray]:
    """Correlations, and which pairs of trials have one phase."""
    matrices = stimulus_correlations(recording, VISIBLE, group, block)
    phase = select(recording, block=block)["phase"].values
    alike = phase[:, None] == phase
    if alike.all():
        raise DescriptionError("all trials have one phase; give the trials of a community a phase of their own")
    return matrices.assign_coords(phase=("trial", phase)), alike


def _mean(matrices: xr.DataArray, pairs: np.ndarray) -> xr.DataArray:
    return _per_animal(mean_known(matrices.values[:, pairs], axis=1), matrices)


def _per_animal(values: Sequence[float] | np.ndarray, recording: xr.Dataset | xr.DataArray) -> xr.DataArray:
    return xr.DataArray(np.asarray(values, float), dims="animal",
                        coords={name: ("animal", recording[name].values) for name in ("group", "seed")})
