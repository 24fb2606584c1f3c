"""``manage.py chat_bench``: put a load on a deployment and see how it bears it."""

from __future__ import annotations

import asyncio
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from django.core.management.base import CommandError

from chat.load import chart
from chat.load.trial import SHARES, Outcome, Trial, TrialError, run
from chat.management.base import ChatCommand
from chat.management.naming import named

if sys.platform != "win32":
    import resource

_NAMES = tuple(f"p{share * 100:g}" for share in SHARES)

# The text of a message carries what it is recognised by, and has to have room for it.
_TEXT_LEAST = 64


class Command(ChatCommand):
    """Sessions, posts by the clock, and what came of them."""

    help = (
        "Fills rooms of a deployment with sessions, posts at a steady rate, and tells how long "
        "messages took and whether any was lost, doubled or out of order. What it posts is stored, "
        "and seen by whoever is in those rooms. One address may open as many sessions as "
        "SESSIONS_PER_ADDRESS says. Exit status 1 where not everybody got in or anything was "
        "wrong. With --json: an object with arrival_seconds, posted, acked, delivered, expected; "
        "latency and ack_latency, in milliseconds by percentile; by_second, the latency of each "
        "second; generator_cpu, a share of one core; silent_rooms, the number of those in "
        "which nobody posted; problems."
    )
    examples: ClassVar = (
        "chat_bench ws://127.0.0.1:5000/ws",
        "chat_bench wss://chat.example.org/ws --sessions 80 --rooms 4 --rate 50 --svg latency.svg",
        "chat_bench ws://127.0.0.1:5000/ws --json | jq .latency.p99",
    )
    # The deployment is somewhere else: what is wrong with these settings does not matter.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say where, how many, how fast and for how long."""
        super().add_arguments(parser)
        add = parser.add_argument
        add("url", help="where the WebSocket is, such as ws://127.0.0.1:5000/ws")
        add("--sessions", type=int, default=50)
        add(
            "--room",
            type=named,
            default="bench",
            help="its name; with more than one, what they begin with",
        )
        add("--rooms", type=int, default=1, help="how many the sessions are spread over")
        add("--rate", type=float, default=10.0, help="posts a second, all together")
        add("--seconds", type=float, default=10.0)
        add("--text-bytes", type=int, default=80, help=f"of each message, at least {_TEXT_LEAST}")
        add("--seed", type=int, default=1, help="of masks, handshake keys and padding")
        add("--svg", type=Path, metavar="FILE", help="draw latency over time into this file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Put the load on, and tell."""
        trial = _trial(options)
        if not options["json"]:
            self.stdout.write(f"{trial.url}: {_size(trial)} for {trial.seconds:g} s")
        _allow_many_files()
        try:
            outcome = asyncio.run(run(trial))
        except TrialError as problem:
            raise CommandError(str(problem)) from None
        if options["json"]:
            self.print_json(_document(outcome))
        else:
            self._tell(outcome)
        if options["svg"] is not None:
            options["svg"].write_text(_drawn(trial, outcome))
        if outcome.problems:
            raise CommandError("; ".join(outcome.problems))

    def _tell(self, outcome: Outcome) -> None:
        say = self.stdout.write
        say(f"  all in after  {outcome.arrival_seconds:.2f} s")
        say(f"  posts         {outcome.posted}, {outcome.acked} acknowledged")
        say(f"  deliveries    {outcome.delivered} of {outcome.expected}")
        if outcome.silent_rooms:
            say(f"  nobody posted in {outcome.silent_rooms} rooms: time was over before their turn")
        say(f"  latency       {_said(outcome.latency)}")
        say(f"  acknowledged  {_said(outcome.ack_latency)}")
        heard = [second for second in outcome.by_second if second]
        high = max((second[-1] for second in heard), default=0.0)
        if high:
            for place, name in enumerate(_NAMES):
                say(f"  {name:12}  {chart.spark([second[place] for second in heard], high)}")
            say(f"                a second each, from 0 to {high:.1f} ms")
        say(f"  generator     {outcome.generator_cpu:.0%} of a core")
        if outcome.generator_cpu > 0.9:
            say("  The generator was busy all the time: it may have been what was slow.")


def _trial(options: dict[str, Any]) -> Trial:
    for name in ("sessions", "rooms", "rate", "seconds"):
        if options[name] <= 0:
            raise CommandError(f"--{name} has to be more than nothing", returncode=2)
    if options["text_bytes"] < _TEXT_LEAST:
        raise CommandError(f"--text-bytes has to be at least {_TEXT_LEAST}", returncode=2)
    if options["rooms"] > options["sessions"]:
        raise CommandError(
            "every room takes a session: there are more --rooms than --sessions", returncode=2
        )
    room, rooms = options["room"], options["rooms"]
    return Trial(
        url=options["url"],
        sessions=options["sessions"],
        rooms=[room] if rooms == 1 else [f"{room}-{number}" for number in range(1, rooms + 1)],
        rate=options["rate"],
        seconds=options["seconds"],
        text_bytes=options["text_bytes"],
        seed=options["seed"],
    )


def _size(trial: Trial) -> str:
    rooms = "one room" if len(trial.rooms) == 1 else f"{len(trial.rooms)} rooms"
    return f"{trial.sessions} sessions, {rooms}, {trial.rate:g} posts/s"


def _allow_many_files() -> None:
    """Let this process have as many sockets as it may."""
    if sys.platform != "win32":
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _document(outcome: Outcome) -> dict[str, Any]:
    return {
        "arrival_seconds": outcome.arrival_seconds,
        "posted": outcome.posted,
        "acked": outcome.acked,
        "delivered": outcome.delivered,
        "expected": outcome.expected,
        "latency": _named(outcome.latency),
        "ack_latency": _named(outcome.ack_latency),
        "by_second": [_named(second) for second in outcome.by_second],
        "generator_cpu": outcome.generator_cpu,
        "silent_rooms": outcome.silent_rooms,
        "problems": outcome.problems,
    }


def _named(percentiles: Sequence[float]) -> dict[str, float]:
    """By their names; none where nothing came."""
    return dict(zip(_NAMES, percentiles, strict=False))


def _said(percentiles: Sequence[float]) -> str:
    if not percentiles:
        return "nothing came"
    return "  ".join(f"{name} {value:.1f}" for name, value in _named(percentiles).items()) + " ms"


def _drawn(trial: Trial, outcome: Outcome) -> str:
    seconds = [(at, second) for at, second in enumerate(outcome.by_second, 1) if second]
    if not seconds:
        raise CommandError("nothing came: there is nothing to draw")
    drawn = [
        chart.Line(name, [(at, second[place]) for at, second in seconds])
        for place, name in enumerate(_NAMES)
    ]
    return chart.lines(_size(trial), chart.Axis("seconds"), chart.Axis("latency, ms"), drawn)
