"""Figures of reports on replay: where events are, and how long they stay, at several levels."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.plot_rates import band
from neuroam.analysis.replay_overlap import best_overlaps, dwell_times, overlaps
from neuroam.analysis.style import CYCLE, canvas, no_data, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]


@styled
def overlap_figures(levels: Levels, population: str, group: str, run: str, rest: str, shown: tuple[int, ...],
                    speed: float) -> dict[str, Figure]:
    """Overlap of some events of the first animal with every place of the track, side by side; a panel a level. `speed`
    of running, metres a second."""
    panels = {}
    for level, recording in levels.items():
        if not recording.sizes["spike"]:
            continue
        found = overlaps(recording, population, group, run, rest).isel(animal=0)
        drawn = [event for event in shown if event < found.sizes["trial"]]
        figure, axes = canvas(1, len(drawn), height=2.9, sharey=True, squeeze=False)
        last = 1e3 * _end(found.isel(trial=drawn))
        for ax, event in zip(axes[0], drawn, strict=True):
            values = found.isel(trial=event)
            image = ax.imshow(values, aspect="auto", cmap="cividis", vmin=0, vmax=1, origin="lower",
                              interpolation="nearest", extent=_extent(found, speed))
            ax.set(xlim=(0, last), xlabel="time (ms)")
            ax.set_title(str(found["trial_name"].values[event]), fontsize=9)
        axes[0, 0].set_ylabel("place (m)")
        figure.colorbar(image, ax=axes, label="overlap", shrink=0.7, aspect=20)
        panels[level] = figure
    return panels


def _extent(found: xr.DataArray, speed: float) -> tuple[float, float, float, float]:
    time, place = (found[name].values for name in ("time", "place"))
    half = (place[1] - place[0]) / 2
    return 0.0, 1e3 * float(time[-1]), speed * float(place[0] - half), speed * float(place[-1] + half)


def _end(found: xr.DataArray) -> float:
    """When the last of the events is over, and a little more."""
    active = found["time"].where(found.notnull().any("place")).max()
    return 1.05 * float(active) if active.notnull() else float(found["time"][-1])


@styled
def dwell_figures(levels: Levels, population: str, group: str, run: str, rest: str,
                  speed: float) -> dict[str, Figure]:
    """Dwell time at each place and the overlap with it meanwhile, over events: a line a level, over animals. One panel,
    of all levels."""
    shown = {name: recording for name, recording in levels.items() if recording.sizes["spike"]}
    if not shown:
        return {}
    figure, axes = canvas(2, 1, height=4.2, sharex=True)
    for color, (level, recording) in zip(CYCLE, shown.items(), strict=False):
        found = overlaps(recording, population, group, run, rest)
        place = speed * found["place"].values
        for ax, values in zip(axes, (1e3 * dwell_times(found), best_overlaps(found)), strict=True):
            mean = values.mean("trial").values
            if not np.isnan(mean).all():
                band(ax, place, mean, color, level)
    if not axes[0].lines:
        no_data(axes[0], "no events")
        return {"all levels": figure}
    axes[0].set(ylabel="dwell time (ms)", ylim=(0, 1.3 * axes[0].get_ylim()[1]))
    axes[1].set(ylabel="overlap", xlabel="place (m)", ylim=(0, 1))
    axes[0].legend(loc="upper left", ncols=len(shown))
    return {"all levels": figure}
