"""A circuit as a diagram: populations in layers, excitation as arrows, inhibition flat-headed, synapses of either sign
grey, learning marked.

The layout is made from the description: input populations on the left, every other population one column after the
first that drives it. A population that only feeds back sits above the one it feeds back to; one that only gates
plasticity sits below the synapses it gates.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neuroam.analysis.style import BLACK, BLUE, GREY, PURPLE, VERMILLION, styled
from neuroam.circuit import Circuit, Population, Projection
from neuroam.methods_circuit import size_in_words, weight_sign
from neuroam.neurons import LIF, Drive, Escape, Poisson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Places = dict[str, tuple[float, float]]
GAP, ROW, BOX_HEIGHT = 1.1, 1.75, 0.72  # the unit is 0.62 inches
FILLS = {Poisson: "#DCEAF5", Drive: "#F3E3ED", LIF: "#FFF3D6", Escape: "#FFF3D6"}
GRADED = "#E4F2EC"
EXCITES, INHIBITS, EITHER = BLACK, VERMILLION, "#6B6B6B"


@styled
def circuit_diagram(circuit: Circuit) -> Figure:
    """The circuit drawn on a figure as wide as it needs to be."""
    from matplotlib.figure import Figure

    places = layout(circuit)
    x, y = np.array(list(places.values())).T
    labels = [places[port.population][0] - 0.6 - 0.115 * len(name)  # type: ignore[union-attr]
              for name, port in circuit.ports.items()]
    left = min([x.min() - 0.2, *labels]) - box_width(circuit) / 2
    right, low, high = x.max() + box_width(circuit) / 2 + 0.5, y.min() - 0.55, y.max() + 0.8
    scale = 0.62
    figure = Figure(figsize=(scale * (right - left), scale * (high - low) + 0.75))
    ax = figure.add_axes((0, 0.75 / figure.get_figheight(), 1, 1 - 0.75 / figure.get_figheight()))
    ax.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    ax.axis("off")
    draw_circuit(ax, circuit, places)
    figure.legend(handles=_key(circuit), loc="lower center", ncols=2, fontsize=8.5, handlelength=2.2)
    return figure


def draw_circuit(ax: Axes, circuit: Circuit, places: Places) -> Axes:
    """Draw the circuit on axes whose limits hold all `places`."""
    width = box_width(circuit)
    boxes = {p.name: _box(ax, p, places[p.name], width) for p in circuit.populations}
    pairs = {(p.pre, p.post) for p in circuit.projections}
    for projection in circuit.projections:
        bend = 0.28 if (projection.post, projection.pre) in pairs else 0.0
        if projection.pre == projection.post:
            _loop(ax, projection, boxes[projection.pre])
            continue
        _arrow(ax, projection, places, boxes, bend)
        rule = projection.plasticity
        if rule is not None and rule.gate is not None:
            _gate(ax, boxes[rule.gate], _middle(places[projection.pre], places[projection.post], bend))
    for name, port in circuit.ports.items():
        _port(ax, name, boxes[port.population], places[port.population])  # type: ignore[union-attr]
    return ax


def box_width(circuit: Circuit) -> float:
    """Wide enough for the longest name and the longest size."""
    longest = max(max(0.16 * len(p.name), 0.105 * len(_size(p))) for p in circuit.populations)
    return max(1.2, 0.25 + longest)


def layout(circuit: Circuit) -> Places:
    """Where each population's centre goes."""
    step = GAP + box_width(circuit)
    column = _columns(circuit)
    above = {name: _feeds_back_to(name, circuit, column) for name in column}
    gates = {p.plasticity.gate: p for p in circuit.projections if p.plasticity is not None and p.plasticity.gate}
    silent = {name for name in column if not any(name in (p.pre, p.post) for p in circuit.projections)}
    main = [name for name in column if not above[name] and name not in silent]
    places: Places = {}
    for k in sorted({column[name] for name in main}):
        members = [name for name in main if column[name] == k]
        for row, name in enumerate(members):
            places[name] = (k * step, ROW * ((len(members) - 1) / 2 - row))
    for name, target in above.items():
        if target:
            places[name] = _free((places[target][0], places[target][1] + ROW), ROW, places)
    for name in (n for n in column if n in silent):
        places[name] = _beside(gates.get(name), places)
    return places


def _columns(circuit: Circuit) -> dict[str, int]:
    """Fewest synapses from an input population; populations without any path to them come first."""
    targets = {p.post for p in circuit.projections}
    column = {p.name: 0 for p in circuit.populations if p.name not in targets}
    if not column:
        column = {circuit.populations[0].name: 0}
    changed = True
    while changed:
        changed = False
        for p in circuit.projections:
            if p.pre in column and column.get(p.post, 10**6) > column[p.pre] + 1 and p.pre != p.post:
                column[p.post] = column[p.pre] + 1
                changed = True
    return {p.name: column.get(p.name, 0) for p in circuit.populations}


def _feeds_back_to(name: str, circuit: Circuit, column: dict[str, int]) -> str:
    """The population that `name` sits above, if it projects to earlier columns alone; else ''."""
    targets = [p.post for p in circuit.projections if p.pre == name and p.post != name]
    if targets and all(column[t] < column[name] for t in targets):
        return targets[0]
    return ""


