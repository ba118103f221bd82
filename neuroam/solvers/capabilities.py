"""What each solver carries, computed from the solvers themselves; documentation and tests read this table."""
from __future__ import annotations

from neuroam.effective.adiabatic import Adiabatic
from neuroam.effective.mean_field import MeanField
from neuroam.effective.place_replay import PlaceReplay
from neuroam.effective.volley import Volleys
from neuroam.effective.winner_take_all import WinnerTakeAll
from neuroam.solvers import Brian, Numba
from neuroam.solvers.base import FEATURES


def carried() -> dict[str, dict[str, bool]]:
    """Feature → solver → whether it is carried."""
    solvers = (Numba, Brian, Adiabatic, WinnerTakeAll, MeanField, Volleys, PlaceReplay)
    return {feature: {solver.name: feature in solver.carries for solver in solvers} for feature in FEATURES}


def markdown() -> str:
    """The ✓/✗ table with, for each feature, what to do where it is not carried."""
    table = carried()
    solvers = list(next(iter(table.values())))
    rows = [f"| {feature} | {' | '.join('✓' if carries[s] else '✗' for s in solvers)} | {FEATURES[feature]} |"
            for feature, carries in table.items()]
    return "\n".join([f"| | {' | '.join(solvers)} | otherwise |", f"|---|{'---|' * len(solvers)}---|", *rows])
