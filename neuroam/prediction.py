"""A published claim as data, and the verdict on it.

A prediction names a statistic (a pure function from a recording to one value for each animal), the region the claim
puts its mean in, what the paper found, and how certain that is. The verdict compares the 95 % bootstrap interval of
the mean over animals with the region: all inside, *reproduced*; all outside, *not reproduced*; else *not decidable*
with this many animals. "No effect" is a region around zero, never a large p.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neuroam.errors import DescriptionError

REPRODUCED, NOT_REPRODUCED, NOT_DECIDABLE = "reproduced", "not reproduced", "not decidable"
RESAMPLES = 10_000


@dataclass(frozen=True)
class Region:
    """Open interval in which the claim puts the mean."""

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise DescriptionError(f"region {self.low}…{self.high} is empty; give low < high")

    def __str__(self) -> str:
        if math.isinf(self.high):
            return f"> {self.low:g}"
        if math.isinf(self.low):
            return f"< {self.high:g}"
        if self.low == -self.high:
            return f"within ±{self.high:g}"
        return f"{self.low:g} – {self.high:g}"


def above(value: float) -> Region:
    return Region(low=value)


def below(value: float) -> Region:
    return Region(high=value)


def between(low: float, high: float) -> Region:
    return Region(low, high)


def within(margin: float) -> Region:
    """Equivalence to zero with a margin."""
    return Region(-margin, margin)


@dataclass(frozen=True)
class Prediction:
    """`statistic` maps a recording to one value per animal (an array; NaN where an animal has none).

    `published` is what the paper reports, in words; `certainty` says how we know (verified, secondary, assumed …);
    `assumed` what part of `expect` is our own choice, such as a margin.
    """

    claim: str
    statistic: Callable[..., np.ndarray]
    expect: Region
    published: str
    source: str
    certainty: str
    assumed: str = ""


@dataclass(frozen=True)
class Verdict:
    """What was measured beside what was published."""

    claim: str
    mean: float
    low: float
    high: float
    animals: int
    expect: str
    published: str
    source: str
    certainty: str
    assumed: str
    verdict: str


def bootstrap_interval(values: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean over animals, shape (n,); NaN for fewer than two.

    Efron & Tibshirani 1993, An introduction to the bootstrap, ch. 13. The resampling seed is fixed, so that a
    recording has one interval.
    """
    values = np.asarray(values, dtype=float)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return math.nan, math.nan
    picks = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(values[picks].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)


def decide(low: float, high: float, expect: Region) -> str:
    """The verdict for a confidence interval against the expected region."""
    if math.isnan(low) or math.isnan(high):
        return NOT_DECIDABLE
    if low > expect.low and high < expect.high:
        return REPRODUCED
    if high <= expect.low or low >= expect.high:
        return NOT_REPRODUCED
    return NOT_DECIDABLE


def verdict(prediction: Prediction, values: np.ndarray) -> Verdict:
    """Judge one prediction from its statistic, one value for each animal."""
    values = np.asarray(values, dtype=float)
    valid = values[~np.isnan(values)]
    low, high = bootstrap_interval(valid)
    mean = float(valid.mean()) if len(valid) else math.nan
    return Verdict(prediction.claim, mean, low, high, len(valid), str(prediction.expect), prediction.published,
                   prediction.source, prediction.certainty, prediction.assumed, decide(low, high, prediction.expect))
