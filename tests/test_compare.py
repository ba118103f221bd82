"""Levels held against each other: zero for a level with itself, signs and intervals, orders of convergence, pages."""
from __future__ import annotations

import contextlib
import functools
import shlex
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import xarray as xr
from little_memory import answering, memory
from test_report import CIRCUIT, COMMAND, PROTOCOL, Page, level

from neuroam import compare as compare_module
from neuroam import compare_folder, report
from neuroam.analysis import adiabatic, compare, plot_compare
from neuroam.analysis.responses import select
from neuroam.circuit import Circuit
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.cli import main
from neuroam.compare import compare as compare_circuit
from neuroam.compare import compare_against
from neuroam.compare_folder import Comparison
from neuroam.cues import Flip
from neuroam.errors import DescriptionError, Unsupported
from neuroam.outcome import comparison_summary, comparison_table, curve_summary, curve_table, significant, trial_table
from neuroam.prediction import bootstrap_interval
from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.recording import RecordingError
from neuroam.report import write_comparison, write_curve
from neuroam.runs import LEVELS
from neuroam.units import ms, quantity

STIMULI = ["a", "b", "c"]
MODELS = ("softmax", "polynomial")


def codes(seed: int, animals: int = 5, units: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 9, (animals, len(STIMULI), units))


def small(model: str = "softmax", **settings) -> Circuit:
    return visible_hidden(patterns=4, cells=30, model=model, **settings)


def cued(names, last: float = 30, groups: tuple[Group, ...] = (Group("control"),)) -> Protocol:
    """A cue with a fifth of its signs flipped for 20 ms, measured in the last 5 of `last` ms."""
    trials = tuple(Trial("cue", last * ms, (Stimulus("cue", name, 20 * ms, degraded=(Flip(0.2),)),),
                         measured=((last - 5) * ms, 5 * ms)) for name in names)
    return Protocol("cued", "Cued recall", "this test", (Block("cues", trials),), (Record("visible"),), groups)


# --- differences of recordings made by hand

def test_a_level_does_not_differ_from_itself():
    one = memory(np.random.default_rng(0).random((4, 3, 2)), ["p", "q", "none"], ["p", "q"])
    spikes = answering(codes(1, animals=4, units=2), ["p", "q", "none"])
    for name in ("spike_time", "spike_count", "stimulus_on", "stimulus_off", "start_time", "stop_time"):
        one = one.drop_vars(name).assign({name: spikes[name]})
    found = compare.compare_levels({"rate": one, "again": one})
    for name in ("difference", "low", "high"):
        values = found[name].values
        assert np.abs(values[~np.isnan(values)]).max() == 0
    assert found["difference"].sel(metric="E: relative L2").notnull().all()
    assert found["difference"].sel(metric=compare.OVERLAP).isnull().values[0, 0].tolist() == [False, False, True]


