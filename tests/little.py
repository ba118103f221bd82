"""Small hand-made recordings: what figures and reports are tested on, without a simulation."""
from __future__ import annotations

import numpy as np
import xarray as xr

from neuroam.recording import SCHEMA


def little_recording(protocol, animals: int = 3, spiking: bool = True, traces: bool = True, cells: int = 12,
                     fill: float | None = None) -> xr.Dataset:
    """A recording with the groups and blocks of `protocol`, a handful of trials and `cells` Kenyon cells.

    With `fill`, every graded response and trace has that value.
    """
    rng = np.random.default_rng(0)
    table = _trials(protocol)
    groups = [g.name for _ in range(animals) for g in protocol.groups]
    n, trials = len(groups), len(table)
    population = np.array(["KC"] * cells + ["MBON"] * 2 + ["APL"])
    graded = np.flatnonzero(population != "KC") if spiking else np.arange(len(population))
    start = np.broadcast_to(np.arange(trials) * 0.65, (n, trials))
    count = np.zeros((n, len(population)), np.int32)
    if spiking:
        count[:, : cells - 1] = 20  # the last cell is silent
    times = np.sort(rng.random((count.astype(bool).sum(), 20)) * 0.65 * trials, axis=1).ravel()
    time = np.arange(0, 0.65 * trials, 0.05) if traces else np.zeros(0)
    response = rng.random((n, trials, len(graded))) + 0.1
    trace = rng.random((n, len(time), 3)) * 0.01
    if fill is not None:
        response[:], trace[:] = fill, fill
    coords = {
        "group": ("animal", np.array(groups)), "seed": ("animal", np.repeat(np.arange(animals), len(protocol.groups))),
        "population": ("unit", population), "responder": graded, "time": time,
        "trace_population": ("trace", np.array(["MBON", "MBON", "APL"])), "trace_cell": ("trace", np.array([0, 1, 0])),
        "trace_unit": ("trace", np.array(["hertz", "hertz", "volt"])), "calibration": np.array(["mean threshold"]),
        **{name: ("trial", np.array(column)) for name, column in
           zip(("trial_name", "block", "phase", "cs_type", "stimulus"), zip(*table, strict=True), strict=True)}}
    data = {
        "spike_time": ("spike", times), "spike_count": (("animal", "unit"), count),
        "response": (("animal", "trial", "responder"), response), "trace_value": (("animal", "time", "trace"), trace),
        "start_time": (("animal", "trial"), start), "stop_time": (("animal", "trial"), start + 0.65),
        "stimulus_on": (("animal", "trial"), start + 0.1), "stimulus_off": (("animal", "trial"), start + 0.6),
        "position": (("animal", "trial"), np.tile(np.arange(trials), (n, 1))),
        "calibrated": (("animal", "calibration"), np.full((n, 1), 0.017))}
    attrs = {"neuroam_schema": SCHEMA, "clock_dt": 0.25e-3, "solver": "Numba(dt=0.00025)", "seed": 0,
             "animals": animals, "source": "neuroam 0.1.0", "level": "spiking" if spiking else "rate"}
    return xr.Dataset(data, coords, attrs)


def _trials(protocol) -> list[tuple[str, str, str, str, str]]:
    """Every trial of the protocol once; three odours stand for all the odours of a port."""
    odours = ("isopentyl acetate", "ethyl butyrate", "d-decalactone", "geraniol")
    table = []
    for block in protocol.blocks:
        for trial in block.trials:
            label = trial.stimuli[0].label
            shown = odours if label.startswith("every") else (label,) * min(trial.repeats, 3)
            table += [(trial.name, block.name, trial.phase, trial.cs_type, odour) for odour in shown]
    return table
