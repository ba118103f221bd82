"""describe(): what it prints is a Methods section, every number with its unit and its source."""
from __future__ import annotations

import dataclasses

import pytest
from brian2.units import ms, mV, second

from neuroam import Circuit, Population, Projection, describe
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.connect import LogNormal, all_to_all
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Rate
from neuroam.plasticity import hebbian
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.table import Table
from neuroam.units import Parameter, cited


def cells(description, prefix: str = "") -> list[tuple[str, ...]]:
    return [row for table in description.tables if table.title.startswith(prefix) for row in table.rows]


def parameters(thing) -> list[Parameter]:
    """Every Parameter inside a frozen description."""
    if isinstance(thing, Parameter):
        return [thing]
    if isinstance(thing, tuple):
        return [p for part in thing for p in parameters(part)]
    if dataclasses.is_dataclass(thing):
        return [p for f in dataclasses.fields(thing) for p in parameters(getattr(thing, f.name))]
    return []


@pytest.mark.parametrize("heterogeneity", ["equal", "lognormal", "homeostatic"])
def test_every_number_of_the_mushroom_body_is_printed_with_unit_and_source(heterogeneity):
    circuit = mushroom_body(heterogeneity=heterogeneity)
    rows = [" | ".join(row) for row in cells(describe(circuit))]
    found = [p for p in parameters(circuit.populations) + parameters(circuit.projections)
             if p.source not in ("definition", "unbounded")]
    assert len(found) > 10
    for p in found:
        assert any(str(p) in row and p.source in row for row in rows), p


def test_unstated_sources_and_assumptions_are_shown_as_such():
    text = describe(mushroom_body()).to_text(400)
    assert "not stated" in text and "assumed: start of the calibration" in text


def test_populations_ports_and_calibration_are_in_the_tables():
    circuit = mushroom_body()
    description = describe(circuit)
    assert [(row[0], row[1]) for row in cells(description, "B")] == [(p.name, str(p.size)) for p in circuit.populations]
    assert [row[0] for row in cells(description, "F")] == list(circuit.ports)
    assert any("20 % of KC" in row[1] for row in cells(description, "G"))


def test_a_rate_circuit_prints_its_rate_curve_and_each_number_once():
    lif = LIF(tau=cited(10 * ms, "a"), rest=-60 * mV, threshold=-50 * mV)
    circuit = Circuit("rate", (Population("E", 3, lif.as_rate()),))
    (table,) = [t for t in describe(circuit).tables if t.title.startswith("D1")]
    assert any("ln" in line for line in table.equations)
    assert [row[1] for row in table.rows].count("10 ms") == 1


def test_plasticity_prints_only_terms_that_act():
    rule = hebbian(cited(0.1 / second, "me"), 20 * ms, high=1.0)
    circuit = Circuit("h", (Population("in", 2, Drive()), Population("out", 2, Rate(20 * ms))),
                      (Projection("in", "out", all_to_all(), LogNormal(cited(0.5, "you"), 0.3), plasticity=rule),))
    (table,) = [t for t in describe(circuit).tables if t.title.startswith("E")]
    assert table.equations == ("dw/dt = [a_pre · s_pre · y_post + a_post · s_post · y_pre]",)
    assert not any(row[0].startswith("b_") for row in table.rows)
    assert "log-normal" in describe(circuit).text and "you" in describe(circuit).text


def test_a_protocol_prints_groups_trials_and_claims():
    protocol = odour_discrimination()
    description = describe(protocol)
    text = description.to_text(400)
    for group in protocol.groups:
        assert group.name in text
    for prediction in protocol.predictions:
        row = next(row for row in cells(description, "Claims") if row[0] == prediction.claim)
        assert row[1:5] == (str(prediction.expect), prediction.published, prediction.source, prediction.certainty)
    trials = [trial for block in protocol.blocks for trial in block.trials]
    timetable = cells(description, "Timetable")
    assert [row[-1] for row in timetable] == [str(trial.repeats) for trial in trials]
    assert [row[2] for row in timetable] == [trial.cs_type for trial in trials]


def test_text_is_no_wider_than_asked_and_markdown_has_all_rows():
    description = describe(mushroom_body())
    assert max(map(len, description.to_text(90).splitlines())) <= 90
    pipes = [line for line in description.markdown.splitlines() if line.startswith("|")]
    assert len(pipes) == sum(len(t.rows) + 2 for t in description.tables if t.rows)


def test_cells_keep_their_line_breaks_and_pipes_are_escaped():
    table = Table("T", ("a", "b"), (("x\ny", "p|q"),))
    assert table.text().splitlines()[-2:] == ["x  p|q", "y"]
    assert "x<br>y | p\\|q" in table.markdown


def test_only_circuits_and_protocols_are_described():
    with pytest.raises(DescriptionError, match="takes a Circuit or a Protocol"):
        describe("mushroom_body")
