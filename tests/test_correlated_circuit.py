"""The correlated memory as a circuit: the published update once hidden neurons are instantaneous, interneurons that
carry what they are said to, and levels of description that agree."""
from __future__ import annotations

import networkx
import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

from neuroam import describe
from neuroam.circuit import as_spikes
from neuroam.circuits.correlated import BALANCED, GRAPHS, correlated, links
from neuroam.cues import Noise
from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.correlated import Correlated
from neuroam.effective.correlated_measures import by_distance, correlations
from neuroam.effective.integrate import integrate_out
from neuroam.errors import DescriptionError, Unsupported
from neuroam.graphs import Graph, cycle, distances, graph_of, in_words, karate, ring_lattice, rooms, schapiro
from neuroam.manipulations import Scale
from neuroam.patterns import Patterns
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.runs import lacks
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.units import ms
from neuroam.wiring import wire

DT = 2e-3
C30 = cycle(30)


def cueing(trials=4, presentation=20, delay=100, every=2 * ms, window=2, dose=None, record=("visible",)):
    """The first patterns, each with noise; `dose` of acetylcholine through its port."""
    length = (presentation + delay) * ms
    modulated = () if dose is None else (Stimulus("acetylcholine", {"acetylcholine": dose}, length),)
    listed = tuple(Trial(f"pattern {k + 1}", length,
                         (Stimulus("cue", f"pattern {k + 1}", presentation * ms, degraded=(Noise(.2887),)), *modulated),
                         measured=((presentation + delay - window) * ms, window * ms)) for k in range(trials))
    return Protocol("cueing", "cueing", "", (Block("b", listed),), tuple(Record(name, every=every) for name in record))


def ran(circuit, solver=None, seed=0, manipulations=(), **settings):
    """The wired circuit and the outcome."""
    solver = solver or Adiabatic(DT, method="euler")
    wired = wire(circuit, seed)
    for manipulation in manipulations:
        wired = manipulation.apply(wired)
    return wired, solver.run(wired, schedule(cueing(**settings), wired, solver.dt))


def states(outcome, trials=4, name="visible"):
    """Time courses (n_trials, n_samples, n_cells)."""
    trace = outcome.traces[name]
    return trace.reshape(trials, -1, trace.shape[1])


def finals(circuit, solver, seed=0, trials=30, presentation=200, delay=1000, window=2):
    wired, outcome = ran(circuit, solver, seed, trials=trials, presentation=presentation, delay=delay, window=window,
                         every=None)
    return wired, outcome.responses["visible"]


# the published update

@pytest.mark.parametrize("graph, settings", [
    ("cycle", {"auto": -.5, "hetero": 1.5}), ("cycle", {"auto": -1., "hetero": 2., "targeted": 0.}),
    ("cycle", {"auto": .4, "hetero": .2, "targeted": .7, "background": 0.}),
    ("directed cycle", {"auto": -2., "hetero": 3., "sharpness": .6}), ("reversed cycle", {"auto": -.3, "hetero": .8}),
    ("karate", {"auto": .5, "hetero": .5, "background": .3}), ("community", {"auto": 0., "hetero": 1.})])
@pytest.mark.parametrize("step", [.1, .02])
def test_with_instantaneous_hidden_neurons_it_is_the_published_update(graph, settings, step):
    wired, outcome = ran(correlated(graph=graph, cells=200, tau_visible=2 / step * ms, **settings))
    number = len(wired.patterns)
    made = {"cycle": C30, "directed cycle": cycle(30, directed=True), "reversed cycle": cycle(30, directed=True),
            "karate": karate(), "community": schapiro()}[graph]
    assert len(made.adjacency) == number
    model = Correlated(wired.patterns, made, settings["auto"], settings["hetero"], settings.get("sharpness", 1.),
                       settings.get("background", 1.), forward=graph != "reversed cycle")
    course = states(outcome)
    for k in range(10, 59):
        np.testing.assert_allclose(course[:, k + 1], model.update(course[:, k], step), rtol=0, atol=1e-10)
    relaxed, _ = model.relax_directly(course[:, 10], 49, step)
    np.testing.assert_allclose(course[:, 59], relaxed, rtol=0, atol=1e-10)


