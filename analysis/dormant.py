"""What lies hidden in balanced activity: assemblies, how far they stand out, and whether they are recalled.

    assembly    cells that answer a stimulus: they gain more than half of what the cell gains that gains most
    exposed     (r_assembly − r_rest) / (r_assembly + r_rest), mean rates without a stimulus; 0 if they are alike
    recalled    chance that a cell of the associate fires more than one of no assembly while the other stimulus is on:
                the area under the ROC curve, ½ by chance (Green & Swets 1966, Signal detection theory)

Trials are called by their names, each of which occurs once; a measure gives one value per animal.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from neuroam.analysis.contrast import in_group
from neuroam.analysis.rates import interval_cv, mean_rate
from neuroam.analysis.responses import responses
from neuroam.prediction import DescriptionError

FEWEST = 5  # spikes; of fewer the intervals say nothing about how irregular they are


def trial_of(recording: xr.Dataset, name: str) -> xr.Dataset:
    """The recording of the trial of that name alone; `DescriptionError` lists the names there are."""
    found = np.flatnonzero(recording["trial_name"].values == name)
    if len(found) != 1:
        known = ", ".join(dict.fromkeys(recording["trial_name"].values.tolist()))
        raise DescriptionError(f"{len(found)} trials are called {name!r}; name one of: {known}")
    return recording.isel(trial=found)


def rate_in(recording: xr.Dataset, population: str, trial: str, group: str | None = None) -> xr.DataArray:
    """Mean rate of a population in one trial."""
    return responses(trial_of(recording, trial), population, group).mean(("trial", "unit"))


def irregularity(recording: xr.Dataset, population: str, trial: str, group: str | None = None) -> xr.DataArray:
    """Coefficient of variation of the intervals between spikes in one trial, mean over cells with more than FEWEST; NaN
    at a level that has rates and no spikes."""
    own = np.flatnonzero(recording["population"].values == population)
    if np.isin(own, recording["responder"].values).any():
        rates = rate_in(recording, population, trial, group)
        return rates.copy(data=np.full(rates.shape, np.nan))
    one = trial_of(recording, trial)
    length = (one["stop_time"] - one["start_time"]).values.mean()
    spikes = mean_rate(one, population, group) * length
    return interval_cv(one, population, group).where(spikes > FEWEST).mean("unit")


def largest_rise(recording: xr.Dataset, population: str, trials: Sequence[str],
                 group: str | None = None) -> xr.DataArray:
    """Largest change of the mean rate from one trial to the next; below 0 if it falls all along."""
    rates = np.array([rate_in(recording, population, name, group) for name in trials])
    first = rate_in(recording, population, trials[0], group)
    return first.copy(data=np.diff(rates, axis=0).max(axis=0))


def assembly(recording: xr.Dataset, population: str, shown: str, without: str,
             group: str | None = None) -> np.ndarray:
    """Cells (animal, unit) that answer the stimulus of the trial `shown`, against their rates in `without`."""
    gain = _answers(recording, population, shown, group) - _answers(recording, population, without, group)
    return gain > gain.max(axis=1, keepdims=True) / 2


def exposed(recording: xr.Dataset, population: str, trial: str, shown: Sequence[str], without: str,
            group: str | None = None) -> xr.DataArray:
    """How far the assemblies of the trials `shown` stand out from all other cells in `trial`, −1 to 1."""
    inside, outside = _in_and_out(recording, population, trial, shown, without, group)
    whole = inside + outside
    return whole.copy(data=(inside - outside).values / np.where(whole > 0, whole, np.nan))


def excess(recording: xr.Dataset, population: str, trial: str, shown: Sequence[str], without: str,
           group: str | None = None) -> xr.DataArray:
    """Rate of the assemblies over that of all other cells, less 1."""
    inside, outside = _in_and_out(recording, population, trial, shown, without, group)
    return inside / outside.where(outside > 0) - 1


def assembly_rate(recording: xr.Dataset, population: str, trial: str, shown: Sequence[str], without: str,
                  group: str | None = None) -> xr.DataArray:
    """Mean rate of the assemblies in `trial`."""
    return _in_and_out(recording, population, trial, shown, without, group)[0]


def exposure_slope(recording: xr.Dataset, population: str, trials: dict[str, float], shown: Sequence[str], without: str,
                   group: str | None = None) -> xr.DataArray:
    """Slope of the difference in rate between assemblies and all other cells over what `trials` maps trials to."""
    parts = [_in_and_out(recording, population, name, shown, without, group) for name in trials]
    gaps = np.array([(inside - outside).values for inside, outside in parts])
    return parts[0][0].copy(data=np.polyfit(list(trials.values()), gaps, 1)[0])


def recalled(recording: xr.Dataset, population: str, cues: dict[str, str], shown: Sequence[str], without: str,
             group: str | None = None) -> xr.DataArray:
    """Area under the ROC curve of cells of the associate against cells of no assembly, mean over cues. `cues` maps the
    trial in which a stimulus was shown to the trial of `shown` that tells its associate's cells."""
    of = {name: assembly(recording, population, name, without, group) for name in shown}
    nobody = ~np.any(list(of.values()), axis=0)
    areas = []
    for trial, associate in cues.items():
        others = np.any([cells for name, cells in of.items() if name != associate], axis=0)
        rates = _answers(recording, population, trial, group)
        areas.append([_area(r[a], r[b]) for r, a, b in zip(rates, of[associate] & ~others, nobody, strict=True)])
    labels = rate_in(recording, population, without, group)
    return labels.copy(data=np.mean(areas, axis=0))


def exposed_by(recording: xr.Dataset, population: str, before: str, after: str, shown: Sequence[str], without: str,
            group: str) -> np.ndarray:
    """Change of `exposed` from the trial `before` to the trial `after`, animals sorted by seed."""
    at = [in_group(recording, partial(exposed, population=population, trial=trial, shown=shown, without=without), group)
          for trial in (before, after)]
    return at[1] - at[0]


def _answers(recording: xr.Dataset, population: str, trial: str, group: str | None) -> np.ndarray:
    return responses(trial_of(recording, trial), population, group).values[:, 0]


def _in_and_out(recording: xr.Dataset, population: str, trial: str, shown: Sequence[str], without: str,
                group: str | None) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean rates of the assemblies' cells and of all others."""
    members = np.any([assembly(recording, population, name, without, group) for name in shown], axis=0)
    rates = responses(trial_of(recording, trial), population, group).isel(trial=0)
    inside = xr.DataArray(members, dims=("animal", "unit"))
    return rates.where(inside).mean("unit"), rates.where(~inside).mean("unit")


def _area(some: np.ndarray, others: np.ndarray) -> float:
    """Mann & Whitney's U over the number of pairs; equals count half."""
    if not len(some) or not len(others):
        return np.nan
    ranks = rankdata(np.concatenate([some, others]))[:len(some)].sum()
    return float((ranks - len(some) * (len(some) + 1) / 2) / (len(some) * len(others)))