def test_differences_are_first_minus_second_animal_by_animal():
    first, second = codes(1), codes(2)
    found = compare.compare_levels({"spiking": answering(first, STIMULI), "rate": answering(second, STIMULI)})
    assert found["pair"].values.tolist() == ["spiking − rate"]
    one = found.isel(pair=0, group=0)
    by_animal = (first - second).mean(axis=2)
    mean = one.sel(metric="E: mean response")
    np.testing.assert_allclose(mean["difference"], by_animal.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(np.stack([mean["low"], mean["high"]], 1), [bootstrap_interval(v) for v in by_animal.T])
    np.testing.assert_allclose([mean["overall_low"], mean["overall_high"]], bootstrap_interval(by_animal.mean(axis=1)))
    np.testing.assert_allclose(found["mean"].sel(level="rate", metric="E: mean response")[0],
                               second.mean(axis=(0, 2)), atol=1e-12)
    answers = ((first > 0) * 1.0 - (second > 0)).mean(axis=(0, 2))
    np.testing.assert_allclose(one["difference"].sel(metric="E: fraction that answers"), answers, atol=1e-12)
    lengths = [[np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(x, y, strict=True)]
               for x, y in zip(first, second, strict=True)]
    np.testing.assert_allclose(one["difference"].sel(metric="E: relative L2"), np.mean(lengths, axis=0))
    cosines = [[1 - a @ b / np.sqrt(a @ a * (b @ b)) for a, b in zip(x, y, strict=True)]
               for x, y in zip(first, second, strict=True)]
    np.testing.assert_allclose(one["difference"].sel(metric="E: 1 − cosine"), np.mean(cosines, axis=0))
    assert found["kind"].values.tolist() == ["difference", "difference", "distance", "distance"]


def test_the_sign_and_the_interval_of_a_known_shift():
    base = codes(3, animals=12)
    shift = np.random.default_rng(4).integers(1, 4, (12, 1, 1))
    found = compare.compare_levels({"up": answering(base + shift, STIMULI), "down": answering(base, STIMULI)})
    one = found.isel(pair=0, group=0).sel(metric="E: mean response")
    assert float(one["overall"]) == pytest.approx(shift.mean())
    assert 0 < one["overall_low"] < shift.mean() < one["overall_high"]
    swapped = compare.compare_levels({"down": answering(base, STIMULI), "up": answering(base + shift, STIMULI)})
    assert float(swapped.isel(pair=0, group=0).sel(metric="E: mean response")["overall"]) == -shift.mean()


def test_animals_are_paired_by_seed_whatever_their_order():
    first, order = codes(1), [3, 1, 4, 0, 2]
    shuffled = answering(first[order], STIMULI).assign_coords(seed=("animal", np.array(order)))
    found = compare.compare_levels({"one": answering(first, STIMULI), "other": shuffled})
    assert np.abs(found["difference"]).max() == 0


def test_silence_is_nan_where_there_is_no_angle_and_no_length():
    silent, loud = np.zeros((3, 3, 6), int), codes(5, animals=3) + 1
    found = compare.compare_levels({"silent": answering(silent, STIMULI), "loud": answering(loud, STIMULI),
                                    "mute": answering(silent, STIMULI)}).isel(group=0)
    distance = found["difference"].sel(metric=["E: 1 − cosine", "E: relative L2"])
    assert distance.sel(metric="E: 1 − cosine").isnull().all()
    np.testing.assert_array_equal(distance.sel(metric="E: relative L2").values,
                                  [[1.0] * 3, [0.0] * 3, [np.nan] * 3])


def test_intervals_are_those_of_every_column_alone():
    values = np.random.default_rng(0).normal(size=(9, 7))
    values[2, 1], values[:, 2], values[:8, 3] = np.nan, np.nan, np.nan
    low, high = compare.intervals(values)
    np.testing.assert_allclose(np.stack([low, high], 1), [bootstrap_interval(v) for v in values.T])


def test_overlaps_and_best_matches_follow_the_cue():
    sure, torn = np.array([[[0.9, 0.1], [0.2, 0.8]]] * 3), np.array([[[0.4, 0.6], [0.2, 0.8]]] * 3)
    found = compare.compare_levels({"rate": memory(sure, ["p", "q"], ["p", "q"]),
                                    "spiking": memory(torn, ["p", "q"], ["p", "q"])}).isel(pair=0, group=0)
    np.testing.assert_allclose(found["difference"].sel(metric=compare.OVERLAP), [0.5, 0.0], atol=1e-7)
    assert found["difference"].sel(metric=compare.MATCH).values.tolist() == [1.0, 0.0]


def test_a_metric_of_ones_own_and_one_that_a_level_lacks():
    def number(recording):
        return (recording["stop_time"] - recording["start_time"]).round(6)

    def traced(recording):
        raise RecordingError("there are no traces")

    recording = answering(codes(1), STIMULI)
    found = compare.compare_levels({"one": recording, "other": recording}, {"length": number, "traced": traced})
    assert found["overall_mean"].sel(level="one", metric="length").item() == pytest.approx(1.2)
    assert "traced" not in found["metric"].values
    assert found.attrs["left_out"] == ("traced at the one level: there are no traces; traced at the other level: there "
                                       "are no traces")
    with pytest.raises(RecordingError, match=r"'flat' has dims \('animal',\); it must give one value for each"):
        compare.compare_levels({"one": recording, "other": recording}, {"flat": lambda r: number(r).mean("trial")})


def test_a_population_that_a_level_does_not_model_is_left_out():
    recording = answering(codes(1), STIMULI)
    found = compare.compare_levels({"a": recording, "b": recording, "c": recording}, absent={"c": ("E",)})
    assert found["overall"].sel(metric="E: mean response").notnull().values[:, 0].tolist() == [True, False, False]


@pytest.mark.parametrize("change, words", [
    (lambda r: r.isel(trial=[0, 2, 1]), "have other trials"),
    (lambda r: r.assign_coords(seed=("animal", np.arange(5) + 1)), "have other animals"),
    (lambda r: answering(codes(1, units=5), STIMULI), "6 cells at level 'one' and 5 at 'other'")])
def test_what_cannot_be_compared_is_refused(change, words):
    recording = answering(codes(1), STIMULI)
    with pytest.raises(RecordingError, match=words):
        compare.compare_levels({"one": recording, "other": change(recording)})
    with pytest.raises(RecordingError, match="two levels or more"):
        compare.compare_levels({"one": recording})


# --- the way to the effective model

def synthetic_curve(power: float, animals: int = 6, groups: tuple[str, ...] = ("control",)) -> xr.Dataset:
    """Distances c (τ_h/τ_v)^power that bend down from .1 on, recall that is lost from 1 on."""
    ratio = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0])
    rng = np.random.default_rng(0)
    n = animals * len(groups)
    scale = 0.8 * np.exp(0.2 * rng.normal(size=(n, 1))) * np.exp(0.1 * rng.normal(size=(n, 4)))
    distance = scale * np.minimum(ratio, 0.1)[:, None, None]**power
    recalled = np.broadcast_to((ratio < 1)[:, None, None] * 1.0, distance.shape)
    return xr.Dataset(
        {"distance": (("level", "value", "animal", "trial"), distance[None]),
         "success": (("level", "value", "animal", "trial"), recalled[None]),
         "success_effective": (("value", "animal", "trial"), np.ones_like(recalled))},
        {"level": ["rate"], "ratio": ("value", ratio), "setting": ("value", [f"{20 * r:g}*ms" for r in ratio]),
         "clock_dt": ("value", ratio * 2e-3), "group": ("animal", np.repeat(groups, animals)),
         "seed": ("animal", np.tile(np.arange(animals), len(groups)))},
        {"setting": "tau_hidden", "population": "visible", "hidden": "memory", "besides": "", "animals": animals,
         "seed": 0, "source": "by hand"})


