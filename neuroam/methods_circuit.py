"""The tables of a circuit's description: A summary, B populations, C connectivity, D neurons, E plasticity, F input, G
calibration, H what changes from level to level, P stored patterns."""
from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Iterator
from dataclasses import fields

from neuroam.circuit import Circuit, Population, Port, Projection, Stored, WeightMatrix
from neuroam.connect import InDegree, LogNormal
from neuroam.neurons import LIF, Drive, Escape, Neuron, Poisson, Pool, Rate
from neuroam.plasticity import ThreeFactor
from neuroam.table import Table, plain
from neuroam.units import Parameter

KINDS = {LIF: "leaky integrate-and-fire", Rate: "graded, non-spiking", Escape: "pools of escape-rate neurons",
         Poisson: "Poisson spike trains", Drive: "input as given"}
WORDS = {"tau": "membrane time constant, tau", "rest": "resting potential, rest",
         "threshold": "threshold", "reset": "reset potential, reset", "refractory": "refractory period",
         "synapse": "decay of the synapses it makes, τ_s", "gain": "gain", "slope": "slope", "power": "exponent, n",
         "ghost": "weight of a silent competitor, ghost", "eps": "floor of the variance, ε",
         "number": "number of winners", "ceiling": "hazard for an emission of 1, ceiling",
         "threshold_cv": "coefficient of variation of the threshold over cells"}
RULE_WORDS = {"on_pre": "b_pre, change for each presynaptic spike", "on_pre_post": "a_pre, presynaptic term",
              "on_post": "b_post, change for each postsynaptic spike", "on_post_pre": "a_post, postsynaptic term",
              "trace_pre": "time constant of the presynaptic trace y_pre",
              "trace_post": "time constant of the postsynaptic trace y_post",
              "low": "lowest weight, w_min", "high": "highest weight, w_max"}
TERMS = {"on_pre": "b_pre · s_pre", "on_pre_post": "a_pre · s_pre · y_post", "on_post": "b_post · s_post",
         "on_post_pre": "a_post · s_post · y_pre"}
UPDATES = {"continuous": "", "asynchronous": "; the other cells change one by one until none does",
           "synchronous": "; the other cells change all at once, step by step",
           "synchronous without autapses": "; the other cells change all at once, step by step, and none hears itself",
           "expected learning": "; what synapses learn is its mean over spike trains, the same for all pairs of cells "
                                "as far apart"}
PARAMETER_HEADER = ("Parameter", "Value", "Source")


def circuit_tables(circuit: Circuit) -> tuple[Table, ...]:
    """All tables of a circuit, those without content left out."""
    tables = [_summary(circuit), _populations(circuit)]
    if circuit.projections:
        tables.append(_connectivity(circuit))
    tables += [*_neurons(circuit), *_plasticity(circuit)]
    if circuit.ports:
        tables.append(_input(circuit))
    if circuit.calibration is not None:
        tables.append(_calibration(circuit))
    if circuit.hidden or circuit.pool is not None:
        tables.append(_levels(circuit))
    if circuit.patterns is not None:
        tables.append(_patterns(circuit))
    if circuit.notes:
        tables.append(Table("Notes", ("Subject", "Note"), tuple((k, plain(v)) for k, v in circuit.notes.items())))
    return tuple(tables)


def arrow(projection: Projection) -> str:
    """"KC → MBON"."""
    return f"{projection.pre} → {projection.post}"


def _summary(circuit: Circuit) -> Table:
    plastic = [f"{arrow(p)}: {p.plasticity.name}" for p in circuit.projections if p.plasticity]
    kinds = dict.fromkeys(KINDS[type(p.neuron)] for p in circuit.populations)
    rows = [
        ("Populations", f"{', '.join(p.name for p in circuit.populations)}; "
                        f"{sum(_cells(p) for p in circuit.populations)} cells in all"),
        ("Connectivity", "; ".join(f"{arrow(p)} {p.connectivity}" for p in circuit.projections) or "none"),
        ("Neurons", "; ".join(kinds)),
        ("Synapses", "; ".join(_synapses(circuit)) or "none"),
        ("Plasticity", "; ".join(plastic) or "none"),
        ("Input", "; ".join(f"{name} drives {port.population}" for name, port in _ports(circuit)) or "none"),
    ]
    if circuit.calibration:
        rows.append(("Calibration", f"coding level of {circuit.calibration.population}, see below"))
    if circuit.patterns:
        rows.append(("Memories", str(circuit.patterns)))
    rows.append(("Source", circuit.source or "not stated"))
    return Table("A  Model summary", ("", ""), tuple(rows))


