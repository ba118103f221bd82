"""A circuit as a Methods section describes it: populations, projections, ports, each number with unit and source."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from neuroam.connect import AllToAll, Connectivity, LogNormal, OneToOne
from neuroam.errors import DescriptionError, UnitError
from neuroam.neurons import LIF, Drive, Escape, Neuron, Poisson, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.plasticity import ThreeFactor
from neuroam.recipe import Recipe
from neuroam.units import Cited, Parameter, dimensions, parameter, si

UPDATES = ("continuous", "asynchronous", "synchronous", "synchronous without autapses", "expected learning",
           "event-driven")


@dataclass(frozen=True)
class Population:
    """`size` cells of one kind."""

    name: str
    size: int
    neuron: Neuron
    source: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.size, (int, np.integer)) or self.size < 1:
            raise DescriptionError(f"population {self.name!r}: size is {self.size!r}; give a whole number, at least 1")
        if not isinstance(self.neuron, Neuron):
            raise DescriptionError(
                f"population {self.name!r}: neuron is {self.neuron!r}; use LIF, Rate, Poisson or Drive"
            )


@dataclass(frozen=True, eq=False)
class WeightMatrix:
    """Weights given one by one, shape (n_post, n_pre), SI values in `unit`."""

    values: np.ndarray
    unit: str
    source: str = "not stated"

    def __str__(self) -> str:
        return f"given matrix of {self.values.shape[0]} × {self.values.shape[1]}"


@dataclass(frozen=True, eq=False)
class Stored:
    """Weights that follow from the circuit's stored patterns when it is wired: ``rule(patterns)`` maps an array
    (n_patterns, n_cells) to one of shape (n_post, n_pre), in SI values of `unit`. `text` says what it does. The weights
    of the projections named in `after`, all to all and before this one, are further arguments of the rule. Two rules
    that give one array and its transpose share the memory, and solvers then read it once for both directions."""

    rule: Callable[..., np.ndarray]
    text: str
    unit: str = "1"
    source: str = "not stated"
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Projection:
    """Synapses from `pre` to `post`: I_post = Σ w · r_pre.

    `weight` has the unit of the postsynaptic drive over that of the presynaptic emission (volt per hertz between
    LIF neurons: an exponential synapse moves the drive by weight/τ_s at each spike). `lowpass` inserts a slow
    synapse of that time constant. ``acts="divisive"`` divides the target's total drive by 1 + Σ w · r. With a
    `reversal` potential spikes open a conductance, I_post = Σ w · r_pre · (reversal − v), w · r in units of the leak.
    """

    pre: str
    post: str
    connectivity: Connectivity
    weight: Any
    delay: Any = 0.0
    lowpass: Any = None
    acts: str = "additive"
    reversal: Any = None
    plasticity: ThreeFactor | None = None
    source: str = ""

    @property
    def name(self) -> str:
        return f"{self.pre}->{self.post}"


@dataclass(frozen=True)
class Port:
    """A name under which a protocol drives a population.

    `encode` turns what the experimenter presents (a mapping from name to dose; empty: nothing) into the drive of
    each cell; `names` lists what may be presented. A port of `patterns` knows the circuit's stored patterns by name and
    drives cell i with Σ dose · ξ_i. Without either, protocols give the drive itself.
    """

    population: str
    names: tuple[str, ...] = ()
    encode: Callable[[Mapping[str, float]], Any] | None = None
    patterns: bool = False


@dataclass(frozen=True)
class CodingLevels:
    """How a coding population is calibrated, the way the field does it.

    The threshold is set so that the fraction `without` of cells answers a stimulus of `port` while `inhibition` →
    `population` is cut; then that projection is scaled until the fraction `with_inhibition` answers.
    `homeostatic`: every cell gets the threshold that makes *it* answer that fraction of the stimuli.
    """

    population: str
    inhibition: str
    port: str
    without: float = 0.20
    with_inhibition: float = 0.10
    homeostatic: bool = False
    stimulus: Any = Parameter(0.5, "second", "assumed: as long as the protocols present an odour")
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.with_inhibition <= self.without < 1:
            raise DescriptionError(
                f"calibration of {self.population!r}: coding levels {self.with_inhibition} with and "
                f"{self.without} without inhibition; need 0 < with ≤ without < 1"
            )
        object.__setattr__(self, "stimulus", parameter(self.stimulus, "second", "calibration stimulus", above=0))


@dataclass(frozen=True)
class Circuit:
    """A frozen description. `wire(circuit, seed)` realises it; `describe(circuit)` prints it.

    `hidden` names the populations that the effective level takes to be instantaneous, or, with "event-driven"
    `updates`, that make a burst of a neuron's first spike (`neuroam.effective.volley`); with "asynchronous" `updates`
    that level has no time either: binary visible neurons are updated one by one until none changes; with "synchronous"
    ones its time goes in steps, all visible neurons at once, and with "synchronous without autapses" none of them hears
    itself through a hidden one, as in the theory of such networks; with "expected learning" visible neurons keep their
    spikes, and what they learn is its mean (`neuroam.effective.place_replay`). `pool` says which spiking cells stand
    for a graded one at the spiking level (without one, cells that are graded stay so).
    """

    name: str
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...] = ()
    ports: Mapping[str, Port | str] = field(default_factory=dict)
    calibration: CodingLevels | None = None
    patterns: Patterns | None = None
    hidden: tuple[str, ...] = ()
    updates: str = "continuous"
    pool: Pool | None = None
    source: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        names = [p.name for p in self.populations]
        if not names:
            raise DescriptionError(f"circuit {self.name!r} has no population; add at least one Population")
        doubled = {n for n in names if names.count(n) > 1}
        if doubled:
            raise DescriptionError(f"circuit {self.name!r}: population names must differ; repeated: {sorted(doubled)}")
        settled = tuple(_settle(p, self) for p in self.projections)
        pairs = [p.name for p in settled]
        if len(set(pairs)) < len(pairs):
            raise DescriptionError(
                f"circuit {self.name!r}: two projections join the same pair of populations: "
                f"{sorted({p for p in pairs if pairs.count(p) > 1})}; merge them into one"
            )
        ports = {name: port if isinstance(port, Port) else Port(port) for name, port in self.ports.items()}
        if self.patterns is not None:
            _check_patterns(self, self.patterns)
            ports = {
                name: replace(port, names=self.patterns.names) if port.patterns else port
                for name, port in ports.items()
            }
        _check_ports(self, ports)
        if self.updates not in UPDATES:
            raise DescriptionError(
                f"circuit {self.name!r}: updates is {self.updates!r}; use one of {', '.join(UPDATES)}"
            )
        for name in self.hidden:
            self.population(name, f"circuit {self.name!r}: hidden")
        if self.calibration is not None:
            self.population(self.calibration.population, "calibration")
            self.projection(self.calibration.inhibition, self.calibration.population)
            if self.calibration.port not in ports:
                raise DescriptionError(f"calibration: {unknown('port', self.calibration.port, ports)}")
        object.__setattr__(self, "projections", settled)
        object.__setattr__(self, "ports", ports)

    def population(self, name: str, asked_by: str = "circuit") -> Population:
        """The population of that name; the error lists the names there are."""
        for candidate in self.populations:
            if candidate.name == name:
                return candidate
        raise DescriptionError(f"{asked_by}: {unknown('population', name, [p.name for p in self.populations])}")

    def projection(self, pre: str, post: str) -> Projection:
        """The projection between two populations; the error lists the projections there are."""
        for candidate in self.projections:
            if (candidate.pre, candidate.post) == (pre, post):
                return candidate
        raise DescriptionError(unknown("projection", f"{pre}->{post}", [p.name for p in self.projections]))


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """ "unknown population 'KX'; did you mean 'KC'? There are: …"."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    hint = f" did you mean {close[0]!r}?" if close else ""
    return f"unknown {kind} {name!r};{hint} there are: {', '.join(known) or 'none'}"


