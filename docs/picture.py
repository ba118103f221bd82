"""The README's picture, from a run of odour_discrimination:

    neuroam run odour_discrimination --animals 20
    python docs/picture.py runs/odour_discrimination-<hash>
"""
from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt

from neuroam.analysis.plot_code import coding_levels
from neuroam.analysis.plot_learning import preferences
from neuroam.protocols.odour_discrimination import BLOCKED, CONTROL, NO_DOPAMINE, PAIRS, RENORMALISED
from neuroam.recording import load

BLOCKS = {pair: (f"{pair}, first punished", f"{pair}, second punished") for pair in PAIRS}


def picture(folder: Path) -> plt.Figure:
    """Coding levels, and preference indices of the spiking circuit and of the effective model."""
    spiking, effective = load(folder / "recording.nc"), load(folder / "recording-effective.nc")
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained", width_ratios=(1, 1.15, 1.15))
    coding_levels(axes[0], spiking, "KC", (CONTROL, BLOCKED, RENORMALISED), "coding")
    for ax, recording in zip(axes[1:], (spiking, effective), strict=True):
        preferences(ax, recording, BLOCKS, (CONTROL, BLOCKED, RENORMALISED, NO_DOPAMINE))
        ax.set_ylim(-0.08, 1.04)
    for ax, title in zip(axes, ("110 odours, spiking circuit", "learning, spiking circuit",
                                "learning, winner-take-all code"), strict=True):
        ax.set_title(title, fontsize=11, fontweight="bold", loc="left", pad=24)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    picture(Path(sys.argv[1])).savefig(Path(__file__).with_name("odour_discrimination.png"), dpi=110)
