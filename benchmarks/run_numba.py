"""neuroam's default solver. Timed is the whole session as a user calls it; the compiled loop within it is a part."""
from __future__ import annotations

from typing import Any

from benchmarks.circuit import animal
from benchmarks.measured import Measured, Stopwatch, Task
from neuroam.solvers import Numba, clocked

WARM_UP = 0.02


def float64(task: Task) -> Measured:
    return _measure(task, Numba(dtype="float64"))


def float32(task: Task) -> Measured:
    return _measure(task, Numba(dtype="float32"))


def _measure(task: Task, solver: Numba) -> Measured:
    wired, session = animal(task.kenyon, task.seconds, task.seed)
    watch = Stopwatch()
    solver.prepare(wired, session)
    prepare = watch.lap()
    solver.run(*animal(task.kenyon, WARM_UP, task.seed))
    loop = _TimedLoop()
    watch.lap()
    outcome = solver.run(wired, session)
    run = watch.lap()
    return Measured(run, prepare, task.seconds, outcome.spikes, parts={"loop": loop.seconds})


class _TimedLoop:
    """Takes the place of the compiled loop and adds up the time spent in it."""

    def __init__(self) -> None:
        self.seconds, self.advance = 0.0, clocked.k.advance
        clocked.k.advance = self

    def __call__(self, *arguments: Any) -> int:
        watch = Stopwatch()
        reached = self.advance(*arguments)
        self.seconds += watch.lap()
        return reached
