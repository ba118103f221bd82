"""Steps that are too long: states that jump about where they belong, from one time step to the next.

In the last samples of a trial x(t + 2) is then nearer to x(t) than x(t + 1) is, by a tenth of the mean square, and the
*jump*, the length of a step relative to that of x, is more than rounding (x: the traced cells, less their mean). A
state at rest, or on the move, does not come back. Jumps that are irregular, or of a longer period, pass. They are told
by steps that turn back on the one before, where nothing else makes them turn: on undirected links and without noise; a
sequence at one memory a step turns as well, and only shorter steps tell it from jumps: `Correlated.relax` takes them,
a recording holds but one. Where traces have no sample at every time step, as with a finer clock than
the protocol's, neither can be told: NaN.
"""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.analysis.rates import clock, in_ticks
from neuroam.analysis.responses import select
from neuroam.prediction import DescriptionError

LAST = 17  # samples
NEARER, TURNING = 0.9, 2.0  # of the mean square of steps: parts of it that two steps are
SETTLED = 1e-3
FAINT = 1e-5  # of the whole recording's mean size: what dies away leaves but rounding


def overshoot(recording: xr.Dataset, population: str = "visible", group: str | None = None,
              block: str | None = None, undirected: bool = False) -> xr.DataArray:
    """Fraction of the trials whose states jump to and fro at their end, one value per animal; with `undirected` links
    and no noise, of those whose steps turn back at all."""
    chosen = select(recording, group, block)
    tail = _tails(chosen, population)
    one, two = (np.mean((tail[:, :, lag:] - tail[:, :, :-lag])**2, axis=(2, 3)) for lag in (1, 2))
    faint = FAINT**2 * np.mean(chosen["trace_value"].values.astype(float)**2)
    jump = np.sqrt(one / np.maximum(np.mean(tail**2, axis=(2, 3)), max(faint, np.finfo(float).tiny)))
    limit = TURNING if undirected else NEARER
    found = np.where(np.isnan(jump), np.nan, (two < limit * one) & (jump > SETTLED))
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
