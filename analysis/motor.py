"""Movements that four muscles make: where the hand is, when it moves on, and how like two drawings are.

    place       (right − left, up − down) of the activity of the muscles
    speed       length of the change of place in a second
    stroke      the 60 ms in which the hand moves further than just before and after, and more than `share` of the
                furthest; the time between the middles of two strokes is how long a pose lasts
    distance    mean over the points of one drawing of the distance to the nearest point of the other, over the size of
                the latter (root mean square distance from its centre); the mean of both ways
"""
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.contrast import in_group
from neuroam.analysis.sequence_memory import traces
from neuroam.analysis.style import BLUE, GREY, VERMILLION
from neuroam.analysis.trials import labelled
from neuroam.recording import RecordingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 400  # of a drawing, evenly spread over its samples


def places(recording: xr.Dataset, group: str | None = None, block: str | None = None,
           population: str = "muscle") -> xr.DataArray:
    """Where the hand is, dims (animal, trial, time, axis), `axis` x and y."""
    activity = traces(recording, population, group, block)
    if activity.sizes["trace"] != 4:
        raise RecordingError(f"{population!r} has {activity.sizes['trace']} cells; a drawing needs four muscles: "
                             "right, left, up, down")
    right, left, up, down = np.moveaxis(activity.values, -1, 0)
    place = np.stack([right - left, up - down], axis=-1)
    return labelled(place, ("animal", "trial", "time", "axis"), activity, time=activity["time"].values,
                    axis=np.array(["x", "y"]))


def speed(path: xr.DataArray) -> xr.DataArray:
    """Speed of a path (…, time, axis), at the sample to which it leads; 0 at the first."""
    step = float(path["time"][1] - path["time"][0])
    moved = np.diff(path.transpose(..., "time", "axis").values, axis=-2, prepend=path.values[..., :1, :])
    return path.isel(axis=0, drop=True).copy(data=np.linalg.norm(moved, axis=-1) / step)


def strokes(path: xr.DataArray, share: float = 0.15, lasts: float = 0.06, apart: float = 0.04) -> np.ndarray:
    """Middles of the windows of `lasts` seconds in which one path (time, axis) is longest, at least `apart` seconds
    from a longer one; of equally long ones, the last."""
    fast = speed(path)
    time = fast["time"].values
    step = time[1] - time[0]
    window = max(1, round(lasts / step))
    moved = np.round(np.convolve(fast.values * step, np.ones(window), "same"), 9)
    if not moved.any():
        return np.zeros(0)
    width = max(1, round(apart / step))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(moved, width), 2 * width + 1)
    later = around[:, width + 1:].max(axis=1)
    return time[(moved == around.max(axis=1)) & (moved > later) & (moved > share * moved.max())]


def pauses(recording: xr.Dataset, group: str, block: str, number: int) -> np.ndarray:
    """Mean time between the second stroke and those that follow it, seconds, shape (animals, number): how long each
    pose lasts in turn; NaN for strokes that are not there. First trial of a block."""
    path = places(recording, group, block).isel(trial=0)
    found = np.full((path.sizes["animal"], number), np.nan)
    for row, one in zip(found, path, strict=True):
        own = np.diff(strokes(one)[1:])[:number]
        row[:len(own)] = own
    return found


def drawing_distance(recording: xr.Dataset, group: str, block: str, other: str,
                     reference: str | None = None) -> np.ndarray:
    """Distance of the drawing in `block` from the one in block `other` (of group `reference`, if given); one value per
    animal, in the order of their seeds."""
    def distances(recording: xr.Dataset, group: str) -> xr.DataArray:
        here, there = places(recording, group, block), places(recording, reference or group, other)
        values = [distance(a[0], b[0]) for a, b in zip(here.values, there.values, strict=True)]
        return labelled(np.array(values), ("animal",), here)

    return in_group(recording, distances, group)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two drawings (samples, 2)."""
    a, b = (points[np.linspace(0, len(points) - 1, POINTS).astype(int)] for points in (one, other))
    apart = np.linalg.norm(a[:, None] - b, axis=-1)
    size = np.sqrt(((b - b.mean(axis=0))**2).sum(axis=1).mean())
    return float((apart.min(axis=1).mean() + apart.min(axis=0).mean()) / 2 / size) if size > 0 else np.nan


def drawing(ax: Axes, path: xr.DataArray, color: str = BLUE) -> Axes:
    """One path (time, axis), with a dot every 50 ms, so that pauses are dense."""
    x, y = path.transpose("axis", "time").values
    step = float(path["time"][1] - path["time"][0])
    ax.plot(x, y, color=color, linewidth=1.2)
    every = max(1, round(0.05 / step))
    ax.plot(x[::every], y[::every], ".", color=VERMILLION, markersize=2.5)
    ax.set(aspect="equal", xticks=[], yticks=[])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    return ax


def speed_profile(ax: Axes, path: xr.DataArray) -> Axes:
    """Speed of one path in time, a dotted line at each stroke."""
    fast = speed(path)
    ax.plot(fast["time"].values, fast.values, color=BLUE, linewidth=1.0)
    for time in strokes(path):
        ax.axvline(time, color=GREY, linewidth=0.6, linestyle=":")
    ax.set(xlabel="time (s)", ylabel="speed (1/s)", ylim=(0, None))
    return ax
