"""Levels of description held against each other: the same animals, trials, stimuli and noise at each.

`compare` says how far apart the levels are, trial by trial (`analysis.compare`); `compare_against` how a circuit nears
its effective model as its hidden neurons get fast (`analysis.adiabatic`). What the command leaves: `compare_folder`.
"""
from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import xarray as xr

from neuroam.analysis.adiabatic import near_effective
from neuroam.analysis.compare import compare_levels
from neuroam.circuit import Circuit
from neuroam.errors import DescriptionError
from neuroam.experiment import Progress
from neuroam.neurons import Escape
from neuroam.outcome import Level
from neuroam.protocol import Protocol, Record
from neuroam.recording import versions
from neuroam.runs import Plan, plan, verdicts_on
from neuroam.units import Parameter

Follow = Callable[[str], Progress]
Keep = Callable[[xr.Dataset, str, str], None]
STEPS = 10  # time steps in the shortest time constant of a hidden population
SAMPLES = 20  # of a trace in the time constant of the visible population


def compare(circuit: Circuit, protocol: Protocol, levels: Sequence[str] = (), animals: int = 8, seed: int = 1, *,
            dt: float | None = None, solver: str = "numba", executor: Executor | None = None, store: Path | None = None,
            follow: Follow | None = None) -> tuple[list[Level], xr.Dataset]:
    """Run the levels, all that the circuit has if none is named, and compare each two of them.

    Returns every level with its recording and verdicts, and the Dataset of `analysis.compare.compare_levels`, to whose
    metrics those of the protocol are added. `dt` is in seconds, the protocol's clock if not given; `follow(level)`
    makes what is told the progress of a level; the rest is as in `simulate`. Bad input raises before anything runs.
    """
    plans = plan(circuit, protocol, levels, float(protocol.dt) if dt is None else dt, solver)
    if len(plans) < 2:
        raise DescriptionError(f"a comparison needs two levels or more, got {', '.join(each.level for each in plans)}; "
                               "name them with --levels")
    for each in plans:
        each.try_on(seed)
    found = []
    for each in plans:
        recording = each.run(animals, seed, executor=executor, store=store, progress=follow and follow(each.level))
        found.append(Level(each.level, recording, verdicts_on(recording, protocol)))
    return found, compared(found, circuit, protocol, animals, seed)


def compared(levels: Sequence[Level], circuit: Circuit, protocol: Protocol, animals: int, seed: int) -> xr.Dataset:
    """How far apart each two of the levels are, with the verdicts at each."""
    recordings = {level.name: level.recording for level in levels}
    found = compare_levels(recordings, protocol.metrics, _not_modelled(circuit))
    judged = {level.name: [asdict(v) for v in level.verdicts] for level in levels}
    return found.assign_attrs(_attributes(protocol, circuit, animals, seed), verdicts=json.dumps(judged))