@pytest.mark.parametrize("power", [1, 2])
def test_the_order_of_a_synthetic_curve(power):
    found = adiabatic.order(synthetic_curve(power)).isel(level=0, group=0)
    assert float(found["exponent"]) == pytest.approx(power, abs=1e-9)
    assert found["low"] <= found["exponent"] + 1e-9 and found["exponent"] - 1e-9 <= found["high"]
    assert int(found["points"]) == 4  # and not the values at which the curve bends


def test_the_interval_of_the_order_is_over_animals():
    curve = synthetic_curve(1, animals=10)
    own = 1 + 0.2 * np.random.default_rng(1).normal(size=10)
    curve["distance"] = curve["distance"] * curve["ratio"] ** xr.DataArray(own - 1, dims="animal")
    found = adiabatic.order(curve).isel(level=0, group=0)
    assert found["low"] < found["exponent"] < found["high"] and 0.05 < found["high"] - found["low"] < 0.5


def test_without_small_values_there_is_no_order():
    found = adiabatic.order(synthetic_curve(1).isel(value=slice(3, None))).isel(level=0, group=0)
    assert np.isnan(found["exponent"]) and int(found["points"]) == 1


def test_where_recall_breaks():
    curve = synthetic_curve(1, groups=("control", "other"))
    assert adiabatic.breaking_point(curve).values.tolist() == [[1.0, 1.0]]
    assert np.isnan(adiabatic.breaking_point(curve.isel(value=slice(6))).values).all()
    half = curve.assign(success_effective=0 * curve["success_effective"])
    assert np.isnan(adiabatic.breaking_point(half).values).all()  # nothing to lose


