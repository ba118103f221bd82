"""Compiled programs give what numba gives, are built once for a structure, and are shared by processes."""
from __future__ import annotations

import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from brian_cases import CIRCUITS, GROUPS, assert_same, session_of

from neuroam.errors import NeuroamError
from neuroam.solvers import Brian, Numba, brian_program, build_cache
from neuroam.solvers.brian_circuit import plan
from neuroam.solvers.brian_plan import capacity


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A cache of this module's own."""
    place = tmp_path_factory.mktemp("programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROAM_CACHE", str(place))
        yield place


@pytest.fixture
def builds(monkeypatch):
    """The names of the circuits for which a program is built."""
    built, build = [], brian_program.build

    def counted(plan, device, name, folder):
        built.append(name)
        build(plan, device, name, folder)

    monkeypatch.setattr(brian_program, "build", counted)
    return built


def drawn(name, seed=1, **options):
    return plan(*session_of(name, seed, **options), "exponential_euler", "float64")


# without a compiler

@pytest.mark.parametrize("name", CIRCUITS)
def test_another_seed_has_the_same_structure(name):
    assert drawn(name, 1).structure() == drawn(name, 2).structure()


def test_manipulated_animals_have_the_same_structure():
    wired, session = session_of("spiking")
    for manipulations in GROUPS.values():
        treated = wired
        for manipulation in manipulations:
            treated = manipulation.apply(treated)
        one, other = (plan(animal, session, "euler", "float64") for animal in (wired, treated))
        assert one.structure() == other.structure()


def test_other_circuits_clocks_and_methods_have_another_structure():
    wired, session = session_of("spiking")
    keys = {brian_program.key_of(plan(wired, session, method, dtype), device)
            for method in ("euler", "exponential_euler") for dtype in ("float32", "float64")
            for device in ("cpp_standalone", "cuda_standalone")}
    assert len(keys) == 8
    shared = {"spike timing", "anti-Hebbian"}  # these differ in numbers alone
    assert drawn("spike timing").structure() == drawn("anti-Hebbian").structure()
    assert len({drawn(name).structure() for name in CIRCUITS}) == len(CIRCUITS) - len(shared) + 1


def test_capacity_is_never_too_small_and_wastes_at_most_a_quarter():
    for number in range(1, 5000):
        assert number <= capacity(number) <= 1.25 * number


def test_cuda_without_its_package_says_what_to_install(programs, monkeypatch):
    monkeypatch.setattr(brian_program, "_version", lambda package: "")
    with pytest.raises(NeuroamError, match=r"neuroam\[cuda\]"):
        Brian("cuda_standalone").run(*session_of("tanh"))


