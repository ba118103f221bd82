"""A long sequence of motor motifs that hidden neurons hold, and move on from one to the next (Chaudhry et al. 2023).

Chaudhry, Zavatone-Veth, Krotov & Pehlevan 2023, NeurIPS, arXiv 2306.04532, section 4. Motor neurons are visible.

    m^μ = Σ_j ξ_j^μ r_j / N                  similarity of what visible neurons emit with motif μ
    h_μ = f_S(m^μ)                           hidden neurons that hold: one a motif, heard by visible neurons through ξ^μ
    k_μ = f_A(m̄^μ + speed − gate_μ)          hidden neurons that move on: heard through λ_μ ξ^{μ+1}
    τ_v dv_i/dt = −v_i + Σ_μ [ξ_i^μ h_μ + λ_μ ξ_i^{μ+1} k_μ] + cue_i          r = sgn v, or tanh(gain v)

m̄ is the similarity with a slowed copy of what visible neurons emit: low-passed, or late by a delay, or the mean over
axons of delays D, 2D, … nD (the boxcar of the paper's discrete time). f is a power, [m]₊^d, or exp(N (m − 1)). All
synapses join two neurons. The paper reads visible neurons as motor cortex and hidden ones as thalamic, one a motor
motif, which the basal ganglia inhibit: what gates k_μ takes away the transition out of motif μ. It names no time
constant and no continuous time: those here are assumed. Without neurons that hold, and with a delay, this is its SeqNet
(d = 1) and DenseNet; with both its MixedNet.

How long each motif lasts follows from λ_μ (`sequence_timing`). Synergy neurons, silent where nothing is recalled, move
muscles, which draw a figure (`sequence_poses`).
"""
from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroam.circuit import Circuit, Population, Port, Projection, Stored
from neuroam.circuits.images import digits
from neuroam.circuits.sequence_noise import FEWEST, PRECISION, Blur
from neuroam.circuits.sequence_poses import MUSCLES, poses
from neuroam.circuits.sequence_timing import Timing, dwell_times
from neuroam.connect import all_to_all, one_to_one
from neuroam.errors import DescriptionError
from neuroam.neurons import Drive, Pool, Rate
from neuroam.patterns import Patterns
from neuroam.recipe import recipe
from neuroam.transfer import Exponential, Linear, Power, Rectified, Sign, Tanh, Transfer
from neuroam.units import Hz, Parameter, assumed, ms, parameter

CHAUDHRY = "Chaudhry et al. 2023, arXiv 2306.04532"
SEPARATIONS = ("power", "exponential")
LOG_BETA = 2 - math.log(math.cosh(2))  # crosstalk of the exponential falls as exp(−LOG_BETA) with each neuron


def similarity(patterns: np.ndarray, paired: bool = False) -> np.ndarray:
    """ξ/N; of pairs (ξ, −ξ)/N."""
    own = patterns / patterns.shape[1]
    return np.concatenate([own, -own]) if paired else own


def decorrelated(patterns: np.ndarray, paired: bool = False) -> np.ndarray:
    """O⁺ ξ/N, O = ξ ξᵀ/N: rows that give 1 for their own pattern and 0 for the others."""
    dual = np.linalg.pinv(patterns.T)
    return np.concatenate([dual, -dual]) if paired else dual


def answer(patterns: np.ndarray, second: float = 0.0) -> np.ndarray:
    """ξᵀ; of pairs (ξᵀ, `second` ξᵀ)."""
    return np.concatenate([patterns.T, second * patterns.T], axis=1) if second else patterns.T


def first_similarities(patterns: np.ndarray, number: int) -> np.ndarray:
    """ξ/N of the first patterns."""
    return similarity(patterns[:number])


def move_on(patterns: np.ndarray, strength: float, second: float = 0.0) -> np.ndarray:
    """λ ξ^{μ+1}, transposed; of pairs as `answer`."""
    return answer(strength * np.roll(patterns, -1, axis=0), second)


def move_on_in_time(patterns: np.ndarray, timing: Timing, dwell: tuple[float, ...], orthogonal: bool,
                    second: float = 0.0) -> np.ndarray:
    """λ_μ ξ^{μ+1} with the λ that these dwell times need, given how the motifs overlap."""
    overlaps = None if orthogonal else patterns @ patterns.T / patterns.shape[1]
    strengths = timing.strengths(np.array(dwell), overlaps)
    return answer(strengths[:, None] * np.roll(patterns, -1, axis=0), second)