def test_the_distance_of_two_courses():
    effective = traced(np.array([[[0, 0], [3, 4], [0, 1], [1, 0], [2, 0], [0, 0]]], float))
    other = traced(np.array([[[0, 0], [3, 3], [2, 1], [1, 0], [2, 1], [0, 0]]], float))
    found = adiabatic.trace_distance(other, effective, "E")
    np.testing.assert_allclose(found, [[2 / 5, 1 / 2]])
    with pytest.raises(RecordingError, match="0 of the 0 cells of 'visible' have a trace"):
        adiabatic.trace_distance(other, effective, "visible")
    with pytest.raises(RecordingError, match="other times"):
        adiabatic.trace_distance(other.isel(time=slice(4)), effective, "E")


def traced(course: np.ndarray) -> xr.Dataset:
    """Two trials of 3 ms, two cells traced every millisecond."""
    recording = answering(np.zeros((1, 2, 2), int), ["a", "b"]).drop_dims("trace").assign_coords(
        time=np.arange(6) * 1e-3, trace_population=("trace", ["E", "E"]))
    start = np.array([[0, 3e-3]])
    recording["trace_value"] = (("animal", "time", "trace"), course)
    return recording.assign(start_time=(("animal", "trial"), start), stop_time=(("animal", "trial"), start + 3e-3))


# --- circuits

@pytest.mark.parametrize("model", MODELS)
def test_the_rate_circuit_nears_its_effective_model_in_first_order(model):
    circuits = {f"{tau}*ms": small(model, tau_hidden=tau * ms) for tau in (0.2, 0.1)}
    curve = compare_against(circuits, cued(["pattern 1", "pattern 2"]), animals=2, seed=3)
    assert curve["setting"].values.tolist() == ["0.1*ms", "0.2*ms"] and curve.attrs["hidden"] == "memory"
    np.testing.assert_allclose(curve["ratio"], [0.005, 0.01])
    np.testing.assert_allclose(curve["clock_dt"], [1e-5, 2e-5])  # a tenth of the hidden time constant
    found = adiabatic.order(curve).isel(level=0, group=0)
    assert float(found["exponent"]) == pytest.approx(1, abs=0.1)
    assert (curve["success"] == curve["success_effective"]).all()


def test_the_clock_is_a_whole_fraction_of_the_protocols_one():
    circuits = {f"{tau}*ms": small(tau_hidden=tau * ms) for tau in (0.7, 1, 30)}
    curve = compare_against(circuits, cued(["pattern 1"]), animals=1)
    np.testing.assert_allclose(curve["clock_dt"], [1e-4 / 2, 1e-4, 1e-4])


def test_traces_of_spiking_pools_are_compared_as_emissions():
    """With many cells in a pool the spiking circuit is the rate circuit; its potential is not what it emits."""
    circuits = {f"{tau}*ms": small("polynomial", pool=10**9, tau_hidden=tau * ms) for tau in (2, 10)}
    curve = compare_against(circuits, cued(["pattern 1"]), ("rate", "spiking"), animals=1)
    rate, spiking = (curve["distance"].sel(level=name).values for name in ("rate", "spiking"))
    np.testing.assert_allclose(spiking, rate, rtol=0.1)


def test_levels_of_one_circuit_and_what_the_protocol_adds():
    def first_overlap(recording):
        return recording["overlap"].isel(pattern=0)

    circuit = small()
    protocol = replace(cued(circuit.patterns.names[:2]), metrics={"first pattern": first_overlap})
    told = []
    levels, found = compare_circuit(circuit, protocol, animals=2, seed=5,
                                    follow=lambda name: lambda done, total, seconds: told.append((name, done)))
    assert [each.name for each in levels] == list(LEVELS) and told == [(n, k) for n in LEVELS for k in (1, 2)]
    assert found["pair"].values.tolist() == ["spiking − rate", "spiking − effective", "rate − effective"]
    assert {"visible: relative L2", compare.OVERLAP, compare.MATCH, "first pattern"} <= set(found["metric"].values)
    apart = found["overall"].sel(metric="visible: relative L2").values.ravel()
    assert apart[2] < apart[0] and apart[2] < 0.1  # rate and effective are near, and spikes are noisy


def test_the_inhibition_that_winners_do_without_is_not_compared():
    assert compare_module._not_modelled(mushroom_body(kenyon=50)) == {"effective": ("APL",)}
    assert compare_module._not_modelled(small()) == {}


