"""A wired circuit and its session as a plan for Brian2, from the equation text of its neurons.

Spikes reach a synaptic variable s of the target, `ds/dt = -s/tau`, or the potential itself; graded
emissions r are summed. A uniform projection has one shared channel, or one sum, for all its targets.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from neuroam.circuit import weight_unit
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.session import InputDrive, Session
from neuroam.solvers.base import remaining
from neuroam.solvers.brian_plan import Contacts, Draft, Part, Plan, Step, Train, capacity, unit_text
from neuroam.solvers.brian_rule import change, felt, learns, rule_terms
from neuroam.solvers.brian_schedule import Calendar
from neuroam.wiring import Wired, WiredPopulation, WiredProjection

LONG_AGO = "-10000*second"


def plan(wired: Wired, session: Session, method: str, dtype: str) -> Plan:
    """Everything Brian2 is to build for this session."""
    sketch = _Sketch(wired, session, method)
    for p in range(len(wired.populations)):
        sketch.population(p)
    for q in range(len(wired.projections)):
        sketch.projection(q)
    sketch.calendar.record(wired, session, sketch.cells)
    return sketch.finish(dtype)


@dataclass
class _Sketch:
    """The plan while it grows: one draft for each population, then what joins them."""

    wired: Wired
    session: Session
    method: str
    cells: dict[int, Draft] = field(default_factory=dict)
    shared: list[Draft] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    data: dict[str, np.ndarray] = field(default_factory=dict)
    traces: dict[tuple[int, float], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.calendar = Calendar(self.session)

    def finish(self, dtype: str) -> Plan:
        drafts = [*self.cells.values(), *self.shared]
        for p, draft in self.cells.items():
            population = self.wired.populations[p]
            if not population.is_input:
                draft.drive(population.neuron.unit_in)
        for draft in drafts:
            self.calendar.turn(draft)
            self.data.update({f"{draft.name}.{k}": v for k, v in draft.data.items()})
        parts = (*self.calendar.tables, *(d.finish() for d in drafts), *self.parts, *self.calendar.watches)
        plastic = [f"contacts{q}.w" for q, row in enumerate(self.wired.projections) if learns(row)]
        return Plan(self.session.dt, self.session.stop, self.method, dtype, parts,
                    {**self.data, **self.calendar.data}, (*self.calendar.wanted, *plastic))

    def decay(self, draft: Draft, name: str, unit: str, tau: float, towards: str = "") -> None:
        """A decaying variable of a group."""
        remaining(self.session.dt, tau, self.method)
        pull = f"({towards} - {name})" if towards else f"-{name}"
        draft.equations.append(f"d{name}/dt = {pull}/tau_{name} : {unit_text(unit)}")
        draft.constant(f"tau_{name}", "second", tau)
        draft.at_turn.append(f"{name} = {name}*keep")

    # populations

    def population(self, p: int) -> None:
        population = self.wired.populations[p]
        neuron = population.neuron
        traces = self._trace_times(p)
        if isinstance(neuron, Poisson):
            self._train(p, population)
            if not traces:
                return
        draft = self.cells[p] = Draft(f"cells{p}", population.size)
        build = {LIF: self._lif, Rate: self._rate, Drive: self._driven, Poisson: self._relayed}[type(neuron)]
        build(p, draft, population)
        for k, tau in enumerate(traces):
            self._trace(p, draft, f"y{k}", tau)

    def _trace_times(self, p: int) -> list[float]:
        """Time constants of the traces that plastic projections want of a population."""
        wanted = []
        for q in self.wired.projections:
            for side, trace in ((q.pre, "trace_pre"), (q.post, "trace_post")):
                if side == p and q.plasticity is not None and float(getattr(q.plasticity, trace)) > 0:
                    wanted.append(float(getattr(q.plasticity, trace)))
        return sorted(set(wanted))

    def _trace(self, p: int, draft: Draft, name: str, tau: float) -> None:
        neuron = self.wired.populations[p].neuron
        self.traces[p, tau] = name
        self.decay(draft, name, neuron.unit_out, tau, towards="" if neuron.spiking else "r")
        if neuron.spiking:
            draft.at_spike.append(f"{name} += 1/tau_{name}")

    def _lif(self, p: int, draft: Draft, population: WiredPopulation) -> None:
        neuron = population.neuron
        assert isinstance(neuron, LIF)
        remaining(self.session.dt, float(neuron.tau), self.method)
        draft.equations.append(neuron.equations.format(unit_in=neuron.unit_in))
        for name, unit in (("rest", "volt"), ("reset", "volt"), ("tau", "second")):
            draft.constant(name, unit, float(getattr(neuron, name)))
        draft.by_cell("threshold", "volt", population.threshold)
        draft.data["v"] = np.full(draft.size, float(neuron.rest))
        draft.threshold = neuron.spikes_when
        draft.refractory = int(float(neuron.refractory) / self.session.dt + 1e-3)
        draft.at_spike.append("v = reset")
        if draft.refractory:
            draft.at_turn += ["not_refractory = not_refractory or (turn(t) > 1.5)",
                              f"lastspike = lastspike*keep + {LONG_AGO}*(1 - keep)"]
        draft.at_turn.append("v = v*keep + rest*(1 - keep)")

    def _rate(self, p: int, draft: Draft, population: WiredPopulation) -> None:
        neuron = population.neuron
        assert isinstance(neuron, Rate)
        remaining(self.session.dt, float(neuron.tau), self.method)
        draft.equations.append(neuron.equations.format(unit_in=unit_text(neuron.unit_in)))
        draft.constant("tau", "second", float(neuron.tau))
        draft.by_cell("threshold", neuron.unit_in, population.threshold)
        draft.by_cell("release", "1", population.gain)
        at_rest = population.gain * neuron.transfer(np.zeros(population.size), population.threshold)
        draft.by_cell("r_at_rest", neuron.unit_out, at_rest)
        draft.by_cell("r", neuron.unit_out, at_rest, flags="")
        text = neuron.transfer.expression.format(unit_in=f"({unit_text(neuron.unit_in)})")
        for name in neuron.transfer.constants:  # renamed: a transfer function may have a tau of its own
            text = re.sub(rf"\b{name}\b", f"g_{name}", text)
            constant = getattr(neuron.transfer, name)
            # without a refractory period the text of the LIF curve is 0/0 at rest
            value = float(constant) or (1e-30 if name == "refractory" else 0.0)
            draft.constant(f"g_{name}", constant.unit, value)
        draft.steps.append(Step(f"r = release*({text})", "groups", 2))
        draft.at_turn += ["x = x*keep", "r = r*keep + r_at_rest*(1 - keep)"]

    def _driven(self, p: int, draft: Draft, population: WiredPopulation) -> None:
        draft.by_cell("release", "1", population.gain)
        draft.by_cell("r", population.neuron.unit_out, np.zeros(draft.size), flags="")
        draft.steps.append(self.calendar.drive(p, self.session.inputs[p], population))

    def _relayed(self, p: int, draft: Draft, population: WiredPopulation) -> None:
        """Input cells that need traces are a group of their own, fired by the spike generator."""
        draft.by_cell("fired", "1", np.zeros(draft.size), flags="")
        draft.threshold = "fired > 0.5"
        draft.at_spike.append("fired = 0")
        cells = np.arange(draft.size)
        self.parts.append(Contacts(f"firing{p}", f"train{p}", draft.name, (), "fired_post = 1", slot="start"))
        self.data.update({f"firing{p}.pre": cells, f"firing{p}.post": cells})

    def _train(self, p: int, population: WiredPopulation) -> None:
        drive = self.session.inputs[p]
        heard = population.gain[drive.spike_unit] > 0
        tick, unit = drive.spike_tick[heard], drive.spike_unit[heard]
        idle = max(self._room(drive), capacity(len(tick))) - len(tick)
        after = self.session.stop + 1 + np.arange(idle)  # spikes that never come fill the room that is left
        self.parts.append(Train(f"train{p}", population.size))
        self.data[f"train{p}.tick"] = np.concatenate([tick, after]).astype(np.int32)
        self.data[f"train{p}.unit"] = np.concatenate([unit, np.zeros(idle)]).astype(np.int32)

    def _room(self, drive: InputDrive) -> int:
        """Room for the spikes of any animal: the number expected and six standard deviations."""
        seconds = np.diff(np.append(drive.ticks, self.session.stop)) * self.session.dt
        expected = float(seconds @ drive.values.sum(axis=1))
        return capacity(round(expected + 6 * expected**0.5 + 64))

    def spiking_part(self, p: int) -> str:
        return f"cells{p}" if p in self.cells else f"train{p}"

    # projections

    def projection(self, q: int) -> None:
        row = self.wired.projections[q]
        pre, post = self.wired.populations[row.pre].neuron, self.wired.populations[row.post].neuron
        plain = not row.divisive and row.reversal is None
        unit = weight_unit(pre, post, "additive" if plain else "other")
        into = post.unit_in if plain else "1"
        if not pre.spiking:
            self._graded(q, row, unit, into)
        elif float(pre.synapse) == 0:  # type: ignore[union-attr]
            self._at_once(q, row, unit)
        else:
            self._through_channel(q, row, unit, into, float(pre.synapse))  # type: ignore[union-attr]

    def _add(self, row: WiredProjection, term: str) -> None:
        draft = self.cells[row.post]
        terms = draft.divided_by if row.divisive else draft.plus if row.reversal is None else draft.open
        if row.reversal is not None:
            if f"E_{term}" not in draft.data:
                draft.constant(f"E_{term}", "volt", row.reversal)
            term = f"{term}*(E_{term} - v)"
        if term not in terms:
            terms.append(term)

    def _graded(self, q: int, row: WiredProjection, unit: str, into: str) -> None:
        target, emitted = self.cells[row.post], self.wired.populations[row.pre].neuron.unit_out
        if row.layout != "uniform":
            summed = f"total{q}_post = {felt(row)}*r_pre : {unit_text(into)} (summed)"
            self._contacts(q, row, unit, (summed,), "")
            if f"contacts{q}.w" in self.data:
                target.equations.append(f"total{q} : {unit_text(into)}")
                self._add(row, f"total{q}")
            return
        target.constant(f"w{q}", unit, float(row.weight))
        if self.wired.populations[row.pre].size == 1:
            target.link(f"u{q}", emitted, f"cells{row.pre}", "r")
        else:
            self._sum(q, row, emitted)
            target.link(f"u{q}", emitted, f"shared{q}", "total")
        self._add(row, f"w{q}*u{q}")

    def _sum(self, q: int, row: WiredProjection, emitted: str) -> None:
        """One cell that holds the summed emission of a population."""
        bus = Draft(f"shared{q}", 1, [f"total : {unit_text(emitted)}"])
        self.shared.append(bus)
        self.parts.append(Contacts(f"contacts{q}", f"cells{row.pre}", bus.name,
                                   (f"total_post = r_pre : {unit_text(emitted)} (summed)",), everyone=True))

    def _at_once(self, q: int, row: WiredProjection, unit: str) -> None:
        if row.divisive:
            raise DescriptionError(f"projection {row.name} divides, but its spikes act at once; give the "
                                   "presynaptic neuron a synapse time constant")
        state = "v" if self.wired.populations[row.post].neuron.spiking else "x"
        self._contacts(q, row, unit, (), f"{state}_post += {felt(row)}*{self._alive(row)}/tau_post")

    def _through_channel(self, q: int, row: WiredProjection, unit: str, into: str, tau: float) -> None:
        target = self.cells[row.post]
        if row.layout == "uniform":
            bus = Draft(f"shared{q}", 1, order=1)
            self.decay(bus, "s", into, tau)
            self.shared.append(bus)
            target.link(f"u{q}", into, bus.name, "s")
            self._add(row, f"u{q}")
            before = f"s_post += w*{self._alive(row)}/tau_s_post"
            self.parts.append(Contacts(f"contacts{q}", self.spiking_part(row.pre), bus.name,
                                       (f"w : {unit_text(unit)} (shared, constant)",), before, "",
                                       self._ticks(row), everyone=True))
            self.data[f"contacts{q}.w"] = np.array([float(row.weight)])
            return
        channel = self._channel(row, into, tau)
        before = f"{channel}_post += {felt(row)}*{self._alive(row)}/tau_{channel}_post"
        self._contacts(q, row, unit, (), before)

    def _channel(self, row: WiredProjection, into: str, tau: float) -> str:
        """The target's synaptic variable of that time constant, made if there is none yet."""
        target = self.cells[row.post]
        kind = "d" if row.divisive else "s" if row.reversal is None else "c"
        known = {n: v for n, v in target.data.items() if re.fullmatch(rf"tau_{kind}\d+", n)}
        name = next((n[4:] for n, v in known.items() if v[0] == tau and self._same_reversal(row, n[4:])),
                    f"{kind}{len(known)}")
        if f"tau_{name}" not in known:
            self.decay(target, name, into, tau)
            self._add(row, name)
        return name

    def _same_reversal(self, row: WiredProjection, name: str) -> bool:
        return row.reversal is None or self.cells[row.post].data[f"E_{name}"][0] == row.reversal

    def _ticks(self, row: WiredProjection) -> int:
        return int(row.delay / self.session.dt + 0.5)

    def _alive(self, row: WiredProjection) -> str:
        """Spikes of before the last reset are lost on the way."""
        ticks = self._ticks(row)
        return self.calendar.alive(ticks) if ticks else "1"

    def _contacts(self, q: int, row: WiredProjection, unit: str, model: tuple[str, ...], before: str) -> None:
        """Synapses with weights of their own; where they are plastic, the rule."""
        if row.layout == "sparse" and row.plasticity is not None and not row.weight.size:
            return
        name = f"contacts{q}"
        weight = self._place(name, row)
        self.data[f"{name}.w"] = weight
        lines = [f"w : {unit_text(unit)}{'' if learns(row) else ' (constant)'}", *model]
        if row.layout == "sparse" and learns(row):
            # a weight may grow where there is only room for a synapse, but it is never felt
            lines.append("present : 1 (constant)")
            self.data[f"{name}.present"] = (np.arange(weight.size) < row.weight.size).astype(float)
        after = ""
        steps: list[Step] = []
        if learns(row):
            before, after, steps = self._rule(name, row, unit, lines, before)
        self.parts.append(Contacts(name, self._source(row), f"cells{row.post}", tuple(lines), before, after,
                                   self._ticks(row), row.layout != "sparse", steps=tuple(steps)))

    def _source(self, row: WiredProjection) -> str:
        spiking = self.wired.populations[row.pre].neuron.spiking
        return self.spiking_part(row.pre) if spiking else f"cells{row.pre}"

    def _place(self, name: str, row: WiredProjection) -> np.ndarray:
        """Pairs of cells as data; returns the weights in the same order."""
        sizes = self.wired.populations[row.post].size, self.wired.populations[row.pre].size
        if row.pre_index is None or row.post_index is None:
            return (np.asarray(row.weight, float) * np.ones(sizes)).T.ravel()
        number = row.weight.size
        idle = capacity(number) - number
        spare = np.arange(idle)
        self.data[f"{name}.pre"] = np.concatenate([row.pre_index, spare % sizes[1]]).astype(np.int32)
        self.data[f"{name}.post"] = np.concatenate([row.post_index, spare % sizes[0]]).astype(np.int32)
        return np.concatenate([row.weight, np.zeros(idle)])

    # plasticity

    def _rule(self, name: str, row: WiredProjection, unit: str, lines: list[str],
              before: str) -> tuple[str, str, list[Step]]:
        """Code at presynaptic spikes, at postsynaptic spikes, and at every step for graded cells."""
        pre, post = self.wired.populations[row.pre].neuron, self.wired.populations[row.post].neuron
        gate = self._gate(name, row)
        terms = rule_terms(self.wired, row, unit, self.traces)
        lines += terms.lines
        self.data.update({f"{name}.{own}": np.array([value]) for own, value in terms.values.items()})
        clocked = []
        if terms.pre and pre.spiking:
            before += "\n" + change(row, gate, terms.pre, self._alive(row))
        elif terms.pre:
            clocked.append(f"r_pre*({terms.pre})")
        after = change(row, gate, terms.post) if terms.post and post.spiking else ""
        if terms.post and not post.spiking:
            clocked.append(f"r_post*({terms.post})")
        steps = [Step(change(row, gate, f"dt*({' + '.join(clocked)})"), "synapses", 2)] if clocked else []
        if self.calendar.fresh:
            lines.append(f"w_wired : {unit_text(unit)} (constant)")
            self.data[f"{name}.w_wired"] = self.data[f"{name}.w"]
            steps.append(self.calendar.renewal())
        return before, after, steps

    def _gate(self, name: str, row: WiredProjection) -> str:
        if row.gate < 0:
            return ""
        target = self.cells[row.post]
        unit = self.wired.populations[row.gate].neuron.unit_out
        own = f"gate_{name}"
        if self.wired.populations[row.gate].size == target.size:
            target.link(own, unit, f"cells{row.gate}", "r")
        else:  # synapses cannot read a link from many cells to one: each cell keeps a copy
            target.link(f"{own}_source", unit, f"cells{row.gate}", "r")
            target.by_cell(own, unit, np.zeros(target.size), flags="")
            target.steps.append(Step(f"{own} = {own}_source", "groups", 3))
        return f"{own}_post"
