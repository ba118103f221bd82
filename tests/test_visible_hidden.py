"""Visible and hidden neurons: what the hidden ones compute, memories as fixed points, completion of cues at every
level, and the circuit as a Methods section and a diagram show it."""
from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from brian2 import Hz, ms
from scipy.special import softmax

from neuroam import describe, simulate
from neuroam.circuit import Stored, as_spikes
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.cues import Flip
from neuroam.diagram import circuit_diagram
from neuroam.effective.adiabatic import Adiabatic
from neuroam.errors import DescriptionError
from neuroam.manipulations import Scale
from neuroam.methods_circuit import weight_sign
from neuroam.neurons import Escape
from neuroam.patterns import given, overlap
from neuroam.protocol import EVERY, Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.registry import build
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.transfer import Exponential, Power, Softmax, Tanh
from neuroam.units import Parameter
from neuroam.wiring import wire

GRADED = ("classical", "polynomial", "exponential", "softmax", "spherical")
MODELS = (*GRADED, "softmax with a body")
CONTROL = (Group("control"),)
SOLVER = Numba(dt=1e-4)


def recall(fraction=0.2, what=EVERY, cue=60*ms, groups=CONTROL, measured=(150*ms, 50*ms)):
    """A cue of 60 ms with a fifth of its signs flipped; the answer is what is left 90 ms later."""
    trial = Trial("cue", 200*ms, (Stimulus("cue", what, cue, degraded=(Flip(fraction),)),), measured=measured)
    return Protocol("recall", "recall", "", (Block("b", (trial,)),), (Record("visible"), Record("memory")), groups)


# what is wired

@pytest.mark.parametrize("model", MODELS)
def test_synapses_are_the_stored_patterns_both_ways(model):
    wired = wire(visible_hidden(5, 12, model), 2)
    xi = wired.patterns
    there, back = wired.projections[1].weight, wired.projections[2].weight
    np.testing.assert_array_equal(there, xi)
    np.testing.assert_array_equal(back, (1000 if model == "softmax with a body" else 1) * xi.T)
    assert np.shares_memory(there, xi)
    assert np.shares_memory(back, xi) == (model != "softmax with a body")


def overlaps(n=7):
    return np.linspace(-1, 1, n)


@pytest.mark.parametrize("settings, f", [
    ({"model": "classical"}, lambda m: m),
    ({"model": "polynomial", "power": 2}, lambda m: np.maximum(m, 0)),
    ({"model": "polynomial", "power": 4}, lambda m: np.maximum(m, 0)**3),
    ({"model": "spherical", "power": 3}, lambda m: np.maximum(m, 0)**2),
    ({"model": "exponential", "sharpness": 7.0}, lambda m: np.exp(7 * (m - 1))),
    ({"model": "softmax", "sharpness": 7.0}, lambda m: softmax(7 * m)),
    ({"model": "softmax with a body", "sharpness": 7.0}, lambda m: np.exp(7 * (m - 1)))])
def test_hidden_neurons_separate_overlaps(settings, f):
    """h = N m."""
    circuit = visible_hidden(7, 50, **settings)
    np.testing.assert_allclose(circuit.population("memory").neuron.transfer(50 * overlaps()), f(overlaps()), rtol=1e-12)


@pytest.mark.parametrize("model, g", [("classical", lambda v: np.tanh(4 * v)), ("polynomial", lambda v: np.tanh(4 * v)),
                                      ("exponential", lambda v: np.tanh(4 * v)), ("softmax", lambda v: v),
                                      ("softmax with a body", lambda v: v),
                                      ("spherical", lambda v: 3 * v / np.linalg.norm(v))])
def test_visible_neurons_emit(model, g):
    v = np.random.default_rng(0).standard_normal(9)
    np.testing.assert_allclose(visible_hidden(3, 9, model, gain=4.0).population("visible").neuron.transfer(v), g(v),
                               rtol=1e-12)


def test_the_classical_memory_is_hopfields_matrix_without_its_diagonal():
    """P f S + lateral synapses = ξᵀξ/N with zeros on the diagonal."""
    wired = wire(visible_hidden(5, 12, "classical"), 2)
    gain = float(wired.populations[2].neuron.transfer.gain)
    matrix = gain * wired.projections[2].weight @ wired.projections[1].weight + np.diag(wired.projections[3].weight)
    hebb = sum(np.outer(p, p) for p in wired.patterns) / 12
    np.testing.assert_allclose(matrix, hebb - np.diag(np.diag(hebb)), atol=1e-14)