def _synapses(circuit: Circuit) -> Iterator[str]:
    sending = {p.pre for p in circuit.projections}
    for p in (p for p in circuit.populations if p.name in sending):
        if isinstance(p.neuron, Escape):
            yield f"spikes of the pools of {p.name}, at once"
        elif not isinstance(p.neuron, (LIF, Poisson)):
            yield f"graded transmission from {p.name}"
        elif float(p.neuron.synapse) > 0:
            opens = any(q.pre == p.name and q.reversal is not None for q in circuit.projections)
            yield f"exponential {'conductances' if opens else 'currents'} of {p.neuron.synapse} from {p.name}"
        else:
            yield f"instantaneous jumps from {p.name}"
    for projection in circuit.projections:
        if projection.lowpass is not None:
            yield f"{arrow(projection)} low-passed with {projection.lowpass}"
        if projection.acts == "divisive":
            yield f"{arrow(projection)} divides its target's drive by 1 + Σ w·r"


def _populations(circuit: Circuit) -> Table:
    rows = tuple((p.name, size_in_words(p), KINDS[type(p.neuron)], p.source or "not stated")
                 for p in circuit.populations)
    return Table("B  Populations", ("Name", "Cells", "Kind", "Remarks and source"), rows)


def _cells(p: Population) -> int:
    return p.size * (p.neuron.cells if isinstance(p.neuron, Escape) else 1)


def size_in_words(p: Population) -> str:
    """"500", or of pools "100 pools of 30"."""
    if not isinstance(p.neuron, Escape):
        return str(p.size)
    return f"{p.size} pool{'s' if p.size > 1 else ''} of {p.neuron.cells}"


def _connectivity(circuit: Circuit) -> Table:
    rows = tuple((arrow(p), _pattern(p), str(p.weight), _timing(p), _sources(p)) for p in circuit.projections)
    words = ["r is the emission of a cell: its rate if graded, its spike train through its synaptic kernel "
             "exp(−t/τ_s)/τ_s if it spikes."]
    if any(isinstance(p.neuron, Escape) for p in circuit.populations):
        words.append("The emission of a pool follows from how many of its cells fire in a time step, see its neuron "
                     "model.")
    if any(isinstance(p.weight, Stored) for p in circuit.projections):
        words.append("ξ_μi is cell i of stored pattern μ.")
    if any(p.reversal is not None for p in circuit.projections):
        words.append("Conductances are in units of the leak, and I_post = Σ w · r_pre · (reversal − v).")
    return Table("C  Connectivity", ("From → to", "Pattern", "Weight", "Delay", "Source"), rows,
                 equations=("I_post = Σ w · r_pre",), note=" ".join([*words, "A negative weight inhibits."]))


def _pattern(p: Projection) -> str:
    own = isinstance(p.connectivity, InDegree) and p.connectivity.sd > 0
    pattern = str(p.connectivity).replace(f"–{2**31 - 1}", " or more") if own else str(p.connectivity)
    if p.reversal is not None:
        return f"{pattern}; conductance, reversal at {p.reversal}"
    return f"{pattern}; divisive" if p.acts == "divisive" else pattern


def _timing(p: Projection) -> str:
    parts = [str(p.delay) if float(p.delay) else "none"]
    if p.lowpass is not None:
        parts.append(f"low-pass {p.lowpass}")
    return "\n".join(parts)


def _sources(p: Projection) -> str:
    weight = p.weight.median.source if isinstance(p.weight, LogNormal) else p.weight.source
    parts = [f"weight: {_source(weight)}"]
    if p.source:
        parts.append(f"pattern: {p.source}")
    for name, number in (("delay", p.delay), ("low-pass", p.lowpass), ("reversal", p.reversal)):
        if number is not None and float(number):
            parts.append(f"{name}: {_source(number.source)}")
    return "\n".join(parts)


def weight_sign(p: Projection) -> int:
    """−1 for an inhibitory projection, +1 for an excitatory one, 0 where weights of both signs are given."""
    if p.acts == "divisive" or (p.reversal is not None and float(p.reversal) < 0):
        return -1
    if isinstance(p.weight, Stored):
        return 0
    if isinstance(p.weight, WeightMatrix):
        low, high = p.weight.values.min(), p.weight.values.max()
        return 1 if low >= 0 else -1 if high <= 0 else 0
    value = float(p.weight.median if isinstance(p.weight, LogNormal) else p.weight)
    return -1 if value < 0 else 1


