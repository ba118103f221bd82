"""Figures of reports on automata: recordings at several levels in, panels out, as in `plots`."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neuroam.analysis.programs import course, ends
from neuroam.analysis.style import BLACK, CYCLE, GREY, WIDTH, canvas, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Levels = Mapping[str, xr.Dataset]
Tables = Mapping[str, Mapping[tuple[str, str], str]]
PALE = {"right": "#BFE5D8", "refused": "#E3E3E3", "wrong": "#F3C4A5"}


@styled
def program_figures(levels: Levels, groups: tuple[str, ...], trial: str, states: Sequence[str],
                    symbols: Mapping[str, tuple[float, float]]) -> dict[str, Figure]:
    """Overlap with each state while a program is read, and the refusal cell, a pair of axes a group; first animal; a
    panel a level. `symbols`: their names, in order, with when they come and go in seconds."""
    panels = {}
    for level, recording in levels.items():
        if "overlap_trace" not in recording:
            continue
        figure, axes = canvas(2 * len(groups), 1, WIDTH, 2.0 * len(groups) + 0.8, squeeze=False, sharex=True,
                              height_ratios=[3, 1] * len(groups))
        for place, group in enumerate(groups):
            above, below = axes[2 * place: 2 * place + 2, 0]
            _program(above, below, recording, trial, group, states, symbols)
        axes[0, 0].legend(loc="lower center", bbox_to_anchor=(0.5, 1.2), ncols=len(states), borderaxespad=0)
        axes[-1, 0].set_xlabel("time (s)")
        panels[level] = figure
    return panels


def _program(above: Axes, below: Axes, recording: xr.Dataset, trial: str, group: str, states: Sequence[str],
             symbols: Mapping[str, tuple[float, float]]) -> None:
    overlaps, refusal = course(recording, trial, group)
    for color, state in zip(CYCLE, states, strict=False):
        above.plot(overlaps["time"], overlaps.sel(pattern=state), color=color, label=state)
    below.plot(overlaps["time"], refusal, color=BLACK, linewidth=1.2)
    for name, (on, off) in symbols.items():
        for ax in (above, below):
            ax.axvspan(on, off, color="0.9", linewidth=0)
        above.text((on + off) / 2, 1.08, name.strip(), ha="center", va="bottom", fontsize=8, color=GREY)
    above.set(ylabel="overlap", ylim=(-0.15, 1.08))
    above.set_title(group, loc="left", fontsize=9, pad=14)
    below.set(ylabel="refusal", ylim=(-0.1, max(1.0, 1.1 * float(refusal.max()))))


@styled
def transition_figures(levels: Levels, tables: Tables, states: Sequence[str], symbols: Sequence[str],
                       naming: str) -> dict[str, Figure]:
    """The state that each symbol (column) left behind in each state (row), a table a group, first animal; a panel a
    level. `tables`: what is right in each group; ``naming.format(state=…, symbol=…)`` is the name of a trial."""
    panels = {}
    for level, recording in levels.items():
        rows = -(-len(tables) // 2)
        figure, axes = canvas(rows, 2, WIDTH, (0.24 * len(states) + 1.05) * rows, squeeze=False)
        for ax in axes.ravel()[len(tables):]:
            ax.set_visible(False)
        for ax, (group, table) in zip(axes.ravel(), tables.items(), strict=False):
            pairs = [(q, x) for q in states for x in symbols]
            found = ends(recording, [naming.format(state=q, symbol=x) for q, x in pairs], group)
            _table(ax, dict(zip(pairs, found, strict=True)), table, states, symbols)
            ax.set_title(group, fontsize=9)
        panels[level] = figure
    return panels


def _table(ax: Axes, found: Mapping[tuple[str, str], tuple[str, bool]], table: Mapping[tuple[str, str], str],
           states: Sequence[str], symbols: Sequence[str]) -> None:
    from matplotlib.colors import to_rgb

    shades = np.zeros((len(states), len(symbols), 3))
    for (state, symbol), (end, refused) in found.items():
        place = states.index(state), symbols.index(symbol)
        known = (state, symbol) in table
        right = end == table.get((state, symbol), state) and refused != known
        shades[place] = to_rgb(PALE["wrong" if not right else "right" if known else "refused"])
        ax.text(place[1], place[0], "–" if refused else end or "?", ha="center", va="center", fontsize=7.5)
    ax.imshow(shades, aspect="auto")
    ax.set_xticks(range(len(symbols)), symbols, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    ax.set_yticks(range(len(states)), states, fontsize=8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
