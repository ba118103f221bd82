"""Sweeps: every cell is the run it stands for, whatever ends early is taken up again to the same bytes, and what fails
is kept and named."""
from __future__ import annotations

import ast
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from little_sweep import pulse, spikes, tiny
from little_tasks import do
from threadpoolctl import threadpool_info

import neuroam.sweep
from neuroam import registry
from neuroam.analysis.plot_sweep import claim_figures, metric_figures, roles
from neuroam.analysis.responses import responses
from neuroam.analysis.sweeps import measures
from neuroam.cli import main
from neuroam.errors import DescriptionError, NeuroamError, RecordingError
from neuroam.experiment import judge, simulate
from neuroam.prediction import NOT_REPRODUCED, REPRODUCED, bootstrap_interval
from neuroam.recording import load
from neuroam.report import Image
from neuroam.runs import Plan
from neuroam.solvers import Numba
from neuroam.sweep import sweep
from neuroam.sweep_cell import Cell, name_of, run_cell
from neuroam.sweep_settings import coordinate, parameter_sets, read_list, split_values
from neuroam.sweep_spread import KILLED, TRIES, cluster, pool, spread
from neuroam.units import ms

GRID = {"rate": [100.0, 300.0], "cells": [4, 6, 8], "tau": [5*ms, 10*ms]}
FEW = {"rate": [100.0, 200.0, 300.0]}
HERE = Path(__file__).parent


class Here(Executor):
    """Runs tasks at once, in this process; counts them."""

    def __init__(self):
        self.count = 0

    def submit(self, function, /, *arguments, **named):
        self.count += 1
        future = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


def run(parameters, out, executor=None, animals=1, circuit=None, protocol=None, **options):
    return sweep(circuit or tiny(), protocol or pulse(), parameters, animals, levels=("spiking",), out=out,
                 executor=executor or Here(), **options)