def test_an_exponential_step_is_an_update_of_another_size():
    wired, outcome = ran(correlated(cells=200), Adiabatic(DT))
    model, course = Correlated(wired.patterns, C30, -.5, 1.5), states(outcome)
    np.testing.assert_allclose(course[:, 21], model.update(course[:, 20], -np.expm1(-.02)), rtol=0, atol=1e-10)


def test_another_graph_is_another_update():
    """Must fail: the comparison sees the graph."""
    wired, outcome = ran(correlated(cells=200))
    course = states(outcome)
    other = Correlated(wired.patterns, ring_lattice(30, 4), -.5, 1.5)
    assert abs(other.update(course[:, 20], .02) - course[:, 21]).max() > 1e-4


# interneurons

def test_targeted_inhibition_is_what_makes_auto_association_negative():
    """As much of it as is left, scale by scale; and the same total without it."""
    circuit = correlated(cells=200, auto=-.5, hetero=1.5, targeted=2.)
    for share in (0., .5, 1.):
        wired, outcome = ran(circuit, manipulations=(Scale("targeted", "visible", share),))
        model, course = Correlated(wired.patterns, C30, 1.5 - 2 * share, 1.5), states(outcome)
        np.testing.assert_allclose(course[:, 21], model.update(course[:, 20], .02), rtol=0, atol=1e-10)
    without = states(ran(correlated(cells=200, auto=-.5, hetero=1.5, targeted=0.))[1])
    np.testing.assert_allclose(states(ran(circuit)[1]), without, rtol=0, atol=1e-10)


def test_global_inhibition_is_the_background():
    wired, outcome = ran(correlated(cells=200), manipulations=(Scale("global", "visible", .25),))
    model, course = Correlated(wired.patterns, C30, -.5, 1.5, background=.25), states(outcome)
    np.testing.assert_allclose(course[:, 21], model.update(course[:, 20], .02), rtol=0, atol=1e-10)


@pytest.mark.parametrize("level", [.1, .5, .8])
@pytest.mark.parametrize("through_the_port", [True, False])
def test_acetylcholine_multiplies_by_c_and_1_less_c(level, through_the_port):
    settings = {"cells": 200, "auto": -.5, "hetero": 1.5, "targeted": 1., "background": .6}
    if through_the_port:
        wired, outcome = ran(correlated(**settings), dose=level)
    else:
        wired, outcome = ran(correlated(acetylcholine=level, **settings))
    model = Correlated(wired.patterns, C30, .5 - 2 * level, 1.5, background=2 * (1 - level) * .6)
    course = states(outcome)
    np.testing.assert_allclose(course[:, 21], model.update(course[:, 20], .02), rtol=0, atol=1e-10)


@pytest.mark.parametrize("level, left", [(0., ("global", 2.)), (1., ("targeted", 2.))])
def test_all_or_no_acetylcholine_leaves_one_kind(level, left):
    _, outcome = ran(correlated(cells=100), dose=level, record=("targeted", "global", "memory"))
    said = states(outcome, name="memory").sum(axis=2)
    heard = {name: states(outcome, name=name).sum(axis=2) / BALANCED for name in ("targeted", "global")}
    kept, twice = left
    np.testing.assert_allclose(heard.pop(kept), twice * said, rtol=1e-6)
    np.testing.assert_allclose(*heard.values(), 0, atol=1e-6)


@pytest.mark.parametrize("dose", [1.7, 1.001])
def test_doses_above_all_are_refused(dose):
    with pytest.raises(DescriptionError, match=f"a dose of {dose:g} of acetylcholine; give 0"):
        schedule(cueing(dose=dose), wire(correlated(cells=20), 0), DT)


def test_memory_neurons_excite_and_interneurons_inhibit():
    wired = wire(correlated(cells=50, auto=-2., hetero=3.), 0)
    weights = {q.name: q.weight for q in wired.projections}
    assert (weights["memory->visible"] >= 0).all() and (weights["visible->memory"] >= 0).all()
    assert (weights["targeted->visible"] <= 0).all() and (weights["global->visible"] <= 0).all()
    assert not np.allclose(weights["memory->visible"], weights["visible->memory"].T)


def test_what_has_no_strength_is_not_there():
    names = {p.name for p in correlated(auto=.5, hetero=.5, background=0.).populations}
    assert names == {"cue", "visible", "memory"} and set(correlated(auto=.5, background=0.).ports) == {"cue"}
    assert "targeted" not in {p.name for p in correlated(auto=.5).populations}


