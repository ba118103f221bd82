"""The notebook: what lies in the folder is on the page, and what is wrong with a folder is said there."""
from __future__ import annotations

import base64
import html
import io
import json
import os
import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import xarray as xr
from little import little_recording
from PIL import Image

from neuroam.cli import main
from neuroam.errors import RecordingError
from neuroam.notebook import HEIGHT, WIDTH, first_picture, read_folder, read_folders, shrunk, write_notebook
from neuroam.protocols.odour_discrimination import odour_discrimination
from neuroam.recording import save

RED, BLUE = (200, 0, 0), (0, 0, 200)
TOLD = {"protocol": "recall", "title": "Recall <of> all", "source": "Someone 1982", "levels": ["spiking", "rate"],
        "command": "neuroam run recall --set claws='1 2'",
        "verdicts": {"spiking": [{"verdict": "reproduced"}] * 3 + [{"verdict": "not reproduced"}],
                     "rate": [{"verdict": "not decidable"}]}}


def picture(color, width=900, height=600) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), color).save(buffer, "png")
    return f'<img src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}" alt="">'


PAGE = f'<p>{picture(RED)}</p><h2 id="figures">Figures</h2>{picture(BLUE)}'


def folder(out: Path, name: str, told=TOLD, page: str | None = PAGE, when: float | None = None,
           told_by: str = "verdicts.json") -> Path:
    made = out / name
    made.mkdir(parents=True)
    (made / told_by).write_text(told if isinstance(told, str) else json.dumps(told))
    if page is not None:
        (made / "report.html").write_text(page)
        if when is not None:
            os.utime(made / "report.html", (when, when))
    return made


