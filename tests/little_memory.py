"""Small hand-made recordings with the spikes and overlaps one gives them, to test statistics on."""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.recording import SCHEMA

DT = 1e-3


def spiking(spikes, stimuli, units, lead=100, on=200, trial=400, animals=1, dt=DT, **coords):
    """One population "E" of `units` cells; `spikes[animal]` is [(tick, unit), …]. Trials of `trial` ticks follow one
    another, stimuli start after `lead` ticks and last `on`."""
    n = len(stimuli)
    start = np.tile(np.arange(n) * trial, (animals, 1))
    times, counts = [], np.zeros((animals, units), np.int32)
    for a in range(animals):
        table = np.array(sorted((u, t) for t, u in spikes[a]), float).reshape(-1, 2)
        times.append(table[:, 1] * dt)
        counts[a] = np.bincount(table[:, 0].astype(int), minlength=units)
    names = {"trial_name": stimuli, "block": ["one"] * n, "phase": [""] * n, "cs_type": [""] * n, "stimulus": stimuli}
    names.update(coords)
    data = {"spike_time": ("spike", np.concatenate(times)), "spike_count": (("animal", "unit"), counts),
            "response": (("animal", "trial", "responder"), np.zeros((animals, n, 0))),
            "trace_value": (("animal", "time", "trace"), np.zeros((animals, 0, 0))),
            "position": (("animal", "trial"), np.tile(np.arange(n), (animals, 1))),
            **{name: (("animal", "trial"), (start + shift) * dt) for name, shift in
               (("start_time", 0), ("stop_time", trial), ("stimulus_on", lead), ("stimulus_off", lead + on))}}
    return xr.Dataset(data, {"group": ("animal", ["control"] * animals), "seed": ("animal", np.arange(animals)),
                             "animal": np.arange(animals), "population": ("unit", ["E"] * units),
                             "responder": np.zeros(0, int),
                             **{k: ("trial", np.array(v)) for k, v in names.items()}},
                      {"neuroam_schema": SCHEMA, "clock_dt": dt})


def answering(code, stimuli, window=1000, **coords):
    """Spikes such that response in hertz is `code` (animal, trial, unit), whole numbers, in windows of 1 s."""
    code = np.asarray(code, int)
    animals, trials, units = code.shape
    spikes = [[(t * 1200 + 100 + k, u) for t in range(trials) for u in range(units) for k in range(code[a, t, u])]
              for a in range(animals)]
    return spiking(spikes, stimuli, units, lead=100, on=window, trial=1200, animals=animals, **coords)


def memory(overlap, stimuli, patterns, trace=None, every=5, **coords):
    """A recording with the overlaps (animal, trial, pattern) and, sampled every `every` ticks, `trace` (animal, time,
    pattern)."""
    overlap = np.asarray(overlap, float)
    recording = spiking([[] for _ in overlap], stimuli, 2, animals=len(overlap), **coords)
    recording["overlap"] = (("animal", "trial", "pattern"), overlap)
    recording = recording.assign_coords(pattern=np.array(patterns))
    if trace is not None:
        trace = np.asarray(trace, float)
        recording = recording.drop_dims("trace").assign_coords(time=np.arange(trace.shape[1]) * every * DT)
        recording["overlap_trace"] = (("animal", "time", "pattern"), trace)
    return recording