def pulls(patterns: np.ndarray, figure: str) -> np.ndarray:
    """How each synergy neuron moves each muscle."""
    return poses(figure, len(patterns)).T


def inhibited(doses: Mapping[str, float], names: tuple[str, ...], copies: int) -> np.ndarray:
    """Inhibition of each hidden neuron from doses by name of the motif."""
    return np.tile([doses.get(name, 0.0) for name in names], copies)


@dataclass(frozen=True, eq=False)
class _Hidden:
    """What the hidden neurons of both kinds have in common; `paired` ones are two a motif."""

    stored: Patterns
    separation: str
    paired: bool
    pseudoinverse: bool

    @property
    def copies(self) -> int:
        return 2 if self.paired else 1

    def population(self, name: str, degree: int, tau: Any, role: str) -> Population:
        return Population(name, self.copies * self.stored.number, Rate(tau, self.transfer(degree)), role)

    def transfer(self, degree: int) -> Transfer:
        """f of a drive that is the overlap."""
        if self.separation == "exponential":
            return Exponential(slope=assumed(self.stored.size, "N, as in the paper"), threshold=1.0)
        return Rectified() if degree == 1 else Power(power=degree)

    def similarity(self) -> Stored:
        rule, text = (decorrelated, "O⁺ ξ/N") if self.pseudoinverse else (similarity, "ξ/N")
        return Stored(functools.partial(rule, paired=self.paired),
                      f"{text}{' and its negative' if self.paired else ''}", source=CHAUDHRY)

    def second(self, degree: int) -> float:
        """The sign with which the second of a pair answers, so that both together are m^d."""
        return float((-1)**degree) if self.paired else 0.0

    def noise(self, degree: int) -> float:
        """Standard deviation of the crosstalk: half the variance where negative overlaps are cut off."""
        if self.pseudoinverse:
            return 0.0
        degree, terms, n = int(degree), self.stored.number - 1, self.stored.size
        if self.separation == "exponential":
            return math.sqrt(terms * math.exp(-LOG_BETA * (n - 1)))
        return math.sqrt(terms * math.prod(range(2 * degree - 1, 0, -2)) / (n**degree * (1 if self.paired else 2)))

    @property
    def apart(self) -> float:
        """Neurons whose noise a similarity averages; a pseudoinverse adds that of what it subtracts."""
        stored = self.stored
        return max(stored.size - stored.number, 1) if self.pseudoinverse else stored.size

    def require_random(self) -> None:
        """Raise a `DescriptionError` where motifs overlap by more than chance, which `noise` does not know."""
        stored = self.stored
        if self.pseudoinverse:
            apart = stored.size if stored.values is None else np.linalg.matrix_rank(stored.values)
            if stored.number > apart:
                raise DescriptionError(f"sequence: motifs is {stored.number}, of which a pseudoinverse over "
                                       f"{stored.size} cells tells {apart} apart; leave dwell out, or give fewer "
                                       "motifs")
        elif stored.values is not None or stored.level != 0.5:
            what = "images is 'digits'" if stored.values is not None else f"level is {stored.level:g}"
            raise DescriptionError(f"sequence: {what}, and such motifs overlap too much for dwell times; set "
                                   "pseudoinverse=True, or use random motifs (no images) at a level of 0.5")


