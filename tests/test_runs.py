"""The command line from request to folder: a whole run at small size, and errors that are one message."""
from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from neuroam.circuits.visible_hidden import visible_hidden
from neuroam.cli import main, parser
from neuroam.errors import DescriptionError
from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
from neuroam.recording import load
from neuroam.runs import LEVELS, Request, in_precision, plan
from neuroam.sweep import SweepRequest
from neuroam.units import ms

SMALL = ["run", "odour_discrimination", "--levels", "effective", "--animals", "2", "--workers", "1", "--set",
         "kenyon=200", "--set", "training=1", "--set", "tests=1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    assert main([*SMALL, "--out", str(out)]) == 0
    return next(path for path in out.iterdir() if path.name.startswith("odour_discrimination-"))


def test_a_run_leaves_recording_verdicts_and_report(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["recording.nc", "report.html", "verdicts.json"]
    verdicts = json.loads((folder / "verdicts.json").read_text())
    assert verdicts["levels"] == ["effective"] and len(verdicts["verdicts"]["effective"]) == 12
    assert load(folder / "recording.nc").attrs["history"] == verdicts["command"]


def test_the_same_run_uses_its_finished_animals(folder):
    stored = {path: path.stat().st_mtime_ns for path in (folder.parent / ".animals").iterdir()}
    before = load(folder / "recording.nc")
    assert len(stored) == 2 and main([*SMALL, "--out", str(folder.parent)]) == 0
    assert {path: path.stat().st_mtime_ns for path in (folder.parent / ".animals").iterdir()} == stored
    xr.testing.assert_identical(load(folder / "recording.nc"), before)


def test_a_report_is_written_anew(folder):
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("arguments, words", [
    (["run", "odour_discriminatio"], "did you mean 'odour_discrimination'"),
    (["run", "odour_discrimination", "--animals", "0"], "--animals is 0"),
    (["run", "odour_discrimination", "--workers", "0"], "--workers is 0"),
    (["run", "odour_discrimination", "--levels", "spikes"], "did you mean 'spiking'"),
    (["run", "odour_discrimination", "--circuit", "nope"], "unknown circuit 'nope'"),
    (["run", "odour_discrimination", "--set", "klaws=3"], "did you mean 'claws'"),
    (["run", "odour_discrimination", "--set", "claws=x"], "expected a whole number"),
    (["run", "odour_discrimination", "--set", "odour=3*mV"], "expected a quantity in second"),
    (["run", "odour_discrimination", "--set", "claws"], "write it as KEY=VALUE"),
    (["run", "odour_discrimination", "--dt", "-1"], "it must be more than 0"),
    (["run", "odour_discrimination", "--dt", "0.3"], "not a whole number of time steps"),
    (["run", "odour_discrimination", "--out", "/proc/nowhere"], "choose another folder with --out"),
    ([*SMALL, "--precision", "float32"], "has double precision alone"),
    (["show", "nothing"], "unknown circuit or protocol 'nothing'"),
    (["report", "/nowhere"], "not the folder of a finished run")])
def test_what_cannot_be_done_is_one_message(arguments, words, capsys):
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and "Traceback" not in said


@pytest.mark.parametrize("level", ["rate", "effective"])
def test_a_plan_in_single_precision_is_near_that_in_double(level):
    """Graded states stay in the precision asked for, and the command says so."""
    usual = plan(MEMORY, RECALL, (level,), 1e-3)[0]
    single, double = (in_precision(precision, usual).run(1, 1)["overlap"].values
                      for precision in ("float32", "float64"))
    assert 0 < np.nanmax(np.abs(single - double)) < 1e-3
    assert "--precision float32" in Request("recall", precision="float32").command
    assert "precision" not in Request("recall").command
    assert parser().parse_args(["run", "recall", "--precision", "float32"]).precision == "float32"


def test_the_command_means_the_same_to_any_shell():
    settings = {"claws": "7", "odour": "20*ms", "rates": "[1, 2]", "word": "it's $HOME; `x` \\"}
    command = Request("recall", "my circuit", ("rate",), settings=settings).command
    words = parser().parse_args(shlex.split(command)[1:])
    assert words.settings == [f"{key}={value}" for key, value in settings.items()] and words.circuit == "my circuit"
    assert "--set claws=7 --set 'odour=20*ms' --set 'rates=[1, 2]'" in command
    outside = re.sub(r"'[^']*'", "", command.replace("'\"'\"'", ""))
    assert not set(outside) & set("*[]$`;\\")
    swept = SweepRequest("recall", levels=("rate",), values={"tau": ("5*ms", "9*ms")}, listed="my sets.csv").command
    assert swept.endswith("--set 'tau=5*ms,9*ms' --list 'my sets.csv'")


MEMORY = visible_hidden(patterns=4, cells=30)
GRADED = replace(MEMORY, pool=None, recipe=None)
FLAT = replace(MEMORY, hidden=(), recipe=None)
RECALL = Protocol("recall", "Recall", "this test", (Block("cues", (Trial("cue", 20*ms, (Stimulus(
    "cue", "pattern 1", 20*ms),)),)),), (Record("visible"),))


@pytest.mark.parametrize("circuit, levels, words", [
    (GRADED, ("spiking",), r"has no spiking level: its cells are graded.*pool=Pool\(…\), or use --levels rate,eff"),
    (FLAT, ("effective", "rate"), r"has no effective level: it has neither.*hidden=\(…\).*--levels spiking,rate"),
    (FLAT, ("rats",), "unknown level 'rats'; did you mean 'rate'")])
def test_a_level_that_a_circuit_does_not_have_is_refused_in_words(circuit, levels, words):
    with pytest.raises(DescriptionError, match=words):
        plan(circuit, RECALL, levels, 1e-4)


def test_a_level_that_a_protocol_does_not_have_is_refused_in_words():
    with pytest.raises(DescriptionError, match="'recall' asks what the rate level cannot answer; use --levels spiking"):
        plan(MEMORY, replace(RECALL, levels=("spiking",)), ("rate",), 1e-4)


def test_an_effective_level_without_time_has_no_traces():
    one_by_one = visible_hidden(patterns=4, cells=30, model="classical", gain=float("inf"))
    traced = replace(RECALL, record=(Record("visible", every=1*ms),))
    assert [p.protocol.every for p in plan(one_by_one, traced, ("rate", "effective"), 1e-4)] == [1e-3, None]
    assert [p.protocol.every for p in plan(MEMORY, traced, ("rate", "effective"), 1e-4)] == [1e-3, 1e-3]


def test_without_a_choice_a_circuit_has_the_levels_it_can_have():
    assert [p.level for p in plan(MEMORY, RECALL, (), 1e-4)] == list(LEVELS)
    assert [p.level for p in plan(GRADED, RECALL, (), 1e-4)] == ["rate", "effective"]
    assert [p.level for p in plan(FLAT, RECALL, (), 1e-4)] == ["spiking", "rate"]
    assert [p.level for p in plan(MEMORY, RECALL, ("rate", "rate"), 1e-4)] == ["rate"]