def content(folder):
    """Every file of a sweep that is a result, byte for byte."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(Path(folder).rglob("*"))
            if path.suffix in (".nc", ".csv", ".json")}


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return run(GRID, tmp_path_factory.mktemp("runs"), animals=2)


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return run(FEW, tmp_path_factory.mktemp("few"), animals=2)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch, swept):
    """Only the sweep that all tests share has its figures drawn."""
    monkeypatch.setattr(neuroam.sweep, "embed", lambda figure, title: Image("data:,", 1, title))


# what comes out

def test_a_grid_has_a_dim_for_each_parameter(swept):
    assert dict(swept["statistic"].sizes) == {"rate": 2, "cells": 3, "tau": 2, "level": 1, "claim": 2, "animal": 2}
    assert swept["cells"].values.tolist() == [4, 6, 8] and swept["animal"].values.tolist() == [1, 2]
    np.testing.assert_allclose(swept["tau"].values, [0.005, 0.01])
    assert swept["tau"].attrs == {"units": "second", "shown_unit": "ms", "shown_factor": 1000.0}


@pytest.mark.parametrize("rate, cells, tau", [(100.0, 8, 5*ms), (300.0, 4, 10*ms)])
def test_a_cell_is_the_run_it_stands_for(swept, rate, cells, tau):
    alone = simulate(tiny(cells=cells, tau=tau), pulse(rate=rate), Numba(dt=1e-4), 2, 1)
    one = swept.sel(rate=rate, cells=cells, tau=float(tau), level="spiking")
    kept = load(Path(swept.attrs["folder"]) / str(one["recording"].values))
    np.testing.assert_array_equal(kept["spike_time"], alone["spike_time"])
    np.testing.assert_array_equal(one["statistic"].sel(claim="cells fire"), spikes(alone, ""))
    np.testing.assert_allclose(one["measure"].sel(metric="out: mean response", group="other"),
                               responses(alone, "out", "other").mean(("trial", "unit")))
    assert kept.attrs["settings"] == json.dumps({"rate": str(rate), "cells": str(cells), "tau": str(tau)})


def test_means_intervals_and_verdicts_are_those_of_the_recording(tmp_path):
    found = run({"rate": [200.0, 300.0]}, tmp_path, animals=4).isel(level=0)
    for rate in (200.0, 300.0):
        one = found.sel(rate=rate, claim="cells fire")
        low, high = bootstrap_interval(one["statistic"].values)
        np.testing.assert_allclose([one["statistic_low"], one["statistic_high"]], [low, high], rtol=1e-12)
        assert float(one["statistic_mean"]) == one["statistic"].values.mean()
        kept = load(Path(found.attrs["folder"]) / str(one["recording"].values))
        assert str(one["verdict"].values) == judge(kept, pulse(rate=rate))[0].verdict
    assert set(found["verdict"].sel(claim="cells fire").values) <= {REPRODUCED, NOT_REPRODUCED, "not decidable"}


def test_fewer_values_than_animals_leave_the_rest_unknown(swept):
    values = swept["statistic"].sel(claim="the first animal fires")
    assert values.isel(animal=0).notnull().all() and values.isel(animal=1).isnull().all()
    with pytest.raises(RecordingError, match="has 4 values for 2 animals"):
        neuroam.sweep_cell._by_seed("this", np.zeros(4), 2)


def test_a_list_has_one_dim(tmp_path):
    found = run([{"rate": 100.0, "kind": "plain"}, {"kind": "inhibited", "rate": 300.0}], tmp_path)
    assert found["statistic"].dims == ("cell", "level", "claim", "animal")
    assert found["kind"].values.tolist() == ["plain", "inhibited"] and found["rate"].dims == ("cell",)


def test_the_files_say_the_same(swept):
    folder = Path(swept.attrs["folder"])
    with xr.open_dataset(folder / "sweep.nc") as kept:
        for name, values in swept.data_vars.items():
            np.testing.assert_array_equal(kept[name].values.astype(values.dtype), values.values, err_msg=name)
    rows = list(csv.DictReader((folder / "sweep.csv").open()))
    assert len(rows) == 12 * (2 + 2 * 2)  # cells × (claims + metrics × groups)
    one = next(row for row in rows if row["name"] == "cells fire" and row["rate"] == "300.0" and row["cells"] == "6")
    place = swept.sel(rate=300.0, cells=6, tau=float(one["tau (second)"]), claim="cells fire").isel(level=0)
    assert float(one["mean"]) == float(place["statistic_mean"]) and one["verdict"] == place["verdict"].item()


def test_the_page_holds_everything_and_is_found_in_the_notebook(swept):
    folder = Path(swept.attrs["folder"])
    page = (folder / "report.html").read_text()
    assert page.count("<img ") >= 4 and "<script" not in page and "Cell by cell" in page
    for path in (folder / "cells").glob("*.nc"):
        assert f'href="cells/{path.name}"' in page
    assert f"{folder.name}/report.html" in (folder.parent / "index.html").read_text()


def test_every_cell_is_written_as_nwb_and_linked(few, tmp_path, capsys):
    pytest.importorskip("pynwb")
    from neuroam.io import from_nwb

    folder = tmp_path / "pulse-sweep-1"
    shutil.copytree(few.attrs["folder"], folder)
    before = (folder / "report.html").read_text(encoding="utf-8")
    assert main(["nwb", str(folder)]) == 0
    after = (folder / "report.html").read_text(encoding="utf-8")
    cells = sorted((folder / "cells").glob("*.nc"))
    assert len(cells) == 3 and "NWB" not in before
    for path in cells:
        recording = load(path)
        made = path.parent / f"nwb-{path.stem}"
        files = sorted(made.glob("*.nwb"))
        assert len(files) == recording.sizes["animal"]
        assert all(f'href="cells/{made.name}/{file.name}"' in after for file in files)
        np.testing.assert_array_equal(from_nwb(made)["spike_time"], recording["spike_time"])
    (folder / "report.html").unlink()
    assert main(["report", str(folder)]) == 0
    assert (folder / "report.html").read_text(encoding="utf-8") == after
    shutil.rmtree(folder / "cells")
    assert main(["nwb", str(folder)]) == 2
    assert "is a sweep without a finished cell" in capsys.readouterr().err
    (folder / "sweep.nc").write_bytes(b"nothing")
    assert main(["report", str(folder)]) == 2
    assert "sweep.nc cannot be read" in capsys.readouterr().err


def test_parameters_called_like_a_dim_are_told_apart():
    assert "level" in neuroam.sweep.RESERVED
    points = [neuroam.sweep.Point({"level": k}, tiny(), pulse()) for k in range(3)]
    assert list(neuroam.sweep._parameters(points, True).values) == ["setting level"]


# figures

def test_numbers_lie_along_the_abscissa_and_the_rest_has_lines_and_panels(swept):
    assert (roles(swept, False).along, roles(swept, True).along) == ("cells", "cells")
    assert roles(swept, False).lines == "tau" and roles(swept, False).panels == ("rate",)
    assert set(roles(swept, True).panels) == {"group", "rate"}
    panels = claim_figures(swept)["cells fire"]
    assert list(panels) == ["rate = 100", "rate = 300"]
    ax = panels["rate = 300"].axes[0]
    assert ax.get_xlabel() == "cells" and len(panels["rate = 300"].legends[0].get_texts()) == 2
    means = swept["statistic_mean"].sel(claim="cells fire", rate=300.0, level="spiking").isel(tau=1)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), means)
    assert metric_figures(swept)["out: mean response"]["control, rate = 100"].axes[0].get_ylabel()


def test_words_and_wide_ranges_have_axes_of_their_own(tmp_path):
    words = run({"kind": ["plain", "inhibited"]}, tmp_path)
    (figure,) = claim_figures(words)["cells fire"].values()
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["plain", "inhibited"]
    wide = run({"tau": [1*ms, 10*ms, 100*ms]}, tmp_path)
    (figure,) = claim_figures(wide)["cells fire"].values()
    assert figure.axes[0].get_xscale() == "log" and figure.axes[0].get_xlabel() == "tau (ms)"


# the same bytes, however it ended

def test_a_finished_sweep_runs_nothing(swept):
    folder = Path(swept.attrs["folder"])
    before, here = content(folder), Here()
    xr.testing.assert_identical(run(GRID, folder.parent, here, 2), swept)
    assert here.count == 0 and content(folder) == before


def test_an_interrupted_sweep_goes_on_where_it_was(few, tmp_path):
    def interrupt(done, total, seconds):
        if done == 2:
            raise KeyboardInterrupt

    class NotTheLast(Here):
        """The third cell does not finish before the interrupt."""

        def submit(self, function, /, *arguments, **named):
            return Future() if self.count == 2 else super().submit(function, *arguments, **named)

    with pytest.raises(KeyboardInterrupt):
        run(FEW, tmp_path, NotTheLast(), 2, follow=interrupt)
    assert len(list(tmp_path.rglob("cells/*.nc"))) == 2 and not list(tmp_path.rglob("sweep.nc"))
    here = Here()
    whole = run(FEW, tmp_path, here, 2)
    assert here.count == 1
    assert content(whole.attrs["folder"]) == content(few.attrs["folder"])


def test_a_spoilt_cell_is_made_again(few):
    """From animals that are there, to the same bytes as from those that were run."""
    folder, here = Path(few.attrs["folder"]), Here()
    before = content(folder)
    spoilt = sorted(folder.glob("cells/*.nc"))[1]
    spoilt.write_bytes(spoilt.read_bytes()[:700])
    (spoilt.parent / f".{spoilt.name}.abc").write_bytes(b"begun by a process that was killed")
    run(FEW, folder.parent, here, 2)
    assert content(folder) == before and here.count == 1 and not list(spoilt.parent.glob(".*"))


def test_a_cell_with_a_finished_animal_has_the_same_bytes(few, tmp_path):
    for animal in list((Path(few.attrs["folder"]).parent / ".animals").glob("*-1-*.nc")):  # the first of two
        (tmp_path / ".animals").mkdir(exist_ok=True)
        (tmp_path / ".animals" / animal.name).write_bytes(animal.read_bytes())
    assert content(run(FEW, tmp_path, animals=2).attrs["folder"]) == content(few.attrs["folder"])


def test_more_animals_use_those_that_are_there(tmp_path, monkeypatch):
    run({"rate": [100.0, 300.0]}, tmp_path, animals=1)
    seen, assemble = [], neuroam.experiment.assemble
    monkeypatch.setattr(neuroam.experiment, "assemble", lambda wired, *rest: (seen.append(wired.seed),
                                                                              assemble(wired, *rest))[1])
    run({"rate": [100.0, 300.0]}, tmp_path, animals=2)
    assert Counter(seen) == {2: 4}  # two groups in each of two cells


def cell(folder=Path(), circuit=None, protocol=None, animals=1, seed=0, level="spiking", command="", dt=1e-4,
         measured=measures):
    plan = Plan(level, circuit or tiny(), protocol or pulse(), Numba(dt=dt))
    return Cell(name_of(plan, animals, seed, measured, command), {}, plan, animals, seed, measured, folder,
                folder / "animals", command)


def test_a_name_tells_everything_that_made_a_cell():
    protocol = pulse()
    others = [cell(), cell(animals=2), cell(seed=1), cell(level="rate"), cell(command="x"), cell(dt=2e-4),
              cell(circuit=tiny(cells=5)), cell(protocol=pulse(rate=1.0)), cell(protocol=pulse(trouble="raise")),
              cell(protocol=replace(protocol, predictions=protocol.predictions[:1])),
              cell(protocol=replace(protocol, metrics={"own": measures}))]
    assert len({each.name for each in others}) == len(others)
    assert cell().name == cell().name


PINNED = """
import neuroam.fingerprint, neuroam.sweep_cell
neuroam.fingerprint.code_hash = neuroam.sweep_cell._analysis_hash = str  # not what is tested here
"""
NAMED = """
from dataclasses import replace
from functools import partial
from neuroam.fingerprint import fingerprint
from neuroam.prediction import Prediction, above
from neuroam.solvers import Numba
from neuroam.runs import Plan
from neuroam.sweep_cell import name_of
import theirlab.main