@recipe
def sequence(motifs: int = 10, cells: int = 200, separation: str = "power", degree: int = 4, holding: int | None = None,
             strength: float = 2.5, dwell: Any = "", lowpass: Any = 100 * ms, delay: Any = 0 * ms, axons: int = 1,
             gain: float = math.inf, level: float = 0.5, paired: bool = False, pseudoinverse: bool = False,
             images: str = "", cueing: float = 1.0, figure: str = "star", criterion: float = 0.5, monitored: int = 0,
             tau_visible: Any = 10 * ms, tau_hidden: Any = 5 * ms, tau_synergy: Any = 5 * ms, tau_muscle: Any = 30 * ms,
             pool: int | None = None, ceiling: Any = 100 * Hz, updates: str = "continuous") -> Circuit:
    """`motifs` random ±1 patterns (P(+1) = `level`) over `cells` visible neurons in a ring, or scikit-learn's first
    8 × 8 digits (``images="digits"``).

    `separation` "power", of `degree`, or "exponential"; `holding` is the degree of f_S (none given: that of f_A; 0:
    nothing holds). λ is `strength`, or what `dwell` needs: one time for all motifs, "200 ms" or 200*ms, or one for
    each, "100,200,150 ms" or a list of quantities; motifs that are not random need a `pseudoinverse` for that. A
    spiking `pool` that would blur them is refused (`sequence_noise`); none given: as many neurons as they need, and at
    least 100; no pool, and so no spiking level, if they need more than 10⁶. The slow path is a `lowpass` or, where
    `delay` is not 0, `axons` of delays D, 2D, …. An infinite `gain` is that of binary visible neurons. `paired`: a
    second hidden neuron a motif hears −ξ, so that both together are mᵈ of either sign. `pseudoinverse`: similarities
    are decorrelated. A cue is `cueing` times as strong as what holds a motif. `figure` "star", "heart", "ring" or
    "tone", one muscle for all motifs; synergy neurons answer above an overlap of `criterion`. Linear neurons report the
    overlap with each of the first motifs, if any are `monitored`. `ceiling`: see `visible_hidden`.
    With `updates` "synchronous" the effective level goes in steps; with "synchronous without autapses" it is the
    network of the paper.
    """
    stored = _stored(motifs, cells, level, images)
    hidden = _Hidden(stored, separation, paired, pseudoinverse)
    holding = degree if holding is None else holding
    _check_whole(degree=degree, axons=axons, holding=holding, monitored=monitored)
    if monitored > stored.number:
        raise DescriptionError(f"sequence: monitored is {monitored} of {stored.number} motifs; give at most all")
    _check(separation, updates, criterion, degree=degree, axons=axons, gain=gain)
    slow = _seconds(lowpass=lowpass, delay=delay, tau_visible=tau_visible, tau_hidden=tau_hidden)
    timing = Timing(hidden.transfer(degree), slow["tau_visible"], slow["tau_hidden"], slow["lowpass"], slow["delay"],
                    axons, max(hidden.noise(degree), hidden.noise(holding) if holding else 0.0))
    times = _times(hidden, timing, dwell, (degree, holding), math.isinf(gain))
    onward = _onward(hidden, timing, strength, times, degree)
    hertz = float(parameter(ceiling, "hertz", "sequence: ceiling", above=0, finite=True))
    blur = Blur(timing, hidden.transfer(holding or degree), hertz, hidden.apart)
    pool = _pool(blur, times, pool)
    act = poses(figure, motifs)
    fast = assumed(tau_hidden, "half of the visible one; the theory has discrete time")
    membrane = assumed(tau_visible, "of the order of cortical membranes; the theory names none")
    populations = [
        Population("cue", stored.size, Drive(), "what sets the sequence going"),
        Population("gate", hidden.copies * motifs, Drive(), "inhibition from the basal ganglia"),
        Population("speed", 1, Drive(), "tonic input"),
        Population("visible", stored.size, Rate(membrane, _visible(gain)), "motor neurons"),
        *([hidden.population("hold", holding, fast, "hidden neurons that hold a motif")] if holding else []),
        hidden.population("move", degree, fast, "hidden neurons that move on to the next"),
        *_axons(stored.size, slow["delay"], axons),
        Population("synergy", motifs, Rate(assumed(tau_synergy, "as hidden neurons"), Rectified(
            gain=assumed(1 / (1 - criterion), "so that 1 for a whole motif"), threshold=criterion)),
            "one a motif, silent below the criterion"),
        Population("muscle", act.shape[1], Rate(assumed(tau_muscle, "a fast muscle"), Rectified()),
                   ", ".join(MUSCLES) if act.shape[1] > 1 else "active in every motif"),
        *_monitors(monitored, tau_synergy),
    ]
    projections = [
        Projection("cue", "visible", one_to_one(), assumed(cueing, "in units of what holds a motif")),
        *_slow_path(hidden, slow, delay, lowpass, axons),
        Projection("gate", "move", one_to_one(), assumed(-1.0, "a dose of 1 silences, as no overlap exceeds it")),
        Projection("speed", "move", all_to_all(), assumed(1.0, "in units of the overlap")),
        Projection("move", "visible", all_to_all(), onward),
        *(_held(hidden, holding) if holding else ()),
        Projection("visible", "synergy", all_to_all(),
                   Stored(similarity, "ξ/N", source="assumed: as hidden neurons hear")),
        Projection("synergy", "muscle", all_to_all(), Stored(functools.partial(pulls, figure=figure),
                                                             f"the places of a {figure}", source="assumed")),
        *_monitoring(monitored),
    ]
    return Circuit(
        name=f"sequence of motifs, {separation}",
        source=CHAUDHRY,
        populations=tuple(populations),
        projections=tuple(projections),
        ports={"cue": Port("cue", patterns=True), "speed": Port("speed"),
               "gate": Port("gate", stored.names,
                            functools.partial(inhibited, names=stored.names, copies=hidden.copies))},
        patterns=stored,
        hidden=tuple(p.name for p in populations if p.name.startswith("axon")
                     or p.name in ("hold", "move", "synergy", "monitor")),
        updates=updates,
        pool=None if pool is None else Pool(pool, assumed(ceiling, "of the order of peak cortical rates"),
                                            low=tuple((name, -1.0) for name in _signed(axons))),
        notes=_notes(blur, times, pool),
    )