def test_without_interneurons_the_hidden_neurons_can_be_integrated_out():
    wired = wire(correlated(cells=60, auto=.4, hetero=.6, background=0.), 3)
    model = integrate_out(wired)
    at = np.random.default_rng(0).random((5, 60))
    expected = Correlated(wired.patterns, C30, .4, .6, background=0.).update(at, 1.)
    np.testing.assert_allclose(model.update(at), expected, rtol=0, atol=1e-12)
    with pytest.raises(Unsupported, match="transpose"):
        model.energy(at)


# a memory with a body

def test_a_body_is_a_softmax_with_a_silent_competitor():
    wired, outcome = ran(correlated(patterns=6, cells=200, auto=.5, hetero=.5, sharpness=.1, body=True))
    course, patterns = states(outcome), wired.patterns
    drive = .1 * course[:, 20] @ (patterns - patterns.mean(axis=0)).T
    answer = softmax(np.column_stack([drive, np.zeros(4)]), axis=1)[:, :6]
    couplings = .5 * np.eye(6) + .5 * links("cycle", patterns, "fixed")
    target = answer @ couplings @ patterns - answer.sum(axis=1, keepdims=True) * patterns.mean(axis=0)
    np.testing.assert_allclose(course[:, 21], course[:, 20] + .02 * (target - course[:, 20]), rtol=0, atol=1e-10)
    assert answer.sum(axis=1).max() < 1


def test_with_a_body_it_recalls_the_same_in_time():
    curves = []
    for body, solver in ((False, Adiabatic(DT)), (True, Adiabatic(DT)), (True, Numba(DT))):
        _, final = finals(correlated(auto=.5, hetero=.5, sharpness=.1, body=body), solver)
        curves.append(by_distance(correlations(final), distances(C30.adjacency))[:6])
    np.testing.assert_allclose(curves[1], curves[0], atol=.03)
    np.testing.assert_allclose(curves[2], curves[1], atol=.03)
    assert curves[0][1] > .5


# inhibition that learns

def lesson(pattern, duration, learns=True, strength=3.):
    permission = (Stimulus("learning", {"learning": 1.}, duration),) if learns else ()
    return Trial(f"learns {pattern}", duration, (Stimulus("cue", {pattern: strength}, duration), *permission))


def learned(circuit, lessons, solver, cued=0, window=2):
    """Weights onto visible cells (memory, cell), in units of given ones, and final states."""
    wired, test = wire(circuit, 1), cueing(max(cued, 1), 200, 1000, None, window).blocks[0]
    blocks = (Block("lessons", lessons), *((test,) if cued else ()))
    made = Protocol("learning", "learning", "", blocks, (Record("visible"),))
    outcome = solver.run(wired, schedule(made, wired, solver.dt))
    weights = BALANCED * outcome.weights["targeted->visible"].reshape(circuit.patterns.size, -1).T
    return wired.patterns, weights, outcome.responses["visible"][len(lessons):]


def test_targeted_inhibition_grows_as_the_rule_says():
    """While one memory is shown, v decays as exp(−λ t/4): ½ reaches the interneuron, and ½ of its answer comes back."""
    fast = {"tau_visible": 10 * ms, "tau_memory": 1 * ms, "tau_inhibition": 1 * ms}
    circuit = correlated(6, 200, auto=.5, hetero=.5, learning=.5, **fast)
    patterns, weights, _ = learned(circuit, (lesson("pattern 1", 4000 * ms),), Numba(.5e-3))
    drive = 3.5 * patterns[0] + .25 * (patterns[1] + patterns[5]) - patterns.mean(axis=0)
    np.testing.assert_allclose(weights[0], -np.maximum(drive, 0) * (1 - np.exp(-.5)), rtol=.01, atol=.002)
    assert abs(weights[1:]).max() < 1e-4


def test_learned_inhibition_extends_association_in_rates_and_spikes():
    """Every memory shown once for .4 s; without permission to learn nothing changes, which is the control."""
    circuit, distance = correlated(cells=400, auto=.5, hetero=1.5, learning=2.), distances(C30.adjacency)
    curves = {}
    for name, made, learns, window in (("naive", circuit, False, 2), ("rate", circuit, True, 2),
                                       ("spiking", as_spikes(circuit), True, 200)):
        lessons = tuple(lesson(f"pattern {k + 1}", 400 * ms, learns) for k in range(30))
        patterns, weights, final = learned(made, lessons, Numba(DT), 30, window)
        curves[name] = by_distance(correlations(final), distance)
        own = np.corrcoef((patterns - patterns.mean(axis=0)).ravel(), (weights - weights.mean(axis=0)).ravel())[0, 1]
        assert own < -.9 if learns else not weights.any()
    for name in ("rate", "spiking"):
        assert np.all(curves[name][3:5] > curves["naive"][3:5] + .04)