made = theirlab.main.lab()
def named(**changes):
    return name_of(Plan("spiking", made, replace(theirlab.main.pulse(), **changes), Numba(dt=1e-4)))
stated = Prediction("c", partial(partial(theirlab.main.statistic, scale=2)), above(0.0), "", "", "ours")
print(named(predictions=(stated,)), named(predictions=(), metrics={"m": theirlab.main.Metric()}), fingerprint(made),
      fingerprint(theirlab.main.compiled))
"""
LAB = """
import functools
import little_sweep
from neuroam.recipe import recipe
from theirlab import helpers

def statistic(recording, scale):
    return helpers.helper(recording) * scale

class Metric:
    def __call__(self, recording):
        return helpers.helper(recording)

@recipe
def lab(cells: int = 4):
    return little_sweep.tiny(cells)

pulse = little_sweep.pulse
compiled = functools.lru_cache(statistic)
"""


def named(folder, helper, words=NAMED):
    """What is printed with this text of the helper, by a process of its own."""
    (folder / "theirlab").mkdir(parents=True, exist_ok=True)
    for name, text in (("__init__", ""), ("main", LAB), ("helpers", helper)):
        (folder / "theirlab" / f"{name}.py").write_text(text)
    (folder / "script.py").write_text(PINNED + words)
    place = os.pathsep.join([str(folder), str(Path(__file__).parent)])
    done = subprocess.run([sys.executable, "-B", "-W", "ignore", "script.py"], cwd=folder, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": place})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_helper_of_somebodys_package_is_part_of_the_name(tmp_path):
    one = "FACTOR = 1\ndef helper(recording):\n    return FACTOR\n"
    first = named(tmp_path / "here", one)
    assert len(set(first)) == 4 and first == named(tmp_path / "elsewhere", one)
    changed = named(tmp_path / "here", one.replace("FACTOR = 1", "FACTOR = 2"))
    assert all(before != after for before, after in zip(first, changed, strict=True))


OWN = """
from theirlab.helpers import helper
from neuroam.fingerprint import fingerprint
from neuroam.units import ms
GRID = [1, 2]
FACTOR = {"a": 3.0}
DELAY = 5*ms
def again(n): return again(n - 1) if n else own(n)
def own(n): return FACTOR["a"] * n + float(DELAY) + (n in {"x", "y", "z"})
def statistic(recording): return again(3) + helper(recording)
print(fingerprint(statistic))
"""


def test_a_script_is_named_by_what_the_statistic_uses_of_it(tmp_path):
    helper = "def helper(recording):\n    return 1\n"
    first = named(tmp_path, helper, OWN)
    assert named(tmp_path, helper, OWN.replace("[1, 2]", "[1, 2, 3]")) == first
    for old, new in (("3.0", "4.0"), ("5*ms", "6*ms"), ("* n +", "+ n +")):
        assert named(tmp_path, helper, OWN.replace(old, new)) != first, new
    assert named(tmp_path, helper.replace("1", "2"), OWN) != first


def test_a_worker_has_one_thread_for_linear_algebra(tmp_path):
    counts = []

    def counting(recording, metrics):
        counts.extend(library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas")
        return measures(recording, metrics)

    assert run_cell(cell(tmp_path, measured=counting)) == ""
    assert counts and set(counts) == {1}


# what fails

def test_a_cell_that_fails_is_kept_and_the_others_finish(tmp_path):
    found = run({"trouble": ["", "raise"], "rate": [100.0, 300.0]}, tmp_path)
    assert found["message"].isel(level=0).values.tolist() == [["", ""], ["ValueError: no statistic today"] * 2]
    assert found["statistic"].sel(trouble="raise").isnull().all()
    assert found["statistic"].sel(trouble="", claim="cells fire").notnull().all()
    assert (found["verdict"].sel(trouble="raise") == "").all() and (found["recording"].sel(trouble="raise") == "").all()
    notes = [json.loads(path.read_text()) for path in tmp_path.rglob("*.failed.json")]
    assert len(notes) == 2 and all("Traceback" in note["details"] for note in notes)
    assert "Cells that failed" in (Path(found.attrs["folder"]) / "report.html").read_text()


def test_a_failed_cell_is_tried_again(tmp_path):
    cure = tmp_path / "cure"
    grid = {"trouble": ["", f"until {cure}"]}
    assert (run(grid, tmp_path)["message"] != "").sum() == 1
    cure.touch()
    here = Here()
    found = run(grid, tmp_path, here)
    assert here.count == 1 and (found["message"] == "").all() and not list(tmp_path.rglob("*.failed.json"))
    np.testing.assert_array_equal(*found["statistic"].sel(claim="cells fire").transpose("trouble", ...).values)


def test_a_sweep_in_which_everything_fails_says_so(tmp_path):
    found = run({"trouble": ["raise"], "rate": [1.0, 2.0]}, tmp_path)
    assert (found["message"] != "").all() and found["statistic"].isnull().all()
    assert "0 of 2 cells finished" in (Path(found.attrs["folder"]) / "report.html").read_text()


def test_a_worker_that_writes_elsewhere_is_found_out(tmp_path):
    class Elsewhere(Here):
        def submit(self, function, /, task):
            return super().submit(function, replace(task, folder=tmp_path / "other machine"))

    found = run({"rate": [100.0, 300.0]}, tmp_path, Elsewhere())
    assert all("must be a folder that all workers share" in text for text in found["message"].values.ravel())


# processes

def test_processes_that_are_killed_are_replaced_and_the_culprit_is_found(tmp_path):
    tasks = ["fine", f"once {tmp_path / 'marker'}", "die", "wrong", "raise", *["slow"] * 4]
    found = Counter(spread(do, tasks, lambda: pool(2), 2))
    assert found == Counter([("fine", ""), (tasks[1], ""), ("die", KILLED), ("wrong", "it is wrong"),
                             ("raise", "ValueError: raised"), *[("slow", "")] * 4])


def test_an_executor_of_ones_own_is_not_replaced():
    with ProcessPoolExecutor(1) as own, pytest.raises(NeuroamError, match="finished cells are kept"):
        list(spread(do, ["die", "fine"], lambda: own))


def test_what_cannot_be_sent_is_a_failure_of_its_own():
    ((_, message), (_, other)) = sorted(spread(do, ["fine", lambda: 0], lambda: pool(1), 1), key=str)
    assert sorted([message[:5], other])[0] == "" and "ickl" in message + other
    assert TRIES == 3


ORPHAN = """
import os, signal, sys
from neuroam.sweep_spread import pool
if __name__ == "__main__":
    executor = pool(1)
    print(executor.submit(os.getpid).result(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_end_with_the_one_that_started_them(tmp_path):
    (tmp_path / "orphan.py").write_text(ORPHAN)
    done = subprocess.run([sys.executable, "-W", "ignore", str(tmp_path / "orphan.py")], capture_output=True, text=True)
    child = int(done.stdout)
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.05)
    pytest.fail("the process goes on without its parent")


def alive(pid):
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


# what is refused, before anything runs

@pytest.mark.parametrize("parameters, message", [
    ({}, "there is nothing to sweep"), ({"rate": []}, "there is nothing to sweep"), ({"rate": "100"}, "nothing to swe"),
    (None, "neither a grid"), (["rate=1"], "neither a grid"), ([], "must be one or more"),
    ([{"rate": 1.0}, {"cells": 4}], "name the same settings, got rate and cells"),
    ({"ratio": [1.0]}, "unknown setting 'ratio'; did you mean 'rate'"),
    ({"circuit.rate": [1.0]}, "unknown setting 'circuit.rate'"),
    ({"rate": [100.0, 300.0, 100.0]}, "two cells have the same values"),
    ({"kind": ["plain", "odd"]}, "kind = odd: kind is 'odd'; use plain or inhibited"),
    ({"cells": [4, "many"]}, "cells = many: "), ({"tau": [5*ms, 5.0]}, "tau = 5.0: .*expected a quantity in second"),
    ({"lasts": [40*ms, 40.03*ms]}, "lasts = 40.03 ms: .*not a whole number of time steps")])
def test_what_cannot_be_made_is_refused(parameters, message, tmp_path):
    here = Here()
    with pytest.raises(DescriptionError, match=message):
        run(parameters, tmp_path / "out", here)
    assert here.count == 0 and not list(tmp_path.rglob("*.nc"))


@pytest.mark.parametrize("options, message", [({"animals": 0}, "--animals is 0"), ({"jobs": 0}, "--jobs is 0")])
def test_numbers_below_one_are_refused(options, message, tmp_path):
    with pytest.raises(DescriptionError, match=message):
        run(FEW, tmp_path, **options)


def test_settings_of_what_no_factory_made_are_missing(small_circuit, tmp_path):
    with pytest.raises(DescriptionError, match=r"unknown setting 'cells'.*the circuit has none, as no factory"):
        run({"cells": [4, 6]}, tmp_path, circuit=small_circuit)


# the command line

def cli(*arguments, out):
    return main(["sweep", "pulse", "--levels", "spiking", "--animals", "1", *arguments, "--out", str(out)])


@pytest.fixture
def registered(monkeypatch):
    """The little circuit and protocol by name."""
    found = {name: metadata.EntryPoint(name, f"little_sweep:{name}", "neuroam") for name in ("tiny", "pulse")}
    monkeypatch.setattr(registry, "_entry", lambda kind, name: found[name])


def test_the_command_leaves_a_folder_and_prints_what_came_out(registered, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(neuroam.sweep, "pool", lambda workers: Here())
    arguments = ("--set", "cells=4,6", "--set", "tau=5*ms,10*ms", "--set", "rate=200")
    assert cli(*arguments, out=tmp_path) == 0
    said = capsys.readouterr().out
    assert "4 of 4 cells" in said and "cells fire" in said and "report: " in said and "from before" not in said
    (folder,) = tmp_path.glob("pulse-sweep-*")
    assert {path.name for path in folder.iterdir()} == {"cells", "sweep.nc", "sweep.csv", "sweep.json", "report.html"}
    told = json.loads((folder / "sweep.json").read_text())
    assert told["command"].endswith("--set rate=200 --set cells=4,6 --set 'tau=5*ms,10*ms'")
    assert len(told["verdicts"]["spiking"]) == 4 * 2
    history = load(next((folder / "cells").glob("*.nc"))).attrs["history"]
    assert history.startswith("neuroam run pulse --levels spiking") and "--set 'tau=" in history
    assert cli(*arguments, out=tmp_path) == 0
    assert "4 are there from before" in capsys.readouterr().out


def test_the_command_takes_a_list_and_tells_of_failures(registered, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(neuroam.sweep, "pool", lambda workers: Here())
    (tmp_path / "sets.csv").write_text("cells, trouble\n4, none\n6, raise\n")
    assert cli("--list", str(tmp_path / "sets.csv"), out=tmp_path) == 1
    said = capsys.readouterr().out
    assert "2 parameter sets" in said and "1 of 2 cells finished" in said
    assert said.count("cells = 6, trouble = raise, spiking: ValueError: no statistic today") == 2


@pytest.mark.parametrize("arguments, words", [
    (("--set", "claws=7"), "there is nothing to sweep"),
    (("--set", "klaws=5,7"), "did you mean 'claws'"), (("--set", "claws=5,x"), "expected a whole number"),
    (("--set", "claws=5,,7"), "a value is empty"), (("--set", "odour=1*second,3*mV"), "expected a quantity in second"),
    (("--set", "heterogeneity=equal,odd"), "heterogeneity is 'odd'; use one of"),
    (("--set", "claws=5,7", "--list", "x.csv"), "not both"),
    (("--list", "/nowhere.csv"), "--list /nowhere.csv: No such"),
    (("--set", "claws=5,7", "--jobs", "0"), "--jobs is 0"),
    (("--set", "claws=5,7", "--jobs", "2", "--scheduler", "tcp://localhost:1"), "give one"),
    (("--set", "claws=5,7", "--scheduler", " "), "--scheduler is empty; give the address"),
    (("--set", "claws=5,7", "--levels", "rats"), "unknown level 'rats'"),
    (("--set", "claws=5,7", "--out", "/proc/nowhere"), "choose another folder with --out"),
    (("--set", "claws=5.0,7"), "expected a whole number")])
def test_what_cannot_be_done_is_one_message(arguments, words, tmp_path, capsys):
    given = ["sweep", "odour_discrimination", "--levels", "effective", "--out", str(tmp_path / "out"), *arguments]
    assert main(given) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1 and not list(tmp_path.rglob("*.nc"))


@pytest.mark.parametrize("workers, said", [(0, "waiting for workers; start them with `dask worker tcp://here:1`"),
                                           (1, "1 worker at tcp://here:1"), (3, "3 workers at tcp://here:1")])
def test_a_cluster_says_how_many_workers_there_are(workers, said, monkeypatch, capsys):
    class Client:
        def __init__(self, address, timeout):
            self.closed = False

        def nthreads(self):
            return dict.fromkeys(range(workers), 1)

        def get_executor(self, pure):
            return self

        def close(self):
            self.closed = True

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=Client))
    with cluster("tcp://here:1") as executor:
        assert capsys.readouterr().out.strip() == said
    assert executor.closed


@pytest.mark.parametrize("text, words", [("", "no parameter set"), ("claws\n", "no parameter set"),
                                         ("claws,kenyon\n5\n", "line 2: give one value for each of claws, kenyon"),
                                         ("claws, claws\n5,7\n", "line 1: claws stands there twice"),
                                         ("claws\n5\n6,7\n", "line 3: give one"), ("claws\n \n", "line 2: give one")])
def test_a_list_that_is_none_is_refused(text, words, tmp_path):
    (tmp_path / "sets.csv").write_text(text)
    with pytest.raises(DescriptionError, match=words):
        read_list(str(tmp_path / "sets.csv"))


def test_values_are_split_at_commas_outside_brackets():
    assert split_values("key", "1, 2,f(3,4),[5,6]") == ("1", "2", "f(3,4)", "[5,6]")
    assert parameter_sets({"a": [1, 2], "b": [3, 4]}) == [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2, "b": 3},
                                                         {"a": 2, "b": 4}]