def _neurons(circuit: Circuit) -> Iterator[Table]:
    shared: list[tuple[Neuron, list[Population]]] = []
    for population in circuit.populations:
        same = next((members for neuron, members in shared if neuron == population.neuron), None)
        if same is None:
            shared.append((population.neuron, [population]))
        else:
            same.append(population)
    for number, (neuron, members) in enumerate(shared, 1):
        names = ", ".join(p.name for p in members)
        yield Table(f"D{number}  Neuron model of {names}: {KINDS[type(neuron)]}", PARAMETER_HEADER,
                    tuple(_numbers(neuron)), _equations(neuron))


def _equations(neuron: Neuron) -> tuple[str, ...]:
    if isinstance(neuron, LIF):
        return (neuron.equations, f"spike when {neuron.spikes_when}; then v = reset")
    if isinstance(neuron, Rate):
        return neuron.equations.format(unit_in=neuron.unit_in), _transfer_formula(neuron)
    if isinstance(neuron, Escape):
        return (neuron.equations.format(unit_in=neuron.unit_in), f"g(x): {_transfer_formula(neuron)}",
                "each cell of the pool fires in a time step with probability ceiling · (g(x) − least) · dt",
                "r = least + n/(cells · ceiling · dt), n the number of its cells that fire")
    return (neuron.equations,)


def _transfer_formula(neuron: Rate | Escape) -> str:
    first = (type(neuron.transfer).__doc__ or "").strip().split("\n\n")
    formula = plain(next((part for part in first if part.strip().startswith("r =")), first[0])).rstrip(".")
    rectified, *also = formula.split("; not rectified, ")
    return also[0] if also and not getattr(neuron.transfer, "rectified", True) else rectified


def _numbers(neuron: Neuron) -> Iterator[tuple[str, str, str]]:
    shown = set()
    if isinstance(neuron, Escape):
        yield "cells of a pool", str(neuron.cells), "see H"
        yield "least emission that is coded, least", f"{neuron.low:g}", "see H"
    for owner in (neuron, *([neuron.transfer] if isinstance(neuron, (Rate, Escape)) else [])):
        for f in fields(owner):
            value = getattr(owner, f.name)
            if f.name == "threshold_cv" and float(value) == 0:
                continue  # thresholds are the same unless said
            if isinstance(value, Parameter) and f.name not in shown:
                shown.add(f.name)
                words = "threshold, θ" if f.name == "threshold" and owner is not neuron else WORDS.get(f.name, f.name)
                yield words, str(value), _source(value.source)


def _source(source: str) -> str:
    return "by definition" if source == "definition" else source


def _plasticity(circuit: Circuit) -> Iterator[Table]:
    plastic = [p for p in circuit.projections if p.plasticity is not None]
    for number, projection in enumerate(plastic, 1):
        rule = projection.plasticity
        assert rule is not None
        label = f"E{number}" if len(plastic) > 1 else "E"
        yield Table(f"{label}  Plasticity of {arrow(projection)}: {rule.name}", PARAMETER_HEADER,
                    tuple(_rule_numbers(rule)), _rule_equations(rule), _rule_note(rule, projection))


def _rule_equations(rule: ThreeFactor) -> tuple[str, ...]:
    terms = " + ".join(text for key, text in TERMS.items() if float(getattr(rule, key)) != 0) or "0"
    terms = f"[{terms}]" if " + " in terms else terms
    gate = f"D_{rule.gate} · " if rule.gate else ""
    return (f"dw/dt = {gate}{terms}{' · (w − w_min)' if rule.multiplicative else ''}",)


def _rule_note(rule: ThreeFactor, projection: Projection) -> str:
    pre = any(float(getattr(rule, key)) for key in ("on_pre", "on_pre_post", "on_post_pre"))
    post = any(float(getattr(rule, key)) for key in ("on_post", "on_post_pre", "on_pre_post"))
    words = [f"s_{side}: spike train of {name} (its emission if graded)" for side, name, used in
             (("pre", projection.pre, pre), ("post", projection.post, post)) if used]
    if rule.gate:
        words.append(f"D_{rule.gate}: emission of the cell of {rule.gate} that belongs to the {projection.post} cell")
    if float(rule.trace_pre) or float(rule.trace_post):
        words.append("y: s, low-passed")
    return "; ".join(words) + "."


def _rule_numbers(rule: ThreeFactor) -> Iterator[tuple[str, str, str]]:
    for key, words in RULE_WORDS.items():
        value: Parameter = getattr(rule, key)
        if math.isinf(float(value)):
            yield words, "none", "unbounded"
        elif float(value) != 0 or key == "low":
            yield words, str(value), _source(value.source)


def _ports(circuit: Circuit) -> Iterator[tuple[str, Port]]:
    for name, port in circuit.ports.items():
        assert isinstance(port, Port)
        yield name, port


