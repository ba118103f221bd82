"""simulate: one animal from one seed, in whatever process, as often as asked; finished animals are kept and reused."""
from __future__ import annotations

import functools
import json
import pickle
import subprocess
import sys
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from brian2 import Hz, ms, mV

from neuroam import experiment
from neuroam.circuit import Circuit, Port
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.connect import LogNormal, in_degree
from neuroam.errors import DescriptionError, Unsupported
from neuroam.experiment import judge, process_pool, simulate
from neuroam.fingerprint import fingerprint
from neuroam.manipulations import Renormalise, Scale, Silence
from neuroam.neurons import LIF
from neuroam.prediction import REPRODUCED, Prediction, above
from neuroam.protocol import Group, Record
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.registry import build, names, settings_of, summary
from neuroam.solvers import Numba


def rates(recording, group="control"):
    return recording["spike_count"].values[recording["group"].values == group].sum(axis=1)


def identical(one, other):
    xr.testing.assert_identical(one, other)
    assert one["spike_time"].values.tobytes() == other["spike_time"].values.tobytes()


@pytest.fixture
def runs(monkeypatch):
    """Seeds of the animals that are really run."""
    seen, assemble = [], experiment.assemble

    def counted(wired, *rest):
        seen.append(wired.seed)
        return assemble(wired, *rest)

    monkeypatch.setattr(experiment, "assemble", counted)
    return seen


def test_animals_do_not_depend_on_the_process_they_run_in(small_circuit, small_protocol):
    alone = simulate(small_circuit, small_protocol, animals=3, seed=4)
    with process_pool(2) as pool:
        identical(simulate(small_circuit, small_protocol, animals=3, seed=4, executor=pool), alone)
    assert alone.sizes["spike"] > 20
    assert alone["seed"].values.tolist() == [4, 4, 5, 5, 6, 6]


def test_what_a_process_is_handed_needs_no_analysis():
    handed = []

    class Post(Executor):
        def submit(self, run, task):
            handed.append(pickle.dumps(task))
            raise InterruptedError

    with pytest.raises(InterruptedError):
        simulate(mushroom_body(kenyon=50), odour_discrimination(), animals=1, executor=Post())
    assert len(handed) == 1 and b"neuroam" in handed[0]
    assert b"neuroam.analysis" not in handed[0] and b"neuroam.protocols" not in handed[0]


def test_an_animal_does_not_depend_on_its_company(small_circuit, small_protocol):
    one = simulate(small_circuit, small_protocol, animals=1, seed=5)
    three = simulate(small_circuit, small_protocol, animals=3, seed=4)
    np.testing.assert_array_equal(one["spike_count"].values, three["spike_count"].values[2:4])


def test_animals_differ_and_groups_of_one_animal_do_not(small_circuit, small_protocol):
    recording = simulate(small_circuit, small_protocol, animals=4)
    counts = recording["spike_count"].values.reshape(4, 2, -1)
    np.testing.assert_array_equal(counts[:, 0], counts[:, 1])
    assert len(np.unique(counts[:, 0], axis=0)) == 4


def test_a_group_is_treated_and_the_control_is_not(small_circuit, small_protocol):
    protocol = replace(small_protocol, groups=(Group("control"), Group("silent", (Silence("out"),)),
                                               Group("blocked", (Scale("pool", "out", 0.0),))))
    recording = simulate(small_circuit, protocol, animals=3)
    assert (rates(recording, "silent") == 0).all()
    assert (rates(recording, "blocked") > rates(recording)).all()
    untreated = simulate(small_circuit, small_protocol, animals=3)
    np.testing.assert_array_equal(rates(recording), rates(untreated))


# the store

def test_finished_animals_are_used_again(small_circuit, small_protocol, tmp_path, runs):
    first = simulate(small_circuit, small_protocol, animals=2, store=tmp_path)
    assert runs == [0, 0, 1, 1] and len(list(tmp_path.iterdir())) == 2
    runs.clear()
    again = simulate(small_circuit, small_protocol, animals=3, store=tmp_path)
    assert runs == [2, 2]
    identical(again, simulate(small_circuit, small_protocol, animals=3))
    identical(first, simulate(small_circuit, small_protocol, animals=2, store=tmp_path))


def test_an_interrupted_run_goes_on_where_it_was(small_circuit, small_protocol, tmp_path, runs):
    def interrupt(done, total, seconds):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(small_circuit, small_protocol, animals=4, store=tmp_path, progress=interrupt)
    assert runs == [0, 0, 1, 1]
    runs.clear()
    whole = simulate(small_circuit, small_protocol, animals=4, store=tmp_path)
    assert runs == [2, 2, 3, 3]
    identical(whole, simulate(small_circuit, small_protocol, animals=4))


