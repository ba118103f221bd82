"""The three-factor rule as Brian2 code: what a spike, or graded emission, adds to a weight."""
from __future__ import annotations

from dataclasses import dataclass, field

from neuroam.plasticity import ThreeFactor, units_of
from neuroam.solvers.brian_plan import unit_text
from neuroam.wiring import Wired, WiredProjection

# coefficients of the rule by the names they have in Brian2, where the ending _pre means something else
TERMS = {"on_pre": "change_before", "on_pre_post": "slope_before", "on_post": "change_after",
         "on_post_pre": "slope_after"}


@dataclass
class RuleTerms:
    """What is added at a presynaptic and at a postsynaptic spike; parameters of the synapses and their
    values."""

    pre: str = ""
    post: str = ""
    lines: list[str] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)


def rule_terms(wired: Wired, row: WiredProjection, unit: str,
               traces: dict[tuple[int, float], str]) -> RuleTerms:
    """The terms of a projection's rule; `traces` names the traces by population and time constant."""
    rule = _rule(row)
    pre, post = (wired.populations[p].neuron.unit_out for p in (row.pre, row.post))
    gate = wired.populations[row.gate].neuron.unit_out if row.gate >= 0 else "1"
    units = units_of(unit, pre, post, gate, rule.multiplicative)
    trace = {"on_pre_post": ("_post", row.post, float(rule.trace_post)),
             "on_post_pre": ("_pre", row.pre, float(rule.trace_pre))}
    found = RuleTerms()
    sides: dict[str, list[str]] = {"pre": [], "post": []}
    for term, own in TERMS.items():
        if _present(row, term):
            found.lines.append(f"{own} : {unit_text(units[term])} (shared, constant)")
            found.values[own] = float(getattr(rule, term))
            side, p, tau = trace.get(term, ("", -1, 0.0))
            factor = f"*{traces[p, tau]}{side}" if side else ""
            sides["pre" if term.startswith("on_pre") else "post"].append(own + factor)
    for bound in ("low", "high"):
        found.lines.append(f"{bound} : {unit_text(unit)} (shared, constant)")
        found.values[bound] = float(getattr(rule, bound))
    found.pre, found.post = (" + ".join(sides[side]) for side in ("pre", "post"))
    return found


def change(row: WiredProjection, gate: str, amount: str, alive: str = "1") -> str:
    """Code that changes a weight, within its bounds. A weight that is not changed is not clipped either."""
    left = "(w - low)" if _rule(row).multiplicative else ""
    factors = filter(None, [alive, f"({amount})", gate, left])
    return (f"change = {'*'.join(factors)}\n"
            "changes = int(abs(sign(change)) > 0.5)\n"
            "w = clip(w + change, low, high)*changes + w*(1 - changes)")


def learns(row: WiredProjection) -> bool:
    """Whether the projection has synapses whose weights may change."""
    if row.plasticity is None or (row.layout == "sparse" and not row.weight.size):
        return False
    return any(_present(row, term) for term in TERMS)


def felt(row: WiredProjection) -> str:
    """The weight as the target feels it."""
    return "w*present" if row.layout == "sparse" and learns(row) else "w"


def _present(row: WiredProjection, term: str) -> bool:
    """Whether a term is in the program. One with the source "blocked" is, so that groups share the program."""
    rule = _rule(row)
    value = getattr(rule, term)
    trace = {"on_pre_post": rule.trace_post, "on_post_pre": rule.trace_pre}.get(term)
    blocked = getattr(value, "source", "") == "blocked"
    return float(value) != 0 or (blocked and (trace is None or float(trace) > 0))


def _rule(row: WiredProjection) -> ThreeFactor:
    assert row.plasticity is not None
    return row.plasticity
