"""The pictures of the README, each from the folder of one run:

neuroam run odour_discrimination --animals 20
neuroam run capacity
neuroam compare energy_descent --animals 4 --set cues=2 --set 'presentation=50*ms' --set 'delay=150*ms' \\
    --against 'tau_hidden=0.1*ms,0.2*ms,0.5*ms,1*ms,3*ms,10*ms,30*ms,100*ms,300*ms'

python docs/picture.py runs/odour_discrimination-<hash>        likewise for the others
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from neuroam.analysis.adiabatic import SMALL, breaking_point, mean_course, order
from neuroam.analysis.plot_code import coding_levels
from neuroam.analysis.plot_learning import preferences
from neuroam.analysis.plots_capacity import overlap_against_load, recall_against_load
from neuroam.analysis.style import CYCLE
from neuroam.protocols.capacity import CLASSICAL, ELSEWHERE, FLIPPED, INTACT, POLYNOMIAL, SOFTMAX, SPARSE, shown
from neuroam.protocols.odour_discrimination import BLOCKED, CONTROL, NO_DOPAMINE, PAIRS, RENORMALISED
from neuroam.recording import load

BLOCKS = {pair: (f"{pair}, first punished", f"{pair}, second punished") for pair in PAIRS}


def odour_discrimination(folder: Path) -> plt.Figure:
    """Coding levels, and preference indices of the spiking circuit and of the effective model."""
    spiking, effective = load(folder / "recording.nc"), load(folder / "recording-effective.nc")
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", width_ratios=(1, 1.15, 1.15))
    coding_levels(axes[0], spiking, "KC", (CONTROL, BLOCKED, RENORMALISED), "coding")
    for ax, recording in zip(axes[1:], (spiking, effective), strict=True):
        preferences(ax, recording, BLOCKS, (CONTROL, BLOCKED, RENORMALISED, NO_DOPAMINE))
        ax.set_ylim(-0.08, 1.04)
    return titled(
        figure, ("110 odours, spiking circuit", "learning, spiking circuit", "learning, winner-take-all code")
    )


def capacity(folder: Path) -> plt.Figure:
    """Overlap and success against load: classical and sparse memories in the circuit, dense ones at the effective level
    and, from noisy cues, in the circuit."""
    rate, effective = load(folder / "recording.nc"), load(folder / "recording-effective.nc")
    figure, axes = plt.subplots(2, 3, figsize=(13, 8.2), layout="constrained", sharex="col")
    sparse, dense = shown(CLASSICAL, *SPARSE), shown(*POLYNOMIAL, SOFTMAX[-1])
    columns = ((rate, sparse, INTACT, "patterns per cell, α", False), (effective, dense, INTACT, "patterns", True),
               (rate, shown(*POLYNOMIAL), FLIPPED, "patterns", True))
    for (above, below), (recording, memories, block, label, log) in zip(axes.T, columns, strict=True):
        overlap_against_load(above, recording, memories, "", log, block, {CLASSICAL.name: ELSEWHERE})
        recall_against_load(below, recording, memories, label, log, block)
        above.get_legend().remove()
    return titled(
        figure, ("circuit: intact cues", "effective: intact cues", "circuit: a tenth of the signs flipped", "", "", "")
    )


def adiabatic(folder: Path) -> plt.Figure:
    """Distance between circuit and effective model, and recall, against the time constant of the hidden neurons."""
    curve = xr.load_dataset(folder / "comparison.nc")
    orders, breaks = order(curve).isel(level=0), breaking_point(curve).isel(level=0)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
    for color, group in zip(CYCLE, orders["group"].values.tolist(), strict=False):
        found = orders.sel(group=group)
        label = f"{group}: order {float(found['exponent']):.2f} [{float(found['low']):.2f}, {float(found['high']):.2f}]"
        for ax, name in zip(axes, ("distance", "success"), strict=True):
            course = mean_course(curve, name, group).isel(level=0)
            ax.fill_between(course["ratio"], course["low"], course["high"], color=color, alpha=0.2, linewidth=0)
            ax.plot(course["ratio"], course["mean"], "o-", color=color, markersize=4, label=label)
        if not np.isnan(breaks.sel(group=group)):
            axes[1].axvline(float(breaks.sel(group=group)), color=color, linestyle="--", linewidth=0.8)
    axes[0].axvspan(float(curve["ratio"].min()) / 1.3, SMALL, color="0.9", zorder=0)
    axes[0].set(xscale="log", yscale="log", xlabel="$τ_h$ / $τ_v$", ylabel="distance to the effective model")
    axes[1].set(xscale="log", xlabel="$τ_h$ / $τ_v$", ylabel="fraction recalled", ylim=(-0.05, 1.05))
    axes[0].legend(frameon=False, fontsize=9)
    return titled(figure, ("fitted order where shaded, 1 expected", "recall in the circuit"))


def titled(figure: plt.Figure, titles: tuple[str, ...]) -> plt.Figure:
    for ax, title in zip(figure.axes, titles, strict=True):
        ax.set_title(title, fontsize=11, fontweight="bold", loc="left", pad=24)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


PICTURES = {"odour_discrimination-": odour_discrimination, "capacity-": capacity, "energy_descent-compare-": adiabatic}

if __name__ == "__main__":
    made_from = Path(sys.argv[1])
    draw = next(draw for start, draw in PICTURES.items() if made_from.name.startswith(start))
    draw(made_from).savefig(Path(__file__).with_name(f"{draw.__name__}.png"), dpi=110)