def test_a_spoilt_animal_is_made_again(small_circuit, small_protocol, tmp_path, runs):
    simulate(small_circuit, small_protocol, animals=2, store=tmp_path)
    spoilt = next(p for p in tmp_path.iterdir() if "-1-" in p.name)
    spoilt.write_bytes(spoilt.read_bytes()[:500])
    runs.clear()
    again = simulate(small_circuit, small_protocol, animals=2, store=tmp_path)
    assert runs == [1, 1]
    identical(again, simulate(small_circuit, small_protocol, animals=2))


@pytest.mark.parametrize("change", [
    lambda c, p, s: (c, p, replace(s, dt=2e-4)), lambda c, p, s: (c, p, replace(s, method="euler")),
    lambda c, p, s: (replace(c, projections=(replace(c.projections[0], weight=.11*mV/Hz), *c.projections[1:])), p, s),
    lambda c, p, s: (c, replace(p, record=p.record[:1]), s),
    lambda c, p, s: (c, replace(p, groups=(Group("control"), Group("other", (Silence("out"),)))), s)],
    ids=["dt", "method", "weight", "record", "group"])
def test_an_animal_of_another_experiment_is_not_used(small_circuit, small_protocol, tmp_path, runs, change):
    simulate(small_circuit, small_protocol, Numba(), animals=1, store=tmp_path)
    runs.clear()
    circuit, protocol, solver = change(small_circuit, small_protocol, Numba())
    changed = simulate(circuit, protocol, solver, animals=1, store=tmp_path)
    assert runs == [0, 0]
    identical(changed, simulate(circuit, protocol, solver, animals=1))


# fingerprints

HASHES = """
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.fingerprint import fingerprint
print(fingerprint(mushroom_body(kenyon=50)), fingerprint(odour_discrimination()))
"""


def test_fingerprints_are_the_same_in_every_interpreter():
    printed = [subprocess.run([sys.executable, "-W", "ignore", "-c", HASHES], capture_output=True, text=True,
                              check=True).stdout.split() for _ in range(2)]
    assert printed[0] == printed[1] == [fingerprint(mushroom_body(kenyon=50)), fingerprint(odour_discrimination())]


def closing_over(value):
    return lambda x: x + value


class Plain:
    def __init__(self, value):
        self.value = value


def test_fingerprints_change_when_anything_does():
    cell = LIF(tau=10*ms, rest=-60*mV, threshold=-50*mV)
    things = [
        cell, replace(cell, tau=11*ms), replace(cell, threshold_cv=.1), in_degree(6), in_degree(6, replacement=True),
        LogNormal(1*mV, .3), LogNormal(1*mV, .4), np.arange(3), np.arange(3.0), np.arange(3)[:, None], np.arange(4),
        np.arange(3)*mV, np.arange(3)*ms, ("a", "b"), ("ab",), (("a",), "b"), (("a", "b"),), ["a", "b"], {"a": "b"},
        1, 1.0, "1", True, None, len, sum, closing_over(1), closing_over(2), lambda: 1, lambda: 2,
        lambda x=1: x, lambda x=2: x, functools.partial(sum, start=1), functools.partial(sum, start=2), Plain(1),
        Plain(2),
        Port("in"), Port("in", ("a",)), mushroom_body(kenyon=50), mushroom_body(kenyon=51),
        mushroom_body(kenyon=50, sisters=2), Circuit("a", mushroom_body().populations[:1])]
    prints = [fingerprint(thing) for thing in things]
    assert len(set(prints)) == len(prints)
    assert all(len(p) == 12 and int(p, 16) >= 0 for p in prints)
    for make in (Plain, closing_over):
        assert fingerprint(make(1)) == fingerprint(make(1))


# refusals before anything runs

class NoSolver(Numba):
    """Carries nothing."""

    name = "NoSolver"
    carries = frozenset()


@pytest.mark.parametrize("change, error, message", [
    (lambda c, p: (c, replace(p, record=(Record("outt"),)), Numba()), DescriptionError, "unknown population 'outt'"),
    (lambda c, p: (c, replace(p, groups=(Group("x", (Silence("KC"),)),)), Numba()), DescriptionError,
     "manipulation Silence: unknown population 'KC'"),
    (lambda c, p: (c, replace(p, groups=(Group("x", (Renormalise(.1),)),)), Numba()), DescriptionError,
     "group 'x': Renormalise needs a circuit with a calibration; 'small' has none"),
    (lambda c, p: (c, p, Numba(dt=3e-4)), DescriptionError, "not a whole number of time steps of 0.0003 s"),
    (lambda c, p: (c, p, NoSolver()), Unsupported, "NoSolver cannot carry .*; ")])
