"""Every measure, in the order in which they are taken: later ones read results of earlier ones."""

from benchmarks.measures import (
    arrivals,
    clients,
    deliveries,
    durable,
    growth,
    idle,
    latency,
    lines,
    long_log,
    recovery,
    sizes,
    stuck,
)
from benchmarks.measures.measure import Measure

MEASURES: tuple[Measure, ...] = (
    deliveries,
    sizes,
    lines,
    clients,
    latency,
    idle,
    arrivals,
    recovery,
    durable,
    stuck,
    growth,
    long_log,
)


def by_key(key: str) -> Measure:
    """Return the measure that is called so."""
    return next(measure for measure in MEASURES if key == measure.KEY)
