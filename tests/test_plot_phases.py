"""The plane of settings as a figure, and the tables, from one command each."""
from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from benchmarks import correlated_tables
from neuroam.analysis.plot_phases import commonest_mode, phase_figure
from neuroam.effective.correlated_measures import MODES
from neuroam.effective.correlated_phases import phase_diagram
from neuroam.graphs import cycle, schapiro

ROOT = Path(__file__).resolve().parents[1]


def plane(mode):
    mode = np.asarray(mode)
    at = ("seed", "auto", "hetero")
    return xr.Dataset({"mode": (at, mode), "range": (at, np.ones(mode.shape)), "active": (at, np.ones(mode.shape))},
                      {"auto": np.arange(mode.shape[1]), "hetero": np.arange(mode.shape[2])})


def test_the_commonest_mode_by_hand():
    found = commonest_mode(plane([[[0, 1], [-1, 3]], [[0, 2], [-1, 2]], [[1, 2], [3, 1]]]))
    np.testing.assert_array_equal(found, [[0, 2], [-1, 1]])
    assert found.dims == ("auto", "hetero")


def test_what_is_not_to_be_shown_is_masked():
    figure = phase_figure(plane([[[0, 3], [-1, 2]]]), MODES)
    spread, active = (ax.images[0].get_array().mask for ax in figure.axes[1:3])
    np.testing.assert_array_equal(spread, [[False, True], [True, False]])
    np.testing.assert_array_equal(active, [[False, False], [True, False]])
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["step too long", "auto-association", "wide hetero-association", "neutral quiescence"]


def test_points_are_where_they_belong():
    """Wide association is to the right of the line a = h/2, narrow to the left of it."""
    found = xr.Dataset(phase_diagram(cycle(30), [0., 1.], [0., 1.], neurons=500, seeds=[0]))
    image = phase_figure(found, MODES).axes[0].images[0]
    assert image.get_extent() == [-.5, 1.5, -.5, 1.5] and image.origin == "lower"
    shown = np.asarray(image.get_array())
    assert shown[0, 1] == MODES.index("wide hetero-association") and shown[1, 0] == MODES.index("auto-association")


def test_the_command_draws_the_plane(tmp_path):
    script = runpy.run_path(str(ROOT / "docs" / "phases.py"))
    out = tmp_path / "plane.png"
    script["main"](["--points", "3", "--seeds", "1", "--neurons", "200", "--steps", "20", "--out", str(out)])
    assert out.stat().st_size > 10_000
    with xr.open_dataset(out.with_suffix(".nc")) as kept:
        assert dict(kept["mode"].sizes) == {"seed": 1, "auto": 3, "hetero": 3}
    lines = script["boundaries"](cycle(30), np.array([-1., 0., 2.]), 4000)
    hetero, auto = lines["a memory holds itself above"]
    np.testing.assert_allclose(auto, hetero / 2)
    hetero, auto = lines["no memory is held below"]
    np.testing.assert_allclose(auto, 30 * 12 / 4000 - hetero * np.cos(2 * np.pi / 30), atol=.003)
    assert script["boundaries"](schapiro(), np.array([2.]), 100)["a memory holds itself above"][1] == pytest.approx(.5)


def test_tables_print_means_with_intervals(capsys):
    correlated_tables.main(["--seeds", "2", "--only", "modes"])
    printed = capsys.readouterr().out
    assert "modes, 2 seeds" in printed and printed.count("|") > 8
    assert correlated_tables.entry(np.array([1., 3.])).startswith("2.000 [")
    assert correlated_tables.entry(np.array([.5])) == "0.500"