def test_bad_input_is_met_before_anything_runs(small_circuit, small_protocol, runs, change, error, message):
    circuit, protocol, solver = change(small_circuit, small_protocol)
    with pytest.raises(error, match=message):
        simulate(circuit, protocol, solver, animals=2)
    assert runs == []


def test_there_is_at_least_one_animal(small_circuit, small_protocol):
    with pytest.raises(DescriptionError, match=r"animals is 0; at least 1"):
        simulate(small_circuit, small_protocol, animals=0)


def test_progress_is_told(small_circuit, small_protocol):
    told = []
    simulate(small_circuit, small_protocol, animals=3, progress=lambda *now: told.append(now))
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3)]
    assert all(seconds >= 0 for *_, seconds in told)


# attributes, registry and judgement

def test_a_recording_says_how_it_was_made(small_circuit, small_protocol):
    attributes = simulate(small_circuit, small_protocol, Numba(dt=2e-4), animals=2, seed=3, level="rate").attrs
    expected = {"seed": 3, "animals": 2, "level": "rate", "clock_dt": 2e-4}
    assert {name: attributes[name] for name in expected} == expected
    assert "Numba(dt=0.0002" in attributes["solver"] and "brian2" in attributes["source"]
    assert json.loads(attributes["circuit"])["name"] == "small"


@pytest.mark.parametrize("kind, made", [
    ("circuits", mushroom_body(kenyon=70, heterogeneity="lognormal")), ("protocols", odour_discrimination()),
    ("protocols", odour_discrimination(training=2, odour=400*ms))], ids=["circuit", "defaults", "protocol"])
def test_what_a_recording_says_makes_the_same_thing_again(kind, made):
    """All but the words of its settings, where 0.4 s and 400 ms are one duration."""
    text = json.dumps({"name": made.recipe.name, "settings": dict(made.recipe.settings)})
    again = build(kind, text)
    assert fingerprint(replace(again, recipe=None)) == fingerprint(replace(made, recipe=None))
    assert again.recipe.name == made.recipe.name


def test_the_registry_knows_names_settings_and_summaries():
    assert "mushroom_body" in names("circuits") and "odour_discrimination" in names("protocols")
    assert settings_of("circuits", "mushroom_body")["kenyon"] == 2000
    assert "odour" in summary("circuits", "mushroom_body").lower()


@pytest.mark.parametrize("kind, name, settings, message", [
    ("circuits", "mushrom_body", {}, "unknown circuit 'mushrom_body'; did you mean 'mushroom_body'"),
    ("circuits", "mushroom_body", {"kenyons": "5"}, "unknown setting 'kenyons'; did you mean 'kenyon'"),
    ("circuits", "mushroom_body", {"kenyon": "many"},
     "setting kenyon is 'many'; expected a whole number, for example 2000"),
    ("circuits", "mushroom_body", {"heterogeneity": "some"}, "heterogeneity is 'some'; use one of"),
    ("protocols", "odour_discrimination", {"odour": "long"}, "setting odour is 'long'; expected a quantity such as"),
    ("protocols", "odour_discrimination", {"odour": "20*mV"}, "duration: expected a quantity in second|ms")])
def test_unknown_names_and_settings_are_answered(kind, name, settings, message):
    with pytest.raises(DescriptionError, match=message):
        build(kind, name, settings)


def test_judge_meets_each_prediction(small_circuit, small_protocol):
    claim = Prediction("cells fire", rates, above(0.5), "they do", "none", "ours")
    recording = simulate(small_circuit, small_protocol, animals=4)
    found = judge(recording, replace(small_protocol, predictions=(claim,)))
    assert [v.verdict for v in found] == [REPRODUCED]
    assert found[0].mean == rates(recording).mean()
    with pytest.raises(DescriptionError, match=r"protocol 'small' makes no prediction"):
        judge(recording, small_protocol)


def test_a_given_drive_counts_in_the_fingerprint(small_protocol):
    block = small_protocol.blocks[0]
    trial = block.trials[0]
    louder = replace(trial, stimuli=(replace(trial.stimuli[0], what=2 * np.ones(6) * Hz),))
    assert fingerprint(block) != fingerprint(replace(block, trials=(louder, *block.trials[1:])))
