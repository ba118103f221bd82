"""Decoding: which condition a trial belongs to, read from its population code by the nearest mean code.

The code of a trial goes to the condition whose mean over the *other* trials is nearest (Hastie, Tibshirani & Friedman
2009, The elements of statistical learning, §4.3, §7.10): nearest in squared Euclidean distance, or, for
`distance="correlation"`, in 1 − r. Trials are dealt to folds condition by condition, so that every fold has its share
of each; without a number of folds every trial is its own.

    accuracy   mean over conditions of the fraction of trials decoded right; chance is 1 / number of conditions
    shuffled   the same with conditions dealt to trials at random (Ojala & Garriga 2010, J Mach Learn Res 11:1833).
               With each trial left out in turn it lies below chance: leaving a trial out moves the mean away from it
    p          (1 + shuffles at least as accurate) / (1 + shuffles) (Phipson & Smyth 2010, Stat Appl Genet 9:39)

Silent units say nothing and stay in. Of equally near conditions the first is taken, so that silence decodes at chance;
a code without variance has no correlation distance and counts as wrong. An animal of which a response is NaN has
accuracy, shuffles and p NaN.
"""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.responses import responses
from neuroam.analysis.trials import conditions, labelled
from neuroam.prediction import DescriptionError

DISTANCES = ("euclidean", "correlation")


def decode(recording: xr.Dataset, population: str, by: str = "stimulus", folds: int | None = None,
           distance: str = "euclidean", shuffles: int = 100, seed: int = 0, group: str | None = None,
           block: str | None = None) -> xr.Dataset:
    """Conditions `by` (stimulus, phase, choice …) decoded from the responses of a population, animal by animal.

    Variables: `decoded` (animal, trial), the name of a condition or ""; `accuracy` and `p` (animal); `shuffled`
    (animal, shuffle); `chance`. `by` is any coordinate over trial, or over animal and trial. Fewer than two conditions,
    or than two trials of one, raise `DescriptionError`.
    """
    rates = responses(recording, population, group, block)
    names, labels = np.unique(_truth(rates, by), return_inverse=True)
    labels = labels.reshape(rates.shape[:2])
    for own in labels:
        _check(names, own, folds, distance)
    found = [_one_animal(code, own, folds, distance, shuffles, seed)
             for code, own in zip(rates.values, labels, strict=True)]
    decoded, accuracy, shuffled = (np.array(part) for part in zip(*found, strict=True))
    above = np.where(np.isnan(accuracy), np.nan, (shuffled >= accuracy[:, None] - 1e-12).sum(axis=1))
    return xr.Dataset({
        "decoded": labelled(np.append(names, "")[decoded], ("animal", "trial"), rates),
        "accuracy": labelled(accuracy, ("animal",), rates),
        "shuffled": labelled(shuffled, ("animal", "shuffle"), rates),
        "p": labelled((1 + above) / (1 + shuffles), ("animal",), rates),
        "chance": 1 / len(names)}, attrs={"by": by})


def confusion(decoded: xr.Dataset) -> xr.DataArray:
    """Fraction of the trials of each condition decoded as each, dims (animal, condition, decoded_as)."""
    truth, guess = _truth(decoded["decoded"], decoded.attrs["by"]), decoded["decoded"].values
    names = np.unique(truth)
    table = np.array([[[np.mean(row[own == one] == other) for other in names] for one in names]
                      for own, row in zip(truth, guess, strict=True)])
    table = np.where(np.isnan(decoded["accuracy"].values)[:, None, None], np.nan, table)
    return labelled(table, ("animal", "condition", "decoded_as"), decoded, condition=names, decoded_as=names)


