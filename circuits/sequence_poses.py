"""What a sequence of motifs draws: each motif moves a hand to a place, along straight lines.

Four muscles pull: right, left, up, down. A hand at the place (right − left, up − down) whose muscles all relax with one
time constant goes to the next place on a straight line, so that a sequence of places draws the polygon through them.
"""
from __future__ import annotations

import numpy as np

from neuroam.errors import DescriptionError

MUSCLES = ("right", "left", "up", "down")
INNER = (3 - 5**0.5) / 2  # radius of the inner corners of a five-pointed star whose tips are at 1
FIGURES = ("star", "heart", "ring", "tone")


def poses(figure: str, motifs: int) -> np.ndarray:
    """Activation of each muscle in each motif, shape (motifs, muscles). "tone" has one muscle, active in all motifs."""
    if figure not in FIGURES:
        raise DescriptionError(f"sequence: figure is {figure!r}; use one of {', '.join(FIGURES)}")
    if figure == "tone":
        return np.ones((motifs, 1))
    x, y = {"star": star, "heart": heart, "ring": ring}[figure](motifs).T
    return np.maximum(np.stack([x, -x, y, -y], axis=1), 0)


def star(motifs: int) -> np.ndarray:
    """Places (motifs, 2) along the outline of a five-pointed star, from its upper tip."""
    corner = np.arange(11)
    angle, radius = np.pi / 2 - np.pi / 5 * corner, np.where(corner % 2, INNER, 1.0)
    along = np.arange(motifs) * 10 / motifs  # all edges are equally long
    return np.stack([np.interp(along, corner, radius * side(angle)) for side in (np.cos, np.sin)], axis=1)


def heart(motifs: int) -> np.ndarray:
    """Places (motifs, 2) along a heart, from its notch."""
    t = 2 * np.pi * np.arange(motifs) / motifs
    x = 16 * np.sin(t)**3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([x, y + 2.5], axis=1) / 17


def ring(motifs: int) -> np.ndarray:
    """Places (motifs, 2) on a circle, in equal steps from half a step past the right: no two motifs share one."""
    angle = 2 * np.pi * (np.arange(motifs) + 0.5) / motifs
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
