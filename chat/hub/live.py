"""What the figures of all processes mean, for people who look at them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chat.hub import histogram
from chat.protocol import events
from chat.protocol.closing import CloseCode
from chat.protocol.events import timestamp
from chat.store import SILENT_HEARTBEATS, Counts, NodeFigures, Report

RED: Mapping[str, float] = {
    "ack_p99": 1000.0,
    "fanout_p99": 1000.0,
    "healed": 10,
    "slow": 5,
    "failures": 1,
    "errors": 1,
}
"""From where on a figure of a minute is red; why, and what is to be done, the admin says."""


def live(nodes: Sequence[NodeFigures], *, heartbeat: float) -> events.Live:
    """What is going on, as of the database's own time."""
    processes = [process(node, heartbeat=heartbeat) for node in nodes]
    heard = [node.report for node, shown in zip(nodes, processes, strict=True) if not shown.silent]
    at = timestamp(nodes[0].now) if nodes else ""
    return events.Live(at=at, total=events.Figures(**_together(heard)), processes=processes)


def is_silent(node: NodeFigures, *, heartbeat: float) -> bool:
    """Whether what a process says of itself is too old to be true now."""
    # One that has just begun has not said anything yet.
    age = node.now - (node.heard or node.started)
    return age.total_seconds() > SILENT_HEARTBEATS * heartbeat


def process(node: NodeFigures, *, heartbeat: float) -> events.Process:
    """What one process is doing; a silent one, what it did when it last said so."""
    heard = None
    if node.heard is not None:
        heard = max(0.0, round((node.now - node.heard).total_seconds(), 1))
    age = (node.now - node.started).total_seconds()
    return events.Process(
        node=node.pk,
        name=node.name,
        version=node.version,
        age=max(0.0, round(age, 1)),
        heard=heard,
        silent=is_silent(node, heartbeat=heartbeat),
        **_together([node.report]),
    )


def _together(reports: Iterable[Report]) -> dict[str, Any]:
    """The fields of ``events.Figures``: sums, and rates each over its own span."""
    counts, sessions, rooms, posts, deliveries = Counts(), 0, 0, 0.0, 0.0
    for report in reports:
        counts += report.lately
        sessions += report.sessions
        rooms += report.rooms
        if report.seconds:
            posts += report.lately.posts / report.seconds
            deliveries += report.lately.deliveries / report.seconds
    found: dict[str, Any] = {
        "sessions": sessions,
        "rooms": rooms,
        "posts": round(posts, 2),
        "deliveries": round(deliveries, 2),
        "ack_p50": milliseconds(counts.acks, 0.5),
        "ack_p99": milliseconds(counts.acks, 0.99),
        "fanout_p50": milliseconds(counts.fanouts, 0.5),
        "fanout_p99": milliseconds(counts.fanouts, 0.99),
        "batch": round(counts.stored / counts.commits, 2) if counts.commits else None,
        "healed": counts.healed,
        "slow": counts.closes.get(CloseCode.TOO_SLOW, 0),
        "failures": counts.failures,
        "errors": errors(counts),
    }
    red = [name for name, bound in RED.items() if (found[name] or 0) >= bound]
    return {**found, "red": red}


def errors(counts: Counts) -> int:
    """Exceptions of ours, and commands that could not be carried out for want of a database."""
    return counts.faults + counts.unavailable


def milliseconds(buckets: Mapping[int, int], share: float) -> float | None:
    """A percentile of a histogram, as people read it: three digits."""
    found = histogram.percentile(buckets, share)
    return None if found is None else float(f"{1000 * found:.3g}")
