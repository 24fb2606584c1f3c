"""Break a real deployment for a while, and report what that did: `python -m tests.chaos --help`."""

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import django

from tests.chaos.rounds import Tally, play
from tests.services import PostgresServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Play rounds until the time is up. Return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--seconds", type=float, default=300, help="how long to go on (default 300)")
    add(
        "--seed",
        type=int,
        help="of all that happens; one is chosen and printed where none is given",
    )
    add("--round", type=int, help="play this round of the seed alone")
    add("--report", type=Path, help="write the report here as well")
    chosen = parser.parse_args(arguments)
    # People sign their cookies with the key that the site under test has: the one for development.
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed

    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)

    total, rounds = Tally(), 0
    say(f"seed {seed}, {chosen.seconds:.0f} s")
    with PostgresServer() as postgres:
        until = time.monotonic() + chosen.seconds
        while not rounds or (time.monotonic() < until and chosen.round is None):
            number = rounds if chosen.round is None else chosen.round
            total.add(play(f"{seed}-{number}", postgres, say, until=until))
            rounds += 1
            say(
                f"{rounds} rounds, {len(total.injected)} faults, {total.acknowledged} posts, "
                f"{total.deliveries} deliveries, {len(total.wrong)} wrong"
            )
    report = summary(total, rounds=rounds, seed=seed, seconds=time.monotonic() - began)
    print(report)
    if chosen.report:
        chosen.report.write_text(report)
    return 1 if total.wrong else 0


def summary(total: Tally, *, rounds: int, seed: int, seconds: float) -> str:
    """Return the report, in Markdown."""
    counted = Counter(total.injected)
    heals = sorted(total.heals)
    lines = [
        "# Chaos",
        "",
        f"Seed {seed}, {rounds} rounds, {seconds:.0f} s, {len(total.injected)} faults.",
        "",
        "| | |",
        "|---|---|",
        f"| messages acknowledged | {total.acknowledged} |",
        f"| deliveries checked | {total.deliveries} |",
        f"| lost | {kinds(total.wrong)['lost']} |",
        f"| duplicated | {kinds(total.wrong)['duplicated']} |",
        f"| out of order | {kinds(total.wrong)['out of order']} |",
        f"| otherwise wrong | {kinds(total.wrong)['otherwise']} |",
        f"| reconnects | {total.reconnects} |",
        f"| posts answered unavailable, and sent again | {total.refusals} |",
    ]
    if heals:
        lines += [
            f"| time to heal, p50 | {percentile(heals, 50):.2f} s |",
            f"| time to heal, p99 | {percentile(heals, 99):.2f} s |",
        ]
    lines += ["", "| fault | times |", "|---|---|"]
    lines += [f"| {name} | {times} |" for name, times in sorted(counted.items())]
    lines += ["", *(f"- {each}" for each in total.wrong[:50])]
    return "\n".join(lines).rstrip() + "\n"


def kinds(wrong: Sequence[str]) -> Counter[str]:
    """Count what is wrong by its kind."""
    return Counter(
        "duplicated"
        if " times" in each
        else "lost"
        if "hole" in each or ", acknowledged at " in each or "ends at" in each
        else "out of order"
        if " came after " in each
        else "otherwise"
        for each in wrong
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many of the ascending ``values`` do not exceed."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))]


if __name__ == "__main__":
    sys.exit(main())