@pytest.mark.parametrize("power", [2, 3, 4])
def test_the_energy_of_the_dense_memory(power):
    """Binary visible neurons, hidden ones slaved: −L_h(ξσ) = −N Σ [m]₊ⁿ/n (Krotov & Hopfield 2016)."""
    wired = wire(visible_hidden(5, 12, "polynomial", power=power), 2)
    sigma = np.sign(np.random.default_rng(0).standard_normal(12))
    m = wired.patterns @ sigma / 12
    assert -wired.populations[2].neuron.transfer.lagrangian(12 * m) == pytest.approx(
        -12 * (np.maximum(m, 0)**power).sum() / power, rel=1e-12)


# memories

@pytest.mark.parametrize("model", MODELS)
def test_a_single_memory_is_a_fixed_point(model):
    """The answer to the only stored pattern is that pattern, of amplitude 1 where hidden neurons normalise."""
    circuit = visible_hidden(1, 40, model)
    recording = simulate(circuit, recall(0.0), Adiabatic(dt=1e-4), animals=1, seed=4)
    xi = wire(circuit, 4).patterns[0]
    visible = recording["response"][0, 0].values[:40]
    np.testing.assert_allclose(visible * xi, visible[0] * xi[0], rtol=1e-5)
    if model.startswith("softmax"):
        assert visible[0] * xi[0] == pytest.approx(1, abs=1e-2)
    assert float(recording["overlap"][0, 0, 0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_cues_with_a_fifth_of_their_signs_flipped_are_completed(model):
    """In the circuit of rates and with hidden neurons that have no time constant, 8 patterns over 100 cells."""
    for solver in (SOLVER, Adiabatic(dt=1e-4)):
        recording = simulate(visible_hidden(8, 100, model), recall(), solver, animals=2, seed=1)
        own = recording["overlap"].values[:, np.arange(8), np.arange(8)]
        assert own.min() > (0.95 if model == "classical" else 0.98)
        np.testing.assert_array_equal(recording["match"], np.broadcast_to(np.arange(8), (2, 8)))


@pytest.mark.parametrize("model, pool", [("polynomial", 100), ("softmax", 100), ("softmax with a body", 10_000),
                                         ("spherical", 100)])
def test_pools_of_spiking_cells_complete_them_too(model, pool):
    """The interneuron of the body needs many: in a step without any of its spikes nothing is divided by 1000."""
    recording = simulate(as_spikes(visible_hidden(5, 60, model, pool=pool)), recall(), SOLVER, animals=1, seed=1)
    assert recording["overlap"].values[:, np.arange(5), np.arange(5)].min() > 0.9
    np.testing.assert_array_equal(recording["match"][0], np.arange(5))


@pytest.mark.parametrize("model", ["polynomial", "exponential", "softmax", "spherical"])
def test_without_the_way_back_a_cue_is_forgotten(model):
    """The control: what completes and keeps is the answer of the hidden neurons. Visible cells alone decay with their
    time constant, and their overlap stays that of the cue, 1 − 2 · 0.2."""
    groups = (Group("intact"), Group("cut", (Scale("memory", "visible", 0.0),)))
    circuit = visible_hidden(8, 100, model)
    recording = simulate(circuit, recall(0.2, "pattern 1", groups=groups), SOLVER, animals=1)
    visible = recording["population"].values[recording["responder"].values] == "visible"
    intact, cut = np.abs(recording["response"].values[:, 0, visible]).mean(axis=1)
    left = (1 - np.exp(-3)) * np.exp(-np.arange(90, 140, 0.1) / 20)  # v where the cue is +1
    alone = np.full((100, left.size), left)
    assert cut == pytest.approx(circuit.population("visible").neuron.transfer(alone).mean(), rel=0.02)
    np.testing.assert_allclose(recording["overlap"].values[:, 0, 0], [1, 0.6], atol=0.02)
    assert intact > 0.9


def test_of_real_images_the_nearest_is_recalled():
    """Digits are alike, up to an overlap of .9, so that some cues are nearer to another image than to their own."""
    circuit = visible_hidden(20, model="softmax", images="digits")
    recording = simulate(circuit, recall(), SOLVER, animals=1)
    wired = wire(circuit)
    session = schedule(recall(), wired, SOLVER.dt)
    cues = np.array([session.inputs[0].at(row.on) for row in session.presentations])
    nearest = (cues @ wired.patterns.T).argmax(axis=1)
    assert (recording["match"].values[0] == nearest).mean() >= 0.95
    assert (nearest == np.arange(20)).mean() >= 0.8


def test_a_patterns_answer_is_its_neuron():
    """The memory neuron of the pattern presented is the one that fires."""
    recording = simulate(visible_hidden(6, 100), recall(), SOLVER, animals=1)
    memory = recording["population"].values[recording["responder"].values] == "memory"
    response = recording["response"].values[0][:, memory]
    np.testing.assert_array_equal(response.argmax(axis=1), np.arange(6))
    np.testing.assert_allclose(response.sum(axis=1), 1, rtol=1e-6)


def test_overlaps_are_those_of_the_answers():
    recording = simulate(visible_hidden(6, 100), recall(), SOLVER, animals=1, seed=2)
    visible = recording["population"].values[recording["responder"].values] == "visible"
    expected = overlap(recording["response"].values[0][:, visible], wire(visible_hidden(6, 100), 2).patterns)
    np.testing.assert_allclose(recording["overlap"][0], expected, atol=1e-6)


# settings

def test_defaults_and_what_they_give():
    assert visible_hidden(model="softmax").population("memory").neuron.transfer == Softmax(
        Parameter(0.2, "1", "assumed: β/N, as the drive is N m"))
    exponential = visible_hidden(model="exponential").population("memory").neuron.transfer
    assert isinstance(exponential, Exponential) and float(exponential.slope) == 0.05
    assert isinstance(visible_hidden(model="polynomial").population("memory").neuron.transfer, Power)
    assert isinstance(visible_hidden(model="polynomial").population("visible").neuron.transfer, Tanh)
    assert visible_hidden().hidden == ("memory",)
    assert visible_hidden(model="softmax with a body").hidden == ("memory", "pool")
    assert build("circuits", {"name": "visible_hidden", "settings": {}}).name.startswith("visible and hidden")


@pytest.mark.parametrize("settings, message", [
    ({"model": "sofmax"}, "model is 'sofmax'; use one of classical, polynomial"), ({"power": 1}, "power is 1"),
    ({"sharpness": 0}, "sharpness is 0.0; it must be more than 0"), ({"sharpness": float("nan")}, "sharpness is nan"),
    ({"sharpness": np.inf}, "sharpness is inf; give a finite number"), ({"power": np.inf}, "power is inf"),
    ({"competition": np.inf}, "competition is inf"), ({"gain": np.nan}, "gain is nan"),
    ({"gain": -1}, "gain is -1"), ({"competition": 0}, "competition is 0"), ({"images": "faces"}, "images is 'faces'"),
    ({"images": "digits", "patterns": 10**4}, "10000 images asked for"), ({"patterns": 0}, "number is 0"),
    ({"level": 1.5}, "level is 1.5"), ({"tau_hidden": 0*ms}, r"Rate\.tau"), ({"pool": 0}, "cells is 0"),
    ({"ceiling": 0*Hz}, r"Escape\.ceiling")])
def test_settings_that_cannot_be_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        as_spikes(visible_hidden(**settings))


OWN = np.random.default_rng(0).choice([-1.0, 1.0], (6, 30))


@pytest.mark.parametrize("patterns", [OWN, OWN.tolist(), given(OWN)])
def test_patterns_of_ones_own_go_into_the_circuit_that_was_made(patterns):
    with pytest.raises(DescriptionError, match=r"not a whole number; to store patterns of your own,.*replace\(") as no:
        visible_hidden(patterns=patterns)
    assert len(str(no.value)) < 300


def test_patterns_of_ones_own_are_stored_and_recalled():
    circuit = dataclasses.replace(visible_hidden(6, 30), patterns=given(OWN), recipe=None)
    np.testing.assert_array_equal(wire(circuit, 3).patterns, OWN)
    np.testing.assert_array_equal(wire(circuit, 3).projections[1].weight, OWN)
    assert float(simulate(circuit, recall(), SOLVER, animals=1)["overlap"][0, 0, 0]) > 0.9


@pytest.mark.parametrize("level", [0.1, 0.25, 0.5])
def test_autapses_of_the_sparse_memory_are_removed_on_average(level):
    """Of a cell that is active in k of P patterns (1 − 2f)(k − Pf)/N of its own answer is left."""
    wired = wire(visible_hidden(20, 100, "sparse", level=level), 1)
    centred = wired.patterns - level
    left = (centred**2).sum(axis=0) / 100 + wired.projections[3].weight
    k = wired.patterns.sum(axis=0)
    np.testing.assert_allclose(left, (1 - 2 * level) * (k - 20 * level) / 100, atol=1e-12)
    assert left.mean() == pytest.approx(0, abs=1e-12) and (np.abs(left).max() > 0.005) == (level < 0.5)


@pytest.mark.parametrize("tau, diverges", [(2*ms, False), (10*ms, True)])
def test_the_body_diverges_behind_a_slow_interneuron(tau, diverges):
    """Also in a short step. A state that is not a number has no overlap, and is not taken for a failed recall."""
    circuit = visible_hidden(model="softmax with a body", tau_pool=tau)
    found = simulate(circuit, recall(), Numba(2e-5), animals=1, seed=1)["overlap"].values[0, 0]
    assert np.isnan(found).all() if diverges else found[0] > 0.99


@pytest.mark.parametrize("name", ["pattern 21", "Pattern 1"])
def test_unknown_patterns_are_refused(name):
    with pytest.raises(DescriptionError, match=f"unknown stimulus '{name}'; did you mean 'pattern"):
        schedule(recall(what=name), wire(visible_hidden()), 1e-4)


# as a Methods section

def parameters(thing):
    if isinstance(thing, Parameter):
        return [thing]
    if isinstance(thing, tuple):
        return [p for part in thing for p in parameters(part)]
    if dataclasses.is_dataclass(thing):
        return [p for f in dataclasses.fields(thing) for p in parameters(getattr(thing, f.name))]
    return []


@pytest.mark.parametrize("form", [lambda circuit: circuit, as_spikes], ids=["graded", "spiking"])
@pytest.mark.parametrize("model", MODELS)
def test_every_number_is_printed_with_its_source(model, form):
    circuit = form(visible_hidden(5, 20, model))
    description = describe(circuit)
    rows = [" | ".join(row) for table in description.tables for row in table.rows]
    found = [p for p in parameters(circuit.populations) + parameters(circuit.projections) if p.source != "definition"]
    assert len(found) >= 4
    for p in found:
        assert any(str(p) in row and p.source in row for row in rows), p
    for projection in circuit.projections:
        if isinstance(projection.weight, Stored):
            assert any(projection.weight.text in row and projection.weight.source in row for row in rows)


def table(circuit, letter):
    return next(t for t in describe(circuit).tables if t.title.startswith(letter))


def test_memories_levels_and_input_are_described():
    circuit = visible_hidden(5, 20, "softmax with a body", pool=30, ceiling=50*Hz)
    stored = dict(row[:2] for row in table(circuit, "P").rows)
    assert stored["Patterns"] == "5 patterns of 20, ±1, P(+1) = 0.5"
    assert stored["Names"] == "pattern 1, pattern 2, pattern 3, pattern 4, …"
    levels = {row[0]: row[1:] for row in table(circuit, "H").rows}
    assert "pool of 30 escape-rate neurons" in levels["spiking"][0] and "hazard 50 Hz" in levels["spiking"][1]
    assert "memory and pool have no time constant" in levels["effective"][0]
    assert any("Σ dose · ξ_i" in row[3] for row in table(circuit, "F").rows)
    assert "ξ_μi is cell i of stored pattern μ" in table(circuit, "C").note


def test_pools_are_described_as_such():
    circuit = as_spikes(visible_hidden(5, 20, "polynomial", pool=30))
    assert [row[1] for row in table(circuit, "B").rows] == ["20", "20 pools of 30", "5 pools of 30"]
    assert "770 cells in all" in table(circuit, "A").rows[0][1]
    visible = table(circuit, "D2")
    assert any("ceiling · (g(x) − least) · dt" in line for line in visible.equations)
    assert ("least emission that is coded, least", "-1", "see H") in visible.rows
    for population in circuit.populations[1:]:
        assert isinstance(population.neuron, Escape)


def test_digits_are_described_as_given():
    circuit = visible_hidden(5, images="digits")
    assert table(circuit, "P").rows[0] == ("Patterns", "5 ±1 patterns of 64, given", circuit.patterns.source)
    assert "drawn" not in table(circuit, "P").note


@pytest.mark.parametrize("form", [lambda circuit: circuit, as_spikes], ids=["graded", "spiking"])
@pytest.mark.parametrize("model", MODELS)
def test_the_diagram_shows_synapses_of_either_sign(model, form):
    circuit = form(visible_hidden(5, 20, model))
    assert [weight_sign(p) for p in circuit.projections[:3]] == [1, 0, 0]
    figure = circuit_diagram(circuit)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    inhibited = model in ("classical", "softmax with a body")
    assert legend == ["excites", "either sign", *(["inhibits"] if inhibited else [])]
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"cue", "visible", "memory"} <= words and ("20 pools of 100" in words) == (form is as_spikes)


def test_text_is_no_wider_than_asked():
    for form in (lambda circuit: circuit, as_spikes):
        assert max(map(len, describe(form(visible_hidden())).to_text(100).splitlines())) <= 100
