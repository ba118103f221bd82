"""neuroam's Brian solver: its compiled program, and Brian2's runtime mode."""
from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from benchmarks.circuit import animal
from benchmarks.measured import Measured, Stopwatch, Task, peak_of
from neuroam.solvers import Brian, brian_program


def standalone(task: Task) -> Measured:
    """Timed is the program's own loop; `parts` has the whole program, from its start to its exit."""
    wired, session = animal(task.kenyon, task.seconds, task.seed)
    program = _TimedProgram()
    watch = Stopwatch()
    outcome = Brian("cpp_standalone").run(wired, session)
    prepare = watch.lap() - program.in_all
    return Measured(program.loop, prepare, task.seconds, outcome.spikes, program.peak_mb, {"program": program.seconds})


class _TimedProgram:
    """Takes the place of the call that starts the program: once for its memory, once for its time."""

    def __init__(self) -> None:
        self.start = brian_program._run
        brian_program._run = self  # type: ignore[assignment]

    def __call__(self, folder: Path, here: Path) -> None:
        watch = Stopwatch()
        self.peak_mb = peak_of([str(folder / "main"), "--results_dir", f"{here / 'results'}{os.sep}"], here)
        untimed = watch.lap()
        self.start(folder, here)
        self.seconds = watch.lap()
        self.loop = loop_seconds(here / "results")
        self.in_all = untimed + self.seconds


def loop_seconds(results: Path) -> float:
    """What a compiled Brian2 program reports of its own loop."""
    return float((results / "last_run_info.txt").read_text().split()[0])


def numpy(task: Task) -> Measured:
    return _runtime(task, "numpy")


def cython(task: Task) -> Measured:
    import brian2

    brian2.prefs.codegen.runtime.cython.cache_dir = str(task.folder.parent / "cython")
    return _runtime(task, "cython")


def _runtime(task: Task, target: str) -> Measured:
    wired, session = animal(task.kenyon, task.seconds, task.seed)
    loop = _ReportedLoop()
    watch = Stopwatch()
    outcome = Brian("runtime", target=target).run(wired, session)
    return Measured(loop.seconds, watch.lap() - loop.seconds, task.seconds, outcome.spikes)


class _ReportedLoop:
    """Asks Brian2 for its own report of how long the loop took, which leaves code generation out."""

    def __init__(self) -> None:
        import brian2

        self.seconds, self.run = 0.0, brian2.Network.run
        brian2.Network.run = lambda network, *given, **named: self.run(
            network, *given, report=self.hear, report_period=1e6 * brian2.second, **named)

    def hear(self, elapsed: Any, completed: float, start: Any, duration: Any) -> None:
        self.seconds = float(elapsed)


def second_run(kenyon: int, seconds: float, seed: int) -> str:
    """What a user's command does: describe, wire, simulate, answer. The program is in the cache."""
    wired, session = animal(kenyon, seconds, seed)
    outcome = Brian("cpp_standalone").run(wired, session)
    return json.dumps({name: len(ticks) for name, (ticks, _) in outcome.spikes.items()})
