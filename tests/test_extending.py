"""Somebody else's package, made from the very text of docs/extending.md, is found, shown and run."""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from neuroam.cli import main

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
FILE = re.compile(r"^`([\w/.]+)`[^\n]*\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
FILES = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
COMMANDS = [line for line in re.search(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"),
                                       re.DOTALL | re.MULTILINE)[1].splitlines() if line.startswith("neuroam")]


def unpack(folder: Path) -> Path:
    """The package of the page as files."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def install(folder: Path) -> None:
    """What an installer leaves beside a package: its name, and the entry points of its pyproject.toml."""
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    about = folder / f"{project['name']}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
              for group, points in project["entry-points"].items()]
    (about / "entry_points.txt").write_text("\n".join(groups))


def neuroam(site: Path, *words: str) -> str:
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "neuroam.cli", *words], cwd=site, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(site)})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = unpack(tmp_path_factory.mktemp("lab"))
    install(folder)
    return folder


def test_the_page_shows_a_package_of_less_than_60_lines():
    assert list(FILES) == ["pyproject.toml", "sparselab/circuit.py", "sparselab/protocol.py"]
    assert sum(len(text.splitlines()) for text in FILES.values()) < 60
    assert [line.split()[1] for line in COMMANDS] == ["list", "show", "run"]


def test_it_is_listed_with_its_own_summaries(site):
    lines = {line.split()[0]: line for line in neuroam(site, "list").splitlines() if line.startswith("  ")}
    assert "one inhibitory cell that hears them all" in lines["sparse_layer"]
    assert "more cells answer each odour" in lines["pool_blocked"] and "mushroom_body" in lines


def test_it_is_shown_and_run_as_the_page_says(site):
    assert "for this example" in neuroam(site, *COMMANDS[1].split()[1:])
    said = neuroam(site, *COMMANDS[2].split()[1:], "--workers", "1", "--levels", "rate")
    assert "Rate: 1 of 1 claims reproduced" in said
    assert "A sparse layer without its pool" in (site / "runs" / "index.html").read_text(encoding="utf-8")


def test_without_entry_points_it_is_not_found(tmp_path):
    assert "sparse_layer" not in neuroam(unpack(tmp_path), "list")


BROKEN = {  # module → its text, what `neuroam list` says of it, and what `neuroam show`
    "gone.parent": (None, "cannot be read: gone.parent:made (package broken): ModuleNotFoundError", "No module named"),
    "spelt": ("def made(:\n", "cannot be read: spelt:made (package broken): SyntaxError", "repair that package"),
    "needs": ('"""Needs more."""\nimport nowhere_at_all\n', "Needs more.",
              "No module named 'nowhere_at_all' (needs.py, line 2)"),
    "empty": ('"""Nothing in it."""\n', "Nothing in it.", "has no attribute 'made'"),
    "three": ('def made():\n    """A number."""\n    return 3\n', "A number.",
              "returns an int; it must return a Circuit"),
    "bare": ('def made(cells):\n    """Bare."""\n', "Bare.", "needs a default for cells"),
    "falls": ('def made(n: int = 0):\n    """Falls."""\n    return 1 / n\n', "Falls.",
              "ZeroDivisionError: division by zero (falls.py, line 3)")}


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A package in which each circuit and each protocol has a fault of its own."""
    folder = tmp_path_factory.mktemp("broken")
    for name, (text, _, _) in BROKEN.items():
        if text is not None:
            (folder / f"{name}.py").write_text(text)
    about = folder / "broken-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("".join(
        f"[neuroam.{kind}s]\n" + "".join(f"{name.partition('.')[0]}_{kind} = {name}:made\n" for name in BROKEN)
        for kind in ("circuit", "protocol")))
    return folder


def test_a_broken_package_does_not_hide_the_others(broken):
    lines = {line.split()[0]: line for line in neuroam(broken, "list").splitlines() if line.startswith("  ")}
    for kind in ("circuit", "protocol"):
        for name, (_, listed, _) in BROKEN.items():
            assert listed in lines[f"{name.partition('.')[0]}_{kind}"]
    assert "mushroom_body" in lines and "cannot be read" not in lines["mushroom_body"]


def test_what_is_wrong_with_a_package_is_one_sentence_that_names_it(broken, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(broken))
    for name, (_, _, shown) in BROKEN.items():
        name = name.partition(".")[0]
        for words in (["show", f"{name}_circuit"], ["run", f"{name}_protocol"],
                      ["run", "odour_discrimination", "--circuit", f"{name}_circuit"]):
            assert main(words) == 2, words
            said = capsys.readouterr().err
            assert shown.replace("Circuit", words[-1].partition("_")[2].capitalize()) in said, words
            assert "(package broken)" in said and said.count("\n") == 1, words


@pytest.mark.slow
def test_pip_installs_it(tmp_path):
    site, package = tmp_path / "site", unpack(tmp_path / "package")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, package],
                          capture_output=True, text=True)
    if "Could not find a version" in done.stderr or "connection" in done.stderr.lower():
        pytest.skip(f"pip cannot fetch setuptools here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert "sparse_layer" in neuroam(site, "list")
