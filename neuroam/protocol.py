"""A protocol replicates an experiment: frozen data, never a callback, so that any solver can run it and it can be
printed, compared and shipped.

    protocol > session (one animal) > block > trial > stimulus

It names ports and populations ("odour", "KC"), never a circuit. One seed is one animal: a wiring, its noise and its
order of trials. Groups are copies of that animal with something done to them, so that they are compared in pairs.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from neuroam.cues import Degradation
from neuroam.errors import DescriptionError
from neuroam.manipulations import Manipulation
from neuroam.prediction import Prediction
from neuroam.recipe import Recipe
from neuroam.units import Parameter, parameter


class _Every:
    """Stands for each stimulus the port knows: its trial is repeated for every one of them."""

    def __repr__(self) -> str:
        return "every stimulus of the port"

    def __reduce__(self) -> str:
        return "EVERY"  # one and the same in worker processes


EVERY = _Every()


@dataclass(frozen=True, eq=False)
class Stimulus:
    """What is presented at a port, from `onset` (after the start of the trial) for `duration`.

    `what` is a name the port knows, a mixture {name: dose}, the drive of each cell itself (a quantity of shape
    (n_cells,)), or `EVERY`. `degraded`: what is done to it, in order, such as ``(Missing(.3), Flip(.1))``.
    """

    port: str
    what: Any
    duration: Any
    onset: Any = 0.0
    degraded: tuple[Degradation, ...] = ()

    def __post_init__(self) -> None:
        where = f"stimulus at port {self.port!r}"
        object.__setattr__(self, "duration", parameter(self.duration, "second", f"{where}: duration", above=0))
        object.__setattr__(self, "onset", parameter(self.onset, "second", f"{where}: onset", least=0))
        if isinstance(self.what, Mapping) and any(not float(v) >= 0 for v in self.what.values()):
            raise DescriptionError(f"{where}: doses must be at least 0, got {dict(self.what)}")

    @property
    def label(self) -> str:
        """How the stimulus is called in the trial table."""
        if isinstance(self.what, str):
            return self.what
        if isinstance(self.what, Mapping):
            return " + ".join(f"{dose:g} {name}" for name, dose in self.what.items())
        return repr(self.what) if self.what is EVERY else f"given drive at {self.port}"


@dataclass(frozen=True)
class Trial:
    """One trial. Its first stimulus is the one the trial is about: responses are measured while it is on, or in the
    window `measured`, (onset, duration), such as the end of a delay.

    `duration` counts from the start of this trial to the start of the next; `reset` starts it from rest, otherwise
    the state of the last trial is carried over. With `repeats`, the trial is presented that many times.
    """

    name: str
    duration: Any
    stimuli: tuple[Stimulus, ...]
    phase: str = ""
    cs_type: str = ""
    repeats: int = 1
    reset: bool = True
    measured: tuple[Any, Any] | None = None

    def __post_init__(self) -> None:
        where = f"trial {self.name!r}"
        object.__setattr__(self, "duration", parameter(self.duration, "second", f"{where}: duration", above=0))
        if self.repeats < 1:
            raise DescriptionError(f"{where}: repeats is {self.repeats}; it must be at least 1")
        if not self.stimuli:
            raise DescriptionError(f"{where} has no stimulus; add a Stimulus (its drive may be 0)")
        for stimulus in self.stimuli:
            if float(stimulus.onset) + float(stimulus.duration) > float(self.duration) * (1 + 1e-9):
                raise DescriptionError(f"{where}: the stimulus at port {stimulus.port!r} ends after the trial "
                                       f"({self.duration}); lengthen the trial or shorten the stimulus")
        if self.measured is not None:
            object.__setattr__(self, "measured", self._window(where, *self.measured))

    def _window(self, where: str, onset: Any, duration: Any) -> tuple[Parameter, Parameter]:
        first = parameter(onset, "second", f"{where}: measured onset", least=0)
        length = parameter(duration, "second", f"{where}: measured duration", above=0)
        if float(first) + float(length) > float(self.duration) * (1 + 1e-9):
            raise DescriptionError(f"{where}: the measured window of {length} from {first} ends after the trial "
                                   f"({self.duration}); lengthen the trial or shorten the window")
        return first, length


@dataclass(frozen=True)
class Block:
    """Trials in order, or shuffled by the animal's seed. A `fresh` block starts with the weights as wired: a naive
    animal of the same wiring, as if another fly of the same genotype were taken."""

    name: str
    trials: tuple[Trial, ...]
    shuffle: bool = False
    fresh: bool = False


@dataclass(frozen=True)
class Group:
    """Animals to which the same has been done. A `strain` has its circuit made with other settings than the rest, as
    ``{"patterns": 140}``; animals of one seed still draw from the same random streams in every strain."""

    name: str
    manipulations: tuple[Manipulation, ...] = ()
    strain: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """What to keep of a population: its spikes and, always, its mean emission while each trial's stimulus is on.

    `every` adds traces at that interval: the emission of graded cells, the potential of spiking ones; `cells` limits
    them to some. Without `units` nothing is kept cell by cell, only overlaps with stored patterns: groups of strains
    with different numbers of cells make one recording.
    """

    population: str
    every: Any = None
    cells: tuple[int, ...] | None = None
    units: bool = True

    def __post_init__(self) -> None:
        if self.every is not None:
            every = parameter(self.every, "second", f"record {self.population!r}: every", above=0)
            object.__setattr__(self, "every", every)


@dataclass(frozen=True)
class Figure:
    """A figure of the report. `draw` maps {level: recording} to {panel title: matplotlib figure}; a level that lacks
    what it shows has no panel. ``{animals}`` in the caption becomes their number."""

    title: str
    caption: str
    draw: Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Protocol:
    """A frozen experiment. The first group is the control. `circuit` and `dt` are what it is usually run on, `levels`
    those of description at which its questions make sense (none: all that the circuit has).

    `metrics` adds to what levels of description are compared by: each function maps a recording to one value for each
    (animal, trial).
    """

    name: str
    title: str
    source: str
    blocks: tuple[Block, ...]
    record: tuple[Record, ...]
    groups: tuple[Group, ...] = (Group("control"),)
    predictions: tuple[Prediction, ...] = ()
    figures: tuple[Figure, ...] = ()
    circuit: str = ""
    dt: Any = Parameter(1e-4, "second", "the usual clock")
    notes: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    levels: tuple[str, ...] = ()
    recipe: Recipe | None = None

    def __post_init__(self) -> None:
        if not any(block.trials for block in self.blocks):
            raise DescriptionError(f"protocol {self.name!r} has no trial; add a Block with at least one Trial")
        if not self.record:
            raise DescriptionError(f"protocol {self.name!r} records nothing; add a Record of a population")
        for kind, names in (("group", [g.name for g in self.groups]), ("block", [b.name for b in self.blocks]),
                            ("record", [r.population for r in self.record])):
            doubled = sorted({n for n in names if names.count(n) > 1})
            if doubled:
                raise DescriptionError(f"protocol {self.name!r}: {kind} names must differ; repeated: {doubled}")
        if not self.groups:
            raise DescriptionError(f"protocol {self.name!r} has no group; add Group('control')")
        object.__setattr__(self, "dt", parameter(self.dt, "second", f"protocol {self.name!r}: dt", above=0))
        intervals = {float(r.every) for r in self.record if r.every is not None}
        if len(intervals) > 1:
            raise DescriptionError(f"protocol {self.name!r}: traces have one sampling interval, got "
                                   f"{sorted(intervals)} s; use the same `every` throughout")

    def without_traces(self) -> Protocol:
        """The same experiment where nothing is recorded within a trial, for levels that have no time there."""
        return replace(self, record=tuple(replace(r, every=None) for r in self.record))

    @property
    def every(self) -> float | None:
        """Sampling interval of the traces in seconds."""
        return next((float(r.every) for r in self.record if r.every is not None), None)
