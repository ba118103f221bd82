"""Stored patterns: their statistics, one seed one set, overlaps by their definition, strains, and what is refused."""
from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from brian2 import ms

from neuroam import judge, simulate
from neuroam.circuit import Circuit, Population, Port, Projection, Stored
from neuroam.circuits.images import digit_images, digits
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.connect import all_to_all, in_degree, one_to_one
from neuroam.errors import DescriptionError, UnitError
from neuroam.manipulations import Silence
from neuroam.neurons import Drive, Rate
from neuroam.patterns import KINDS, Patterns, given, overlap
from neuroam.protocol import EVERY, Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.recording import MOST_PATTERNS, join
from neuroam.session import schedule
from neuroam.solvers import Numba
from neuroam.transfer import Linear
from neuroam.wiring import stream, wire

VALUES = {"sign": (-1.0, 1.0), "binary": (0.0, 1.0)}
SOLVER = Numba(dt=1e-3)
CONTROL = (Group("control"),)


def draw(seed=0, **settings):
    return Patterns(**{"number": 400, "size": 500} | settings).draw(np.random.default_rng(seed))


# what is drawn

@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("level", [0.1, 0.5, 0.8])
def test_cells_are_active_with_probability_level(kind, level):
    drawn = draw(kind=kind, level=level)
    low, high = VALUES[kind]
    assert set(np.unique(drawn)) == {low, high}
    active = drawn == high
    sd = np.sqrt(level * (1 - level) / active.size)
    assert active.mean() == pytest.approx(level, abs=4 * sd)
    assert active.sum(axis=1).std() == pytest.approx(np.sqrt(500 * level * (1 - level)), rel=0.15)


def test_uniform_patterns_have_the_moments_of_their_distribution():
    drawn = draw(kind="uniform")
    assert drawn.min() >= 0 and drawn.max() < 1
    assert drawn.mean() == pytest.approx(1 / 2, abs=4 / np.sqrt(12 * drawn.size))
    assert drawn.var() == pytest.approx(1 / 12, rel=0.01)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("level, size, active", [(0.5, 100, 50), (0.1, 64, 6), (0.05, 30, 2)])
def test_exact_patterns_all_have_the_same_number_of_active_cells(kind, level, size, active):
    drawn = draw(kind=kind, level=level, size=size, exact=True)
    assert set((drawn == 1).sum(axis=1)) == {active}
    cells = (drawn == 1).mean(axis=0)
    assert np.abs(cells - active / size).max() < 5 * np.sqrt(active / size * (1 - active / size) / 400)


def test_different_patterns_are_uncorrelated():
    """Overlaps of random ±1 patterns have mean 0 and standard deviation 1/√N."""
    drawn = draw(number=100, size=400)
    between = overlap(drawn, drawn)[np.triu_indices(100, 1)]
    assert between.mean() == pytest.approx(0, abs=4 / np.sqrt(400 * len(between)))
    assert between.std() == pytest.approx(1 / 20, rel=0.05)


def test_the_memories_belong_to_the_seed():
    first, again, other = (wire(visible_hidden(5, 30), seed).patterns for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal(first, Patterns(5, 30).draw(stream(1, "patterns")))


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "given"])
@pytest.mark.parametrize("exact", [False, True])
def test_more_patterns_are_the_same_ones_and_others(kind, exact):
    few, many = (draw(number=n, size=40, kind=kind, exact=exact) for n in (5, 9))
    np.testing.assert_array_equal(few, many[:5])


def test_names():
    assert Patterns(3, 10).names == ("pattern 1", "pattern 2", "pattern 3")
    assert given(np.eye(2), names=("cat", "dog")).names == ("cat", "dog")
    assert wire(visible_hidden(3, 10)).ports["cue"].names == ("pattern 1", "pattern 2", "pattern 3")


