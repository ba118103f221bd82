"""Recordings of every registered protocol go to netCDF, NWB and Neo and come back.

Runs are as small as the gallery makes them, one animal of the first group, at the cheapest level, and of some at every
level their circuit has. A protocol that is added is tried too.
"""
from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from edge_cases import whole
from io_cases import animal_of, assert_identical

from neuroam import registry
from neuroam.recording import load, save
from neuroam.runs import Request, clock, described, plan

SIZES = tomllib.loads((Path(__file__).parents[1] / "docs" / "gallery.toml").read_text(encoding="utf-8"))
SMALLER = {"song_cooling": {"neurons": "2000", "motifs": "1"}}
QUICK = "sequence_recall"
CHEAPEST = ("effective", "rate", "spiking")
EVERY_LEVEL = (QUICK, "odour_discrimination", "pattern_completion", "energy_descent")


def recordings(name):
    """With the name of its level."""
    request = Request(name, animals=1, settings=SMALLER.get(name) or SIZES.get(name, {}).get("settings", {}))
    protocol, circuit = described(request)
    protocol = replace(protocol, groups=protocol.groups[:1])
    plans = plan(circuit, protocol, (), clock(request, protocol))
    if name not in EVERY_LEVEL:
        plans = [next(each for level in CHEAPEST for each in plans if each.level == level)]
    for each in plans:
        yield each.level, each.run(1, 1)


def assert_returns(recording, folder):
    assert_identical(load(save(recording, folder / "r.nc")), recording)
    pytest.importorskip("pynwb", minversion="4")
    from neuroam.io import from_nwb, to_nwb

    assert_identical(from_nwb(to_nwb(recording, folder / "r.nwb", 0)), animal_of(recording, 0))
    pytest.importorskip("neo")
    from neuroam.io import from_neo, to_neo

    assert_identical(from_neo(to_neo(recording, 0)), animal_of(recording, 0))


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name == QUICK else pytest.mark.slow)
                                  for name in registry.names("protocols")])
def test_there_and_back(name, tmp_path):
    levels = []
    for level, recording in recordings(name):
        assert recording.sizes["trial"]
        assert_returns(recording, tmp_path)
        levels.append(level)
    assert levels


def test_the_comparison_would_see_another_time(tmp_path):
    moved = whole().copy(deep=True)
    moved["start_time"].values[0, 0] += 1e-12
    again = load(save(whole(), tmp_path / "r.nc"))
    assert_identical(again, whole())
    with pytest.raises(AssertionError):
        assert_identical(again, moved)
