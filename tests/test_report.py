"""The report: one file that holds everything and asks for nothing."""
from __future__ import annotations

import html
import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from little import little_recording

from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.errors import RecordingError
from neuroam.experiment import judge
from neuroam.outcome import summary
from neuroam.prediction import NOT_REPRODUCED, REPRODUCED
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.report import Level, verdict_table, write_report

PROTOCOL = odour_discrimination()
CIRCUIT = mushroom_body()
COMMAND = "neuroam run odour_discrimination --animals 3 --set circuit.kenyon=12"
VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page: addresses it asks for, tags left open, its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [v for k, v in attrs if k in ("src", "href", "srcset", "data")]
        self.ids += [v for k, v in attrs if k == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def level(name: str, **options) -> Level:
    recording = little_recording(PROTOCOL, **options)
    return Level(name, recording, judge(recording, PROTOCOL))


@pytest.fixture(scope="module")
def levels():
    return [level("spiking"), level("rate", spiking=False), level("effective", spiking=False, traces=False)]


@pytest.fixture(scope="module")
def page(levels, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "recording-rate.nc").touch()
    (folder / "nwb-rate").mkdir()
    for name in ("000_control_1.nwb", "001_APL blocked_1.nwb"):
        (folder / "nwb-rate" / name).write_bytes(b"x" * 123_456)
    path = write_report(folder, levels, CIRCUIT, PROTOCOL, COMMAND)
    assert sorted(os.listdir(folder)) == ["nwb-rate", "recording-rate.nc", "report.html"]
    return path


def test_it_is_one_file_that_asks_for_nothing(page):
    assert page.name == "report.html" and page.stat().st_size < 3e6
    text = page.read_text(encoding="utf-8")
    read = Page(text)
    assert read.open == []
    pictures = [a for a in read.addresses if a.startswith("data:image/png;base64,")]
    assert len(pictures) >= 10 and all(len(a) > 1000 for a in pictures)
    beside = {a for a in read.addresses if a not in pictures and not a.startswith("#")}
    assert beside == {"data:,", "recording-rate.nc", "nwb-rate/000_control_1.nwb", "nwb-rate/001_APL%20blocked_1.nwb"}
    assert {a for a in read.addresses if a.startswith("#")} == {f"#{i}" for i in read.ids}
    assert not re.search(r"<script|https?://|@import|url\(", text)


def test_every_claim_stands_beside_what_was_found_and_published(page, levels):
    words = " ".join("".join(Page(page.read_text(encoding="utf-8")).words).split())
    for verdict in (v for some in levels for v in some.verdicts):
        for text in (verdict.claim, verdict.verdict, verdict.published, verdict.certainty, verdict.assumed):
            assert " ".join(text.split()) in words
    assert all(name in words for name in ("spiking", "rate", "effective"))


def test_it_links_the_data_that_lie_beside_it(page):
    words = " ".join("".join(Page(page.read_text(encoding="utf-8")).words).split())
    assert "recording-rate.nc 0.0 kB" in words and "nwb-rate/000_control_1.nwb 0.1 MB" in words
    assert "2 NWB files, one for each animal and level" in words


def test_it_says_how_to_make_it_again(page):
    text = html.unescape(page.read_text(encoding="utf-8"))
    assert COMMAND in "".join(Page(text).words)
    for word in ("neuroam 0.1.0", "recording-rate.nc", "Numba(dt=0.00025)", "250 µs", "17 mV", PROTOCOL.source,
                 "Heterogeneity of Kenyon cells: <strong>equal"):
        assert word in text


@pytest.mark.parametrize("options", [{"animals": 1}, {"fill": float("nan")}, {"spiking": False, "traces": False}],
                         ids=str)
def test_poor_recordings_still_have_a_report(tmp_path, options):
    path = write_report(tmp_path, [level("only", **options)], CIRCUIT, PROTOCOL, COMMAND)
    assert "Make it again" in path.read_text(encoding="utf-8")


def test_a_protocol_without_figures_or_claims_has_a_report(tmp_path):
    bare = replace(PROTOCOL, figures=(), predictions=(), recipe=None)
    path = write_report(tmp_path, [Level("only", little_recording(PROTOCOL), [])], CIRCUIT, bare, "x <y> & z")
    text = path.read_text(encoding="utf-8")
    assert "&lt;y&gt;" in text and "<y>" not in text and "Figures</h2>" not in text


def test_nothing_is_left_behind_when_the_folder_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(RecordingError, match="cannot write"):
        write_report(blocked, [], CIRCUIT, replace(PROTOCOL, figures=()), COMMAND)
    assert os.listdir(tmp_path) == ["file"]


def test_the_terminal_table_has_claims_down_and_levels_across(levels):
    first = levels[0].verdicts[0]
    changed = [replace(first, verdict=REPRODUCED), replace(first, verdict=NOT_REPRODUCED, mean=-2.5)]
    shown = [Level(name, levels[0].recording, [v]) for name, v in zip(("spiking", "rate"), changed, strict=True)]
    text = verdict_table(shown)
    header = next(line for line in text.splitlines() if "spiking" in line)
    assert header.index("Claim") < header.index("spiking") < header.index("rate") < header.index("Known")
    words = " ".join(text.split())
    assert "+ reproduced" in words and "− not reproduced" in words and "−2.5" in words
    assert "Rate: 0 of 1 claims reproduced, 1 not reproduced, 0 not decidable." in words


def test_a_protocol_without_claims_says_so(levels):
    assert summary([Level("rate", levels[1].recording, [])]) == ["Rate: no claim to judge."]


def test_a_level_that_lacks_a_claim_has_a_dash(levels):
    text = verdict_table([levels[0], Level("rate", levels[1].recording, [])])
    assert "–" in text.splitlines()[4]
