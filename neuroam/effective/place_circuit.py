"""A circuit of place cells as the effective level reads it.

One population of leaky integrate-and-fire cells, all alike, with

    recurrent synapses, which may learn by spike timing while a gate is open
    inputs, Poisson or driven, that add; driven ones may divide
    graded populations with one cell for each place cell, heard by that cell alone: afterhyperpolarisations
    hidden populations that hear all place cells alike and answer all alike: interneurons

Anything else is refused: what the level works out for one cell must hold for all of them.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neuroam.energy import dense_weights
from neuroam.errors import Unsupported
from neuroam.neurons import LIF, Drive, Poisson, Rate
from neuroam.plasticity import ThreeFactor
from neuroam.session import Presentation, Session
from neuroam.transfer import Rectified
from neuroam.wiring import Wired, WiredPopulation, WiredProjection


@dataclass(frozen=True)
class Loop:
    """A graded population between place cells and themselves: heard through `hears`, it answers through `answers`."""

    population: WiredPopulation
    hears: float
    answers: float

    @property
    def tau(self) -> float:
        return float(self.population.neuron.tau)  # type: ignore[union-attr]

    def emission(self, drive: np.ndarray) -> np.ndarray:
        """What it emits, any shape."""
        neuron, cells = self.population.neuron, self.population
        return cells.gain[0] * neuron.transfer(drive, cells.threshold[0])  # type: ignore[union-attr]


@dataclass(frozen=True, eq=False)
class PlaceCircuit:
    """`recurrent` is None where cells do not hear each other. `inputs` with their weights (n, n_pre)."""

    wired: Wired
    position: int
    recurrent: WiredProjection | None
    inputs: tuple[tuple[WiredProjection, np.ndarray], ...]
    own: tuple[Loop, ...]
    pools: tuple[Loop, ...]

    @property
    def size(self) -> int:
        return self.wired.populations[self.position].size

    @property
    def cell(self) -> LIF:
        neuron = self.wired.populations[self.position].neuron
        assert isinstance(neuron, LIF)
        return neuron

    @property
    def threshold(self) -> float:
        """Volts above rest."""
        return float(self.cell.threshold) - float(self.cell.rest)

    @property
    def rule(self) -> ThreeFactor | None:
        return self.recurrent.plasticity if self.recurrent is not None else None

    @property
    def weights(self) -> np.ndarray:
        """Of the recurrent synapses as wired, (n, n)."""
        return np.zeros((self.size, self.size)) if self.recurrent is None else dense_weights(self.recurrent, self.wired)

    def gate(self, session: Session, row: Presentation) -> float:
        """How far the gate of learning is open in a trial. Raises `Unsupported` where that changes within it."""
        if self.rule is None or self.recurrent is None:
            return 0.0
        values = session.inputs[self.recurrent.gate].at(np.arange(row.start, row.stop))
        if np.ptp(values) > 0:
            raise Unsupported(f"trial {row.name!r}: the gate of {self.recurrent.name} opens or closes within it, and "
                              "what is learned is worked out for whole laps; keep it open or closed for all of the "
                              "trial, or use --levels spiking")
        return float(values[0, 0])


def read_places(wired: Wired) -> PlaceCircuit:
    """Raises `Unsupported`, with the object and a cure, for a circuit that is not as described above."""
    spiking = [p for p, population in enumerate(wired.populations) if isinstance(population.neuron, LIF)]
    if len(spiking) != 1:
        raise refused(wired, f"it has {len(spiking)} populations of integrate-and-fire cells, and one is followed")
    position = spiking[0]
    _refuse_unlike(wired, position)
    inputs, hears, answers, recurrent = [], {}, {}, None
    for q in wired.projections:
        if q.reversal is not None:
            raise refused(wired, f"projection {q.name} is a conductance, and inputs add")
        if q.post == position and wired.populations[q.pre].is_input:
            inputs.append((q, _checked_input(wired, q)))
        elif q.pre == q.post == position:
            recurrent = _checked_recurrent(wired, q)
        elif q.pre == position and not (q.divisive or q.delay or q.plasticity):
            hears[q.post] = q
        elif q.post == position and not (q.divisive or q.delay or q.plasticity):
            answers[q.pre] = q
        else:
            raise refused(wired, f"there is no place for projection {q.name}")
    own, pools = _loops(wired, position, hears, answers)
    return PlaceCircuit(wired, position, recurrent, tuple(inputs), own, pools)


def _checked_input(wired: Wired, q: WiredProjection) -> np.ndarray:
    neuron = wired.populations[q.pre].neuron
    if q.plasticity is not None or q.delay > 0:
        raise refused(wired, f"input {q.name} learns or is delayed")
    if q.divisive and not isinstance(neuron, Drive):
        raise refused(wired, f"input {q.name} divides with spikes; divide by a Drive()")
    if isinstance(neuron, Poisson) and float(neuron.synapse) == 0:
        raise refused(wired, f"input {q.name} has instantaneous synapses; give its cells a synapse time constant")
    return np.array(dense_weights(q, wired))


def _checked_recurrent(wired: Wired, q: WiredProjection) -> WiredProjection:
    rule = q.plasticity
    if q.divisive:
        raise refused(wired, f"projection {q.name} divides")
    if rule is None:
        return q
    if any(map(float, (rule.on_pre, rule.on_post))) or rule.multiplicative or q.gate < 0:
        raise refused(wired, f"the plasticity of {q.name} is not spike timing alone, additive and gated")
    if not (np.isfinite(float(rule.low)) and np.isfinite(float(rule.high))):
        raise refused(wired, f"weights of {q.name} have no bounds")
    if not isinstance(wired.populations[q.gate].neuron, Drive) or wired.populations[q.gate].size != 1:
        raise refused(wired, f"the gate of {q.name} is not one Drive() cell")
    if q.layout != "dense" or np.ptp(q.weight) > 0:
        raise refused(wired, f"synapses of {q.name} differ before anything is learned, so pairs of cells as far apart "
                              "do not learn alike")
    return q


def _loops(wired: Wired, position: int, hears: dict[int, WiredProjection],
           answers: dict[int, WiredProjection]) -> tuple[tuple[Loop, ...], tuple[Loop, ...]]:
    own, pools = [], []
    for p in sorted({*hears, *answers}):
        population = wired.populations[p]
        if p not in hears or p not in answers or not isinstance(population.neuron, Rate):
            raise refused(wired, f"population {population.name!r} is no graded one that both hears and answers")
        if not isinstance(population.neuron.transfer, Rectified) or np.ptp(population.gain) or np.ptp(
                population.threshold):
            raise refused(wired, f"the cells of {population.name!r} are not alike, or not Rectified()")
        if population.name in wired.hidden:
            if population.size != 1 or not hears[p].layout == answers[p].layout == "uniform":
                raise refused(wired, f"{population.name!r} is not one cell that hears and answers all cells alike")
            pools.append(Loop(population, float(hears[p].weight), float(answers[p].weight)))
        else:
            own.append(Loop(population, *(_one_to_one(wired, q) for q in (hears[p], answers[p]))))
    return tuple(own), tuple(pools)


def _one_to_one(wired: Wired, q: WiredProjection) -> float:
    weight = dense_weights(q, wired)
    if weight.shape[0] != weight.shape[1] or not np.array_equal(weight, weight[0, 0] * np.eye(len(weight))):
        raise refused(wired, f"projection {q.name} is not one to one with one weight, nor to or from a hidden "
                              "population")
    return float(weight[0, 0])


def _refuse_unlike(wired: Wired, position: int) -> None:
    cells = wired.populations[position]
    if np.ptp(cells.threshold) > 0 or not np.isfinite(cells.threshold).all() or (cells.gain != 1).any():
        raise refused(wired, f"the cells of {cells.name!r} differ or are silenced, and what is learned is worked out "
                              "for cells that are alike")
    if float(cells.neuron.synapse) == 0:  # type: ignore[union-attr]
        raise refused(wired, f"synapses of {cells.name!r} are instantaneous; give its cells a synapse time constant")


def refused(wired: Wired, why: str) -> Unsupported:
    return Unsupported(f"circuit {wired.name!r} has no effective level of expected learning: {why}; change that, or "
                       "use --levels spiking")
