"""Antennal lobe of Drosophila: odours to receptor neurons to projection neurons.

Receptor responses are the 110 odours × 24 receptors of Hallem & Carlson 2006 (Cell 125:143), read from the package
drosolf. A projection neuron follows Olsen, Bhandawat & Wilson 2010 (Neuron 66:287):

    PN_i = R_max r_i^1.5 / (r_i^1.5 + σ^1.5 + s^1.5),   s = m Σ_j r_j / 190 Hz

r is the absolute firing rate, change plus spontaneous rate, at least 0 (as Luo, Axel & Abbott 2010 and Lin et al.
2014 use it). With a spontaneous rate of 1 Hz for Or67a the projection neurons fire 1238, 1310 and 937 spikes/s in
all to isopentyl (isoamyl) acetate, ethyl butyrate and δ-decalactone, the totals Lin et al. give; drosolf's table
has 11 Hz there, which gives 1238, 1308 and 963.
"""
from __future__ import annotations

import csv
import functools
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from neuroam.errors import NeuroamError
from neuroam.units import Hz

R_MAX = 165.0  # spikes/s, Olsen et al. 2010
SIGMA = 12.0  # spikes/s, Olsen et al. 2010
M = 10.63  # Olsen et al. 2010
LFP = 190.0  # spikes/s per unit of field potential, Olsen et al. 2010
EXPONENT = 1.5  # Olsen et al. 2010
OR67A_SPONTANEOUS = 1.0  # spikes/s: reproduces the totals of Lin et al. 2014


@functools.cache
def receptor_table() -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Odour names, changes of rate (110, 24) and spontaneous rates (24,), in spikes/s."""
    spec = importlib.util.find_spec("drosolf")  # found, not imported: only its table is wanted
    if spec is None or spec.origin is None:
        raise NeuroamError("the receptor responses come with the package drosolf; install it with pip")
    path = Path(spec.origin).with_name("Hallem_Carlson_2006.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    receptors = rows[1][1:25]
    values = {row[0].strip(): np.array(row[1:25], dtype=float) for row in rows[2:]}
    spontaneous = values.pop("spontaneous firing rate")
    spontaneous[receptors.index("67a")] = OR67A_SPONTANEOUS
    return tuple(values), np.array(list(values.values())), spontaneous


def receptor_rates(mixture: Mapping[str, float]) -> np.ndarray:
    """Firing rates (24,) of the receptor neurons in spikes/s. Doses scale and add changes of rate (our assumption:
    the table holds one concentration of each odour)."""
    names, changes, spontaneous = receptor_table()
    rates = spontaneous.copy()
    for name, dose in mixture.items():
        rates += dose * changes[names.index(name)]
    return np.maximum(rates, 0.0)


def projection_rates(receptors: np.ndarray) -> np.ndarray:
    """Firing rates of projection neurons from those of their receptors, both (24,) in spikes/s."""
    power = receptors**EXPONENT
    field = (M * receptors.sum() / LFP) ** EXPONENT
    return R_MAX * power / (power + SIGMA**EXPONENT + field)


def odour_code(mixture: Mapping[str, float], sisters: int = 1):
    """Rates of `sisters` projection neurons a glomerulus, those of one glomerulus side by side, as a quantity."""
    return np.repeat(projection_rates(receptor_rates(mixture)), sisters) * Hz
