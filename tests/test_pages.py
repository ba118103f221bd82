"""What neuroam writes for readers, in a reader's browser at two sizes: nothing red in the console, no picture missing,
every link leads somewhere, nothing wider than the screen, dark on light, and not too small to read."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from browser import SIZES, Browser, chromium, unresolved
from little import little_recording

from neuroam import registry
from neuroam.circuits.mushroom_body import mushroom_body
from neuroam.experiment import judge
from neuroam.notebook import write_notebook
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.report import Level, write_report

ROOT = Path(__file__).resolve().parents[1]
SITE = Path(os.environ.get("SITE", ROOT / "build" / "docs"))
SHOTS = os.environ.get("SCREENSHOTS")  # a folder: leave pictures of the pages there
pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here; install one, or name it in "
                                                           "the environment variable CHROMIUM")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs: one whole, one that is none."""
    out = tmp_path_factory.mktemp("runs")
    folder, protocol = out / "odour_discrimination-1", odour_discrimination()
    protocol = replace(protocol, figures=protocol.figures[1:3])  # drawing takes longest
    recording = little_recording(protocol)
    levels = [Level("spiking", recording, judge(recording, protocol))]
    (folder / "nwb-spiking").mkdir(parents=True)
    for path in (folder / "recording.nc", folder / "nwb-spiking" / "000_APL blocked_1.nwb"):
        path.write_bytes(b"x" * 2000)
    command = "neuroam run odour_discrimination --levels spiking --set circuit.kenyon=12"
    told = {"protocol": protocol.name, "title": protocol.title, "source": protocol.source, "levels": ["spiking"],
            "command": command, "verdicts": {"spiking": [asdict(verdict) for verdict in levels[0].verdicts]}}
    (folder / "verdicts.json").write_text(json.dumps(told))
    write_report(folder, levels, mushroom_body(), protocol, command)
    (out / "something of somebody else's with a long name").mkdir()
    write_notebook(out)
    return out


def look(browser: Browser, path: Path, size: str):
    picture = Path(SHOTS) / f"{path.parent.name}-{path.stem}-{size}.png" if SHOTS else None
    return browser.look(path.as_uri(), size, picture)


def check(seen, anchors: dict[str, set[str]] | None = None, smallest: float = 12) -> None:
    assert seen.errors == [] and seen.missing == [] and unresolved(seen.links, anchors) == []
    assert seen.sideways <= 0, f"{seen.sideways} pixels wider than the screen"
    assert seen.smallest >= smallest and luminance(seen.colours[0]) < 60 and luminance(seen.colours[1]) > 230


def luminance(colour: str) -> float:
    """Of "rgb(r, g, b)"; 0 is black, 255 white."""
    red, green, blue = (float(part) for part in colour.partition("(")[2].rstrip(")").split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("page", ["index.html", "odour_discrimination-1/report.html"])
def test_what_a_run_leaves_reads_well(browser, runs, page, size):
    seen = look(browser, runs / page, size)
    check(seen)
    assert any(link.endswith("recording.nc") for link in seen.links)
    assert any("nwb-spiking" in link for link in seen.links)


BROKEN = """<!doctype html><meta name="viewport" content="width=device-width"><title>t</title>
<body style="background:#222;color:#ddd"><main><p style="font-size:7px">small</p><img src="nowhere.png">
<a href="gone.html">g</a><a href="#nowhere">n</a><a href="broken.html#there">t</a><i id="there"></i>
<div style="width:3000px">wide</div></main><script>console.error("told"); undefined_function()</script>"""


def test_a_page_with_every_fault_is_caught(browser, tmp_path):
    path = tmp_path / "broken.html"
    path.write_text(BROKEN)
    seen = browser.look(path.as_uri(), "phone")
    said = " ".join(seen.errors)
    assert "told" in said and "Uncaught" in said and "ERR_FILE_NOT_FOUND" in said
    assert len(seen.missing) == 1 and seen.sideways > 2000 and seen.smallest == 7
    assert [link.rpartition("/")[2] for link in unresolved(seen.links)] == ["gone.html", "broken.html#nowhere"]
    assert luminance(seen.colours[0]) > 200 and luminance(seen.colours[1]) < 60


@pytest.mark.slow
def test_every_page_of_the_site_reads_well(browser, tmp_path):
    """The gallery of one small protocol, every page of the manual, the reference, and the search."""
    pytest.importorskip("sphinx"), pytest.importorskip("myst_parser"), pytest.importorskip("furo")
    done = subprocess.run([sys.executable, "-W", "ignore", str(ROOT / "docs" / "build.py"), "odour_discrimination",
                           "--out", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    read_all(browser, tmp_path / "docs", ["odour_discrimination"])


@pytest.mark.slow
@pytest.mark.skipif(not (SITE / "index.html").exists(), reason="make docs, or name the site in the environment "
                                                               "variable SITE")
def test_every_page_of_the_built_site_reads_well(browser):
    """With the gallery of all protocols, as `make docs` left it."""
    read_all(browser, SITE, registry.names("protocols"))


def read_all(browser: Browser, site: Path, protocols: list[str]) -> None:
    """Every page at both sizes, each protocol's among them with its figures and its whole report, and the search."""
    anchors: dict[str, set[str]] = {}
    pages = [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]
    wrong, address = {}, {page: page.relative_to(site).as_posix() for page in pages}
    assert {f"gallery/{name}.html" for name in protocols} <= set(address.values()) and len(pages) > 60
    for page in pages:
        for size in SIZES:
            seen = look(browser, page, size)
            found = [*seen.errors, *seen.missing, *unresolved(seen.links, anchors)]
            if found or seen.sideways > 0:
                wrong[address[page], size] = found, seen.sideways
    assert wrong == {}
    for name in protocols:
        seen = browser.look((site / f"gallery/{name}.html").as_uri(), "phone")
        assert any(link.endswith(f"reports/{name}.html") for link in seen.links), f"{name} could not be run"
        assert browser.run("[...document.images].filter(i => i.naturalWidth > 300).length") > 0, f"{name} has no figure"
    browser.look((site / "search.html").as_uri() + "?q=odour", "desktop")
    assert browser.until("document.querySelectorAll('#search-results li').length") > 3