def _input(circuit: Circuit) -> Table:
    rows, notes = [], []
    for name, port in _ports(circuit):
        rows.append((name, port.population, _presentable(port), _encoding(port)))
        notes.append(_encoder_model(port, circuit))
    return Table("F  Input", ("Port", "Drives", "What may be presented", "How it becomes drive"), tuple(rows),
                 note="\n\n".join(n for n in dict.fromkeys(notes) if n))


def _presentable(port: Port) -> str:
    if not port.names:
        return "the drive of each cell"
    many = f"{len(port.names)} named stimuli and mixtures of them: " if len(port.names) > 4 else ""
    return many + _some(port.names)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def _encoding(port: Port) -> str:
    if port.patterns:
        return "cell i gets Σ dose · ξ_i, summed over the patterns presented"
    if port.encode is None:
        return "as given"
    doc = plain(inspect.getdoc(_encoder(port)))
    settings = port.encode.keywords if isinstance(port.encode, functools.partial) else {}
    chosen = ", ".join(f"{k} = {v}" for k, v in settings.items())
    return f"{doc} ({chosen})" if chosen else doc or "not stated"


def _encoder(port: Port) -> object:
    return port.encode.func if isinstance(port.encode, functools.partial) else port.encode


def _encoder_model(port: Port, circuit: Circuit) -> str:
    """The text of the module an encoder comes from, if that is a model of its own."""
    module = getattr(_encoder(port), "__module__", "") or ""
    own = circuit.recipe is not None and module.rpartition(".")[2] == circuit.recipe.name
    return "" if own or module not in sys.modules else plain(sys.modules[module].__doc__)


def _calibration(circuit: Circuit) -> Table:
    goal = circuit.calibration
    assert goal is not None
    who = "every cell for itself" if goal.homeostatic else "one factor for all cells"
    cut = f"{goal.inhibition} → {goal.population}"
    rows = (
        ("without inhibition", f"{100 * goal.without:g} % of {goal.population} answer",
         f"the threshold is set ({who}) while {cut} is cut"),
        ("with inhibition", f"{100 * goal.with_inhibition:g} % of {goal.population} answer", f"then {cut} is scaled"),
        ("stimuli", f"every stimulus of port {goal.port}, {goal.stimulus} each", "one presentation of each"),
    )
    return Table("G  Calibration of each animal", ("Condition", "Target", "How"), rows,
                 note=f"Source: {goal.source or 'not stated'}.")


def _levels(circuit: Circuit) -> Table:
    rows = []
    if circuit.pool is not None:
        rows.append(("spiking", *_as_pools(circuit, circuit.pool)))
    pools = [p.name for p in circuit.populations if isinstance(p.neuron, Escape)]
    one = f"each pool of {' and '.join(pools)} is one graded cell with emission g(x)"
    rows.append(("rate", one if pools else "as above", "–"))
    if circuit.hidden and circuit.updates == "event-driven":
        rows.append(("effective", f"{' and '.join(circuit.hidden)} make one burst of each neuron's first spike, the "
                                  "same for all; no clock and no noise: from burst to burst", "–"))
    elif circuit.hidden:
        have, their = ("has", "its") if len(circuit.hidden) == 1 else ("have", "their")
        rows.append(("effective", f"{' and '.join(circuit.hidden)} {have} no time constant: {their} emission follows "
                                  f"from the drive of the same moment{UPDATES[circuit.updates]}", "–"))
    return Table("H  Levels of description", ("Level", "What stands for what", "Numbers and source"), tuple(rows))


def _as_pools(circuit: Circuit, pool: Pool) -> tuple[str, str]:
    stand_ins = {p.name: pool.neurons(p.neuron, p.name) for p in circuit.populations if isinstance(p.neuron, Rate)}
    made = {name: neuron for name, neuron in stand_ins.items() if isinstance(neuron, Escape)}
    if not made:
        return "as above", "–"
    ceiling = next(iter(made.values())).ceiling
    least = ", ".join(f"{name} {neuron.low:g}" for name, neuron in made.items())
    return (f"each graded cell is a pool of {pool.cells} escape-rate neurons that share its potential",
            f"hazard {ceiling} for an emission of 1 ({_source(ceiling.source)}); least emission that is coded: {least}")


def _patterns(circuit: Circuit) -> Table:
    stored = circuit.patterns
    assert stored is not None
    rows = (("Patterns", str(stored), stored.source), ("Population", stored.population, "–"),
            ("Names", _some(stored.names), "–"))
    return Table("P  Stored patterns", ("", "", "Source"), rows,
                 note="" if stored.values is not None else "They are drawn once for each animal, from its seed.")