def test_without_a_compiler_the_error_names_the_cure(programs, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(NeuroamError, match=r"no-such-compiler.*Numba"):
        Brian("cpp_standalone").run(*session_of("tanh"))
    assert build_cache.entries() == []


def test_a_failing_build_shows_the_end_of_the_output_and_leaves_nothing(programs, monkeypatch):
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(NeuroamError, match="could not be compiled"):
        Brian("cpp_standalone").run(*session_of("tanh"))
    assert [path for path in programs.iterdir() if path.is_dir()] == []


def test_the_cache_is_listed_and_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROAM_CACHE", str(tmp_path / "fresh"))
    assert build_cache.entries() == [] and build_cache.clear() == 0

    def build(folder: Path) -> None:
        (folder / build_cache.MANIFEST).write_text('{"name": "mushroom body"}')

    build_cache.obtain("abc", build)
    build_cache.obtain("abc", lambda folder: pytest.fail("built twice"))
    entry, = build_cache.entries()
    assert (entry.name, entry.key, entry.size) == ("mushroom body", "abc", 25)
    assert build_cache.clear() == 1 and build_cache.entries() == []


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROAM_CACHE", str(tmp_path))
    left, other = tmp_path / ".building-abc-x", tmp_path / ".building-other-x"
    for folder in (left, other):
        (folder / "objects").mkdir(parents=True)
    build_cache.obtain("abc", lambda folder: (folder / build_cache.MANIFEST).write_text('{"name": "a circuit"}'))
    assert not left.exists() and other.exists()


def _obtain_slowly(root: str, queue: multiprocessing.Queue) -> None:
    def build(folder: Path) -> None:
        queue.put("built")
        time.sleep(.5)
        (folder / build_cache.MANIFEST).write_text('{"name": "x"}')

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROAM_CACHE", root)
        build_cache.obtain("key", build)


def test_of_several_processes_one_builds(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_obtain_slowly, args=(str(tmp_path), queue)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert queue.get(timeout=5) == "built" and queue.empty()


def _obtain_together(root: str, key: str, barrier, queue: multiprocessing.Queue) -> None:
    def build(folder: Path) -> None:
        barrier.wait(30)  # goes on when the other builds too
        queue.put(str(folder))
        (folder / build_cache.MANIFEST).write_text(f'{{"name": "{key}"}}')

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEUROAM_CACHE", root)
        build_cache.obtain(key, build)


def both(target, *arguments) -> None:
    """Run it in two processes at once, with a pair of each argument that is a tuple; both must succeed."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=target, args=[a[k] if isinstance(a, tuple) else a for a in arguments])
                 for k in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_two_processes_build_different_programs_side_by_side(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    both(_obtain_together, str(tmp_path), ("one", "other"), context.Barrier(2), queue)
    assert len({queue.get(timeout=5) for _ in range(2)}) == 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["one", "other"]


def test_a_program_that_is_there_needs_no_lock(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setenv("NEUROAM_CACHE", str(tmp_path))
    place = build_cache.obtain("key", lambda folder: (folder / build_cache.MANIFEST).write_text('{"name": "x"}'))
    with open(tmp_path / ".key.lock", "w") as held, open(tmp_path / ".key.lock", "w") as tried:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            fcntl.flock(tried, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert build_cache.obtain("key", lambda folder: pytest.fail("built again")) == place


def test_without_locks_the_first_program_is_kept(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setenv("NEUROAM_CACHE", str(tmp_path))
    monkeypatch.setattr(fcntl, "flock", lambda *_: (_ for _ in ()).throw(OSError("no locks available")))

    def build(folder: Path) -> None:
        """As slow as to be overtaken by another process."""
        other = tmp_path / "key"
        other.mkdir()
        (other / build_cache.MANIFEST).write_text('{"name": "first"}')
        (folder / build_cache.MANIFEST).write_text('{"name": "second"}')

    assert "first" in (build_cache.obtain("key", build) / build_cache.MANIFEST).read_text()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["key"]


PROGRAM = """#!/bin/sh
cp static_arrays/given "$2"/found
touch "{meeting}/$$"
for k in $(seq 600); do [ $(ls "{meeting}" | wc -l) -ge 2 ] && exit 0; sleep .05; done
exit 1
"""


def _run_together(folder: str, value: float) -> None:
    data = {"part.given": np.full(3, value)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(brian_program, "program", lambda *_: Path(folder))
        found = brian_program.run_program(SimpleNamespace(data=data, wanted=["part.found"]), "cpp_standalone", "x")
    np.testing.assert_array_equal(found["part.found"], data["part.given"])


def test_two_processes_run_one_program_at_once_in_folders_of_their_own(tmp_path):
    """The program ends once two of it are running, and answers with the numbers it was given."""
    meeting, folder = tmp_path / "meeting", tmp_path / "program"
    meeting.mkdir()
    (folder / "static_arrays").mkdir(parents=True)
    (folder / "static_arrays" / "given").write_bytes(b"")
    (folder / "main").write_text(PROGRAM.format(meeting=meeting))
    (folder / "main").chmod(0o755)
    manifest = {"files": {"part.given": ["given", "<f8"]}, "results": {"part.found": ["found", "<f8", 0]}}
    (folder / build_cache.MANIFEST).write_text(json.dumps(manifest))
    both(_run_together, str(folder), (1.0, 2.0))
    assert len(list(meeting.iterdir())) == 2


# with a compiler

@pytest.mark.slow
@pytest.mark.parametrize("name", CIRCUITS)
def test_compiled_programs_agree_with_numba_and_serve_other_seeds(name, programs, builds):
    for seed in (1, 2):
        wired, session = session_of(name, seed)
        assert_same(Numba().run(wired, session), Brian("cpp_standalone").run(wired, session))
    assert len(builds) <= 1  # two of the circuits differ in numbers alone


@pytest.mark.slow
def test_a_prepared_program_is_not_built_again(programs, builds):
    Brian("cpp_standalone").prepare(*session_of("spiking"))
    builds.clear()
    Brian("cpp_standalone").run(*session_of("spiking", 4))
    assert builds == []


@pytest.mark.slow
def test_a_program_serves_all_groups_orders_and_strengths(programs, builds):
    Brian("cpp_standalone").run(*session_of("spiking"))
    builds.clear()
    wired, session = session_of("spiking", 3, shuffle=True)
    for manipulations in GROUPS.values():
        treated = wired
        for manipulation in manipulations:
            treated = manipulation.apply(treated)
        assert_same(Numba().run(treated, session), Brian("cpp_standalone").run(treated, session))
    assert builds == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spike timing, sparse and delayed", "graded rule"])
def test_carried_over_and_fresh_blocks(name, programs):
    wired, session = session_of(name, resets=(True, False, True), fresh=True)
    assert_same(Numba().run(wired, session), Brian("cpp_standalone").run(wired, session))


SECOND_RUN = """
import sys, time
sys.path.insert(0, {tests!r})
from brian_cases import session_of
from neuroam.solvers import Brian
wired, session = session_of("spiking", 5)
solver = Brian("cpp_standalone")
begin = time.perf_counter()
solver.run(wired, session)
assert "neuroam.solvers.brian_device" not in sys.modules and "numba" not in sys.modules
print(time.perf_counter() - begin)
"""


@pytest.mark.slow
def test_a_new_process_with_another_seed_runs_at_once(programs):
    Brian("cpp_standalone").run(*session_of("spiking"))
    script = SECOND_RUN.format(tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True,
                          check=True)
    assert float(done.stdout) < 1.5


@pytest.mark.slow
def test_clocks_of_different_intervals_stay_together_for_minutes(programs):
    """Rounding of n·dt passes 1e-14 s after a minute."""
    from brian2 import ms, second

    from neuroam.circuit import Circuit, Population, Projection
    from neuroam.connect import one_to_one
    from neuroam.neurons import Drive, Rate
    from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
    from neuroam.session import schedule
    from neuroam.transfer import Tanh
    from neuroam.wiring import wire

    circuit = Circuit("long", (Population("in", 2, Drive()), Population("out", 2, Rate(20*ms, Tanh()))),
                      (Projection("in", "out", one_to_one(), 1.0),), {"drive": "in"})
    trial = Trial("a", 7*second, (Stimulus("drive", np.array([.3, .6]), 3.1*second, .7*second),), repeats=40)
    record = (Record("out", every=100*ms),)
    wired = wire(circuit, 1)
    session = schedule(Protocol("long", "long", "none", (Block("b", (trial,)),), record), wired, 1e-3)
    assert_same(Numba(dt=1e-3).run(wired, session), Brian("cpp_standalone", dt=1e-3).run(wired, session))