def test_the_effective_level_does_not_learn():
    with pytest.raises(Unsupported, match="cannot carry plasticity"):
        ran(correlated(cells=50, learning=1.))


# levels of description

def test_levels_agree():
    """Interneurons that lag, and spikes of pools, leave the correlations between attractors as they are."""
    circuit = correlated(auto=-.5, hetero=1.5, cells=500)
    distance = distances(C30.adjacency)
    curves = {}
    for name, made, solver, window in (("effective", circuit, Adiabatic(DT), 2), ("rate", circuit, Numba(DT), 2),
                                       ("spiking", as_spikes(circuit), Numba(DT), 200)):
        _, final = finals(made, solver, presentation=100, delay=400, window=window)
        curves[name] = by_distance(correlations(final), distance)[:8]
    np.testing.assert_allclose(curves["rate"], curves["effective"], atol=.02)
    np.testing.assert_allclose(curves["spiking"], curves["effective"], atol=.06)


def test_inhibition_must_keep_up_with_the_visible_neurons():
    """With fast visible neurons the lag of targeted inhibition loses what the update holds."""
    held, lost = (by_distance(correlations(finals(correlated(auto=-2., hetero=3., tau_visible=tau * ms),
                                                  Numba(.5e-3), trials=30, presentation=2 * tau, delay=8 * tau)[1]),
                              distances(C30.adjacency))[1] for tau in (100, 20))
    assert held > .8 and lost < .4


# graphs, orders, patterns

@pytest.mark.parametrize("graph, adjacency", [
    ("cycle", C30), ("directed cycle", cycle(30, directed=True)), ("community", schapiro()), ("triK5", schapiro()),
    ("karate", karate()), ("rooms", rooms()), ("ring lattice", ring_lattice(30, 4))])
def test_graphs_by_name(graph, adjacency):
    circuit = correlated(graph=graph, cells=10)
    assert circuit.patterns.number == len(adjacency.adjacency)
    degree = adjacency.adjacency.sum(axis=1)
    expected = adjacency.adjacency / np.sqrt(np.outer(degree, degree))
    np.testing.assert_allclose(links(graph, wire(circuit, 0).patterns, "fixed"), expected)


def test_graphs_by_their_links():
    """Both ways, one way, to itself, weighted; nodes in the order in which they come."""
    made = graph_of("b - a;  a > c 0.5; d; c - d 2; d - d;")
    np.testing.assert_array_equal(made.adjacency, [[0, 1, 0, 0], [1, 0, .5, 0], [0, 0, 0, 2], [0, 0, 2, 1]])
    assert isinstance(made, Graph) and made.communities.tolist() == [0] * 4


def test_a_graph_in_words_is_that_graph():
    drawn = np.random.default_rng(0).normal(size=(9, 9)).round(1) * (np.random.default_rng(1).random((9, 9)) < .4)
    for graph in (rooms(), cycle(5, directed=True), drawn, drawn + drawn.T, networkx.les_miserables_graph()):
        adjacency = graph.adjacency if isinstance(graph, Graph) else \
            networkx.to_numpy_array(graph) if isinstance(graph, networkx.Graph) else graph
        np.testing.assert_array_equal(graph_of(in_words(graph)).adjacency, adjacency)


def test_a_graph_of_links_is_the_update_on_it():
    text = "a - b; b - c 0.5; c > a; d > c; a - d"
    wired, outcome = ran(correlated(graph=text, cells=200))
    course, model = states(outcome), Correlated(wired.patterns, graph_of(text), -.5, 1.5)
    np.testing.assert_allclose(course[:, 21], model.update(course[:, 20], .02), rtol=0, atol=1e-10)
    assert "4 nodes given by its links" in correlated(graph=text).name
    same, named = (wire(correlated(graph=graph, cells=20), 0).projections for graph in (in_words(C30), "cycle"))
    for one, other in zip(same, named, strict=True):
        np.testing.assert_array_equal(one.weight, other.weight)