def test_a_lone_value_and_a_generator_are_taken():
    tens, two = [10.0, 20.0], [{"a": 1}, {"a": 2}]
    assert parameter_sets({"a": (x for x in tens), "b": 4}) == [{"a": 10.0, "b": 4}, {"a": 20.0, "b": 4}]
    assert parameter_sets({"a": np.array(tens), "b": 5*ms}) == [{"a": 10.0, "b": 5*ms}, {"a": 20.0, "b": 5*ms}]
    assert parameter_sets(row for row in two) == two


@pytest.mark.parametrize("given, values, attributes", [
    ([1, 2.5], [1, 2.5], {}), (["a", 1], ["a", "1"], {}), ([True, False], ["True", "False"], {}),
    ([5*ms, 2000*ms], [0.005, 2.0], {"units": "second", "shown_unit": "s", "shown_factor": 1.0}),
    ([np.int64(3), 4], [3, 4], {}), ([0*ms, 0*ms], [0.0, 0.0], {"units": "second"})], ids=str)
def test_values_become_coordinates(given, values, attributes):
    assert coordinate(given) == (values, attributes)


# as it will be used; minutes

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from little_sweep import pulse, tiny
from neuroam.sweep import sweep
if __name__ == "__main__":
    sweep(tiny(), pulse(), {grid!r}, 3, levels=("spiking",), out={out!r}, jobs=2)