def test_given_patterns_are_kept_as_they_are():
    rows = np.array([[1.0, -1.0, 1.0], [-1.0, -1.0, 1.0]])
    patterns = given(rows, "visible")
    rows[0, 0] = 5
    assert patterns.kind == "sign" and (patterns.number, patterns.size) == (2, 3)
    np.testing.assert_array_equal(patterns.draw(np.random.default_rng(0)), [[1, -1, 1], [-1, -1, 1]])
    assert given([[0.2, 0.7]]).kind == "given"
    with pytest.raises(ValueError, match="read-only"):
        patterns.values[0, 0] = 0


def test_what_a_description_says():
    assert str(Patterns(3, 10, kind="binary", level=0.1, exact=True)) == \
        "3 patterns of 10, 0 or 1, P(1) = 0.1, the same number in each"
    assert str(given(np.full((2, 3), 0.5))) == "2 patterns of 3, given"
    assert str(digits(5)) == "5 ±1 patterns of 64, given"


def test_digits_are_different_images_of_ten_figures():
    images, shown = digit_images()
    assert set(np.unique(images)) == {-1.0, 1.0} and images.shape[1] == 64
    assert len(np.unique(images, axis=0)) == len(images) and set(shown) == set(range(10))
    np.testing.assert_array_equal(shown[:10], range(10))
    stored = digits(20)
    assert (stored.number, stored.size, stored.kind) == (20, 64, "sign")
    np.testing.assert_array_equal(wire(visible_hidden(20, images="digits")).patterns, images[:20])


# refusals

@pytest.mark.parametrize("settings, message", [
    ({"number": 0}, "number is 0; give a whole number"), ({"number": 2.5}, "number is 2.5"),
    ({"size": 0}, "size is 0"), ({"kind": "grey"}, "kind is 'grey'; use one of sign"),
    ({"level": 0.0}, "level is 0.0; give a fraction"), ({"level": 1.0}, "level is 1.0"),
    ({"level": float("nan")}, "level is nan"),
    ({"names": ("a", "b")}, "3 patterns need as many different names, got 2"),
    ({"names": ("a", "b", "a")}, "3 patterns need as many different names, got 2"),
    ({"kind": "given"}, "use given"), ({"values": np.zeros((2, 4))}, "use given")])
def test_patterns_that_cannot_be_are_refused(settings, message):
    with pytest.raises(DescriptionError, match=message):
        Patterns(**{"number": 3, "size": 4} | settings)


@pytest.mark.parametrize("values, message", [
    (np.zeros(4), "shape \\(number, size\\), got \\(4,\\)"), (np.zeros((0, 4)), "got \\(0, 4\\)"),
    (np.array([[1, 1], [1, np.nan], [np.inf, 0]]), "NaN or infinity in rows \\[1, 2\\]")])
def test_arrays_that_are_no_patterns_are_refused(values, message):
    with pytest.raises(DescriptionError, match=message):
        given(values)


@pytest.mark.parametrize("settings", [{"number": 10**8, "size": 100}, {"number": 10**12, "size": 1},
                                      {"number": 10**6, "size": 10, "kind": "uniform", "smooth": 2.0},
                                      {"number": 10**12, "size": 1, "names": ("a", "b")}])
def test_patterns_beyond_memory_are_refused_before_any_is_allocated(settings, monkeypatch):
    monkeypatch.setattr("neuroam.patterns.free_memory", lambda: 1e10)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(DescriptionError, match=r"needs more than .* GB .* and 10 GB are free; store fewer patterns"):
        Patterns(**settings)
    assert time.perf_counter() - start < 1 and tracemalloc.get_traced_memory()[1] < 1e6
    tracemalloc.stop()


def test_what_patterns_need_is_what_they_take():
    tracemalloc.start()
    stored = Patterns(20_000, 5)
    took = tracemalloc.get_traced_memory()[0]
    drawn = stored.draw(np.random.default_rng(0))
    took += drawn.nbytes
    tracemalloc.stop()
    assert took == pytest.approx(stored.bytes, rel=0.1)


