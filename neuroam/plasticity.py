"""Plasticity: one three-factor rule, and the names the field gives to its special cases.

    dw/dt = D · [ s_pre · (b_pre + a_pre · y_post) + s_post · (b_post + a_post · y_pre) ] · h(w)

s is the spike train of a spiking population (so a term acts at its spikes) or the emission r of a graded one (so it
acts all the time); y is s low-passed with time constant τ_y, in hertz for spikes; D is the emission of the gating
population (1 if there is none); h(w) = 1, or w − low for a multiplicative rule. Weights stay in [low, high].
Cells that spike in the same time step do not pair: each change sees the traces before that step's spikes. On a
delayed synapse the presynaptic terms act when the spike arrives; y_pre follows the spikes as they are emitted.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from neuroam.errors import DescriptionError
from neuroam.units import Parameter, parameter


@dataclass(frozen=True)
class ThreeFactor:
    """The rule above. Coefficients carry the units that make dw/dt come out; see `units_of`."""

    on_pre: Any = 0.0
    on_pre_post: Any = 0.0
    on_post: Any = 0.0
    on_post_pre: Any = 0.0
    gate: str | None = None
    trace_pre: Any = 0.0
    trace_post: Any = 0.0
    low: Any = None
    high: Any = None
    multiplicative: bool = False
    name: str = "three-factor"

    def settle(self, weight: str, pre: str, post: str, gate: str, where: str) -> ThreeFactor:
        """This rule with every number checked against the units of its projection (`where` names it in errors)."""
        units = units_of(weight, pre, post, gate, self.multiplicative)
        settled: dict[str, Any] = {
            key: parameter(getattr(self, key), unit, f"{where}: plasticity {key}")
            for key, unit in units.items()}
        for key in ("trace_pre", "trace_post"):
            settled[key] = parameter(getattr(self, key), "second", f"{where}: plasticity {key}", least=0)
        for key, free in (("low", -math.inf), ("high", math.inf)):
            value = getattr(self, key)
            value = Parameter(free, weight, "unbounded") if value is None else value
            settled[key] = parameter(value, weight, f"{where}: plasticity {key}")
        rule = replace(self, **settled)
        if float(rule.low) > float(rule.high):
            raise DescriptionError(f"{where}: plasticity low {rule.low} is above high {rule.high}")
        if self.multiplicative and not math.isfinite(float(rule.low)):
            raise DescriptionError(f"{where}: a multiplicative rule needs a finite `low`, the weight it decays to")
        for trace, needed in (("trace_post", rule.on_pre_post), ("trace_pre", rule.on_post_pre)):
            if float(needed) != 0 and float(getattr(rule, trace)) == 0:
                raise DescriptionError(f"{where}: plasticity uses {trace}, whose time constant is 0; give it a value")
        return rule


def units_of(weight: str, pre: str, post: str, gate: str, multiplicative: bool) -> dict[str, str]:
    """Units of the four coefficients. A spike train or a rate in hertz times a second is a number of spikes."""
    base = "1" if multiplicative else weight
    over_gate = "" if gate == "1" else f"/{gate}"
    per_pre = _per_time(pre)
    per_post = _per_time(post)
    return {"on_pre": base + over_gate + per_pre,
            "on_pre_post": base + over_gate + per_pre + f"/{post}",
            "on_post": base + over_gate + per_post,
            "on_post_pre": base + over_gate + per_post + f"/{pre}"}


def _per_time(emission: str) -> str:
    return "" if emission == "hertz" else f"/{emission}/second"


def dopamine_depression(gate: str, change: Any, low: Any = 0.0, multiplicative: bool = True) -> ThreeFactor:
    """Presynaptic activity while dopamine is present weakens the synapse (Hige et al. 2015).

    `change` > 0 is the fraction of (w − low) lost for each presynaptic spike and unit of dopamine; for an additive
    rule (`multiplicative=False`) it is the weight lost.
    """
    return ThreeFactor(on_pre=_minus(change), gate=gate, low=low, multiplicative=multiplicative,
                       name="dopamine depression")


def hebbian(change: Any, trace: Any, high: Any, low: Any = 0.0, gate: str | None = None) -> ThreeFactor:
    """Joint activity strengthens the synapse: at each spike of one side, by `change` × the other side's trace."""
    return ThreeFactor(on_pre_post=change, on_post_pre=change, trace_pre=trace, trace_post=trace, gate=gate,
                       low=low, high=high, name="hebbian")


def anti_hebbian(change: Any, trace: Any, low: Any, high: Any = None, gate: str | None = None) -> ThreeFactor:
    """Joint activity weakens the synapse (or, on inhibitory weights, deepens it)."""
    return ThreeFactor(on_pre_post=_minus(change), on_post_pre=_minus(change), trace_pre=trace, trace_post=trace,
                       gate=gate, low=low, high=high, name="anti-hebbian")


def spike_timing(potentiation: Any, depression: Any, trace_pre: Any, trace_post: Any, high: Any,
                 low: Any = 0.0) -> ThreeFactor:
    """Additive pair rule: pre before post adds potentiation·y_pre, post before pre takes depression·y_post."""
    return ThreeFactor(on_post_pre=potentiation, on_pre_post=_minus(depression), trace_pre=trace_pre,
                       trace_post=trace_post, low=low, high=high, name="spike timing")


def inhibitory(change: Any, trace: Any, target: Any, high: Any, low: Any = 0.0, gate: str | None = None) -> ThreeFactor:
    """Inhibition follows excitation (Vogels et al. 2011, Science 334:1569): each two spikes t apart, in whatever order,
    add `change` · exp(−|t|/trace), and each presynaptic spike takes α · `change`, α = 2 · target · trace. So inhibition
    of a cell grows until it fires at the rate `target`.

    `change` is negative where inhibitory weights are.
    """
    window = _quantity(trace)
    pair = _scaled(change, window)
    taken = _scaled(pair, -2 * _quantity(target))
    return ThreeFactor(on_pre=taken, on_pre_post=pair, on_post_pre=pair, trace_pre=trace, trace_post=trace, gate=gate,
                       low=low, high=high, name="inhibitory spike timing")


def _quantity(value: Any) -> Any:
    return value.quantity if hasattr(value, "quantity") else value


def _scaled(value: Any, factor: Any) -> Any:
    """A number, a quantity or a cited one times a factor, its source kept."""
    if hasattr(value, "quantity"):
        return replace(value, quantity=_scaled(value.quantity, factor))
    product = value * factor
    return replace(product, source=value.source) if isinstance(value, Parameter) else product


def _minus(change: Any) -> Any:
    if hasattr(change, "quantity"):
        return replace(change, quantity=_minus(change.quantity))
    if isinstance(change, Parameter):
        return replace(change, value=-_positive(change.value))
    return -_positive(change)


def _positive(change: Any) -> Any:
    if not change >= 0 * change:
        raise DescriptionError(f"plasticity change is {change}; give its size as a positive number")
    return change
