"""One step of a visible–hidden circuit, by neuroam and by its peers, beside what the machine can do.

    python -m benchmarks.rates [--trials 64,1] [--hidden 2000,20000] [--precisions float32,float64] [--repeats 15]

The circuit is the softmax memory of `circuits/visible_hidden.py` with 1000 visible neurons. A step is

    h ← h + (X v − h) dt/τ_h,     v ← v + (Xᵀ softmax(β h) − v) dt/τ_v

for all trials. The ceiling is the two matrix products alone (64 trials), or one matrix–vector product, which reads X
once (one trial). Beside neuroam's step stand its products alone. All in one process on one core, each method's repeats
spread over the whole run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks import host

VISIBLE, DT, TAU_V, TAU_H, BETA = 1000, 1e-3, 20e-3, 5e-3, 0.02
Step = Callable[[int], None]  # so many steps


def weights(hidden: int, dtype: type) -> np.ndarray:
    return np.random.default_rng(0).choice([-1.0, 1.0], (hidden, VISIBLE)).astype(dtype)


def start(trials: int, dtype: type) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((VISIBLE, trials)).astype(dtype)


def ceiling(hidden: int, trials: int, dtype: type) -> Step:
    """The products alone, into arrays that are there; of one trial, one product."""
    x, v = weights(hidden, dtype), start(trials, dtype)
    h = np.zeros((hidden, trials), dtype)

    def run(steps: int) -> None:
        for _ in range(steps):
            np.matmul(x, v, out=h)
            if trials > 1:
                np.matmul(x.T, h, out=v)
                np.multiply(v, dtype(1e-6), out=v)

    return run


def neuroam(hidden: int, trials: int, dtype: type) -> Step:
    """The batched step, or for one trial the compiled loop, from the wired circuit."""
    from neuroam.circuits.visible_hidden import visible_hidden
    from neuroam.protocol import Block, Protocol, Record, Stimulus, Trial
    from neuroam.session import schedule
    from neuroam.solvers.batched import Batch
    from neuroam.solvers.clocked import _Run
    from neuroam.solvers.tables import tabulate
    from neuroam.units import second
    from neuroam.wiring import wire

    wired = wire(visible_hidden(patterns=hidden, cells=VISIBLE, model="softmax", sharpness=BETA * VISIBLE), 0)
    cues = tuple(
        Trial(str(k), 1000 * second, (Stimulus("cue", f"pattern {k + 1}", 1000 * second),)) for k in range(trials)
    )
    session = schedule(
        Protocol("bench", "bench", "", (Block("b", cues),), (Record("visible", units=False),)), wired, DT
    )
    if trials == 1:
        loop = _Run(wired, session, tabulate(wired, DT, "euler", np.dtype(dtype)))
        return lambda steps: loop._step(0, steps, np.zeros(2, np.int64)) and None
    batch = Batch(wired, session, list(session.presentations), DT, "euler", np.dtype(dtype))
    batch.begin(0)

    def run(steps: int) -> None:
        for _ in range(steps):
            batch.begin(1)
            batch.advance()

    return run


def products(hidden: int, trials: int, dtype: type) -> Step:
    """What neuroam does in place of the ceiling: both products, of one trial in one pass over X."""
    from neuroam.solvers._kernels import _add_both_ways
    from neuroam.solvers._kernels_product import add_product, room
    from neuroam.solvers.tables import aligned

    x, v = weights(hidden, dtype), start(trials, dtype)
    turned, h, drive, back = x.T.copy(), *(np.zeros((n, trials), dtype) for n in (hidden, hidden, VISIBLE))
    if trials == 1:
        flat = aligned(turned.ravel())
        return lambda steps: [_add_both_ways(flat, 0, v[:, 0], h[:, 0], back[:, 0], drive[:, 0])
                              for _ in range(steps)] and None
    forth, other = room(VISIBLE, trials, np.dtype(dtype)), room(hidden, trials, np.dtype(dtype))

    def run(steps: int) -> None:
        for _ in range(steps):
            add_product(drive, x, v, *forth)
            add_product(back, turned, h, *other)

    return run


def in_numpy(hidden: int, trials: int, dtype: type) -> Step:
    """As a careful user would write it: buffers reused, no temporary arrays."""
    x, v = weights(hidden, dtype), start(trials, dtype)
    h, drive, back = (np.zeros((n, trials), dtype) for n in (hidden, hidden, VISIBLE))
    to_h, to_v = dtype(DT / TAU_H), dtype(DT / TAU_V)

    def run(steps: int) -> None:
        p = np.empty_like(h)
        for _ in range(steps):
            np.multiply(h, dtype(BETA), out=p)
            p -= p.max(axis=0)
            np.exp(p, out=p)
            p /= p.sum(axis=0)
            np.matmul(x, v, out=drive)
            np.matmul(x.T, p, out=back)
            for state, change, share in ((h, drive, to_h), (v, back, to_v)):
                change -= state
                change *= share
                state += change

    return run


def in_torch(hidden: int, trials: int, dtype: type) -> Step:
    import torch

    torch.set_num_threads(1)
    x, v = torch.from_numpy(weights(hidden, dtype)), torch.from_numpy(start(trials, dtype))
    h, drive, back = (torch.zeros((n, trials), dtype=x.dtype) for n in (hidden, hidden, VISIBLE))

    def run(steps: int) -> None:
        with torch.no_grad():
            for _ in range(steps):
                p = torch.softmax(BETA * h, 0)
                torch.matmul(x, v, out=drive)
                torch.matmul(x.T, p, out=back)
                h.lerp_(drive, DT / TAU_H)
                v.lerp_(back, DT / TAU_V)

    return run


def in_jax(hidden: int, trials: int, dtype: type) -> Step:
    """With a transposed copy of the weights: ``X.T @ p`` inside jit is many times slower."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x = jnp.asarray(weights(hidden, dtype))
    turned = jnp.asarray(np.ascontiguousarray(weights(hidden, dtype).T))

    def step(_: int, state: tuple) -> tuple:
        h, v = state
        p = jax.nn.softmax(BETA * h, axis=0)
        return h + (x @ v - h) * dtype(DT / TAU_H), v + (turned @ p - v) * dtype(DT / TAU_V)

    loop = jax.jit(lambda steps, state: jax.lax.fori_loop(0, steps, step, state))
    state = [(jnp.zeros((hidden, trials), dtype), jnp.asarray(start(trials, dtype)))]

    def run(steps: int) -> None:
        state[0] = jax.block_until_ready(loop(steps, state[0]))

    return run