FLAT = replace(small(), hidden=(), recipe=None)
STEPS = replace(small(), updates="synchronous", recipe=None)


def test_hidden_populations_in_a_loop_are_refused_before_anything_runs():
    loop = replace(small(), hidden=("memory", "visible"), recipe=None)
    with pytest.raises(Unsupported, match="excite or inhibit each other in a loop"):
        compare_circuit(loop, cued(["pattern 1"]), ("rate", "effective"), animals=1)


@pytest.mark.parametrize("circuits, levels, words", [
    ({"5*ms": small()}, ("rate",), "two values or more"),
    ({"1": small(), "2": small(sharpness=9)}, ("rate",), "leave visible and the hidden memory with the same time"),
    ({"1": FLAT, "2": FLAT}, ("rate",), "names no hidden population"),
    ({"1": STEPS, "2": STEPS}, ("rate",), "has synchronous updates, so the circuit does not near it"),
    ({"1": small(), "2": small(tau_hidden=1 * ms)}, ("effective",), "name one, such as --levels rate")])
def test_settings_that_make_no_curve_are_refused(circuits, levels, words):
    with pytest.raises(DescriptionError, match=words):
        compare_against(circuits, cued(["pattern 1"]), levels, animals=1)


def test_strains_with_time_constants_of_their_own_are_left_out():
    circuits = {f"{tau}*ms": small(tau_hidden=tau * ms) for tau in (2, 20)}
    fast, more = Group("fast", strain={"tau_hidden": 0.02 * ms}), Group("more", strain={"patterns": 6})
    body = Group("body", strain={"model": "softmax with a body"})
    curve = compare_against(circuits, cued(["pattern 1"], groups=(fast, Group("control"), more, body)), animals=1)
    assert curve["group"].values.tolist() == ["control", "more"]
    assert curve.attrs["besides"].endswith("have time constants of their own: fast, body.")
    with pytest.raises(DescriptionError, match="every group of protocol 'cued' is a strain with time constants of its"):
        compare_against(circuits, cued(["pattern 1"], groups=(fast,)), animals=1)


def test_hidden_populations_that_stay_slow_are_named():
    circuits = {f"{tau}*ms": small("softmax with a body", tau_hidden=tau * ms) for tau in (5, 20)}
    curve = compare_against(circuits, cued(["pattern 1"]), animals=1)
    assert curve.attrs["hidden"] == "memory" and "not changed here: pool" in curve.attrs["besides"]
    np.testing.assert_allclose(curve["tau_hidden"], [5e-3, 20e-3])


def test_one_level_cannot_be_compared():
    with pytest.raises(DescriptionError, match="two levels or more, got rate; name them with --levels"):
        compare_circuit(small(), cued(["pattern 1"]), ("rate",), animals=1)


# --- pages, tables, the command line

KC = [f"KC: {metric}" for metric in (compare.MEAN, compare.ACTIVE, compare.COSINE, compare.LENGTH)]


@functools.cache
def compared():
    levels = [level("spiking"), level("rate", spiking=False)]
    coding = {each.name: select(each.recording, block="coding") for each in levels}
    return levels, compare.compare_levels(coding, absent={"rate": ("APL",)}).isel(group=slice(2))


@pytest.fixture
def coarse(monkeypatch):
    """Figures of few pixels, which take less time."""
    monkeypatch.setattr(report, "DPI", 30)


def test_a_comparison_is_one_page_with_figures_and_tables(tmp_path, coarse):
    levels, found = compared()
    text = write_comparison(tmp_path, levels, found.sel(metric=KC), CIRCUIT, PROTOCOL,
                            COMMAND).read_text(encoding="utf-8")
    page = Page(text)
    words = " ".join("".join(page.words).split())
    assert page.open == [] and "https://" not in text and len(page.ids) == len(set(page.ids))
    assert [a for a in page.addresses if a.startswith("#")] == [f"#{i}" for i in page.ids]
    for said in ("levels compared", "How far levels are apart", "spiking − rate", "KC: relative L2", "comparison.nc",
                 *(v.claim for v in levels[0].verdicts), *(v.published for v in levels[0].verdicts)):
        assert " ".join(said.split()) in words
    captions = sum(words.count(f"Figure {k}.") for k in range(1, 9))
    assert captions == 2 and "Figures</h2>" not in text