def memory(patterns, cells=4, ports=None, **projection):
    settings = {"connectivity": all_to_all(), "weight": Stored(lambda xi: xi, "ξ")} | projection
    return Circuit("m", (Population("cue", cells, Drive()), Population("visible", cells, Rate(20*ms, Linear())),
                         Population("memory", 3, Rate(5*ms, Linear()))),
                   (Projection("cue", "visible", one_to_one(), 1.0),
                    Projection("visible", "memory", **settings)),
                   {"cue": Port("cue", patterns=True)} if ports is None else ports, patterns=patterns)


def test_patterns_of_another_width_are_refused():
    with pytest.raises(DescriptionError, match="patterns have 5 cells each, but population 'visible' has 4"):
        memory(Patterns(3, 5))


def test_patterns_of_an_unknown_population_are_refused():
    with pytest.raises(DescriptionError, match="unknown population 'hidden'"):
        memory(Patterns(3, 4, "hidden"))


def test_a_port_of_patterns_needs_patterns():
    with pytest.raises(DescriptionError, match="stores none; give it Patterns"):
        memory(None)


def test_weights_that_follow_from_patterns_need_patterns():
    with pytest.raises(DescriptionError, match="visible->memory: its weights follow from stored patterns"):
        wire(memory(None, ports={"cue": "cue"}))


@pytest.mark.parametrize("rule, message", [(lambda xi: xi.T, "shape \\(4, 3\\)"),
                                           (lambda xi: xi * np.inf, "with NaN or infinity")])
def test_rules_that_give_no_weights_are_refused(rule, message):
    with pytest.raises(DescriptionError, match=message):
        wire(memory(Patterns(3, 4), weight=Stored(rule, "wrong")))


def test_weights_of_a_later_projection_cannot_be_asked_for():
    with pytest.raises(DescriptionError, match="follow from those of memory->visible; describe that projection before"):
        wire(memory(Patterns(3, 4), weight=Stored(lambda xi, w: xi, "ξ", after=("memory->visible",))))


def test_stored_weights_have_the_unit_of_their_synapse_and_reach_all_cells():
    with pytest.raises(UnitError, match="weights are in volt"):
        memory(Patterns(3, 4), weight=Stored(lambda xi: xi, "ξ", "volt"))
    with pytest.raises(DescriptionError, match="goes with all_to_all"):
        memory(Patterns(3, 4), connectivity=in_degree(2))


def test_weights_can_follow_from_weights():
    """The second projection inverts the first."""
    def inverse(xi, w):
        return np.linalg.pinv(w)

    circuit = memory(Patterns(3, 4))
    back = Projection("memory", "visible", all_to_all(), Stored(inverse, "inverse", after=("visible->memory",)))
    wired = wire(Circuit("m", circuit.populations, (*circuit.projections, back), circuit.ports,
                         patterns=circuit.patterns), 3)
    there, and_back = wired.projections[1].weight, wired.projections[2].weight
    np.testing.assert_allclose(there @ and_back @ there, there, atol=1e-12)


# overlaps

def by_definition(answer, pattern, signs):
    if signs:
        return answer @ pattern / np.sqrt((answer @ answer) * (pattern @ pattern))
    return np.corrcoef(answer, pattern)[0, 1]


@pytest.mark.parametrize("kind", ["sign", "binary", "uniform"])
def test_overlaps_are_a_cosine_or_a_correlation(kind):
    rng = np.random.default_rng(4)
    patterns = Patterns(6, 30, kind=kind, level=0.3).draw(rng)
    answers = rng.normal(1.0, 1.0, (5, 30))
    expected = [[by_definition(a, p, kind == "sign") for p in patterns] for a in answers]
    np.testing.assert_allclose(overlap(answers, patterns), expected, atol=1e-14)


def test_the_overlap_of_a_pattern_with_itself_is_one_at_any_amplitude():
    patterns = Patterns(4, 20, kind="binary", level=0.2, exact=True).draw(np.random.default_rng(0))
    np.testing.assert_allclose(np.diag(overlap(3.7 * patterns + 0.2, patterns)), 1, atol=1e-14)