def compare_against(circuits: Mapping[str, Circuit], protocol: Protocol, levels: Sequence[str] = ("rate",),
                    animals: int = 8, seed: int = 1, *, setting: str = "tau_hidden", dt: float | None = None,
                    solver: str = "numba", executor: Executor | None = None, store: Path | None = None,
                    follow: Follow | None = None, keep: Keep | None = None) -> xr.Dataset:
    """Hold `levels` against the effective one in each of `circuits` (value of `setting` → circuit), which differ in the
    time constants of their hidden populations. Returns the curve of `analysis.adiabatic`.

    Of what the protocol records only the visible population is kept, all its cells traced SAMPLES times in its time
    constant. At each value all levels have the same time step, the largest whole fraction of `dt` (the protocol's clock
    if not given) that is at most 1/STEPS of the shortest hidden time constant. `keep(recording, level, value)` is
    handed every recording.
    """
    compared = [level for level in dict.fromkeys(levels) if level != "effective"]
    if not compared:
        raise DescriptionError("--against holds other levels against the effective one; name one, such as --levels "
                               "rate")
    points = sorted(_points(circuits, setting), key=lambda point: point.ratio)
    protocol, apart = _without_own_clocks(protocol, points, setting)
    base = float(protocol.dt) if dt is None else dt
    plans = [_plans(point, protocol, [*compared, "effective"], base, solver) for point in points]
    for each in (each for some in plans for each in some):
        each.try_on(seed)
    parts = []
    for k, (point, some) in enumerate(zip(points, plans, strict=True)):
        found = {}
        for each in some:
            label = f"{each.level}, {setting} = {point.text} ({k + 1} of {len(points)})"
            recording = each.run(animals, seed, executor=executor, store=store, progress=follow and follow(label))
            if keep is not None:
                keep(recording, each.level, point.text)
            found[each.level] = _as_emitted(recording, each, point.visible)
        near = [near_effective(found[level], found["effective"], point.visible) for level in compared]
        parts.append(xr.concat(near, xr.DataArray(compared, dims="level", name="level"), coords="minimal",
                               compat="override"))
    return _curve(parts, points, [some[0].solver.dt for some in plans]).assign_attrs(
        _attributes(protocol, points[0].circuit, animals, seed), setting=setting, population=points[0].visible,
        hidden=" and ".join(points[0].hidden), besides=points[0].besides + apart)


def _attributes(protocol: Protocol, circuit: Circuit, animals: int, seed: int) -> dict[str, str | int]:
    return {"title": protocol.title, "protocol": protocol.name, "circuit": str(circuit.recipe or circuit.name),
            "animals": animals, "seed": seed, "source": versions(), "references": protocol.source}


def _not_modelled(circuit: Circuit) -> dict[str, tuple[str, ...]]:
    """Populations that a level records but does not model: a code of winners has no cells that make them win."""
    if circuit.hidden or circuit.calibration is None:
        return {}
    return {"effective": (circuit.calibration.inhibition,)}


@dataclass(frozen=True, eq=False)
class _Point:
    """One circuit of the curve: its value as given, the hidden populations that get fast, and the visible one."""

    text: str
    circuit: Circuit
    hidden: tuple[str, ...]
    visible: str

    @property
    def ratio(self) -> float:
        return _ratio(self.circuit, self.hidden, self.visible)

    @property
    def besides(self) -> str:
        """What is hidden and does not change."""
        others = [name for name in self.circuit.hidden if name not in self.hidden]
        if not others:
            return ""
        return f" Also without time constant in the effective model, but not changed here: {', '.join(others)}."


def _points(circuits: Mapping[str, Circuit], setting: str) -> list[_Point]:
    if len(circuits) < 2:
        raise DescriptionError(f"--against {setting}: give two values or more, got {', '.join(circuits) or 'none'}")
    first = next(iter(circuits.values()))
    if not first.hidden:
        raise DescriptionError(f"--against {setting}: circuit {first.name!r} names no hidden population whose time "
                               "constant could go to 0; give the circuit hidden=(…)")
    if first.updates != "continuous":
        raise DescriptionError(f"--against {setting}: the effective level of circuit {first.name!r} has {first.updates}"
                               " updates, so the circuit does not near it as its hidden neurons get fast; use one with "
                               "updates='continuous'")
    visible = _visible(first)
    changed = tuple(name for name in first.hidden if len({_tau(c, name) for c in circuits.values()}) > 1)
    points = [_Point(text, circuit, changed or first.hidden, visible) for text, circuit in circuits.items()]
    if len({point.ratio for point in points}) < len(points):
        raise DescriptionError(f"--against {setting}={','.join(circuits)}: two of the values leave {visible} and the "
                               f"hidden {' and '.join(first.hidden)} with the same time constants; give different "
                               "values of a setting that changes one, such as tau_hidden")
    return points