def as_rates(circuit: Circuit) -> Circuit:
    """The same circuit with every spiking neuron replaced by the rate neuron it owns; inputs stay as they are.

    The replacement emits the rate curve of the neuron it stands for, so weights, delays and plasticity carry over.
    """
    populations = tuple(
        replace(p, neuron=p.neuron.as_rate()) if isinstance(p.neuron, (LIF, Escape)) else p for p in circuit.populations
    )
    return _formed(circuit, "rate", populations, as_rates)


def as_spikes(circuit: Circuit) -> Circuit:
    """The same circuit with every graded cell replaced by the escape-rate neurons of `Circuit.pool`: their expected
    emission is that of the cell they stand for, so weights and delays carry over. Spiking neurons stay as they are, and
    graded ones of a circuit without a pool, as the non-spiking neurons of an insect."""
    if circuit.pool is None:
        return circuit
    populations = tuple(
        replace(p, neuron=circuit.pool.neurons(p.neuron, p.name)) if isinstance(p.neuron, Rate) else p
        for p in circuit.populations
    )
    return _formed(circuit, "spiking", populations, as_spikes)


def _formed(
    circuit: Circuit, level: str, populations: tuple[Population, ...], form: Callable[[Circuit], Circuit]
) -> Circuit:
    made = circuit.recipe.then(form) if circuit.recipe else None
    return replace(circuit, name=f"{circuit.name} ({level})", populations=populations, recipe=made)


