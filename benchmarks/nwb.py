"""How long an NWB file takes to write and to read: `python -m benchmarks.nwb --help`."""
from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
import xarray as xr

from benchmarks.measured import Stopwatch
from neuroam.io import from_nwb, to_nwb
from neuroam.recording import describe_attributes

DT = 1e-4


def many_spikes(units: int = 2000, spikes: int = 1_500_000, seconds: float = 600.0, seed: int = 0) -> xr.Dataset:
    """A recording of one animal with that many spikes on the clock, every hundredth unit silent, 60 trials."""
    rng = np.random.default_rng(seed)
    share = np.where(np.arange(units) % 100 == 99, 0.0, rng.gamma(1.0, size=units))
    count = rng.multinomial(spikes, share / share.sum()).astype(np.int32)
    ticks = [np.sort(rng.integers(0, round(seconds / DT), number)) for number in count]
    trial = np.arange(60, dtype=np.int32)
    start = trial * np.round(seconds / 60, 4)
    times = {"start_time": start, "stop_time": start + np.round(seconds / 60, 4),
             "stimulus_on": start + DT, "stimulus_off": start + 2 * DT, "position": trial}
    data = {"spike_time": ("spike", np.concatenate(ticks) * DT), "spike_count": (("animal", "unit"), count[None]),
            "response": (("animal", "trial", "responder"), np.zeros((1, 60, 0), np.float32)),
            "trace_value": (("animal", "time", "trace"), np.zeros((1, 0, 0), np.float32)),
            **{name: (("animal", "trial"), values[None]) for name, values in times.items()}}
    words = dict.fromkeys(("trial_name", "block", "phase", "cs_type", "stimulus"), ("trial", np.full(60, "odour")))
    coords = {"animal": np.zeros(1, np.int32), "group": ("animal", np.array(["control"])),
              "seed": ("animal", np.array([seed], np.int32)), "trial": trial, **words, "time": np.zeros(0),
              "unit": np.arange(units, dtype=np.int32), "population": ("unit", np.full(units, "KC")),
              "index_in_population": ("unit", np.arange(units, dtype=np.int32)), "responder": np.zeros(0, np.int32)}
    return xr.Dataset(data, coords, describe_attributes("many spikes", clock_dt=DT))


def measure(recording: xr.Dataset, folder: Path) -> tuple[float, float, float]:
    """Wall seconds to write and to read, and megabytes."""
    watch = Stopwatch()
    path = to_nwb(recording, folder / "many.nwb")
    write = watch.lap()
    from_nwb(path)
    return write, watch.lap(), path.stat().st_size / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nwb", description=__doc__)
    parser.add_argument("--units", type=int, default=2000)
    parser.add_argument("--spikes", type=int, default=1_500_000)
    parser.add_argument("--seconds", type=float, default=600.0, help="biological (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    recording = many_spikes(options.units, options.spikes, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        measure(many_spikes(10, 100), Path(folder))  # imports
        rounds = [measure(recording, Path(folder)) for _ in range(options.repeats)]
    for name, values in zip(("write", "read"), list(zip(*rounds, strict=True))[:2], strict=True):
        print(f"{name} {statistics.median(values):.2f} s ({min(values):.2f} … {max(values):.2f})")
    print(f"{options.units} units, {options.spikes} spikes, {rounds[0][2]:.1f} MB")


if __name__ == "__main__":
    main()