def _stored(motifs: int, cells: int, level: float, images: str) -> Patterns:
    if images not in ("", "digits"):
        raise DescriptionError(f"sequence: images is {images!r}; use 'digits', or nothing for random patterns")
    return digits(motifs) if images else Patterns(motifs, cells, "visible", "sign", level)


def _check(separation: str, updates: str, criterion: float, **least_one: float) -> None:
    if separation not in SEPARATIONS:
        raise DescriptionError(f"sequence: separation is {separation!r}; use one of {', '.join(SEPARATIONS)}")
    if updates == "asynchronous":
        raise DescriptionError("sequence: updates is 'asynchronous', one by one until none changes, but a sequence "
                               "never rests; use 'continuous' or 'synchronous'")
    if not 0 <= criterion < 1:
        raise DescriptionError(f"sequence: criterion is {criterion}; give an overlap of at least 0 and below 1")
    _check_least_one(**least_one)


def _check_least_one(**numbers: float) -> None:
    for name, value in numbers.items():
        if not value >= 1:
            raise DescriptionError(f"sequence: {name} is {value}; it must be at least 1")


def _check_whole(**numbers: float) -> None:
    for name, value in numbers.items():
        if not (isinstance(value, (int, float, np.number)) and float(value).is_integer() and value >= 0):
            raise DescriptionError(f"sequence: {name} is {value}; give a whole number of at least 0")


def _seconds(**times: Any) -> dict[str, float]:
    least: dict[str, Any] = {name: {"least": 0} if name == "delay" else {"above": 0} for name in times}
    return {name: float(parameter(time, "second", f"sequence: {name}", finite=True, **least[name]))
            for name, time in times.items()}


def _times(hidden: _Hidden, timing: Timing, dwell: Any, degrees: tuple[int, int], binary: bool) -> np.ndarray | None:
    """Dwell times in seconds that are within reach; None if none are given."""
    if isinstance(dwell, str) and not dwell.strip():
        return None
    degree, holding = degrees
    if not (binary and holding):
        raise DescriptionError("sequence: dwell times are those of binary visible neurons in motifs that are held; "
                               "leave gain infinite and holding above 0, or give a strength instead")
    hidden.require_random()
    times = dwell_times(dwell, hidden.stored.number)
    timing.require(times, "an exponential separation" if hidden.separation == "exponential" else
                   f"degrees {holding} (holding) and {degree}")
    return times


def _onward(hidden: _Hidden, timing: Timing, strength: float, times: np.ndarray | None, degree: int) -> Stored:
    """What the neurons that move on tell the visible ones."""
    second = hidden.second(degree)
    if times is None:
        if not float(strength) > 0:
            raise DescriptionError(f"sequence: strength is {strength}; it must be more than 0")
        return Stored(functools.partial(move_on, strength=float(strength), second=second),
                      f"{float(strength):g} ξ of the next motif", source=CHAUDHRY)
    rule = functools.partial(move_on_in_time, timing=timing, dwell=tuple(times.tolist()),
                             orthogonal=hidden.pseudoinverse, second=second)
    return Stored(rule, f"λ ξ of the next motif, λ about {_range(timing.strengths(times))}",
                  source="derived: sequence_timing")