def _free(place: tuple[float, float], step: float, places: Places) -> tuple[float, float]:
    x, y = place
    while any(abs(x - a) < 1.0 and abs(y - b) < BOX_HEIGHT * 1.5 for a, b in places.values()):
        y += step
    return x, y


def _beside(gated: Projection | None, places: Places) -> tuple[float, float]:
    """Below the synapses a population gates; a population that does nothing goes to the lower left."""
    if gated is None:
        return _free((0.0, -ROW), -ROW, places)
    x, y = _middle(places[gated.pre], places[gated.post], 0.0)
    return _free((x, y - ROW), -ROW, places)


def _box(ax: Axes, population: Population, place: tuple[float, float], width: float) -> Any:
    from matplotlib.patches import FancyBboxPatch

    x, y = place
    box = FancyBboxPatch((x - width / 2, y - BOX_HEIGHT / 2), width, BOX_HEIGHT, zorder=3,
                         boxstyle="round,pad=0,rounding_size=0.18", linewidth=1.1, edgecolor=BLACK,
                         facecolor=FILLS.get(type(population.neuron), GRADED))
    ax.add_patch(box)
    ax.text(x, y + 0.13, population.name, ha="center", va="center", fontsize=11, fontweight="bold", zorder=4)
    ax.text(x, y - 0.19, _size(population), ha="center", va="center", fontsize=8.5, zorder=4)
    return box


def _size(population: Population) -> str:
    if isinstance(population.neuron, Escape):
        return size_in_words(population)
    return "1 cell" if population.size == 1 else f"{population.size} cells"


def _look(projection: Projection) -> dict[str, Any]:
    sign, plastic = weight_sign(projection), projection.plasticity is not None
    colour = INHIBITS if sign < 0 else BLUE if plastic else EITHER if sign == 0 else EXCITES
    return {"color": colour, "linewidth": 2.4 if plastic else 1.5, "mutation_scale": 13,
            "arrowstyle": "-[,widthB=0.32,lengthB=0" if sign < 0 else "-|>"}


def _arrow(ax: Axes, projection: Projection, places: Places, boxes: dict[str, Any], bend: float) -> None:
    from matplotlib.patches import FancyArrowPatch

    ax.add_patch(FancyArrowPatch(places[projection.pre], places[projection.post], shrinkA=1, shrinkB=4, zorder=2,
                                 connectionstyle=f"arc3,rad={bend}", patchA=boxes[projection.pre],
                                 patchB=boxes[projection.post], **_look(projection)))


def _loop(ax: Axes, projection: Projection, box: Any) -> None:
    """A projection from a population to itself, around the upper right corner of its box."""
    from matplotlib.patches import FancyArrowPatch

    right, top = box.get_x() + box.get_width(), box.get_y() + BOX_HEIGHT
    ax.add_patch(FancyArrowPatch((right - 0.34, top), (right, top - 0.3), shrinkA=0, shrinkB=3, zorder=5,
                                 connectionstyle="arc3,rad=-1.7", **_look(projection)))


def _middle(start: tuple[float, float], end: tuple[float, float], bend: float) -> tuple[float, float]:
    """Half way along an arc drawn with that bend."""
    (a, b), (c, d) = start, end
    return (a + c) / 2 + bend * (d - b) / 2, (b + d) / 2 - bend * (c - a) / 2


def _gate(ax: Axes, box: Any, target: tuple[float, float]) -> None:
    from matplotlib.patches import FancyArrowPatch

    start = box.get_x() + box.get_width() / 2, box.get_y() + BOX_HEIGHT / 2
    ax.add_patch(FancyArrowPatch(start, target, arrowstyle="-", color=PURPLE, linewidth=1.6, linestyle=(0, (3, 2)),
                                 patchA=box, shrinkB=0, zorder=1))
    ax.plot(*target, marker="o", markersize=8, color=PURPLE, markeredgecolor="white", zorder=5)


def _port(ax: Axes, name: str, box: Any, place: tuple[float, float]) -> None:
    edge, y = box.get_x(), place[1]
    ax.annotate("", (edge - 0.04, y), (edge - 0.45, y),
                arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0})
    ax.text(edge - 0.5, y, name, ha="right", va="center", fontsize=9.5, color="#444444", style="italic")


def _key(circuit: Circuit) -> list[Any]:
    """Only what the diagram shows."""
    from matplotlib.lines import Line2D

    signs = {weight_sign(p) for p in circuit.projections if p.plasticity is None}
    rules = [p.plasticity for p in circuit.projections if p.plasticity is not None]
    entries: list[tuple[Any, str, dict[str, Any]]] = [
        (1 in signs, "excites", {"color": EXCITES, "marker": ">"}),
        (0 in signs, "either sign", {"color": EITHER, "marker": ">"}),
        (-1 in {weight_sign(p) for p in circuit.projections}, "inhibits",
         {"color": INHIBITS, "marker": "|", "markersize": 10}),
        (rules, "learns", {"color": BLUE, "linewidth": 2.4, "marker": ">"}),
        (any(r.gate for r in rules), "gates learning", {"color": PURPLE, "marker": "o", "linestyle": "--"})]
    return [Line2D([0, 1], [0, 0], label=label, markevery=[1], **look) for wanted, label, look in entries if wanted]
