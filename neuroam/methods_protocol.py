"""The tables of a protocol's description: design, groups, timetable, what is recorded, what was published."""
from __future__ import annotations

from collections.abc import Iterator

from neuroam.protocol import Block, Group, Protocol, Record, Stimulus, Trial
from neuroam.table import Table, plain


def protocol_tables(protocol: Protocol) -> tuple[Table, ...]:
    """All tables of a protocol, those without content left out."""
    tables = [_design(protocol), _groups(protocol), timetable(protocol), _recorded(protocol)]
    if protocol.predictions:
        tables.append(_predictions(protocol))
    if protocol.notes:
        notes = tuple((subject, plain(note)) for subject, note in protocol.notes.items())
        tables.append(Table("Notes", ("Subject", "Note"), notes))
    return tuple(tables)


def _design(protocol: Protocol) -> Table:
    rows = [("Source", protocol.source),
            ("Animals", "each is one wiring with its noise; every group holds a copy of every animal, so groups are "
                        "compared in pairs"),
            ("Trials", f"{_presentations(protocol)} trials of an animal in each group"
                       if _countable(protocol) else "one for every stimulus of the port, and those below"),
            ("Usual time step", str(protocol.dt))]
    if protocol.circuit:
        rows.insert(1, ("Circuit", protocol.circuit.replace("_", " ")))
    return Table("Design", ("", ""), tuple(rows))


def _countable(protocol: Protocol) -> bool:
    return not any(s.label.startswith("every") for b in protocol.blocks for t in b.trials for s in t.stimuli)


def _presentations(protocol: Protocol) -> int:
    return sum(trial.repeats for block in protocol.blocks for trial in block.trials)


def _groups(protocol: Protocol) -> Table:
    rows = tuple((g.name, "; ".join(_done(g)) or "nothing") for g in protocol.groups)
    return Table("Groups", ("Group", "What is done to the animals"), rows)


def _done(group: Group) -> Iterator[str]:
    if group.strain:
        yield f"circuit with {', '.join(f'{key} = {value}' for key, value in group.strain.items())}"
    yield from map(str, group.manipulations)


def timetable(protocol: Protocol) -> Table:
    """Blocks, trials and stimuli in the order presented."""
    rows = tuple(row for block in protocol.blocks for row in _block_rows(block))
    return Table("Timetable", ("Block", "Phase", "CS", "Stimulus", "Onset", "Duration", "Trial", "Repeats"), rows,
                 note=_timetable_note(protocol))


def _block_rows(block: Block) -> Iterator[tuple[str, ...]]:
    label = block.name
    if block.fresh:
        label += "\n(naive animals)"
    if block.shuffle:
        label += "\n(shuffled)"
    for number, trial in enumerate(block.trials):
        yield ("" if number else label, trial.phase or trial.name, trial.cs_type, *_stimuli(trial),
               str(trial.duration), str(trial.repeats))


def _stimuli(trial: Trial) -> tuple[str, str, str]:
    lines = [(f"{s.port}: {_what(s)}", str(s.onset), str(s.duration)) for s in trial.stimuli]
    if len({line[1:] for line in lines}) == 1:
        return "\n".join(line[0] for line in lines), *lines[0][1:]
    what, onset, duration = zip(*lines, strict=True)
    return "\n".join(what), "\n".join(onset), "\n".join(duration)


def _what(stimulus: Stimulus) -> str:
    return ", ".join((_alone(stimulus.label), *map(str, stimulus.degraded)))


def _alone(label: str) -> str:
    """"1 d-decalactone" is d-decalactone, pure."""
    return label.removeprefix("1 ") if " + " not in label else label


def _timetable_note(protocol: Protocol) -> str:
    trials = [t for block in protocol.blocks for t in block.trials]
    words = ["Onsets count from the start of the trial."]
    if all(t.reset for t in trials):
        words.append("Every trial starts from rest.")
    elif any(t.reset for t in trials):
        words.append(f"These start from rest: {', '.join(dict.fromkeys(t.name for t in trials if t.reset))}.")
    if any(block.fresh for block in protocol.blocks):
        words.append("Blocks with naive animals start from the untrained weights of the same wiring.")
    if any(block.shuffle for block in protocol.blocks):
        words.append("The order of shuffled blocks is drawn for each animal.")
    return " ".join(words)


def _recorded(protocol: Protocol) -> Table:
    rows = tuple((r.population, _cells(r), _kept(r)) for r in protocol.record)
    return Table("Recorded", ("Population", "Cells", "What is kept"), rows)


def _cells(record: Record) -> str:
    if record.every is None or record.cells is None:
        return "all"
    return f"all; traces of {len(record.cells)}"


def _kept(record: Record) -> str:
    if not record.units:
        return "overlaps with stored patterns in the window of each trial, nothing cell by cell"
    kept = "spikes of spiking cells, and the mean response in the window of each trial (the stimulus, unless said)"
    return kept if record.every is None else f"{kept}; a trace every {record.every}"


def _predictions(protocol: Protocol) -> Table:
    rows = tuple((p.claim, str(p.expect), p.published, p.source, p.certainty, p.assumed or "–")
                 for p in protocol.predictions)
    return Table("Claims and what counts as reproducing them",
                 ("Claim", "Expected mean", "Known", "Source", "Certainty", "Assumed by us"), rows,
                 note="Reproduced: the 95 % bootstrap interval of the mean over animals lies inside the expected "
                      "region. Not reproduced: it lies outside. Otherwise not decidable with this many animals.")
