"""How figures look: Okabe & Ito's colours, which colour-blind readers tell apart, and letters readable on a phone.

Figures are made without pyplot, so that drawing leaves no global state and needs no display. matplotlib is imported
when a figure is made, not before: a simulation never draws.
"""
from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE, BLACK, GREY = "#0072B2", "#D55E00", "#CC79A7", "#000000", "#7A7A7A"
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
WIDTH = 4.4  # inches: on a phone the page shrinks a figure this wide by a fifth, so 10 points stay legible
RC: Any = {
    "font.size": 10, "axes.labelsize": 10, "axes.titlesize": 10, "xtick.labelsize": 9, "ytick.labelsize": 9,
    "legend.fontsize": 9, "legend.frameon": False, "legend.handlelength": 1.2, "axes.spines.top": False,
    "axes.spines.right": False, "axes.linewidth": 0.8, "lines.linewidth": 1.6, "savefig.dpi": 200,
    "font.family": "DejaVu Sans", "figure.facecolor": "white",
}
T = TypeVar("T", bound=Callable[..., Any])


def styled(function: T) -> T:
    """Decorator: whatever `function` draws has the style of this house."""
    @functools.wraps(function)
    def draw(*args: Any, **kwargs: Any) -> Any:
        import matplotlib

        with matplotlib.rc_context(RC):
            return function(*args, **kwargs)

    return draw  # type: ignore[return-value]


def canvas(rows: int = 1, columns: int = 1, width: float = WIDTH, height: float = 3.0,
           **options: Any) -> tuple[Figure, Any]:
    """A figure and its axes, an array where there are several. Sizes in inches; `options` go to ``subplots``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def no_data(ax: Axes, why: str = "nothing recorded") -> Axes:
    """Axes that say why they are empty."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", va="center", color=GREY)
    ax.set(xticks=[], yticks=[])
    return ax
