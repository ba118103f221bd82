"""Steps that are too long: states that jump to and fro about where they belong, from one time step to the next.

In the last samples of a trial x(t + 2) is then nearer to x(t) than x(t + 1) is, by a tenth of the mean square, and the
*jump*, the length of a step relative to that of x, is more than rounding (x: the traced cells, less their mean). A
state at rest, or on the move, does not come back. Where traces have no sample at every time step, as with a finer clock
than the protocol's, that cannot be told: NaN.
"""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.rates import clock, in_ticks
from neuroam.analysis.responses import select
from neuroam.prediction import DescriptionError

LAST = 17  # samples
NEARER = 0.9
SETTLED = 1e-3


def overshoot(recording: xr.Dataset, population: str = "visible", group: str | None = None,
              block: str | None = None) -> xr.DataArray:
    """Fraction of the trials whose states jump to and fro at their end, one value per animal."""
    chosen = select(recording, group, block)
    tail = _tails(chosen, population)
    one, two = (np.mean((tail[:, :, lag:] - tail[:, :, :-lag])**2, axis=(2, 3)) for lag in (1, 2))
    jump = np.sqrt(one / np.maximum(np.mean(tail**2, axis=(2, 3)), np.finfo(float).tiny))
    found = np.where(np.isnan(jump), np.nan, (two < NEARER * one) & (jump > SETTLED))
    return xr.DataArray(found.mean(axis=1), dims="animal",
                        coords={name: ("animal", chosen[name].values) for name in ("group", "seed")})


def _tails(recording: xr.Dataset, population: str) -> np.ndarray:
    """The last samples of each trial (animal, trial, sample, cell), each less its mean over cells."""
    cells = np.flatnonzero(recording["trace_population"].values == population)
    ticks = in_ticks(recording["time"], clock(recording))
    if len(cells) < 2 or len(ticks) < LAST:
        raise DescriptionError(f"overshoot: {len(cells)} cells of {population!r} were traced, {len(ticks)} samples; "
                               "trace at least two, at every time step")
    stop = np.searchsorted(ticks, in_ticks(recording["stop_time"], clock(recording)))
    sample = stop[:, :, None] + np.arange(-LAST, 0)
    animal = np.arange(len(sample))[:, None, None, None]
    values = recording["trace_value"].values[animal, sample[..., None], cells].astype(float)
    values *= 1 if np.all(np.diff(ticks) == 1) else np.nan
    return values - values.mean(axis=-1, keepdims=True)
