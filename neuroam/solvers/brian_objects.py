"""A plan as Brian2 objects."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import brian2
import numpy as np
from brian2 import second
from brian2.units.fundamentalunits import get_or_create_dimension

from neuroam.solvers.brian_plan import Cells, Contacts, Plan, SpikeWatch, Step, Table, Train, Watch
from neuroam.units import dimensions

Put = Callable[[str, Any, np.ndarray], None]


class Building:
    """The network of a plan, with `put(name, variable, values)` for its data. `objects` by name;
    `network.run(duration, namespace={})` is the whole session."""

    def __init__(self, plan: Plan, put: Put) -> None:
        self.plan, self.put = plan, put
        self.clocks: dict[int, Any] = {}
        self.objects: dict[str, Any] = {}
        self.tables: dict[str, Any] = {}
        groups = [part for part in plan.parts if isinstance(part, Cells)]
        for part in plan.parts:
            if isinstance(part, Table):
                self._table(part)
        for part in groups:
            self._cells(part)
        for part in groups:
            self._link(part)
        for part in plan.parts:
            build: dict[type, Any] = {Train: self._train, Contacts: self._contacts, Watch: self._watch,
                                      SpikeWatch: self._spike_watch}
            if type(part) in build:
                build[type(part)](part)
        self._fill()
        self.network = brian2.Network(*self.objects.values())
        self.network.schedule = ["start", "groups", "thresholds", "synapses", "resets", "end"]
        self.duration = plan.stop * plan.dt * second

    def clock(self, every: int = 1) -> Any:
        """One clock for each interval."""
        if every not in self.clocks:
            self.clocks[every] = brian2.Clock(dt=every * self.plan.dt * second, name=f"every{every}")
        return self.clocks[every]

    def _table(self, part: Table) -> None:
        unit = get_or_create_dimension(dimensions(part.unit))
        values = brian2.Quantity(self.plan.data[f"{part.name}.values"], dim=unit)
        dt = part.every * self.plan.dt * second if part.every else 1 * second
        self.tables[part.name] = brian2.TimedArray(values, dt=dt, name=part.name)

    def _cells(self, part: Cells) -> None:
        refractory = part.refractory * self.plan.dt * second if part.refractory else False
        group = brian2.NeuronGroup(part.size, "\n".join(part.equations), threshold=part.threshold or None,
                                   reset=part.reset or None, refractory=refractory, order=part.order,
                                   method=self.plan.method, clock=self.clock(), namespace=self.tables,
                                   name=part.name)
        self.objects[part.name] = group

    def _train(self, part: Train) -> None:
        data = self.plan.data
        times = data[f"{part.name}.tick"] * self.plan.dt * second
        self.objects[part.name] = brian2.SpikeGeneratorGroup(
            part.size, data[f"{part.name}.unit"], times, clock=self.clock(), when="start", order=-1,
            sorted=True, name=part.name)

    def _contacts(self, part: Contacts) -> None:
        source, target = self.objects[part.source], self.objects[part.target]
        synapses = brian2.Synapses(
            source, target, "\n".join(part.model), on_pre=part.before or None, on_post=part.after or None,
            delay=part.delay * self.plan.dt * second if part.delay else None, method=self.plan.method,
            clock=self.clock(), namespace=self.tables, name=part.name)
        for pathway, order in ((getattr(synapses, "pre", None), 0), (getattr(synapses, "post", None), 1)):
            if pathway is not None:
                pathway.when, pathway.order = part.slot, order
        for updater in synapses.summed_updaters.values():
            updater.when, updater.order = "groups", -1
        pre, post = self._pairs(part, source, target)
        synapses.connect(i=pre, j=post)
        self.objects[part.name] = synapses
        self._steps(synapses, part.steps)

    def _pairs(self, part: Contacts, source: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        if part.everyone:
            sources, targets = np.arange(len(source)), np.arange(len(target))
            return np.repeat(sources, len(targets)), np.tile(targets, len(sources))
        return self.plan.data[f"{part.name}.pre"], self.plan.data[f"{part.name}.post"]

    def _link(self, part: Cells) -> None:
        group = self.objects[part.name]
        for own, other, variable in part.links:
            setattr(group, own, brian2.linked_var(self.objects[other], variable))
        self._steps(group, part.steps)

    def _steps(self, owner: Any, steps: tuple[Step, ...]) -> None:
        for k, step in enumerate(steps):
            owner.run_regularly(step.code, clock=self.clock(step.every), when=step.when, order=step.order,
                                name=f"{owner.name}_step{k}")

    def _watch(self, part: Watch) -> None:
        self.objects[part.name] = brian2.StateMonitor(
            self.objects[part.group], part.variable, record=self.plan.data[f"{part.name}.cells"],
            clock=self.clock(part.every), when="start", order=part.order, name=part.name)

    def _spike_watch(self, part: SpikeWatch) -> None:
        self.objects[part.name] = brian2.SpikeMonitor(self.objects[part.group], name=part.name)

    def _fill(self) -> None:
        for name, values in self.plan.data.items():
            owner, variable = name.split(".")
            valued = isinstance(self.objects.get(owner), (brian2.NeuronGroup, brian2.Synapses))
            if valued and variable not in ("pre", "post"):
                self.put(name, self.objects[owner].variables[variable], values)
