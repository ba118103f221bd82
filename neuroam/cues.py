"""What is done to a cue before it is presented: parts missing, signs flipped, noise. Data, like everything in a
protocol; which cells are hit is drawn from the animal's seed and the trial, the same in every group and at every
level."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.errors import DescriptionError


@dataclass(frozen=True)
class Flip:
    """A random `fraction` of the cells gets its drive with the sign inverted."""

    fraction: float

    def __post_init__(self) -> None:
        _check("Flip", "fraction", self.fraction, 1.0)

    def __str__(self) -> str:
        return f"{100 * self.fraction:g} % flipped"

    def apply(self, drive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chosen = rng.permutation(len(drive))[: round(self.fraction * len(drive))]
        changed = drive.copy()
        changed[chosen] *= -1
        return changed


@dataclass(frozen=True)
class Missing:
    """A random `fraction` of the cells gets no drive: a partial cue."""

    fraction: float

    def __post_init__(self) -> None:
        _check("Missing", "fraction", self.fraction, 1.0)

    def __str__(self) -> str:
        return f"{100 * self.fraction:g} % missing"

    def apply(self, drive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        chosen = rng.permutation(len(drive))[: round(self.fraction * len(drive))]
        changed = drive.copy()
        changed[chosen] = 0
        return changed


@dataclass(frozen=True)
class Occluded:
    """The last `fraction` of the cells gets no drive: the lower part of an image is covered."""

    fraction: float

    def __post_init__(self) -> None:
        _check("Occluded", "fraction", self.fraction, 1.0)

    def __str__(self) -> str:
        return f"last {100 * self.fraction:g} % covered"

    def apply(self, drive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        changed = drive.copy()
        changed[len(drive) - round(self.fraction * len(drive)):] = 0
        return changed


@dataclass(frozen=True)
class Noise:
    """Normal noise of standard deviation `sd`, in the unit of the drive, is added to each cell's drive."""

    sd: float

    def __post_init__(self) -> None:
        _check("Noise", "sd", self.sd, np.inf)

    def __str__(self) -> str:
        return f"noise of sd {self.sd:g}"

    def apply(self, drive: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return drive + self.sd * rng.standard_normal(len(drive))


Degradation = Flip | Missing | Occluded | Noise


def _check(kind: str, name: str, value: float, most: float) -> None:
    if not 0 <= value <= most:
        raise DescriptionError(f"cue {kind}: {name} is {value}; it must be at least 0"
                               f"{'' if np.isinf(most) else f' and at most {most:g}'}")
