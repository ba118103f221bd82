"""Recordings to and from Neo, the objects that Elephant and other tools work on (Garcia et al. 2014, Front
Neuroinform 8:10).

A block is one animal and its one segment the session: a train for each spiking unit, silent ones too, signals for
traces and graded responses, the trials as an epoch and their stimuli as an event. Everything stays in memory.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neuroam.errors import NeuroamError, RecordingError
from neuroam.io.animal import (
    arrays_beside,
    columns_over,
    header,
    index_in_population,
    one_animal,
    order_presented,
    read_header,
    rebuild,
    session_span,
    spikes_of,
    trains_of,
)
from neuroam.io.columns import Columns
from neuroam.io.laboratory import warn_of_missing
from neuroam.io.neo_laboratory import laboratory_recording
from neuroam.io.signals import Signal, even_step, signals, values_of
from neuroam.recording import ORIGIN

if TYPE_CHECKING:
    from neo import Block, Segment

HEADER, ARRAYS = "neuroam_recording", "neuroam_arrays"
WHERE = "this Neo block"


def to_neo(recording: xr.Dataset, animal: int | None = None) -> Block:
    """One animal of a recording as a neo.Block; `animal` is its place along that dim, needed where there are several.

    Trains are annotated with `unit`, `population` and `index_in_population`. `from_neo` gives the recording back.
    """
    neo = _neo()
    one = one_animal(recording, animal, f"give animal=0 … {recording.sizes.get('animal', 1) - 1}")
    sampled = signals(one)
    block = neo.Block(name=str(one.attrs.get("title", "")), group=str(one["group"].values[0]),
                      seed=int(one["seed"].values[0]), simulated=ORIGIN not in one.attrs, **{
                          HEADER: header(one), ARRAYS: arrays_beside(one, {signal.variable for signal in sampled})})
    segment = neo.Segment(name="session")
    block.segments.append(segment)
    _add_trains(segment, one)
    if one.sizes["trial"]:
        _add_trials(segment, one)
    for signal in sampled:
        _add_signal(segment, signal)
    return block


def from_neo(block: Block, *, columns: Mapping[str, str] | None = None, trials: str | None = "trials") -> xr.Dataset:
    """The recording in a block.

    One that `to_neo` made comes back as it was. Of any other, the spike trains are the units and `trials`, an epoch
    by that name or the only one there is, the trials; in a block of several segments, each segment is a trial. With
    trials=None the session is one trial. `columns` names annotations as `neuroam.io.nwb.from_nwb` does columns, and
    what the block lacks is listed as there. Raises `RecordingError` where no recording can be made of the block.
    """
    neo = _neo()
    if not isinstance(block, neo.Block):
        raise RecordingError(f"from_neo reads one neo.Block, not a {type(block).__name__}; give one block, such as "
                             "blocks[0] of what io.read() returned")
    if HEADER in block.annotations:
        return _own_recording(block)
    recording = laboratory_recording(block, WHERE, Columns(dict(columns or {}), trials))
    warn_of_missing(recording, WHERE, stacklevel=2)
    return recording


def _neo() -> Any:
    try:
        import neo
    except ImportError:
        raise NeuroamError("this needs Neo: pip install 'neuroam[neo]'") from None
    return neo


# to Neo

def _add_trains(segment: Segment, recording: xr.Dataset) -> None:
    import neo

    population, index = recording["population"].values, index_in_population(recording)
    start, end = session_span(recording)
    segment.spiketrains.extend([
        neo.SpikeTrain(times, end, units="s", t_start=start, name=f"{population[unit]} {index[unit]}", unit=unit,
                       population=str(population[unit]), index_in_population=int(index[unit]))
        for unit, times in trains_of(recording).items()])


def _add_trials(segment: Segment, recording: xr.Dataset) -> None:
    """In the order of time; `place` is that of the recording."""
    import neo

    order = order_presented(recording)
    own = {name: values[order] for name, values in columns_over(recording, "trial").items()}
    segment.epochs.append(neo.Epoch(
        own["start_time"], own["stop_time"] - own["start_time"], own["trial_name"], units="s", name="trials",
        array_annotations={**own, "place": order}))
    shown = np.argsort(own["stimulus_on"], kind="stable")
    labels = own["stimulus" if "stimulus" in own else "trial_name"]
    segment.events.append(neo.Event(own["stimulus_on"][shown], labels[shown], units="s", name="stimulus",
                                    array_annotations={"place": order[shown]}))


def _add_signal(segment: Segment, signal: Signal) -> None:
    import neo
    import quantities

    try:
        unit = quantities.unit_registry[signal.unit or "dimensionless"]
    except (LookupError, SyntaxError, TypeError):
        unit = quantities.dimensionless
    if not isinstance(unit, quantities.Quantity):  # "1" is a number
        unit = quantities.dimensionless
    details: dict[str, Any] = {
        "name": f"{signal.population} {signal.variable}".strip(), "population": signal.population,
        "variable": signal.variable, "unit": signal.unit,
        "array_annotations": {"cell": signal.cells, "place": signal.places}}
    step = even_step(signal.times)
    if step is not None:
        details |= {"t_start": signal.times[0] * quantities.s, "sampling_period": step * quantities.s}
        segment.analogsignals.append(neo.AnalogSignal(signal.values, unit, **details))
    else:
        segment.irregularlysampledsignals.append(neo.IrregularlySampledSignal(
            signal.times, signal.values, unit, time_units="s", **details))


# from Neo

def _own_recording(block: Block) -> xr.Dataset:
    about = read_header(block.annotations[HEADER], WHERE)
    try:
        (segment,) = block.segments
        trials = _trials(segment)
        trains = {int(train.annotations["unit"]): train.rescale("s").magnitude for train in segment.spiketrains}
        found = [*segment.analogsignals, *segment.irregularlysampledsignals]
        values = (block.annotations[ARRAYS] | trials | spikes_of(trains, about)
                  | values_of([_signal(one) for one in found], trials))
    except (KeyError, ValueError, IndexError, TypeError):
        raise RecordingError(f"{WHERE} was changed since neuroam made it; delete block.annotations['{HEADER}'] to read "
                             "it like any other") from None
    return rebuild(about, values, WHERE)


def _trials(segment: Segment) -> dict[str, np.ndarray]:
    if not segment.epochs:
        return {}
    own = dict(segment.epochs[0].array_annotations)
    back = np.argsort(own.pop("place"))
    return {name: np.asarray(values)[back] for name, values in own.items()}


def _signal(one: Any) -> Signal:
    places, cells = one.array_annotations["place"], one.array_annotations["cell"]
    return Signal(one.annotations["variable"], "", "", np.zeros(0), one.magnitude, places, cells)
