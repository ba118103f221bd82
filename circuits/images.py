"""Real images as patterns: the 8 × 8 handwritten digits that come with scikit-learn (Alpaydin & Kaynak 1998, UCI)."""
from __future__ import annotations

import functools

import numpy as np

from neuroam.errors import DescriptionError
from neuroam.patterns import Patterns, given

THRESHOLD = 7.5  # of 16 grey levels: brighter pixels are +1


@functools.cache
def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """All different images as ±1, shape (n_images, 64), and the digit each shows, in the order 0, 1, … 9, 0, 1, …"""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DescriptionError("the digits come with scikit-learn; install it with pip install "
                               "neuroam[images]") from None
    bunch = load_digits()
    images = np.where(bunch.data > THRESHOLD, 1.0, -1.0)
    rank = np.array([np.sum(bunch.target[:k] == digit) for k, digit in enumerate(bunch.target)])
    order = np.lexsort((bunch.target, rank))
    images, shown = images[order], bunch.target[order]
    _, first = np.unique(images, axis=0, return_index=True)
    keep = np.sort(first)
    return images[keep], shown[keep]


def digits(number: int, population: str = "visible") -> Patterns:
    """The first `number` images as stored patterns of 64 cells, named by what they show: "pattern 1 (0)", …"""
    images, _ = digit_images()
    if not 1 <= number <= len(images):
        raise DescriptionError(f"digits: {number} images asked for; there are {len(images)} different ones")
    return given(images[:number], population, source="scikit-learn, handwritten digits, pixel > 7.5 of 16")
