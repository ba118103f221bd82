"""Recordings at the edges of what a laboratory may have, and arguments for every analysis that takes one."""
from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import xarray as xr

import neuroam.analysis
from neuroam.analysis.replay_overlap import taking_part
from neuroam.analysis.song_levels import motif_time
from neuroam.analysis.sparseness import coding_level
from neuroam.recording import SCHEMA

SPIKING, GRADED = ("KC", "E", "CA3"), ("visible", "MBON", "muscle", "memory", "refusal")
PATTERNS = ("0.1 s", "0.2 s", "0.4 s")  # intervals to some experiments, memories to others
BLOCKS = ("run", "rest")
GROUPS = ("control", "blocked")
TRIAL, UNITS, STEP = 0.4, 4, 0.01


@cache
def whole() -> xr.Dataset:
    """Two groups of two animals; two blocks of three stimuli shown three times; spikes, graded answers, traces,
    overlaps with three patterns and an energy."""
    rng = np.random.default_rng(3)
    population = np.repeat([*SPIKING, *GRADED], UNITS)
    graded = np.flatnonzero(np.isin(population, GRADED))
    traced = np.repeat(["KC", *GRADED], UNITS)
    table = [(f"{stimulus} {block} {k}", block, f"0.{k + 2}" if block == "run" else "test",
              "CS+" if stimulus == PATTERNS[0] else "CS-", stimulus)
             for block in BLOCKS for k in range(3) for stimulus in PATTERNS]
    n, trials, units = 4, len(table), len(population)
    count = np.where(np.isin(population, SPIKING), rng.poisson(60, (n, units)), 0).astype(np.int32)
    count[:, 0] = 0
    spikes = [np.sort(rng.integers(0, round(trials * TRIAL / 1e-3), number)) * 1e-3 for number in count.ravel()]
    start = np.broadcast_to(np.arange(trials) * TRIAL, (n, trials))
    time = np.arange(0, round(trials * TRIAL / STEP)) * STEP
    words = zip(("trial_name", "block", "phase", "cs_type", "stimulus"), zip(*table, strict=True), strict=True)
    data = {
        "spike_time": ("spike", np.concatenate(spikes)), "spike_count": (("animal", "unit"), count),
        "response": (("animal", "trial", "responder"), rng.random((n, trials, len(graded))).astype(np.float32)),
        "trace_value": (("animal", "time", "trace"), rng.random((n, len(time), len(traced))).astype(np.float32)),
        "start_time": (("animal", "trial"), start), "stop_time": (("animal", "trial"), start + TRIAL),
        "stimulus_on": (("animal", "trial"), start + 0.1), "stimulus_off": (("animal", "trial"), start + 0.3),
        "position": (("animal", "trial"), np.tile(np.arange(trials, dtype=np.int32), (n, 1))),
        "overlap": (("animal", "trial", "pattern"), rng.random((n, trials, 3)).astype(np.float32)),
        "overlap_trace": (("animal", "time", "pattern"), rng.random((n, len(time), 3)).astype(np.float32)),
        "match": (("animal", "trial"), rng.integers(0, 3, (n, trials)).astype(np.int32)),
        "energy": (("animal", "time"), -rng.random((n, len(time))).cumsum(axis=1))}
    coords = {
        "animal": np.arange(n, dtype=np.int32), "trial": np.arange(trials, dtype=np.int32), "time": time,
        "group": ("animal", np.array(GROUPS * 2)), "seed": ("animal", np.repeat(np.arange(2, dtype=np.int32), 2)),
        "unit": np.arange(units, dtype=np.int32), "population": ("unit", population),
        "index_in_population": ("unit", np.tile(np.arange(UNITS, dtype=np.int32), units // UNITS)),
        "responder": graded.astype(np.int32), "response_unit": ("responder", np.full(len(graded), "hertz")),
        "trace": np.arange(len(traced), dtype=np.int32), "trace_population": ("trace", traced),
        "trace_cell": ("trace", np.tile(np.arange(UNITS, dtype=np.int32), len(traced) // UNITS)),
        "trace_unit": ("trace", np.where(traced == "KC", "volt", "hertz")), "pattern": np.array(PATTERNS),
        **{name: ("trial", np.array(column)) for name, column in words}}
    attrs = {"neuroam_schema": SCHEMA, "clock_dt": 1e-3, "title": "by hand", "level": "spiking", "seed": 0}
    return xr.Dataset(data, coords, attrs)


def no_spikes() -> xr.Dataset:
    return whole().isel(spike=slice(0, 0)).assign(spike_count=whole()["spike_count"] * 0)


def one_unit() -> xr.Dataset:
    """The second of all units, alone; no graded ones, and no traces."""
    own = np.repeat(np.tile(np.arange(whole().sizes["unit"]) == 1, 4), whole()["spike_count"].values.ravel())
    return whole().isel(unit=[1], spike=own, responder=slice(0, 0), trace=slice(0, 0))


def nan_traces() -> xr.Dataset:
    names = "trace_value", "response", "overlap", "overlap_trace", "energy"
    return whole().assign({name: whole()[name] * np.float32("nan") for name in names})


def one_trial() -> xr.Dataset:
    """One animal, one trial, of which its spikes before 0.4 s are those there are."""
    one = whole().isel(animal=[0], spike=slice(0, int(whole()["spike_count"][0].sum())))
    unit = np.repeat(np.arange(one.sizes["unit"]), one["spike_count"].values[0])
    keep = one["spike_time"].values < TRIAL
    count = np.bincount(unit[keep], minlength=one.sizes["unit"]).astype(np.int32)[None]
    return one.isel(trial=[0], spike=keep, time=slice(0, round(TRIAL / STEP))).assign(
        spike_count=(("animal", "unit"), count))


def bare() -> xr.Dataset:
    """As from a laboratory: spikes and trials, no more."""
    spiking = np.isin(whole()["population"].values, SPIKING)
    return whole().drop_vars(["overlap", "overlap_trace", "match", "energy", "pattern"]).isel(
        unit=spiking, responder=slice(0, 0), trace=slice(0, 0), time=slice(0, 0))


EDGES: dict[str, Callable[[], xr.Dataset]] = {
    "whole": whole, "no spikes": no_spikes, "one unit": one_unit, "NaN": nan_traces, "one trial": one_trial,
    "bare": bare}


def activity(recording: xr.Dataset, group: str | None = None) -> xr.DataArray:
    """A measure, for what takes one."""
    return coding_level(recording, "KC", group)


LEVELS = {name: float(k + 1) for k, name in enumerate(GROUPS)}
FIRST, SECOND, LAST = (f"{stimulus} run 0" for stimulus in PATTERNS)
ARGUMENTS: dict[str, Any] = {
    "population": "KC", "group": "control", "block": "run", "bin": 0.02, "blocks": BLOCKS, "reference": "rest",
    "run": "run", "rest": "rest", "other": "rest", "trial": FIRST, "trials": [FIRST, SECOND], "shown": [FIRST],
    "without": LAST, "name": FIRST, "cues": {FIRST: FIRST}, "cued": "run", "after": "rest", "before": "run",
    "distance": 1, "farthest": 2, "near": 1, "far": 2, "last": 2, "links": ((0, 1), (1, 2)), "first": "control",
    "second": "blocked", "clock_group": "control", "groups": LEVELS, "degrees": LEVELS, "measure": activity,
    "one": activity, "per": 1.0, "sizes": {10: LEVELS, 20: LEVELS}, "value": 1.0, "intervals": PATTERNS,
    "interval": "0.2 s", "short": "0.1 s", "long": "0.4 s", "source": "E", "number": 2, "gap": 0.1, "steps": 2,
    "motifs": 2, "wanted": (1.0, 2.0), "time": 0.1, "items": 4, "metrics": {}, "animal": 0, "companion": "E",
    "cs_type": "CS+", "pairs": {"all": BLOCKS}}
OWN: dict[str, dict[str, Any]] = {
    "selectivity.contrast": {"first": PATTERNS[0], "second": PATTERNS[1]}, "attractors.span": {"first": 1, "last": 2},
    "completion.matches": {"other": activity}, "contrast.interaction": {"other": activity},
    "plot_activity.raster": {"trial": 0}, "plot_activity.trace": {"trial": 0, "population": "MBON"},
    "plot_activity.stimulus_bar": {"trial": 0}, "programs.reached": {"wanted": {FIRST: PATTERNS[0]}},
    **{f"plots_capacity.{name}_against_load": {"memories": {"all": (LEVELS, 1.0, 1.0)}, "label": "load"}
       for name in ("recall", "overlap")},
    "dormant.exposure_slope": {"trials": {FIRST: 0.1, SECOND: 0.2}}, "overlap.basin": {"block": "run"},
    "dormant.exposed_by": {"before": FIRST, "after": SECOND}, "decoding.decode": {"shuffles": 5},
    **{f"adiabatic.{name}": {"effective": whole(), "population": "visible"}
       for name in ("trace_distance", "near_effective")},
    **{f"song.{name}": {"reference": "blocked"} for name in (
        "stretch", "local_stretch", "local_spread", "template_stretch", "degree_slope", "linearity")},
    **{f"song_levels.{name}": {"reference": "blocked"} for name in ("order_kept", "template_overlap")},
    "song_levels.by_motif": {"measure": partial(motif_time, population="KC")},
    "replay_overlap.by_trial": {"measure": taking_part, "blocks": {"rest": "run"}},
    **{f"sequence_walk.{name}": {"motifs": dict.fromkeys(GROUPS, 4)} for name in ("walk", "share", "pace", "dwell")},
    "sequence_walk.drawn": {"motifs": 4}, "sequence_walk.monitored": {"population": "memory"},
    "sequence_walk.due": {"motifs": dict.fromkeys(GROUPS, 4), "steps": (0, 1), "population": "memory"},
    "plot_code.coding_levels": {"groups": GROUPS}, "plot_learning.preferences": {"groups": GROUPS}}


FIGURES = ARGUMENTS | {
    "groups": GROUPS, "stimuli": PATTERNS, "qualities": (0.2, 0.3), "intervals": PATTERNS[:2], "xlabel": "x",
    "ylabel": "y", "label": "l", "seconds": 0.2, "populations": ("KC", "visible"), "expected": {"control": 0.5},
    "memories": {"all": (LEVELS, 1.0, 1.0)}, "threshold": 0.9, "states": PATTERNS[:2],
    "wanted": {"control": (1.0, 1.0)}, "curves": {"all": {"control": 4, "blocked": 8}}, "shown": (0, 1)}


def analyses(first: str) -> Iterator[tuple[str, Callable, list[str]]]:
    """Public functions of the analysis library whose first argument, after axes, is called `first`: name, function
    and the arguments that it needs besides."""
    for name in sorted(module.name for module in pkgutil.iter_modules(neuroam.analysis.__path__)):
        module = importlib.import_module(f"neuroam.analysis.{name}")
        for own, function in sorted(vars(module).items()):
            if not inspect.isfunction(function) or function.__module__ != module.__name__ or own.startswith("_"):
                continue
            parameters = [p for p in inspect.signature(function).parameters.values() if p.name != "ax"]
            if parameters and parameters[0].name == first:
                yield f"{name}.{own}", function, [p.name for p in parameters[1:] if p.default is p.empty]


def arguments_of(name: str, needed: list[str]) -> dict[str, Any]:
    """With those that one function alone is given. Raises `KeyError` for one that nobody has thought of yet."""
    usual, own = ARGUMENTS, OWN.get(name, {})
    if name.startswith("timing."):
        usual = usual | {"population": "memory", "source": "visible"}
    return {argument: usual[argument] for argument in needed if argument not in own} | own