@pytest.mark.parametrize("graph, message", [
    (C30, "graph is a Graph; give it in words"), (networkx.path_graph(4), "graph is a Graph; give it in words"),
    (np.eye(3), "graph is a ndarray"), ("ring latice", "use one of cycle"), ("a - b c", "its weight is 'c'"),
    ("a - b 0", "weight is '0'"), ("a - b inf", "weight is 'inf'"), ("a - b; b > a 2", "it has weight 1 already"),
    ("a - b; c", "links out of node 2"), ("a - b - c", "its weight|give 'a - b'"), ("a - ", "give 'a - b'"),
    ("- a", "give 'a - b'"), ("a b; b > c", "'a b': give 'a - b'")])
def test_graphs_that_are_none_are_refused(graph, message):
    with pytest.raises(DescriptionError, match=message):
        correlated(graph=graph)


def test_images_of_one_digit_are_linked():
    made = links("classes", wire(correlated(30, graph="classes", images="digits"), 0).patterns, "fixed") > 0
    digit = np.arange(30) % 10
    np.testing.assert_array_equal(made, (digit[:, None] == digit) & ~np.eye(30, dtype=bool))


def test_a_shuffled_order_is_drawn_for_each_animal():
    circuit = correlated(cells=20, order="shuffled")
    first, again, other = (links("cycle", wire(circuit, seed).patterns, "shuffled") for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    for made in (first, other):
        assert np.isfinite(distances(made)).all() and ((made > 0).sum(axis=1) == 2).all()
    fixed = links("cycle", wire(circuit, 1).patterns, "fixed")
    assert ((first > 0) & (fixed > 0)).sum() < 20


def test_smooth_patterns_resemble_their_neighbours_around_the_ring():
    drawn = Patterns(49, 4000, kind="uniform", smooth=1.5).draw(np.random.default_rng(0))
    assert drawn.min() > 0 and drawn.max() < 1
    assert stats.kstest(drawn[7], "uniform").pvalue > .01
    ranked = np.corrcoef(stats.norm.ppf(drawn))
    for d in (1, 2, 3, 6):
        around = np.mean([ranked[k, (k + d) % 49] for k in range(49)])
        assert around == pytest.approx(np.exp(-d**2 / 4 / 1.5**2), abs=.02)
    assert str(Patterns(5, 3, kind="uniform", smooth=2)) == "5 patterns of 3, uniform in 0…1, smooth over 2"
    plain = Patterns(5, 30, kind="uniform").draw(np.random.default_rng(1))
    np.testing.assert_array_equal(plain, np.random.default_rng(1).random((5, 30)))


# descriptions and refusals

def test_the_methods_section_names_what_there_is():
    text = str(describe(correlated()))
    for word in ("targeted", "global", "modulator", "acetylcholine", "Burns 2024", "'cycle'"):
        assert word in text
    assert "pool" in lacks(correlated(body=True), "spiking")
    assert not lacks(correlated(), "spiking") and not lacks(correlated(), "effective")


@pytest.mark.parametrize("settings, message", [
    ({"graph": "ring"}, "graph is 'ring'; use one of cycle"), ({"graph": "karate", "patterns": 30}, "has 34 nodes"),
    ({"order": "random"}, "order is 'random'; it must be one of fixed, shuffled"),
    ({"sharpness": 0.}, "sharpness is 0.0; it must be above 0"),
    ({"acetylcholine": 1.}, "acetylcholine is 1.0; it must be between 0 and 1"),
    ({"learning": 1., "targeted": 1.}, "learning is 1.0; it must be 0 where inhibition is given, or above"),
    ({"graph": "classes"}, "images is ''; use 'digits'"), ({"images": "faces"}, "images is 'faces'"),
    ({"smooth": -1.}, "smooth is -1.0"), ({"patterns": 2}, "cycle of 2 nodes")])
def test_circuits_that_cannot_be_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        correlated(**settings)


def test_smooth_patterns_are_uniform_ones():
    with pytest.raises(DescriptionError, match="smooth is 1 for kind 'sign'"):
        Patterns(3, 4, smooth=1)


def test_every_graph_has_a_test():
    assert set(GRAPHS) == {"cycle", "directed cycle", "reversed cycle", "community", "triK5", "karate", "rooms",
                           "ring lattice", "classes"}
