"""Rates in time, and how a statistic is spread over cells. Axes in, axes out."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.analysis.style import BLACK, BLUE, CYCLE, GREY, no_data
from neuroam.analysis.warp import peak_times
from neuroam.prediction import bootstrap_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def band(ax: Axes, x: np.ndarray, values: np.ndarray, color: str = BLUE, label: str | None = None) -> Axes:
    """Mean over animals of values (animal, x) and its 95 % bootstrap interval; a gap where no animal has a value."""
    counted = (~np.isnan(values)).sum(axis=0)
    mean = np.nansum(values, axis=0) / np.where(counted > 0, counted, np.nan)
    intervals = np.array([bootstrap_interval(column) for column in values.T])
    ax.fill_between(x, intervals[:, 0], intervals[:, 1], color=color, alpha=0.22, linewidth=0)
    ax.plot(x, mean, color=color, label=label)
    return ax


def psth_lines(ax: Axes, psth: xr.DataArray, stimuli: tuple[str, ...] = ()) -> Axes:
    """PSTH, mean over units, of the first six stimuli or of those named; the band is over animals."""
    shown = stimuli or tuple(psth["stimulus"].values[:len(CYCLE)].tolist())
    for color, name in zip(CYCLE, shown, strict=False):
        values = psth.sel(stimulus=name).mean("unit").transpose("animal", "time").values
        band(ax, psth["time"].values, values, color, str(name))
    ax.axvline(0, color=GREY, linewidth=0.7, linestyle=":")
    ax.set(xlabel="time from stimulus onset (s)", ylabel="rate (Hz)", ylim=(0, None))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(3, len(shown)), borderaxespad=0.3)
    return ax


def rate_image(ax: Axes, rates: xr.DataArray, sort: bool = True) -> Any:
    """Rates (unit, time), each unit over its largest, units in the order of their peaks and silent ones last; returns
    the image, for a colour bar."""
    rates = rates.transpose("unit", "time")
    peaks = peak_times(rates).values
    order = np.argsort(np.where(np.isnan(peaks), np.inf, peaks), kind="stable") if sort else np.arange(len(peaks))
    highest = rates.max("time")
    shown = (rates / highest.where(highest > 0)).values[order]
    time = rates["time"].values
    step = time[1] - time[0] if len(time) > 1 else 1.0
    image = ax.imshow(np.ma.masked_invalid(shown), aspect="auto", cmap="cividis", vmin=0, vmax=1, origin="lower",
                      interpolation="nearest", extent=(time[0] - step / 2, time[-1] + step / 2, -0.5, len(order) - 0.5))
    ax.set_facecolor("0.85")
    ax.set(xlabel="time from stimulus onset (s)", ylabel="unit, by peak time" if sort else "unit")
    return image


def cell_histogram(ax: Axes, values: np.ndarray, label: str, color: str = BLUE, bins: int = 25) -> Axes:
    """How one value a cell is spread; a line at the median, and how many cells have none, such as silent ones."""
    values = np.asarray(values, float).ravel()
    real = values[~np.isnan(values)]
    if not len(real):
        return no_data(ax, "no cell has a value")
    ax.hist(real, bins=bins, color=color, alpha=0.75)
    ax.axvline(float(np.median(real)), color=BLACK, linewidth=1.2)
    ax.set(xlabel=label, ylabel="cells")
    ax.locator_params(axis="y", integer=True)
    without = len(values) - len(real)
    ax.set_title(f"median {np.median(real):.2g}; {without} of {len(values)} cells have none", fontsize=9, loc="left")
    return ax
