"""Figures: they draw what is there, leave out what is not, and never raise on silence."""
from __future__ import annotations

import numpy as np
import pytest
from little import little_recording

from neuroam import Circuit, Population, Projection
from neuroam.analysis.plot_activity import raster, trace
from neuroam.analysis.plot_code import color_limits, similar_first
from neuroam.analysis.plot_verdicts import forest
from neuroam.analysis.plots import rasters
from neuroam.analysis.style import CYCLE, canvas
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.connect import all_to_all
from neuroam.diagram import circuit_diagram, layout
from neuroam.experiment import judge
from neuroam.neurons import Drive, Rate
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.units import Parameter

PROTOCOL = odour_discrimination()
TAU = Parameter(0.02, "second")


def drawn(levels):
    """Draw every figure of the protocol to the last pixel; {title: panels}."""
    panels = {figure.title: figure.draw(levels) for figure in PROTOCOL.figures}
    for some in panels.values():
        for panel in some.values():
            panel.canvas.draw()
    return panels


def test_every_level_has_its_panels_and_rasters_need_spikes():
    panels = drawn({"spiking": little_recording(PROTOCOL), "rate": little_recording(PROTOCOL, spiking=False)})
    assert list(panels["Kenyon cells and APL"]) == ["control (spiking)", "APL blocked (spiking)"]
    assert all(list(some) == ["spiking", "rate"] for title, some in panels.items() if title != "Kenyon cells and APL")


@pytest.mark.parametrize("options", [{"animals": 1}, {"fill": 0.0}, {"fill": np.nan}, {"traces": False},
                                     {"spiking": False, "fill": 0.0}, {"cells": 1}], ids=str)
def test_figures_survive_silence_and_one_animal(options):
    drawn({"only": little_recording(PROTOCOL, **options)})


def test_a_recording_of_something_else_has_no_panels():
    recording = little_recording(PROTOCOL)
    other = recording.assign_coords(block=("trial", np.array(["else"] * recording.sizes["trial"])))
    assert not any(figure.draw({"only": other}) for figure in PROTOCOL.figures)


def test_a_raster_shows_the_spikes_of_the_trial_in_seconds_from_onset():
    recording = little_recording(PROTOCOL)
    _, ax = canvas()
    raster(ax, recording, 0, 2, "KC")
    times, rows = ax.lines[0].get_data()
    spikes = recording["spike_time"].values[: int(recording["spike_count"][0].sum())]
    start = float(recording["start_time"][0, 2])
    assert len(times) == np.sum((spikes >= start) & (spikes < start + 0.65))
    assert ax.lines[0].get_rasterized() and times.min() >= -0.1 and times.max() < 0.55 and rows.max() < 12


def test_a_trace_has_its_unit_and_a_missing_one_says_so():
    _, (one, two) = canvas(1, 2)
    trace(one, little_recording(PROTOCOL), 0, 0, "APL")
    trace(two, little_recording(PROTOCOL, traces=False), 0, 0, "APL")
    assert one.get_ylabel() == "APL (mV)" and two.texts[0].get_text() == "no trace"


def test_groups_of_rasters_share_a_scale():
    panels = rasters({"spiking": little_recording(PROTOCOL)}, "KC", "APL", ("control", "APL blocked"), "coding",
                     ("geraniol",))
    limits = {figure.axes[1].get_ylim() for figure in panels.values()}
    assert len(limits) == 1


def test_similar_stimuli_come_to_stand_side_by_side():
    matrix = np.array([[1, 0, 0.9, 0], [0, 1, 0, 0.8], [0.9, 0, 1, 0], [0, 0.8, 0, 1]])
    order = similar_first(matrix).tolist()
    assert abs(order.index(0) - order.index(2)) == 1 and abs(order.index(1) - order.index(3)) == 1
    assert color_limits(matrix)[0] == 0 and color_limits(np.full((3, 3), np.nan)) == (0.0, 1.0)


def test_colours_are_told_apart_without_colour():
    """Luminance of neighbours in the cycle differs."""
    rgb = np.array([[int(c[k: k + 2], 16) for k in (1, 3, 5)] for c in CYCLE[:3]])
    luminance = rgb @ [0.2126, 0.7152, 0.0722]
    assert abs(luminance[0] - luminance[1]) > 10


def test_the_forest_has_an_axis_for_each_claim():
    recording = little_recording(PROTOCOL)
    figure = forest(PROTOCOL.predictions, {"spiking": judge(recording, PROTOCOL), "rate": []})
    figure.canvas.draw()
    assert [ax.get_title(loc="left") for ax in figure.axes] == [p.claim for p in PROTOCOL.predictions]


def test_layout_of_the_mushroom_body():
    at = layout(mushroom_body())
    assert at["PN"][0] < at["KC"][0] < at["MBON"][0]
    assert at["APL"][0] == at["KC"][0] and at["APL"][1] > at["KC"][1]
    assert at["KC"][0] < at["DAN"][0] < at["MBON"][0] and at["DAN"][1] < at["KC"][1]


def test_any_circuit_can_be_drawn_and_no_boxes_overlap():
    def joined(*pairs):
        return tuple(Projection(a, b, all_to_all(), 1.0) for a, b in pairs)

    names = ("a", "b", "c", "d")
    some = tuple(Population(name, 2, Rate(TAU)) for name in names)
    for projections in ((), joined(("a", "a")), joined(("a", "b"), ("b", "a"), ("b", "c"), ("c", "d"), ("d", "b"))):
        circuit = Circuit("any", (Population("in", 1, Drive()), *some), projections, ports={"in": "in"})
        places = layout(circuit)
        assert len(set(places.values())) == 5
        circuit_diagram(circuit).canvas.draw()
