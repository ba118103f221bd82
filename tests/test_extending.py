"""Somebody else's package, made from the very text of docs/extending.md, is found, shown and run."""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

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


@pytest.mark.slow
def test_pip_installs_it(tmp_path):
    site, package = tmp_path / "site", unpack(tmp_path / "package")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, package],
                          capture_output=True, text=True)
    if "Could not find a version" in done.stderr or "connection" in done.stderr.lower():
        pytest.skip(f"pip cannot fetch setuptools here: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert "sparse_layer" in neuroam(site, "list")
