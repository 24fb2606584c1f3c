"""Arithmetic on samples. Pure."""

from collections.abc import Sequence
from math import ceil


def percentile(ascending: Sequence[int], share: float) -> int:
    """Return the nearest-rank percentile: the smallest sample with `share` of all at or below it.

    `ascending` must be sorted; `share` is above 0 and at most 1. Raises ValueError without samples.
    """
    if not ascending:
        raise ValueError("no samples")
    if not 0 < share <= 1:
        raise ValueError(f"a share above 0 and at most 1 is needed, not {share}")
    # Rounded before the ceiling, or 0.07 * 100 == 7.000000000000001 would take the 8th.
    return ascending[ceil(round(share * len(ascending), 9)) - 1]
