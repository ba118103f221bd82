"""Tasks over any `concurrent.futures.Executor`: processes of this machine, or the workers of a Dask cluster.

A process that is killed breaks the whole pool of `concurrent.futures`, and nobody learns which task it was at. The pool
is made anew; the tasks that were running are tried again one at a time after all others, so that one that kills its
process every time is known, and given up after `TRIES`.
"""
from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from multiprocessing import connection, get_context, parent_process
from typing import Any

from neuroam.errors import NeuroamError, Unsupported
from neuroam.experiment import end_broken

TRIES = 3
KILLED = f"the process that ran it was killed {TRIES} times, perhaps for want of memory"


def pool(workers: int) -> ProcessPoolExecutor:
    """Processes that end with the one that started them, however it ends."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Every result is written in one step, so that a process may end at any point."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of the Dask scheduler at `address`. Raises `Unsupported` without dask, `NeuroamError` where nobody
    answers."""
    try:
        from distributed import Client
    except ImportError:
        raise Unsupported('--scheduler needs Dask: pip install "neuroam[cluster]"') from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise NeuroamError(f"--scheduler {address}: no Dask scheduler answers there ({reason}); start one with `dask "
                           "scheduler` and give the address it prints, such as tcp://host:8786") from None
    try:
        number = len(client.nthreads())
        print(f"{number} worker{'s' if number != 1 else ''} at {address}" if number else
              f"waiting for workers; start them with `dask worker {address}`", flush=True)
        yield client.get_executor(pure=False)
    finally:
        client.close()


def spread(run: Callable[[Any], str], tasks: Sequence[Any], start: Callable[[], Executor], at_once: int | None = None,
           ) -> Iterator[tuple[Any, str]]:
    """Each task with what `run` returned, as they finish: nothing, or why it failed.

    With `at_once`, that many are handed out at a time, and the pool is ours: it is made with `start`, made again when
    it breaks, and shut down. Without it, all are handed to the executor that `start` returns, which belongs to the
    caller and is left running.
    """
    waiting, suspects, deaths = deque(tasks), deque[Any](), Counter[int]()
    running: dict[Future, Any] = {}
    executor = _ready(start, at_once)
    try:
        while waiting or suspects or running:
            alive = _hand_out(run, executor, waiting, suspects, running, at_once)
            done = wait(running, return_when=FIRST_COMPLETED).done if alive else set()
            if not alive or any(_broke(future) for future in done):
                wait(running)  # a broken pool answers for every task it had
                alive, done = False, set(running)
            for future in done:
                task = running.pop(future)
                deaths[id(task)] += _broke(future)
                if not _broke(future):
                    yield task, _outcome(future)
                elif deaths[id(task)] < TRIES:
                    suspects.append(task)
                else:
                    yield task, KILLED
            if not alive:
                executor = _anew(executor, start, at_once)
    finally:
        for future in running:
            future.cancel()
        if at_once is not None:
            executor.shutdown(wait=True, cancel_futures=True)


def _hand_out(run: Callable[[Any], str], executor: Executor, waiting: deque[Any], suspects: deque[Any],
              running: dict[Future, Any], at_once: int | None) -> bool:
    """Hand out as many as may run; whether the executor still takes any."""
    while True:
        if waiting and (at_once is None or len(running) < at_once):
            source = waiting
        elif suspects and not waiting and not running:
            source = suspects
        else:
            return True
        try:
            future = executor.submit(run, source[0])
        except BrokenExecutor:
            return False
        running[future] = source.popleft()


def _broke(future: Future) -> bool:
    return not future.cancelled() and isinstance(future.exception(), BrokenExecutor)


def _outcome(future: Future) -> str:
    try:
        return future.result()
    except CancelledError:
        return "the cluster dropped it; its scheduler may have ended"
    except Exception as error:  # what a cluster raises for a task that lost its workers, or cannot be sent
        return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _anew(executor: Executor, start: Callable[[], Executor], at_once: int | None) -> Executor:
    if at_once is None:
        raise NeuroamError("the executor broke: one of its processes was killed, perhaps for want of memory; finished "
                           "cells are kept, give the same call again with a new executor")
    end_broken(executor)
    executor.shutdown(wait=True, cancel_futures=True)
    return _ready(start, at_once)


def _ready(start: Callable[[], Executor], at_once: int | None) -> Executor:
    """An executor that takes tasks: processes that cannot even start would be blamed on the tasks."""
    executor = start()
    if at_once is not None:
        try:
            executor.submit(os.getpid).result()
        except BrokenExecutor:
            raise NeuroamError("processes end as soon as they start; in a script call sweep from under "
                               'if __name__ == "__main__":, and take fewer --jobs if memory is short') from None
    return executor
