"""Where an interval lies of what is known."""
from __future__ import annotations


def mark(low: float, high: float, known: float, tolerance: float) -> str:
    """✓ where the interval lies within the tolerance of the known number, ✗ outside, ? across its edge."""
    if known - tolerance <= low and high <= known + tolerance:
        return "✓"
    return "✗" if high < known - tolerance or low > known + tolerance else "?"