def words(path: Path) -> str:
    text = re.sub(r"<style>.*?</style>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def addresses(path: Path) -> list[Path]:
    found = re.findall(r'(?:href|src)="([^"#:]+)"', path.read_text(encoding="utf-8"))
    return [path.parent / unquote(html.unescape(address)) for address in found]


def test_a_run_is_shown_with_all_that_was_asked_and_found(tmp_path):
    made = folder(tmp_path, "recall-1")
    (made / "recording.nc").touch()
    (made / "nwb-rate").mkdir()
    (made / "nwb-rate" / "000_control_1.nwb").touch()
    page = write_notebook(tmp_path)
    said = words(page)
    for text in ("Recall <of> all", "Someone 1982", "spiking ✓ 3 ✗ 1 of 4", "rate ? 1 of 1", "recording.nc",
                 "neuroam run recall --set claws='1 2'", "nwb-rate: 1 file", "1 experiment in"):
        assert text in said
    assert page == tmp_path / "index.html" and all(address.exists() for address in addresses(page))
    assert made / "report.html" in addresses(page) and made / "recording.nc" in addresses(page)


def test_newest_first_and_what_is_wrong_last(tmp_path):
    for when, name in enumerate(("b", "c", "a"), 1_000_000):
        folder(tmp_path, name, when=when)
    (tmp_path / "z").mkdir()
    assert [entry.folder for entry in read_folders(tmp_path)] == ["a", "c", "b", "z"]


def test_the_thumbnail_is_the_first_of_the_figures(tmp_path):
    folder(tmp_path, "one")
    folder(tmp_path, "other", page=picture(RED))
    folder(tmp_path, "none", page="<p>no picture</p>")
    found = {entry.folder: entry.picture for entry in read_folders(tmp_path)}
    assert found["none"] == ""
    for name, color in (("one", BLUE), ("other", RED)):
        with Image.open(tmp_path / found[name]) as image:
            assert image.size == (WIDTH, WIDTH * 600 // 900) and image.getpixel((5, 5)) == color


def test_a_tall_figure_is_cut_and_a_small_one_is_not_blown_up():
    for size, expected in (((600, 3000), (WIDTH, HEIGHT)), ((90, 60), (90, 60)), ((1, 1), (1, 1))):
        with Image.open(io.BytesIO(shrunk(first_picture(picture(RED, *size))))) as image:
            assert image.size == expected


def test_a_thumbnail_follows_its_page(tmp_path):
    made = folder(tmp_path, "one", when=1_000_000)
    path = tmp_path / read_folder(made).picture
    before = path.stat().st_mtime_ns
    assert read_folder(made).picture and path.stat().st_mtime_ns == before
    (made / "report.html").write_text(picture(RED))
    os.utime(made / "report.html", (path.stat().st_mtime + 5,) * 2)
    read_folder(made)
    with Image.open(path) as image:
        assert image.getpixel((5, 5)) == RED


@pytest.mark.parametrize("page", ["", '<img src="data:image/png;base64,***">',
                                  '<img src="data:image/png;base64,AAAA">'])
def test_a_page_without_a_readable_picture_is_shown_without(tmp_path, page):
    entry = read_folder(folder(tmp_path, "one", page=page))
    assert entry.problem == "" and entry.picture == "" and shrunk(first_picture(page)) == b""


@pytest.mark.parametrize("told, page, reason", [
    ("{", PAGE, "verdicts.json is damaged"),
    ([1, 2], PAGE, "not in a form that this version"),
    ({"levels": ["rate"], "verdicts": {"rate": [3]}}, PAGE, "not in a form that this version"),
    ({"levels": 3}, PAGE, "not in a form that this version"),
    ({"levels": ["rate"], "verdicts": []}, PAGE, "no claim judged"),
    ({"levels": ["rate"], "verdicts": "x"}, PAGE, "not in a form that this version"),
    (TOLD, None, "report.html is missing; neuroam report FOLDER writes it anew")])
def test_what_is_wrong_with_a_folder_is_said(tmp_path, told, page, reason):
    folder(tmp_path, "good")
    folder(tmp_path, "bad", told, page)
    said = words(write_notebook(tmp_path))
    assert reason in said and "Recall <of> all" in said


def test_folders_of_others_are_named_and_left_alone(tmp_path):
    for name in ("my notes", "<b>&", "unfinished", "comparison"):
        (tmp_path / name).mkdir()
    (tmp_path / "unfinished" / "recording-rate.nc").touch()
    (tmp_path / "comparison" / "comparison.nc").write_bytes(b"not netCDF")
    (tmp_path / "comparison" / "comparison.html").touch()
    (tmp_path / ".animals").mkdir()
    (tmp_path / "file.txt").touch()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    said = words(write_notebook(tmp_path))
    assert "4 folders not shown" in said and "<b>& nothing that neuroam made" in said
    assert "the run was interrupted or is still going on" in said and "comparison.nc is damaged" in said
    assert "file.txt" not in said and "animals" not in said
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_sweeps_and_comparisons_are_shown_too(tmp_path):
    folder(tmp_path, "recall-sweep-1", told_by="sweep.json")
    made = folder(tmp_path, "recall-compare-1", told_by="note")
    (made / "report.html").rename(made / "comparison.html")
    judged = json.dumps(TOLD["verdicts"])
    found = xr.Dataset({"x": ("level", np.zeros(2))}, {"level": ["a", "b"]}, {
        "title": "Held together", "protocol": "recall", "history": "neuroam compare recall", "verdicts": judged,
        "references": "Someone 1982"})
    found.to_netcdf(made / "comparison.nc", engine="scipy")
    entries = {entry.kind: entry for entry in read_folders(tmp_path)}
    assert entries["sweep"].title == TOLD["title"] and entries["sweep"].tallies[0].total == 4
    one = entries["comparison"]
    assert (one.title, one.source, one.command) == ("Held together", "Someone 1982", "neuroam compare recall")
    assert [tally.level for tally in one.tallies] == ["spiking", "rate"] and one.picture


def test_names_of_folders_cannot_break_the_page(tmp_path):
    folder(tmp_path, 'a "b" <script>#?%20')
    page = write_notebook(tmp_path)
    assert "<script>" not in page.read_text(encoding="utf-8") and all(path.exists() for path in addresses(page))


def test_names_that_are_not_utf8_do_not_stop_the_notebook(tmp_path):
    folder(tmp_path, "recall-1")
    odd = os.fsdecode(b"caf\xe9")
    folder(tmp_path, odd)
    (tmp_path / "recall-1" / f"{odd}.nc").touch()
    page = write_notebook(tmp_path)
    assert "caf? its name is not UTF-8" in words(page) and "1 experiment in" in words(page)
    assert "recall-1/caf%E9.nc" in page.read_text(encoding="utf-8")
    (tmp_path / odd).rename(tmp_path / "named")
    assert "not UTF-8" not in words(write_notebook(tmp_path))


def test_it_forgets_what_is_gone(tmp_path):
    made = folder(tmp_path, "recall-1")
    write_notebook(tmp_path)
    made.rename(tmp_path / "moved")
    said = write_notebook(tmp_path).read_text(encoding="utf-8")
    assert "recall-1" not in said and "moved/report.html" in said


def test_an_empty_folder_says_how_to_begin(tmp_path):
    assert "Nothing has been run yet" in words(write_notebook(tmp_path))


def test_it_is_written_whole_or_not_at_all(tmp_path):
    (tmp_path / "index.html").mkdir()
    with pytest.raises(RecordingError, match=r"cannot write .*index\.html"):
        write_notebook(tmp_path)
    assert os.listdir(tmp_path) == ["index.html"]
    with pytest.raises(RecordingError, match="give the folder where runs are kept"):
        write_notebook(tmp_path / "nowhere")


def test_the_command_writes_it_anew(tmp_path, capsys):
    folder(tmp_path, "recall-1")
    assert main(["notebook", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "index.html")
    assert main(["notebook", str(tmp_path / "no")]) == 2 and capsys.readouterr().err.count("\n") == 1


def test_a_recording_is_written_as_nwb_beside_it(tmp_path, capsys):
    pytest.importorskip("pynwb")
    from neuroam.io import from_nwb

    recording = little_recording(odour_discrimination(), animals=1).isel(animal=[0])
    recording = recording.isel(spike=slice(0, int(recording["spike_count"].sum())))
    save(recording, tmp_path / "mine.nc")
    assert main(["nwb", str(tmp_path / "mine.nc"), "--species", "Drosophila melanogaster"]) == 0
    files = sorted((tmp_path / "nwb-mine").iterdir())
    assert len(files) == recording.sizes["animal"] and f"{len(files)} NWB files" in capsys.readouterr().out
    np.testing.assert_array_equal(from_nwb(tmp_path / "nwb-mine")["spike_time"], recording["spike_time"])
    assert main(["nwb", str(tmp_path)]) == 2
    assert "is not the folder of a finished run" in capsys.readouterr().err