def cross_validated(code: np.ndarray, labels: np.ndarray, folds: int | None = None, distance: str = "euclidean",
                    seed: int = 0) -> np.ndarray:
    """The label decoded for each trial, −1 if none; `code` (n_trials, n_units), `labels` 0 … n_conditions − 1."""
    fold = deal(labels, folds, seed)
    member = np.eye(labels.max() + 1)[labels]
    total, number = member.T @ code, member.sum(axis=0)
    decoded = np.full(len(labels), -1)
    for k in range(fold.max() + 1):
        out = np.flatnonzero(fold == k)
        left = number - member[out].sum(axis=0)
        mean = (total - member[out].T @ code[out]) / np.where(left > 0, left, np.nan)[:, None]
        decoded[out] = nearest(code[out], mean, distance)
    return decoded


def deal(labels: np.ndarray, folds: int | None = None, seed: int = 0) -> np.ndarray:
    """The fold of each trial: trials of each condition, in random order, are dealt out one by one."""
    if folds is None:
        return np.arange(len(labels))
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(places) for places in conditions(labels).values()])
    fold = np.empty(len(labels), int)
    fold[order] = np.arange(len(labels)) % folds
    return fold


def nearest(code: np.ndarray, mean: np.ndarray, distance: str = "euclidean") -> np.ndarray:
    """Which row of `mean` (n_conditions, n_units) is nearest to each row of `code`; −1 where none has a distance."""
    if distance == "correlation":
        far = 1 - _standardised(code) @ _standardised(mean).T
    else:
        far = (mean**2).sum(axis=1) - 2 * code @ mean.T  # but for |code|², the same for all conditions
    unknown = np.isnan(far)
    return np.where(unknown.all(axis=1), -1, np.where(unknown, np.inf, far).argmin(axis=1))


def balanced_accuracy(labels: np.ndarray, decoded: np.ndarray) -> float:
    """Mean over conditions of the fraction of their trials decoded right."""
    return float(np.mean([np.mean(decoded[labels == k] == k) for k in np.unique(labels)]))


def _truth(array: xr.DataArray, by: str) -> np.ndarray:
    """The condition of each trial of each animal (animal, trial), in words."""
    known = [str(name) for name, label in array.coords.items() if set(label.dims) - {"animal"} == {"trial"}]
    if by not in known:
        raise DescriptionError(f"by is {by!r}, which is no label of trials; they have: {', '.join(known)}")
    own = array[by].transpose("animal", "trial", missing_dims="ignore").values
    return np.broadcast_to(own.astype(str), (array.sizes["animal"], array.sizes["trial"]))


def _one_animal(code: np.ndarray, labels: np.ndarray, folds: int | None, distance: str, shuffles: int,
                seed: int) -> tuple[np.ndarray, float, np.ndarray]:
    if np.isnan(code).any():
        return np.full(len(code), -1), np.nan, np.full(shuffles, np.nan)
    decoded = cross_validated(code, labels, folds, distance, seed)
    rng = np.random.default_rng(seed)
    shuffled = np.empty(shuffles)
    for k in range(shuffles):
        dealt = rng.permutation(labels)
        shuffled[k] = balanced_accuracy(dealt, cross_validated(code, dealt, folds, distance, seed))
    return decoded, balanced_accuracy(labels, decoded), shuffled


def _standardised(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    norm = np.where(np.ptp(rows, axis=1) > 0, np.linalg.norm(centred, axis=1), np.nan)
    return centred / norm[:, None]


def _check(names: np.ndarray, labels: np.ndarray, folds: int | None, distance: str) -> None:
    number = np.bincount(labels, minlength=len(names))
    if distance not in DISTANCES:
        raise DescriptionError(f"distance {distance!r} is unknown; give one of {', '.join(DISTANCES)}")
    if len(names) < 2:
        raise DescriptionError(f"all trials are {str(names[0])!r}; decoding needs two conditions")
    if number.min() < 2:
        raise DescriptionError(f"condition {str(names[number.argmin()])!r} has {('no', 'one')[number.min()]} trial; "
                               "decoding needs two of each in every animal")
    if folds is not None and not 2 <= folds <= len(labels):
        raise DescriptionError(f"{folds} folds of {len(labels)} trials; give 2 to {len(labels)}, or None")
