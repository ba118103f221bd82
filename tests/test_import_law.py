"""Which way things depend on one another, read from the imports themselves, and how little a quick command loads."""
from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"neuroam": "neuroam", "circuits": "neuroam.circuits", "protocols": "neuroam.protocols",
           "analysis": "neuroam.analysis"}
DESCRIPTION = {"errors", "units", "transfer", "neurons", "connect", "plasticity", "circuit", "recipe", "patterns",
               "graphs"}
STANDARD = set(sys.stdlib_module_names)
ARRAYS = {"numpy", "scipy", "xarray", "matplotlib"}

# the description is built up in this order; each may use those before it
LADDER = ["errors", "units", "recipe", "threshold", "layer_transfer", "transfer", "connect", "patterns", "neurons",
          "plasticity", "circuit", "wiring", "manipulations"]
ON_TOP = {"cli": set(), "compare_folder": {"cli"}, "compare": {"cli", "compare_folder"}, "sweep": {"cli"},
          "runs": {"cli", "compare", "compare_folder", "sweep"},
          "report": {"cli", "runs", "compare", "compare_folder", "sweep"}}


def modules():
    """Every module by its installed name, with its file."""
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join((package, *(p for p in parts if p != "__init__"))), path


MODULES = dict(modules())


def imported(path):
    """Names of all modules a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if f"{node.module}.{alias.name}" in MODULES}
    return {name for name in found if name != "__future__"}


IMPORTS = {name: imported(path) for name, path in MODULES.items()}


def under(*prefixes):
    return {name: found for name, found in IMPORTS.items()
            if any(name == p or name.startswith(f"{p}.") for p in prefixes)}


def ours(found):
    """Imported parts of neuroam, as "circuit" or "solvers.base"."""
    return {name.removeprefix("neuroam.") for name in found if name.startswith("neuroam.")}


def foreign(found):
    """Top-level names from elsewhere, without the standard library."""
    return {name.partition(".")[0] for name in found} - STANDARD - {"neuroam"}


def check(names, allowed, *folders):
    """`names` of neuroam stay within the modules `allowed` and the `folders`, which may import themselves."""
    return {n for n in names if n not in allowed and not any(n == f or n.startswith(f"{f}.") for f in folders)}


def test_the_law_reads_something():
    assert len(MODULES) > 40
    assert "units" in ours(IMPORTS["neuroam.neurons"]) and "numpy" in foreign(IMPORTS["neuroam.units"])
    assert check({"solvers.base", "circuit"}, DESCRIPTION) == {"solvers.base"}


@pytest.mark.parametrize("name", under("neuroam.circuits"))
def test_circuits_use_the_description_alone(name):
    assert not check(ours(IMPORTS[name]), DESCRIPTION, "circuits")
    assert foreign(IMPORTS[name]) <= {"numpy", "scipy", "brian2", "sklearn"}


@pytest.mark.parametrize("name", under("neuroam.protocols"))
def test_protocols_know_no_circuit_and_no_solver(name):
    allowed = {"protocol", "prediction", "manipulations", "cues", "recipe", "units", "errors", "graphs"}
    assert not check(ours(IMPORTS[name]), allowed, "protocols", "analysis")
    assert foreign(IMPORTS[name]) <= {"numpy", "brian2"}


@pytest.mark.parametrize("name", under("neuroam.analysis"))
def test_analysis_knows_recordings_alone(name):
    assert not check(ours(IMPORTS[name]), {"recording", "prediction", "errors"}, "analysis")
    assert foreign(IMPORTS[name]) <= ARRAYS


@pytest.mark.parametrize("name", [n for n in IMPORTS if not n.startswith(("neuroam.circuits", "neuroam.protocols",
                                                                         "neuroam.analysis"))])
def test_the_engine_knows_no_circuit_and_no_protocol(name):
    """Nor an analysis, but for what stands on top."""
    beyond = {n for n in ours(IMPORTS[name]) if n.split(".")[0] in ("circuits", "protocols", "analysis")}
    if name.removeprefix("neuroam.") in {"report", "runs", "cli", "diagram", "compare", "compare_folder", "sweep"}:
        beyond = {n for n in beyond if not n.startswith("analysis")}
    assert not beyond


@pytest.mark.parametrize("name", under("neuroam.solvers", "neuroam.effective"))
def test_solvers_do_not_look_up(name):
    above = {"experiment", "calibrate", "prediction", "runs", "report", "cli", "registry", "fingerprint", "methods"}
    assert not ours(IMPORTS[name]) & above


@pytest.mark.parametrize("place, name", list(enumerate(LADDER)))
def test_the_description_is_built_from_the_bottom(place, name):
    found = ours(IMPORTS[f"neuroam.{name}"])
    assert not found & (set(IMPORTS_OF_ENGINE) - set(LADDER[:place]))


IMPORTS_OF_ENGINE = {name.removeprefix("neuroam.") for name in IMPORTS if name != "neuroam"}


INSTRUCTIONS = "neuroam.solvers._exponential"  # written out where kernels use it
KERNELS = [name for name in IMPORTS if name.rpartition(".")[2].startswith("_kernels")]


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_use_numpy_and_numba_alone(name):
    """Nor the kernels of another file: numba's cache does not see an edit there."""
    assert IMPORTS[name] - STANDARD <= {"numpy", "numba", "numba.core", "numba.extending", "llvmlite", INSTRUCTIONS}