"""
MANY = {"rate": [50.0 * k for k in range(1, 13)], "cells": list(range(3, 13))}  # 120 cells


@pytest.fixture
def start(tmp_path):
    """Starts a sweep in a process of its own, with all its processes in one group."""
    begun = []

    def begin(grid, out):
        script = tmp_path / "go.py"
        script.write_text(SCRIPT.format(here=str(HERE), grid=grid, out=str(out)))
        begun.append(subprocess.Popen([sys.executable, "-W", "ignore", str(script)], start_new_session=True))
        return begun[-1]

    yield begin
    for process in begun:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def workers(pid):
    """Processes of the pool of a process."""
    children = [child for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]
    return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def wait_for(out, cells, process):
    for _ in range(6000):
        if len(list(out.rglob("cells/*.nc"))) >= cells:
            return
        assert process.poll() is None, "it ended too early"
        time.sleep(0.02)
    pytest.fail("too slow")


@pytest.mark.slow
def test_120_cells_killed_twice_are_those_of_a_serial_sweep(start, tmp_path):
    serial = run(MANY, tmp_path / "serial", animals=3)
    first = start(MANY, tmp_path / "out")
    wait_for(tmp_path / "out", 30, first)
    os.kill(workers(first.pid)[0], signal.SIGKILL)
    wait_for(tmp_path / "out", 50, first)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    left = len(list((tmp_path / "out").rglob("cells/*.nc")))
    assert 50 <= left < 110 and not list((tmp_path / "out").rglob("sweep.nc"))
    second = start(MANY, tmp_path / "out")
    wait_for(tmp_path / "out", left + 20, second)
    os.killpg(second.pid, signal.SIGKILL)
    second.wait()
    assert not list((tmp_path / "out").rglob("sweep.nc"))
    assert start(MANY, tmp_path / "out").wait() == 0
    (folder,) = (tmp_path / "out").glob("pulse-sweep-*")
    assert len(list(folder.glob("cells/*.nc"))) == 120
    assert content(folder) == content(serial.attrs["folder"])


@pytest.mark.slow
def test_a_cell_that_kills_its_process_is_named(tmp_path):
    grid = {"trouble": ["die", "", f"once {tmp_path / 'marker'}"], "rate": [100.0, 300.0]}
    found = sweep(tiny(), pulse(), grid, 2, levels=("spiking",), out=tmp_path, jobs=2)
    assert found["message"].isel(level=0).values.tolist() == [[KILLED] * 2, ["", ""], ["", ""]]
    notes = [json.loads(path.read_text())["message"] for path in tmp_path.rglob("*.failed.json")]
    assert notes == [KILLED] * 2


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_serial_result(tmp_path):
    distributed = pytest.importorskip("distributed")
    serial = run(GRID, tmp_path / "serial", animals=3)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, \
            distributed.Client(cluster) as client:
        before = set(client.run(os.getpid).values())

        def kill_one(done, total, seconds):
            if done == 3:
                os.kill(min(before), signal.SIGKILL)

        found = run(GRID, tmp_path / "cluster", client.get_executor(pure=False), animals=3, follow=kill_one)
        client.wait_for_workers(2, timeout=60)
        assert set(client.run(os.getpid).values()) != before
    assert (found["message"] == "").all()
    assert content(found.attrs["folder"]) == content(serial.attrs["folder"])


@pytest.mark.slow
def test_the_command_runs_on_a_scheduler(registered, tmp_path, capsys):
    distributed = pytest.importorskip("distributed")
    arguments = ("--set", "cells=4,6", "--set", "rate=100,200")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
        assert cli(*arguments, "--scheduler", cluster.scheduler_address, out=tmp_path / "cluster") == 0
    assert "2 workers at tcp://" in capsys.readouterr().out
    assert cli(*arguments, "--jobs", "1", out=tmp_path / "pool") == 0
    assert content(tmp_path / "cluster") == content(tmp_path / "pool")
    assert cli(*arguments, "--scheduler", "tcp://127.0.0.1:9", out=tmp_path) == 2
    assert "no Dask scheduler answers there" in capsys.readouterr().err


def example(word: str) -> str:
    """The block of code in docs/sweep.md that has a word."""
    page = (HERE.parent / "docs" / "sweep.md").read_text(encoding="utf-8")
    return next(block for block in re.findall(r"^```\w*\n(.*?)^```", page, re.DOTALL | re.MULTILINE) if word in block)


def test_the_example_for_slurm_makes_the_script_that_the_page_shows():
    pytest.importorskip("dask_jobqueue")
    from dask_jobqueue import SLURMCluster

    call = next(node for node in ast.walk(ast.parse(example("SLURMCluster(")))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "SLURMCluster")
    with eval(compile(ast.Expression(call), "sweep.md", "eval"), {"SLURMCluster": SLURMCluster}) as cluster:
        script, header = cluster.job_script(), [line for line in example("#SBATCH").splitlines() if "#" in line]
    assert [line for line in script.splitlines() if line.startswith("#SBATCH")] == header
    shown = " ".join(example("#SBATCH").split("python -m ", 1)[1].split()).replace("tcp://…", "")
    made = re.sub(r"tcp://\S+|--name \S+", "", script.split(" -m ", 1)[1])
    assert made.split() == shown.split()


SUBMIT = """#!/bin/sh
setsid bash "$1" > /dev/null 2>&1 &
echo $! > {pid}
echo "$1" >> {calls}
echo Submitted batch job 1
"""
SMALLER = {"cores=16, processes=16": "cores=2, processes=2", "64GB": "4GB", "_jobs=2": "_jobs=1",
           "[3, 5, 7, 9]": "[5, 7]",
           "odour_discrimination(), {": "odour_discrimination(training=1, tests=1), {", "[500, 1000, 2000]": "[100]",
           "animals=20": "animals=1, levels=('effective',)", "/shared/runs": "OUT"}


@pytest.mark.slow
def test_the_example_for_slurm_finishes_its_sweep(tmp_path):
    """Made smaller, where sbatch starts its script on the spot. Jobs are not taken back while they start."""
    pytest.importorskip("dask_jobqueue")
    script = example("SLURMCluster(")
    for word, smaller in SMALLER.items():
        assert word in script
        script = script.replace(word, smaller.replace("OUT", str(tmp_path)))
    (tmp_path / "go.py").write_text(script)
    (tmp_path / "bin").mkdir()
    for name, text in (("sbatch", SUBMIT.format(pid=tmp_path / "pid", calls=tmp_path / "calls")),
                       ("scancel", f"#!/bin/sh\nkill -- -$(cat {tmp_path / 'pid'})\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    subprocess.run([sys.executable, "-W", "ignore", str(tmp_path / "go.py")], check=True, timeout=600, cwd=tmp_path,
                   env=os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    found = xr.load_dataset(next(tmp_path.glob("odour_discrimination-sweep-*")) / "sweep.nc")
    assert dict(found["recording"].sizes) == {"claws": 2, "kenyon": 1, "level": 1} and (found["message"] == "").all()
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
