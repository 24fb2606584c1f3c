"""How long things take, in a few numbers: counts of durations by their order of magnitude. Pure.

A histogram is a dict from the number of a bucket to how many durations fell into it; what is empty
is not there. Ten buckets for each power of ten, so that a percentile is right to within a quarter
of itself, however long the time or however many the processes that are added up.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping

Buckets = dict[int, int]

PER_DECADE = 10

# From a tenth of a millisecond, which nothing of ours undercuts, to a hundred seconds.
BOUNDS = tuple(10 ** (step / PER_DECADE) for step in range(-4 * PER_DECADE, 2 * PER_DECADE + 1))
"""The upper bounds of the buckets, in seconds; the last bucket has none."""


def note(buckets: Buckets, seconds: float, times: int = 1) -> None:
    """Count a duration, ``times`` times. Changes ``buckets``."""
    bucket = bisect_left(BOUNDS, seconds)
    buckets[bucket] = buckets.get(bucket, 0) + times


def percentile(buckets: Mapping[int, int], share: float) -> float | None:
    """The seconds that ``share`` of the durations (0 to 1) took at most; ``None`` of none.

    Within a bucket durations count as spread evenly.
    """
    wanted = share * sum(buckets.values())
    for bucket in sorted(buckets):
        count = buckets[bucket]
        if count and wanted <= count:
            return _within(bucket, wanted / count)
        wanted -= count
    # Nothing there, or the sum of the shares came out a hair too large.
    return _within(max(buckets), 1.0) if any(buckets.values()) else None


def _within(bucket: int, share: float) -> float:
    low = BOUNDS[bucket - 1] if bucket else 0.0
    high = BOUNDS[min(bucket, len(BOUNDS) - 1)]
    found = low + (high - low) * share
    assert math.isfinite(found), "bounds are"
    return found