def test_kernels_stay_in_their_files():
    for name, path in MODULES.items():
        if name not in KERNELS:
            assert "njit" not in path.read_text(encoding="utf-8"), name
            assert "numba" not in foreign(IMPORTS[name]) or name in ("neuroam.recording", INSTRUCTIONS), name


@pytest.mark.parametrize("name", IMPORTS)
def test_only_the_brian_solver_imports_the_simulator(name):
    if not name.startswith("neuroam.solvers.brian"):
        assert {n for n in IMPORTS[name] if n.split(".")[0] == "brian2"} <= {"brian2.units"}


def test_one_file_sets_the_device():
    users = {name for name, path in MODULES.items() if "set_device(" in path.read_text(encoding="utf-8")}
    assert len(users) <= 1


@pytest.mark.parametrize("top, users", ON_TOP.items())
def test_nothing_imports_what_stands_on_top(top, users):
    importers = {name.removeprefix("neuroam.") for name, found in IMPORTS.items() if top in ours(found)}
    assert importers <= users


def python(*arguments, folder=ROOT):
    return subprocess.run([sys.executable, "-W", "ignore", *arguments], cwd=folder, capture_output=True, text=True)


def test_nothing_generic_is_installed(tmp_path):
    """Away from the repository's root there is no module called circuits, protocols or analysis of ours."""
    program = ("import importlib.util, pathlib, sys; root = pathlib.Path(sys.argv[1]);"
               "found = [importlib.util.find_spec(n) for n in ('circuits', 'protocols', 'analysis')];"
               "print([s.name for s in found if s and root in pathlib.Path(s.origin or '').parents])")
    done = python("-c", program, str(ROOT), folder=tmp_path)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_three_folders_are_parts_of_neuroam(tmp_path):
    done = python("-c", "import neuroam.circuits, neuroam.protocols, neuroam.analysis; print('all')", folder=tmp_path)
    assert done.stdout.strip() == "all", done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"], ["--version"]])
def test_a_quick_command_loads_nothing_heavy(arguments, tmp_path):
    program = ("import sys; from neuroam.cli import main\n"
               "try: status = main(sys.argv[1:])\n"
               "except SystemExit as end: status = end.code\n"
               "print('LOADED', sorted(n for n in ('brian2', 'xarray', 'matplotlib', 'numba', 'scipy', 'pandas')"
               " if n in sys.modules), status or 0)")
    done = python("-c", program, *arguments, folder=tmp_path)
    assert done.stdout.splitlines()[-1] == "LOADED [] 0", done.stdout + done.stderr


def test_the_list_has_what_there_is(tmp_path):
    done = python("-m", "neuroam.cli", "list", folder=tmp_path)
    assert done.returncode == 0 and "mushroom_body" in done.stdout and "odour_discrimination" in done.stdout
