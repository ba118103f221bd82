"""Drosophila mushroom body: odours become sparse codes, dopamine weakens what went with punishment.

PN -> KC by a few random claws; KC <-> APL, one graded neuron, keeps the code sparse; KC -> MBON is depressed where
and when the DAN of the same compartment is active. Compartment 0 drives approach and is depressed by punishment,
compartment 1 drives avoidance and is depressed by reward (Aso et al. 2014; Hige et al. 2015).
"""
from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from neuroam.circuit import Circuit, CodingLevels, Population, Port, Projection
from neuroam.circuits.antennal_lobe import odour_code, receptor_table
from neuroam.connect import LogNormal, all_to_all, in_degree
from neuroam.errors import DescriptionError
from neuroam.neurons import LIF, Drive, Poisson, Rate, graded
from neuroam.plasticity import dopamine_depression
from neuroam.recipe import recipe
from neuroam.transfer import Rectified
from neuroam.units import Hz, assumed, cited, ms, mV, second

TURNER = "Turner, Bazhenov & Laurent 2008, J Neurophysiol 99:734 (secondary)"
KENNEDY = "Kennedy 2019 (code: annkennedy/mushroomBody)"
HETEROGENEITY = ("equal", "lognormal", "homeostatic")
GLOMERULI = 24
REINFORCERS = {"shock": (1.0, 0.0), "sugar": (0.0, 1.0)}

claw_weight = assumed(0.023 * mV / Hz, f"an EPSP of 1.4 mV, the mean in {TURNER}, with these time constants")


def kenyon_cell(threshold_cv: float) -> LIF:
    """A leaky integrate-and-fire Kenyon cell; its threshold is the starting point of the calibration."""
    return LIF(tau=cited(10 * ms, KENNEDY), rest=cited(-58 * mV, TURNER), threshold=cited(-36.5 * mV, TURNER),
               refractory=assumed(2 * ms, "as in most models; Kennedy 2019 has none"),
               synapse=cited(10 * ms, f"KC to APL in {KENNEDY}"), threshold_cv=threshold_cv)


def reinforcement(presented: Mapping[str, float]) -> np.ndarray:
    """Drive of the two dopaminergic compartments, in units of a full reinforcement."""
    drive = np.zeros(2)
    for name, dose in presented.items():
        drive += dose * np.array(REINFORCERS[name])
    return drive


@recipe
def mushroom_body(kenyon: int = 2000, claws: int = 6, sisters: int = 3, heterogeneity: str = "equal",
                  coding_level: float = 0.10, depression: float = 0.2) -> Circuit:
    """One calyx and one lobe with an approach and an avoidance compartment.

    `heterogeneity` of Kenyon cells: "equal" weights and thresholds; "lognormal" weights (σ .35) and thresholds of
    CV .26; "homeostatic", log-normal weights and for each cell the threshold at which it answers its share of the
    odours (Abdelrahman, Vasilaki & Lin 2021 compare such variants).
    `coding_level` is the calibrated fraction of cells that answer an odour with APL, twice that without.
    `depression`: fraction of a KC -> MBON weight lost for each KC spike under full dopamine.
    """
    if heterogeneity not in HETEROGENEITY:
        raise DescriptionError(f"mushroom_body: heterogeneity is {heterogeneity!r}; use one of {HETEROGENEITY}")
    spread = heterogeneity != "equal"
    mbon = Rate(assumed(20 * ms, "of the order of measured membranes"),
                Rectified(gain=assumed(1 * Hz / mV, "sets the scale of MBON rates alone"), unit_in="volt",
                          unit_out="hertz"))
    lost = assumed(depression, "twelve pairings take away about 80 %, as one session did in Hige et al. 2015 "
                         "(secondary)")
    return Circuit(
        name="mushroom body",
        source="after Kennedy 2019, Abdelrahman, Vasilaki & Lin 2021 and Lin et al. 2014",
        populations=(
            Population("PN", GLOMERULI * sisters,
                       Poisson(synapse=cited(2.8 * ms, f"EPSC decay, {TURNER}")),
                       f"{GLOMERULI} glomeruli of Hallem & Carlson 2006, {sisters} sister cells each (Li et al. 2020: "
                       "3–4, secondary)"),
            Population("KC", kenyon, kenyon_cell(0.26 if spread else 0.0), "1927 in the hemibrain (Li et al. 2020)"),
            Population("APL", 1, graded(cited(50 * ms, KENNEDY)), "one, non-spiking (Amin et al. 2020)"),
            Population("MBON", 2, mbon, "approach, avoidance"),
            Population("DAN", 2, Drive(), "punishment, reward"),
        ),
        projections=(
            Projection("PN", "KC", in_degree(claws, replacement=True),
                       LogNormal(claw_weight, 0.3527) if spread else claw_weight,
                       source="random claws: Caron et al. 2013; log-normal σ: Abdelrahman et al. 2021"),
            Projection("KC", "APL", all_to_all(),
                       assumed(0.013 * mV / Hz, "brings APL to 15 mV at 10 % coding, as odours do the locust's GGN")),
            Projection("APL", "KC", all_to_all(), assumed(-1.0, "start of the calibration")),
            Projection("KC", "MBON", all_to_all(), assumed(0.02 * mV / Hz, "sets the scale of MBON rates alone"),
                       plasticity=dopamine_depression("DAN", lost)),
        ),
        ports={"odour": Port("PN", receptor_table()[0], functools.partial(odour_code, sisters=sisters)),
               "reinforcement": Port("DAN", tuple(REINFORCERS), reinforcement)},
        calibration=CodingLevels("KC", "APL", "odour", without=2 * coding_level, with_inhibition=coding_level,
                                 homeostatic=heterogeneity == "homeostatic", stimulus=0.5 * second,
                                 source="10 % of Kenyon cells answer with APL, 20 % without: the convention of "
                                        "Kennedy 2019 and Abdelrahman et al. 2021 after Lin et al. 2014"),
        notes={"heterogeneity of Kenyon cells": heterogeneity},
    )
