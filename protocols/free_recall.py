"""How many of the items in memory come to mind in free recall (Naim, Katkov, Romani & Tsodyks 2020, Phys Rev Lett
124:018101).

Recall begins at some item and goes on by itself, a transition each time inhibition wanes. Going always to the most
similar item but the last, it ends in a loop, and R = √(3πM/2) of M items are on it by then, whatever else. Lists of 8
to 128 items are recalled from eight of them. Controls: recall that may turn back, which pairs of mutual neighbours
catch at once, and recall with noise, which goes on to new items.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from neuroam.analysis import free_recall as walks
from neuroam.analysis.contrast import in_group
from neuroam.analysis.plots_free_recall import law_figures, path_figures
from neuroam.errors import DescriptionError
from neuroam.prediction import Prediction, Region, above, below, between, within
from neuroam.protocol import Block, Figure, Group, Protocol, Record, Stimulus, Trial
from neuroam.recipe import recipe
from neuroam.units import Parameter, ms, parameter

NAIM = "Naim et al. 2020, Phys Rev Lett 124:018101"
SIMULATED = "simulations of the walk on random symmetric similarities"
OVERLAPS = "simulations of the walk on overlaps of sparse patterns, N = 20 000, 1 % active"
STARTS = 8
MOST = 120  # transitions for which the circuit's port of noise has draws
# R over the law at finite size, and where it is from
PUBLISHED = {8: (0.90, SIMULATED), 16: (0.94, SIMULATED), 32: (0.96, SIMULATED), 64: (0.92, OVERLAPS),
             128: (0.92, OVERLAPS)}
CONTROLS = (16, 64)
TEMPERATURE = 3.0  # neurons shared; overlaps of two memories have a standard deviation of 1.6
MARGIN = 0.06


def listed(items: int) -> str:
    return f"{items} items"


def turning(items: int) -> str:
    return f"{items} items, may turn back"


def noisy(items: int) -> str:
    return f"{items} items, noisy choice"


@recipe
def free_recall(transitions: int = 60, cycle: Any = 80 * ms, controls: bool = True) -> Protocol:
    """Each of the first eight items is cued, and `transitions` follow, one a `cycle`, which must be that of the
    circuit. Without `controls` only the lists are recalled, by many animals in the time of few."""
    if not 2 <= transitions <= MOST:
        raise DescriptionError(f"free_recall: transitions is {transitions}; give 2 to {MOST}")
    strains: dict[str, dict[str, Any]] = {listed(items): {"items": items} for items in PUBLISHED}
    if controls:
        strains |= {turning(items): {"items": items, "excluded": 1} for items in CONTROLS}
        strains |= {noisy(items): {"items": items, "temperature": TEMPERATURE} for items in CONTROLS}
    period = parameter(cycle, "second", "free_recall: cycle", above=0)
    return Protocol(
        name="free_recall",
        title="Free recall as a walk among memories",
        source=NAIM,
        circuit="free_recall",
        levels=("rate", "effective"),
        dt=2 * ms,
        groups=tuple(Group(name, strain=strain) for name, strain in strains.items()),
        blocks=(Block("recall", tuple(_trial(k, transitions, period, controls) for k in range(STARTS))),),
        record=(Record("visible", every=period, units=False),),
        predictions=(*_law(), *_rule(), *(_controls() if controls else ())),
        figures=_figures(controls),
        notes={"animals": "walks vary: a margin of 0.06 needs some fifty animals for all lists together, and several "
                          "hundred for each",
               "recalled": "different items until a transition is made for the second time",
               "inhibition": "is there for half of each cycle; features are sampled in the middle of the other half",
               "items": "are those in memory, fewer than are on a list that people have been shown",
               **({"noisy choice": "the same draws for every animal, whose memories differ"} if controls else {})},
    )


def _trial(start: int, transitions: int, period: Parameter, chance: bool) -> Trial:
    """Recall is inhibited from a quarter of each cycle to its third quarter, and from the start of the first. Cue and
    noise outlast inhibition, until the item holds itself."""
    half, three_quarters = (Parameter(part * float(period), "second") for part in (0.5, 0.75))
    onsets = [Parameter((n + 0.25) * float(period), "second") for n in range(1, transitions + 2)]
    cue = Stimulus("cue", f"item {start + 1}", period)
    waves = (Stimulus("inhibition", "inhibition", three_quarters),
             *(Stimulus("inhibition", "inhibition", half, onset=onset) for onset in onsets))
    noise = (Stimulus("chance", f"draw {start * len(onsets) + n}", three_quarters, onset=onset)
             for n, onset in enumerate(onsets if chance else ()))
    length = Parameter((transitions + 2) * float(period), "second")
    return Trial(f"from item {start + 1}", length, (cue, *waves, *noise))


def _in(group: str, measure: Callable, **arguments: Any) -> functools.partial:
    return functools.partial(in_group, measure=functools.partial(measure, **arguments), group=group)


def _law() -> tuple[Prediction, ...]:
    ratios = tuple(
        Prediction(f"{listed(items)}: recalled, over the law's {walks.law(items):.1f}",
                   _in(listed(items), walks.over_law, items=items), between(value - MARGIN, value + MARGIN),
                   f"{value:.2f}{' (64 and 256 items)' if items == 128 else ''}", source, "verified", "the margin")
        for items, (value, source) in PUBLISHED.items())
    sizes = {listed(items): items for items in PUBLISHED if items >= 16}
    numbers = {listed(items): value * walks.law(items) for items, (value, _) in PUBLISHED.items()}
    every = Prediction("all lists: recalled, over what the walk recalls of a list as long", functools.partial(
        walks.over_expected, expected=numbers), between(1 - MARGIN, 1 + MARGIN), "1", f"{SIMULATED}; {OVERLAPS}",
        "verified", "the margin")
    return (*ratios, every, Prediction("recalled grows as a power of the items, from 16 on: exponent",
                                functools.partial(walks.exponent, groups=sizes), between(0.44, 0.56), "½", NAIM,
                                "read in the abstract", "the margin"))


def _rule() -> tuple[Prediction, ...]:
    largest = listed(max(PUBLISHED))
    ours = functools.partial(Prediction, published="by definition", source=NAIM, certainty="derived",
                             assumed="the margin")
    return (ours(f"{largest}: transitions that turn back", _in(largest, walks.turned_back), within(0.001)),
            ours(f"{largest}: the same two items, then the same third", _in(
                largest, walks.consistency), above(0.999)),
            ours(f"{largest}: walks that ended in a loop in time", _in(largest, walks.closed), above(0.95)))


def _controls() -> tuple[Prediction, ...]:
    def ours(claim: str, statistic: Callable, expect: Region) -> Prediction:
        return Prediction(claim, statistic, expect, "must fail", "control of this protocol", "ours", "the margin")

    small, large = CONTROLS
    ends = {kind: {name(items): items for items in CONTROLS} for kind, name in (("back", turning), ("noise", noisy))}
    return (
        ours(f"may turn back: recalled of {large}, over the law", _in(turning(large), walks.over_law, items=large),
             below(0.5)),
        ours("may turn back: exponent", functools.partial(walks.exponent, groups=ends["back"]), below(0.3)),
        ours(f"noisy choice: recalled of {large}, over the law", _in(noisy(large), walks.over_law, items=large),
             above(1.2)),
        ours("noisy choice: exponent", functools.partial(walks.exponent, groups=ends["noise"]), above(0.7)),
        ours(f"noisy choice, {small} items: the same two items, then the same third", _in(
            noisy(small), walks.consistency), below(0.8)),
    )


def _figures(controls: bool) -> tuple[Figure, ...]:
    curves = {"most similar but the last": {listed(items): items for items in PUBLISHED}}
    if controls:
        curves |= {"may turn back": {turning(items): items for items in CONTROLS},
                   "noisy choice": {noisy(items): items for items in CONTROLS}}
    shown = (listed(16), turning(16), noisy(16)) if controls else (listed(8), listed(16))
    return (
        Figure("Items recalled", "Different items recalled until a transition repeats, against the items in memory; "
               "mean and 95 % bootstrap interval over {animals}. Dashed: √(3πM/2).",
               functools.partial(law_figures, curves=curves)),
        Figure("Walks", "Recall from three cues in the first animal, item by item; a ring where the transition that "
               "repeats is made for the second time.",
               functools.partial(path_figures, groups=shown)),
    )