def test_a_curve_is_one_page_with_its_order_and_where_recall_breaks(tmp_path, coarse):
    curve = synthetic_curve(1, groups=("control", "lesion"))
    orders, breaks = adiabatic.order(curve), adiabatic.breaking_point(curve)
    path = write_curve(tmp_path, curve, orders, breaks, CIRCUIT, PROTOCOL, COMMAND)
    words = " ".join("".join(Page(path.read_text(encoding="utf-8")).words).split())
    assert "Rate, lesion: the distance grows with τ_h/τ_v to the power 1.00" in words
    assert "recall breaks at tau_hidden = 20*ms (τ_h/τ_v = 1.000)" in words and "6 animals, 2 levels" in words
    assert curve_table(curve).header[:3] == ("Group", "tau_hidden", "τ_h/τ_v") and len(curve_table(curve).rows) == 16
    assert "not break within the range, τ_h/τ_v from 0.001 to 0.3" in curve_summary(
        orders, adiabatic.breaking_point(curve.isel(value=slice(6))), curve.isel(value=slice(6)))[0]


def test_tables_show_each_pair_with_its_interval():
    _, found = compared()
    table = comparison_table(found, "control")
    assert table.header == ("Metric", "spiking", "rate", "spiking − rate")
    row = next(row for row in table.rows if row[0] == "KC: mean response")
    one = found.sel(group="control", metric="KC: mean response").isel(pair=0)
    assert row[3].startswith(significant(float(one["overall"]))) and significant(float(one["overall_low"])) in row[3]
    trials = trial_table(found, "control", "spiking − rate", most=2)
    assert len(trials.rows) == 2 and trials.note.startswith("The first 2 of")
    assert comparison_summary(found)[0].startswith("Spiking − rate: KC, relative L2 ")
    assert max(map(len, table.text().splitlines())) <= 100


@pytest.mark.parametrize("value, text", [(0.12345, "0.123"), (-0.0012345, "−0.00123"), (float("nan"), "–"), (0, "0"),
                                         (1e-17, "0"), (1234.5, "1.23e+03"), (-12.34, "−12.3")])
def test_numbers_keep_three_digits(value, text):
    assert significant(value) == text


def test_every_group_and_metric_has_its_panel():
    _, found = compared()
    assert list(plot_compare.overall_figures(found)) == ["KC", "MBON"]
    panels = plot_compare.trial_figures(found)
    assert "KC: 1 − cosine" in panels and len(panels["KC: mean response"].axes) == 2
    curve = synthetic_curve(1)
    assert list(plot_compare.distance_figures(curve, adiabatic.order(curve))) == ["control"]
    nothing = curve.assign(success=curve["success"] * np.nan)
    assert plot_compare.recall_figures(nothing, adiabatic.breaking_point(nothing)) == {}


@pytest.mark.parametrize("value", ["it's", "a b", "$HOME", "1;2"])
def test_the_command_is_what_a_shell_reads_back(value):
    request = Comparison("pattern_completion", levels=("rate",), against="tau_hidden", values=(value, "2*ms"))
    assert shlex.split(request.command)[-2:] == ["--against", f"tau_hidden={value},2*ms"]


def test_the_command_says_every_choice():
    request = Comparison("pattern_completion", levels=("rate",), against="tau_hidden", values=("1*ms", "2*ms"))
    assert request.command == ("neuroam compare pattern_completion --levels rate --solver numba --animals 8 --seed 1 "
                               "--against 'tau_hidden=1*ms,2*ms'")


REQUEST = Comparison("cued")


@pytest.fixture
def at_hand(monkeypatch, coarse):
    """The command line with a protocol that is not registered, run in this process."""
    def described(request, option="--set"):
        circuit = small(tau_hidden=quantity(request.settings.get("tau_hidden", "5*ms")))
        return cued(circuit.patterns.names[:2]), circuit

    monkeypatch.setattr(compare_folder, "described", described)
    monkeypatch.setattr(compare_folder, "process_pool", lambda workers: contextlib.nullcontext(None))
    monkeypatch.setattr(compare_folder.registry, "build", lambda kind, made: described(REQUEST)[kind == "circuits"])