def _check_patterns(circuit: Circuit, patterns: Patterns) -> None:
    where = f"circuit {circuit.name!r}: patterns"
    size = circuit.population(patterns.population, where).size
    if size != patterns.size:
        raise DescriptionError(
            f"{where} have {patterns.size} cells each, but population {patterns.population!r} has "
            f"{size}; give patterns of that width"
        )


def _check_ports(circuit: Circuit, ports: Mapping[str, Port]) -> None:
    for name, port in ports.items():
        target = circuit.population(port.population, f"port {name!r}")
        if not isinstance(target.neuron, (Poisson, Drive)):
            raise DescriptionError(
                f"port {name!r} drives {port.population!r}, which is not an input population; "
                "use Poisson() or Drive() cells and a projection from them"
            )
        first = next(other for other, p in ports.items() if p.population == port.population)
        if first != name:
            raise DescriptionError(
                f"ports {first!r} and {name!r} both drive {port.population!r}; merge them into one port"
            )
        if port.patterns and (circuit.patterns is None or circuit.patterns.size != target.size):
            raise DescriptionError(
                f"port {name!r} presents stored patterns to the {target.size} cells of "
                f"{port.population!r}, but circuit {circuit.name!r} stores "
                f"{circuit.patterns or 'none'}; give it Patterns of that size"
            )


def weight_unit(pre: Neuron, post: Neuron, acts: str) -> str:
    """Unit of w in I = w·r, or, of divisive synapses and conductances, in w·r."""
    drive = post.unit_in if acts == "additive" else "1"
    if drive == pre.unit_out:
        return "1"
    return drive if pre.unit_out == "1" else f"{drive}/{pre.unit_out}"