def _visible(gain: float) -> Transfer:
    return Sign() if math.isinf(gain) else Tanh(gain=assumed(gain, "nearly binary, still graded"))


def _axons(cells: int, delay: float, axons: int) -> list[Population]:
    """Bundles of axons of one delay each, where there are several."""
    if not delay or axons == 1:
        return []
    return [Population(f"axon {k}", cells, Rate(assumed(0.1 * ms, "an axon has no membrane of its own"), Linear()),
                       "visible neurons' axons of one delay") for k in range(1, axons + 1)]


def _signed(axons: int) -> tuple[str, ...]:
    """Populations of linear neurons that emit from −1 to 1."""
    return "monitor", *(f"axon {k}" for k in range(1, axons + 1))


def _monitors(number: int, tau: Any) -> list[Population]:
    if not number:
        return []
    return [Population("monitor", number, Rate(assumed(tau, "as synergy neurons"), Linear()),
                       "report the overlap with the first motifs")]


def _monitoring(number: int) -> list[Projection]:
    if not number:
        return []
    rule = Stored(functools.partial(first_similarities, number=number), "ξ/N of the first motifs", source="definition")
    return [Projection("visible", "monitor", all_to_all(), rule)]


def _slow_path(hidden: _Hidden, slow: dict[str, float], delay: Any, lowpass: Any, axons: int) -> list[Projection]:
    """From the visible neurons to those that move on."""
    there = hidden.similarity()
    if not slow["delay"]:
        return [Projection("visible", "move", all_to_all(), there,
                           lowpass=assumed(lowpass, "slow synapses, as of NMDA receptors"))]
    if axons == 1:
        return [Projection("visible", "move", all_to_all(), there, assumed(delay, "a loop through the thalamus"))]
    share = Stored(functools.partial(_share, rule=there.rule, axons=axons), f"{there.text}, over {axons}",
                   source=CHAUDHRY)
    found = []
    for k in range(1, axons + 1):
        late = assumed(Parameter(k * slow["delay"], "second"), "evenly spread, for the paper's mean over past states")
        found += [Projection("visible", f"axon {k}", one_to_one(), assumed(1.0, "by definition of an axon"), late),
                  Projection(f"axon {k}", "move", all_to_all(), share)]
    return found


def _share(patterns: np.ndarray, rule: Any, axons: int) -> np.ndarray:
    return rule(patterns) / axons


def _held(hidden: _Hidden, holding: int) -> tuple[Projection, ...]:
    back = functools.partial(answer, second=hidden.second(holding))
    return (Projection("visible", "hold", all_to_all(), hidden.similarity()),
            Projection("hold", "visible", all_to_all(), Stored(back, "ξᵀ", source=CHAUDHRY)))


def _range(values: np.ndarray) -> str:
    low, high = values.min(), values.max()
    return f"{low:.4g}" if low == high else f"{low:.4g} … {high:.4g}"


def _pool(blur: Blur, times: np.ndarray | None, pool: int | None) -> int | None:
    """Neurons a pool; None if none are given and no pool would do."""
    if pool is not None:
        _check_whole(pool=pool)
        _check_least_one(pool=pool)
        if times is not None:
            blur.require(times, pool)
        return pool
    enough = FEWEST if times is None else blur.pool(times)
    return int(enough) if math.isfinite(enough) else None


def _notes(blur: Blur, times: np.ndarray | None, pool: int | None) -> dict[str, str]:
    if times is None:
        return {}
    low, high = blur.timing.reachable()
    found = {"dwell times": f"{','.join(f'{1e3 * t:g}' for t in times)} ms; from {1e3 * low:.3g} to {1e3 * high:.3g} "
                            "ms are within reach of rates"}
    if pool is None:
        return {**found, "spikes": "there is no spiking level, as these dwell times need pools of too many neurons"}
    low, high = blur.reachable(pool)
    return {**found, "spikes": f"pools of {pool} neurons keep to times from {1e3 * low:.3g} to {1e3 * high:.3g} ms, "
                               f"each visit within {100 * PRECISION:g} % (root mean square)"}