def _visible(circuit: Circuit) -> str:
    """The population that patterns are stored in, or the first that hears a hidden one and is not hidden."""
    if circuit.patterns is not None and circuit.patterns.population not in circuit.hidden:
        return circuit.patterns.population
    return next(q.post for q in circuit.projections if q.pre in circuit.hidden and q.post not in circuit.hidden)


def _ratio(circuit: Circuit, hidden: tuple[str, ...], visible: str) -> float:
    return max(_tau(circuit, name) for name in hidden) / _tau(circuit, visible)


def _of_strain(circuit: Circuit, strain: Mapping[str, Any]) -> Circuit:
    return circuit.recipe.again(strain) if strain and circuit.recipe else circuit


def _without_own_clocks(protocol: Protocol, points: Sequence[_Point], setting: str) -> tuple[Protocol, str]:
    """The protocol without the groups whose strain has hidden neurons or time constants of its own, and a sentence that
    says so."""
    kept = []
    for group in protocol.groups:
        made = [_of_strain(point.circuit, group.strain) for point in points]
        kept += [group] if all((circuit.hidden, circuit.updates) == (point.circuit.hidden, "continuous")
                               and math.isclose(_ratio(circuit, point.hidden, point.visible), point.ratio)
                               for circuit, point in zip(made, points, strict=True)) else []
    if not kept:
        raise DescriptionError(f"--against {setting}: every group of protocol {protocol.name!r} is a strain with time "
                               "constants of its own, so the setting changes nothing")
    left_out = [group.name for group in protocol.groups if group not in kept]
    said = f" Left out, as their strains have time constants of their own: {', '.join(left_out)}." if left_out else ""
    return replace(protocol, groups=tuple(kept)), said


def _tau(circuit: Circuit, population: str) -> float:
    return float(circuit.population(population).neuron.tau)  # type: ignore[union-attr]


def _plans(point: _Point, protocol: Protocol, levels: Sequence[str], base: float, solver: str) -> list[Plan]:
    """The levels at one point, on a clock that is fast against its hidden neurons."""
    fastest = min(_tau(point.circuit, name) for name in point.circuit.hidden)
    # a whole fraction of the base, so that all times of the protocol stay whole numbers of steps
    dt = base / max(1, math.ceil(base * STEPS / fastest - 1e-9))
    every = base * max(1, math.floor(_tau(point.circuit, point.visible) / SAMPLES / base + 1e-9))
    record = (Record(point.visible, every=Parameter(every, "second")),)
    return plan(point.circuit, replace(protocol, record=record, predictions=(), metrics={}), levels, dt, solver)


def _as_emitted(recording: xr.Dataset, each: Plan, population: str) -> xr.Dataset:
    """Traces of the potentials of pools of escape-rate cells as the emission that is expected of them."""
    if not isinstance(each.circuit.population(population).neuron, Escape):
        return recording
    strains = {group.name: group.strain for group in each.protocol.groups}
    traces = recording["trace_value"].values.astype(float)
    for animal, group in enumerate(recording["group"].values.tolist()):
        neuron = _of_strain(each.circuit, strains[group]).population(population).neuron
        assert isinstance(neuron, Escape)
        traces[animal] = neuron.transfer(traces[animal].T, float(neuron.threshold)).T
    return recording.assign(trace_value=(recording["trace_value"].dims, traces))


def _curve(parts: list[xr.Dataset], points: list[_Point], clocks: list[float]) -> xr.Dataset:
    whole = xr.concat(parts, "value", coords="minimal", compat="override")
    # the effective model is the same for all levels
    whole["success_effective"] = whole["success_effective"].isel(level=0, drop=True)
    hidden = [max(_tau(p.circuit, name) for name in p.hidden) for p in points]
    return whole.assign_coords(
        setting=("value", [p.text for p in points]), ratio=("value", [p.ratio for p in points]),
        tau_hidden=("value", hidden), tau_visible=("value", [_tau(p.circuit, p.visible) for p in points]),
        clock_dt=("value", clocks)).transpose("level", "value", "animal", "trial")