LEVELS_KEPT = ["recording-effective.nc", "recording-rate.nc", "recording-spiking.nc"]
VALUES_KEPT = [f"recordings/{level}-tau_hidden-{value}_ms.nc" for level in ("effective", "rate") for value in (2, 9)]


@pytest.mark.parametrize("against, words, kept", [
    ([], "visible: mean", LEVELS_KEPT), (["--against", "tau_hidden=2*ms,9*ms"], "9*ms", VALUES_KEPT)])
def test_a_command_leaves_its_folder_and_goes_on_where_it_was(at_hand, against, words, kept, tmp_path, capsys):
    command = ["compare", "cued", "--animals", "2", "--out", str(tmp_path), *against]
    assert main(command) == 0
    said = capsys.readouterr().out
    folder = next(path for path in tmp_path.iterdir() if path.name.startswith("cued-compare-"))
    assert files(folder) == ["comparison.html", "comparison.nc", *kept]
    assert words in " ".join(said.split()) and f"comparison: {folder / 'comparison.html'}" in said
    before, stored = xr.load_dataset(folder / "comparison.nc"), ages(tmp_path / ".animals")
    assert before.attrs["history"].startswith("neuroam compare cued --levels ") and len(stored) == (8 if against else 6)
    assert main(command) == 0 and ages(tmp_path / ".animals") == stored
    xr.testing.assert_identical(xr.load_dataset(folder / "comparison.nc"), before)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def links(folder: Path) -> list[str]:
    """What the page of a comparison links, but for places in itself."""
    page = Page((folder / "comparison.html").read_text(encoding="utf-8"))
    return [unquote(a) for a in page.addresses if not a.startswith(("#", "data:"))]


@pytest.mark.parametrize("against, kept, written", [
    ([], LEVELS_KEPT, [f"nwb-{level}/00{k}_control_{k + 1}.nwb" for level in ("effective", "rate", "spiking")
                       for k in (0, 1)]),
    pytest.param(["--against", "tau_hidden=2*ms,9*ms"], VALUES_KEPT,
                 [f"recordings/nwb-{name[11:-3]}/00{k}_control_{k + 1}.nwb" for name in VALUES_KEPT for k in (0, 1)],
                 marks=pytest.mark.slow)])
def test_the_page_links_recordings_and_nwb_files_and_is_made_again(at_hand, against, kept, written, tmp_path, capsys):
    pytest.importorskip("pynwb")
    main(["compare", "cued", "--animals", "2", "--out", str(tmp_path), *against])
    folder = next(path for path in tmp_path.iterdir() if path.name.startswith("cued-compare-"))
    assert links(folder) == ["comparison.nc", *kept]
    before = (folder / "comparison.html").read_bytes(), xr.load_dataset(folder / "comparison.nc")
    (folder / "comparison.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "comparison.html").read_bytes() == before[0]
    xr.testing.assert_identical(xr.load_dataset(folder / "comparison.nc"), before[1])
    assert main(["nwb", str(folder)]) == 0
    assert links(folder) == ["comparison.nc", *kept, *written]
    assert files(folder) == sorted(["comparison.html", *links(folder)])
    for name in kept:
        (folder / name).unlink()
    capsys.readouterr()
    assert main(["report", str(folder)]) == 2
    assert "a comparison without its recordings; give its command again" in capsys.readouterr().err


def ages(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


SMALL = ["--animals", "2", "--workers", "1", "--set", "kenyon=100", "--set", "training=1", "--set", "tests=1"]


@pytest.mark.parametrize("arguments, words", [
    (["nothing"], "unknown protocol 'nothing'"),
    (["odour_discrimination", "--levels", "rate"], "two levels or more, got rate"),
    (["odour_discrimination", "--levels", "rate,effectiv"], "did you mean 'effective'"),
    (["odour_discrimination", "--against", "tau_hidden"], "write a setting and two values or more"),
    (["odour_discrimination", "--against", "klaws=3,4"], "--against: unknown setting 'klaws'; did you mean 'claws'"),
    (["odour_discrimination", "--against", "claws=3,4"], "names no hidden population")])
def test_what_cannot_be_compared_is_one_message(arguments, words, capsys, tmp_path):
    assert main(["compare", *arguments, *SMALL, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and "Traceback" not in said
