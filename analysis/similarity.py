"""How alike two codes are: the geometry of the stimuli in one against that in the other.

    dissimilarity matrix   correlation: 1 − r over units; euclidean: squared distance / number of units
                           (Kriegeskorte, Mur & Bandettini 2008, Front Syst Neurosci 2:4); two of them are compared by
                           the Spearman correlation of their upper triangles
    linear CKA             ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖), columns centred (Kornblith et al. 2019, ICML)
    debiased CKA           the same with the unbiased estimator of HSIC (Song et al. 2012, J Mach Learn Res 13:1393),
                           which is 0 on average for unrelated codes, also with fewer stimuli than units
    Procrustes             1 − (Σ singular values of XᵀY)² / (‖X‖² ‖Y‖²), what is left when one code is moved, turned,
                           mirrored and scaled onto the other (Schönemann 1966, Psychometrika 31:1; Gower 1975,
                           Psychometrika 40:33)

X and Y are (n_stimuli, n_units), with different units if need be: models compare with models and with recordings. CKA
and Procrustes see neither a turn of the code nor its scale. Silent units add nothing to euclidean distances, CKA and
Procrustes; they do count in correlations. A code in which all stimuli look alike has NaN, as has debiased CKA of fewer
than four stimuli; a stimulus nobody answers has NaN correlation distance, and pairs with it are left out.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import xarray as xr
from scipy import linalg

from neuroam.analysis.correlation import correlation_matrix
from neuroam.analysis.selectivity import tuning
from neuroam.analysis.trials import labelled
from neuroam.prediction import DescriptionError

Measure = Callable[[np.ndarray, np.ndarray], float]


def dissimilarity(recording: xr.Dataset, population: str, metric: str = "correlation", group: str | None = None,
                  block: str | None = None) -> xr.DataArray:
    """Dissimilarity of the mean responses to each two stimuli, dims (animal, stimulus, other_stimulus)."""
    if metric not in METRICS:
        raise DescriptionError(f"metric {metric!r} is unknown; give one of {', '.join(METRICS)}")
    rates = tuning(recording, population, group, block)
    names = rates["stimulus"].values
    matrices = np.array([METRICS[metric](code) for code in rates.values])
    return labelled(matrices, ("animal", "stimulus", "other_stimulus"), rates, stimulus=names, other_stimulus=names)


def compare_dissimilarity(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Spearman correlation of two dissimilarity matrices over the same stimuli, one value per animal."""
    return _pairwise(one, other, ("stimulus", "other_stimulus"), ("stimulus", "other_stimulus"), rank_agreement)


def compare_codes(one: xr.DataArray, other: xr.DataArray, measure: Measure | None = None) -> xr.DataArray:
    """`measure`, linear CKA unless given, of two codes (animal, stimulus, unit) as `selectivity.tuning` gives them.

    Stimuli are matched by name; animals by place, or, where one of the two has one animal or no such dim, all with the
    same code. Other numbers of animals or other stimuli raise `DescriptionError`.
    """
    return _pairwise(one, other, ("stimulus", "unit"), ("stimulus", "other_unit"), measure or linear_cka)


def rank_agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman correlation of the upper triangles of two square matrices, pairs that are NaN in either left out."""
    from scipy import stats

    upper = np.triu_indices(len(one), 1)
    pairs = np.stack([one[upper], other[upper]])
    pairs = pairs[:, ~np.isnan(pairs).any(axis=0)]
    if pairs.shape[1] < 2:
        return np.nan
    return float(correlation_matrix(stats.rankdata(pairs, axis=1))[0, 1])


def linear_cka(one: np.ndarray, other: np.ndarray) -> float:
    """Linear CKA of two codes (n_stimuli, n_units), 0 … 1."""
    x, y = (_gram(code - code.mean(axis=0)) for code in (one, other))
    return _ratio((x * y).sum(), np.sqrt((x * x).sum() * (y * y).sum()))


def debiased_cka(one: np.ndarray, other: np.ndarray) -> float:
    """Debiased linear CKA of two codes (n_stimuli, n_units); it can fall below 0."""
    if len(one) < 4:
        return np.nan
    x, y = (_gram(code - code.mean(axis=0)) for code in (one, other))
    return _ratio(unbiased_hsic(x, y), np.sqrt(max(unbiased_hsic(x, x) * unbiased_hsic(y, y), 0.0)))


def unbiased_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased estimate of the dependence between two kernels (n, n), n ≥ 4."""
    n = len(x)
    x, y = (kernel - np.diag(np.diag(kernel)) for kernel in (x, y))
    joint = (x * y).sum() + x.sum() * y.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * x.sum(axis=0) @ y.sum(axis=0)
    return float(joint / (n * (n - 3)))


def procrustes(one: np.ndarray, other: np.ndarray) -> float:
    """Procrustes distance of two codes (n_stimuli, n_units), 0 … 1."""
    x, y = (code - code.mean(axis=0) for code in (one, other))
    norm = np.sqrt((x * x).sum() * (y * y).sum())
    aligned = _ratio(linalg.svdvals(x.T @ y).sum() if norm > 0 else 0.0, norm)
    return 1 - aligned**2


def _pairwise(one: xr.DataArray, other: xr.DataArray, dims: tuple[str, str], other_dims: tuple[str, str],
              measure: Measure) -> xr.DataArray:
    stimuli = [dim for dim in dims if dim in other_dims]
    for dim in stimuli:
        if set(one[dim].values.tolist()) != set(other[dim].values.tolist()):
            raise DescriptionError("the two codes show different stimuli; select those they share")
        other = other.sel({dim: one[dim].values})
    single = _single(one, other, dims)
    one, other = one.isel(dict.fromkeys(single, 0), drop=True), other.isel(dict.fromkeys(_single(other, one, dims), 0))
    renamed = other.rename({old: new for old, new in zip(dims, other_dims, strict=True) if old != new})
    labels = {name for name, label in renamed.coords.items() if name in stimuli or set(label.dims) & set(single)}
    return xr.apply_ufunc(measure, one, renamed.drop_vars(set(renamed.coords) - labels), vectorize=True,
                          input_core_dims=[list(dims), list(other_dims)])


def _single(one: xr.DataArray, other: xr.DataArray, core: tuple[str, str]) -> list[Hashable]:
    """Dims of which `one` has one alone, such as one animal, for the several of the other."""
    unlike = [dim for dim in one.dims if dim in other.dims and dim not in core and one.sizes[dim] != other.sizes[dim]]
    for dim in unlike:
        if 1 not in (one.sizes[dim], other.sizes[dim]):
            raise DescriptionError(f"the two codes have {one.sizes[dim]} and {other.sizes[dim]} along {dim}, which "
                                   f"cannot be paired; select as many of each, or one with .isel({dim}=0)")
    return [dim for dim in unlike if one.sizes[dim] == 1]


def _squared_distance(code: np.ndarray) -> np.ndarray:
    squares = (code * code).sum(axis=1)
    return np.maximum(squares[:, None] + squares - 2 * code @ code.T, 0) / code.shape[1]


def _correlation_distance(code: np.ndarray) -> np.ndarray:
    return 1 - correlation_matrix(code)


def _gram(code: np.ndarray) -> np.ndarray:
    return code @ code.T


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")


METRICS = {"correlation": _correlation_distance, "euclidean": _squared_distance}
