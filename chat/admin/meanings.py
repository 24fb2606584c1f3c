"""What the figures of the live view mean, and what is to be done about a red one."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise


class Figure(NamedTuple):
    """One figure: its name on the wire, how it is written, and what people are told of it."""

    name: str
    write: str
    title: Text
    meaning: Text
    red: Text = ""
    """What a red one means, and what to do; empty for one that never is."""


FIGURES = (
    Figure("sessions", "number", _("Sessions"), _("Connections that are open now.")),
    Figure("rooms", "number", _("Rooms"), _("Rooms that somebody is in, or was a moment ago.")),
    Figure(
        "posts",
        "rate",
        _("Posts/s in"),
        _("Messages, edits and deletes that came in, a second."),
    ),
    Figure(
        "deliveries",
        "rate",
        _("Deliveries/s out"),
        _("Events times the sessions they went to, a second."),
    ),
    Figure(
        "ack_p50",
        "milliseconds",
        _("Ack p50, ms"),
        _("Half of the posts were stored and acknowledged within this time."),
    ),
    Figure(
        "ack_p99",
        "milliseconds",
        _("Ack p99, ms"),
        _("99 of 100 posts were stored and acknowledged within this time."),
        _("Over a second: the database is slow. Look at its load, its disk and its locks."),
    ),
    Figure(
        "fanout_p50",
        "milliseconds",
        _("Fan-out p50, ms"),
        _("Half of what was stored was handed to every session of the process within this time."),
    ),
    Figure(
        "fanout_p99",
        "milliseconds",
        _("Fan-out p99, ms"),
        _("99 of 100 times, what was stored was handed to every session within this time."),
        _("Over a second: the process is too busy. Start more processes, or move sessions away."),
    ),
    Figure("batch", "rate", _("Batch"), _("Posts that share a transaction, on average.")),
    Figure(
        "healed",
        "number",
        _("Healed"),
        _("Events that the channel layer lost or brought late, read from the log instead."),
        _("10 or more: the channel layer loses messages, or is slow. Look at Redis and its load."),
    ),
    Figure(
        "slow",
        "number",
        _("Slow closes"),
        _("Sessions closed with 4002, as they took nothing for long; they come back and resume."),
        _("5 or more: clients cannot keep up. Look at the network, and at the busiest rooms."),
    ),
    Figure(
        "failures",
        "number",
        _("Layer failures"),
        _("Calls of the channel layer that failed or took too long."),
        _("Any: Redis cannot be reached. Messages still arrive, seconds later. Look at Redis."),
    ),
    Figure(
        "errors",
        "number",
        _("Errors"),
        _("Exceptions, and commands answered “unavailable” for want of the database."),
        _("Any: look at the log of the process, and at the database."),
    ),
)
"""In the order of the table. All but the first two are of the last minute."""

HEARD = Figure(
    "heard",
    "age",
    _("Heard"),
    _("How old the figures of the process are."),
    _("Silent: the process has hung or died. Others take it off this list in a moment."),
)
"""How old all others are."""

CLOSES: dict[int, Text] = {
    4000: _("going away: the process was about to stop"),
    4001: _("no sign of life from the client"),
    4002: _("too slow"),
    4003: _("too many connections"),
    4500: _("protocol violation"),
    4501: _("signed out, or sign-in needed"),
    4503: _("removed or banned"),
    4509: _("frame too big"),
}
"""Close codes in words."""