def in_diffrax(hidden: int, trials: int, dtype: type) -> Step:
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x = jnp.asarray(weights(hidden, dtype))
    turned = jnp.asarray(np.ascontiguousarray(weights(hidden, dtype).T))

    def field(_: float, state: tuple, args: None) -> tuple:
        h, v = state
        return (x @ v - h) / dtype(TAU_H), (turned @ jax.nn.softmax(BETA * h, axis=0) - v) / dtype(TAU_V)

    @jax.jit
    def solve(steps: int, state: tuple) -> tuple:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Euler(),
            0.0,
            steps * DT,
            DT,
            state,
            saveat=diffrax.SaveAt(t1=True),
            max_steps=None,
        ).ys

    state = [(jnp.zeros((hidden, trials), dtype), jnp.asarray(start(trials, dtype)))]

    def run(steps: int) -> None:
        final = jax.block_until_ready(solve(float(steps), state[0]))
        state[0] = tuple(part[-1] for part in final)

    return run


METHODS = {
    "ceiling": ceiling,
    "neuroam": neuroam,
    "its products alone": products,
    "numpy, buffers reused": in_numpy,
    "PyTorch": in_torch,
    "JAX, transposed copy": in_jax,
    "diffrax Euler, transposed copy": in_diffrax,
}


def seconds(run: Step, steps: int) -> float:
    began = time.perf_counter()
    run(steps)
    return (time.perf_counter() - began) / steps


def measure(hidden: int, trials: int, dtype: type, repeats: int) -> dict[str, float | str]:
    """Best and median seconds of a step, by method; why, where one could not be run."""
    prepared: dict[str, Step] = {}
    found: dict[str, list[float] | str] = {}
    for name, make in METHODS.items():
        try:
            prepared[name] = make(hidden, trials, dtype)
            seconds(prepared[name], 3)
            found[name] = []
        except ImportError as error:
            found[name] = f"not installed ({error.name})"
    steps = max(3, int(2e9 / (4 * VISIBLE * hidden * max(trials, 4))))
    for repeat in range(repeats):
        names = list(prepared)
        for name in names if repeat % 2 == 0 else names[::-1]:
            found[name].append(seconds(prepared[name], steps))  # type: ignore[union-attr]
    return {name: float(np.median(times)) if isinstance(times, list) else times for name, times in found.items()}


def lines(hidden: int, trials: int, precision: str, found: dict[str, float | str]) -> Iterator[str]:
    yield f"\n{hidden} hidden neurons, {trials} trial{'s' if trials > 1 else ''}, {precision}\n"
    yield "| | ms a step | × neuroam | of the ceiling |"
    yield "|---|---|---|---|"
    best, mine = found["ceiling"], found["neuroam"]
    for name, value in found.items():
        if isinstance(value, str):
            yield f"| {name} | {value} | | |"
        else:
            yield f"| {name} | {1e3 * value:.3g} | {value / mine:.2f} | {100 * best / value:.0f} % |"  # type: ignore[operator]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.rates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("trials", "64,1"), ("hidden", "2000,20000"), ("precisions", "float32,float64")):
        parser.add_argument(f"--{name}", default=default, help="(default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=15, help="of each method (default: %(default)s)")
    options = parser.parse_args()
    head = host.describe(host.load())
    host.stay_on_one_core()
    text = ["# One step of a visible–hidden circuit", "", *head]
    for hidden in map(int, options.hidden.split(",")):
        for trials in map(int, options.trials.split(",")):
            for precision in options.precisions.split(","):
                print(f"  {hidden} hidden, {trials} trials, {precision}", file=sys.stderr, flush=True)
                found = measure(hidden, trials, getattr(np, precision), options.repeats)
                text += lines(hidden, trials, precision, found)
    report = "\n".join(text) + "\n"
    print(report)
    written = Path(__file__).parent / "results" / f"rates-{date.today()}-{host.file_name(host.processor())}.md"
    written.write_text(report)
    print(f"written to {written.name}", file=sys.stderr)


if __name__ == "__main__":
    main()