@pytest.mark.parametrize("kind", ["sign", "binary"])
def test_silence_overlaps_with_nothing(kind):
    patterns = Patterns(4, 20, kind=kind).draw(np.random.default_rng(0))
    np.testing.assert_array_equal(overlap(np.zeros((2, 20)), patterns), np.zeros((2, 4)))


@pytest.mark.parametrize("kind", ["sign", "binary"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_state_that_is_not_a_number_has_no_overlap(kind, value):
    """Its neighbours keep theirs, and silence keeps 0."""
    patterns = Patterns(4, 20, kind=kind).draw(np.random.default_rng(0))
    answers = np.array([patterns[0], patterns[1], np.zeros(20)])
    answers[1, 3] = value
    found = overlap(answers, patterns)
    assert np.isnan(found[1]).all() and found[0, 0] == pytest.approx(1)
    np.testing.assert_array_equal(found[2], 0)


def test_an_answer_alike_in_all_cells_says_nothing_about_patterns_of_one_level():
    patterns = Patterns(4, 49, kind="binary").draw(np.random.default_rng(0))
    np.testing.assert_allclose(overlap(np.full((1, 49), 0.1), patterns), 0, atol=1e-14)


# what a recording keeps

def cued(*names, groups=CONTROL, every=None, record=("visible",)):
    trials = tuple(Trial(str(name), 60*ms, (Stimulus("cue", name, 60*ms),)) for name in names)
    return Protocol("cued", "cued", "none", (Block("cued", trials),), tuple(Record(r, every) for r in record), groups)


def test_a_port_of_patterns_drives_each_cell_with_the_dose_times_the_pattern():
    wired = wire(visible_hidden(4, 10), 5)
    session = schedule(cued({"pattern 2": 0.5, "pattern 4": 2.0}), wired, 1e-3)
    np.testing.assert_allclose(session.inputs[0].at(3), 0.5 * wired.patterns[1] + 2 * wired.patterns[3], rtol=1e-15)


def test_recorded_overlaps_are_those_of_the_mean_answer():
    protocol = cued("pattern 2", {"pattern 1": 1.0, "pattern 3": 0.5}, EVERY, every=20*ms)
    recording = simulate(visible_hidden(6, 40), protocol, SOLVER, animals=2, seed=3)
    for k in range(2):
        patterns = wire(visible_hidden(6, 40), 3 + k).patterns
        one = recording.isel(animal=k)
        expected = overlap(one["response"].values, patterns)
        np.testing.assert_allclose(one["overlap"], expected, atol=1e-6)
        np.testing.assert_array_equal(one["match"], expected.argmax(axis=1))
        np.testing.assert_allclose(one["overlap_trace"], overlap(one["trace_value"].values, patterns), atol=1e-6)
    assert list(recording["pattern"].values) == [f"pattern {k + 1}" for k in range(6)]
    np.testing.assert_array_equal(recording["match"][0, 2:], range(6))
    assert (recording["match"][:, 0] == 1).all()


def test_of_many_patterns_only_the_overlaps_with_those_presented_are_kept():
    number = MOST_PATTERNS + 1
    recording = simulate(visible_hidden(number, 20), cued("pattern 9", "pattern 200"), SOLVER, animals=1)
    assert list(recording["pattern"].values) == ["pattern 9", "pattern 200"]
    assert int(recording["match"].max()) < number


def test_no_overlap_is_kept_where_the_patterns_population_is_not_recorded():
    recording = simulate(visible_hidden(4, 20), cued("pattern 1", record=("memory",)), SOLVER, animals=1)
    assert not {"overlap", "match", "overlap_trace"} & set(recording.data_vars)


# strains

def loads(*numbers, **more):
    return tuple(Group(f"{n} patterns", strain={"patterns": n, **more}) for n in numbers)


def test_strains_of_one_seed_store_the_same_memories_first():
    """A strain with more memories answers as a circuit made so does, and the first are those of the smaller one."""
    protocol = cued("pattern 1", "pattern 3", groups=(Group("control"), *loads(4, 9)))
    recording = simulate(visible_hidden(6, 40), protocol, SOLVER, animals=2, seed=8)
    for n in (4, 6, 9):
        alone = simulate(visible_hidden(n, 40), cued("pattern 1", "pattern 3"), SOLVER, animals=2, seed=8)
        group = "control" if n == 6 else f"{n} patterns"
        own = recording.isel(animal=recording["group"] == group)
        np.testing.assert_array_equal(own["response"], alone["response"])
        np.testing.assert_array_equal(own["overlap"][..., :n], alone["overlap"])
    few, many = (wire(visible_hidden(n, 40), 8).patterns for n in (4, 9))
    np.testing.assert_array_equal(few, many[:4])


def test_overlaps_with_memories_an_animal_does_not_have_are_nan():
    protocol = cued("pattern 2", groups=loads(3, 5), every=20*ms)
    recording = simulate(visible_hidden(4, 30), protocol, SOLVER, animals=2)
    assert list(recording["pattern"].values) == [f"pattern {k + 1}" for k in range(5)]
    for name in ("overlap", "overlap_trace"):
        lacking = recording.isel(animal=recording["group"] == "3 patterns")[name]
        having = recording.isel(animal=recording["group"] == "5 patterns")[name]
        assert np.isnan(lacking[..., 3:]).all() and np.isfinite(lacking[..., :3]).all() and np.isfinite(having).all()


def test_groups_of_one_strain_share_their_animal():
    groups = (Group("intact", strain={"patterns": 3}), Group("silenced", (Silence("memory"),), {"patterns": 3}))
    recording = simulate(visible_hidden(5, 20), cued("pattern 1", groups=groups, every=20*ms), SOLVER, animals=1)
    m = recording["overlap"].sel(pattern="pattern 1").values.ravel()
    assert m[0] == pytest.approx(1, abs=1e-3) and m[1] == pytest.approx(1, abs=1e-3)
    assert float(np.abs(recording["response"]).mean("responder")[0, 0]) > \
        1.2 * float(np.abs(recording["response"]).mean("responder")[1, 0])


def test_strains_join_in_any_order():
    protocol = cued("pattern 2", groups=loads(3, 5))
    recording = simulate(visible_hidden(4, 30), protocol, SOLVER, animals=1)
    turned = join([recording.isel(animal=[1]).assign(spike_time=recording["spike_time"][:0]),
                   recording.isel(animal=[0]).assign(spike_time=recording["spike_time"][:0])])
    np.testing.assert_array_equal(turned["overlap"], recording["overlap"][::-1])


@pytest.mark.parametrize("strain, message", [({"pattern": 3}, "no setting 'pattern'; there are: patterns, cells"),
                                             ({"model": "spiral"}, "model is 'spiral'; use one of"),
                                             ({"cells": 10}, "stimulus at port 'cue'")])
def test_a_strain_that_cannot_be_is_refused_before_anything_runs(strain, message, monkeypatch):
    monkeypatch.setattr(Numba, "run", lambda *_: pytest.fail("something ran"))
    groups = (Group("control"), Group("other", strain=strain))
    with pytest.raises(DescriptionError, match=message):
        simulate(visible_hidden(4, 20), cued(np.ones(20), groups=groups), SOLVER, animals=1)


def test_a_circuit_without_a_recipe_has_no_strains():
    groups = (Group("control"), Group("other", strain={"patterns": 3}))
    with pytest.raises(DescriptionError, match=r"'m' cannot be made with \{'patterns': 3\}"):
        simulate(memory(Patterns(3, 4)), cued("pattern 1", groups=groups), SOLVER, animals=1)


def test_judging_needs_predictions():
    recording = simulate(visible_hidden(4, 20), cued("pattern 1"), SOLVER, animals=1)
    with pytest.raises(DescriptionError, match="makes no prediction"):
        judge(recording, cued("pattern 1"))