def _settle(projection: Projection, circuit: Circuit) -> Projection:
    where = f"projection {projection.name}"
    pre = circuit.population(projection.pre, where)
    post = circuit.population(projection.post, where)
    if isinstance(post.neuron, (Poisson, Drive)):
        raise DescriptionError(
            f"{where}: {post.name!r} is an input population and receives nothing; make its cells LIF or Rate"
        )
    if projection.acts not in ("additive", "divisive"):
        raise DescriptionError(f"{where}: acts={projection.acts!r}; use 'additive' or 'divisive'")
    if not isinstance(projection.connectivity, Connectivity):
        raise DescriptionError(
            f"{where}: connectivity is {projection.connectivity!r}; use a rule of neuroam.connect "
            "such as all_to_all() or in_degree(6)"
        )
    if isinstance(projection.connectivity, OneToOne) and pre.size != post.size:
        raise DescriptionError(
            f"{where}: one_to_one needs populations of one size, but {pre.name!r} has {pre.size} "
            f"cells and {post.name!r} has {post.size}"
        )
    changes: dict[str, Any] = {}
    if projection.reversal is not None:
        changes["reversal"] = _settle_reversal(projection, pre.neuron, post.neuron, where)
    unit = weight_unit(pre.neuron, post.neuron, projection.acts if projection.reversal is None else "conductance")
    changes["weight"] = _settle_weight(projection, unit, where, (post.size, pre.size))
    changes["delay"] = parameter(projection.delay, "second", f"{where}: delay", least=0, finite=True)
    if projection.lowpass is not None:
        changes["lowpass"] = parameter(projection.lowpass, "second", f"{where}: lowpass", above=0, finite=True)
    if projection.plasticity is not None:
        if projection.lowpass is not None:
            raise DescriptionError(
                f"{where}: a plastic projection cannot also be low-passed; low-pass an earlier "
                "projection, or give the presynaptic neuron a slower synapse"
            )
        gate = projection.plasticity.gate
        gate_unit = "1"
        if gate is not None:
            gating = circuit.population(gate, f"{where}: plasticity gate")
            if gating.size not in (1, post.size):
                raise DescriptionError(
                    f"{where}: gate {gate!r} has {gating.size} cells; it needs 1, or one for each "
                    f"of the {post.size} cells of {post.name!r}"
                )
            if gating.neuron.spiking:
                raise DescriptionError(f"{where}: gate {gate!r} spikes; a gate must be graded (Rate or Drive)")
            gate_unit = gating.neuron.unit_out
        changes["plasticity"] = projection.plasticity.settle(
            unit, pre.neuron.unit_out, post.neuron.unit_out, gate_unit, where
        )
    return replace(projection, **changes)


def _settle_reversal(projection: Projection, pre: Neuron, post: Neuron, where: str) -> Parameter:
    spikes = isinstance(pre, (LIF, Poisson)) and float(pre.synapse) > 0
    if not (spikes and isinstance(post, LIF)) or projection.acts != "additive" or projection.lowpass is not None:
        raise DescriptionError(
            f"{where}: a reversal potential goes with spikes through an exponential synapse to LIF "
            "neurons, neither divisive nor low-passed; leave it out, or give the presynaptic neuron "
            "a synapse time constant"
        )
    return parameter(projection.reversal, "volt", f"{where}: reversal", finite=True)


def _settle_weight(projection: Projection, unit: str, where: str, shape: tuple[int, int]) -> Any:
    weight = projection.weight
    if isinstance(weight, LogNormal):
        return weight.settle(unit, f"{where}: weight")
    if isinstance(weight, (Stored, WeightMatrix)):
        return _settle_matrix(weight, unit, where, shape, projection.connectivity)
    bare = weight.quantity if isinstance(weight, Cited) else weight
    if isinstance(bare, LogNormal):
        raise DescriptionError(f"{where}: cite the median inside LogNormal(cited(…), sigma)")
    if np.ndim(bare) == 0:
        return parameter(weight, unit, f"{where}: weight", finite=True)
    matrix = WeightMatrix(si(bare, unit, f"{where}: weight"), unit, getattr(weight, "source", "not stated"))
    return _settle_matrix(matrix, unit, where, shape, projection.connectivity)


def _settle_matrix(
    weight: Stored | WeightMatrix, unit: str, where: str, shape: tuple[int, int], connectivity: Connectivity
) -> Stored | WeightMatrix:
    if not isinstance(connectivity, AllToAll):
        raise DescriptionError(f"{where}: a weight matrix goes with all_to_all(); for sparse ones use from_matrix()")
    if dimensions(weight.unit) != dimensions(unit):
        raise UnitError(f"{where}: weights are in {weight.unit}; they must be in {unit}")
    if isinstance(weight, WeightMatrix) and (weight.values.shape != shape or not np.isfinite(weight.values).all()):
        raise DescriptionError(
            f"{where}: the weight matrix has shape {weight.values.shape}"
            f"{'' if np.isfinite(weight.values).all() else ' and holds NaN or infinity'}; "
            f"it needs finite values of shape (n_post, n_pre) = {shape}"
        )
    return weight
