"""The usual Channels consumer and this hub, side by side: `python -m benchmarks.compare --help`."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import uvloop

from benchmarks import machine, report
from benchmarks.contenders import registry
from benchmarks.contenders.contender import Contender
from benchmarks.exclusive import exclusive
from benchmarks.generator.crowd import Crowd
from benchmarks.measures import idle_memory, saturation
from benchmarks.report import Outcome
from benchmarks.server import HOST, Server, ServerError, free_port

_RESULTS = Path(__file__).resolve().parent / "results"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="rough figures in three minutes, 200 sessions")
    add("--sessions", type=int, nargs="+", help="sessions in the room (default 200 2000)")
    add("--only", help="names of contenders, with commas between")
    add("--in-flight", type=int, nargs="+", help="posts always on their way, one point each")
    add("--seconds", type=float, help="how long a point is measured (default 8)")
    add("--warm-up", type=float, help="and how long it runs before that (default 2)")
    add(
        "--longest-wait",
        type=float,
        help="leave out loads that make a message wait longer, seconds",
    )
    add("--runs", type=int, default=1, help="whole rounds, one after another; the median counts")
    add("--text-bytes", type=int, default=80, help="length of every message's text")
    add("--seed", type=int, default=1, help="of masks, handshake keys and padding")
    add("--server-core", type=int, default=0)
    add("--generator-core", type=int, default=1)
    add("--redis-url", help="also measure the usual consumer with this Redis as its layer")
    add("--output", type=Path, help="results without suffix (default benchmarks/results/compare)")
    add("--list", action="store_true", help="print the contenders' names and end")
    chosen = parser.parse_args(arguments)
    quick = chosen.quick
    chosen.sessions = chosen.sessions or ([200] if quick else [200, 2000])
    chosen.in_flight = chosen.in_flight or ([10, 40, 160] if quick else [1, 4, 10, 40, 160, 640])
    chosen.seconds = chosen.seconds or (3.0 if quick else 8.0)
    chosen.warm_up = chosen.warm_up or (1.0 if quick else 2.0)
    chosen.longest_wait = chosen.longest_wait or (5.0 if quick else 15.0)
    chosen.output = chosen.output or _RESULTS / ("quick" if quick else "compare")
    return chosen


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for and write the results. Return 1 if a contender failed."""
    chosen = options(arguments)
    everyone = registry.contenders(chosen.redis_url)
    names = chosen.only.split(",") if chosen.only else list(everyone)
    unknown = [name for name in names if name not in everyone]
    if unknown:
        print(f"no such contender: {', '.join(unknown)}", file=sys.stderr)
        return 2
    if chosen.list:
        print("\n".join(names))
        return 0
    # As an exception it passes through the context managers that end the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    saturation.pin_generator(chosen.generator_core)
    outcomes: list[Outcome] = []
    with exclusive(_say):
        for run in range(1, chosen.runs + 1):
            for sessions in chosen.sessions:
                for name in names:
                    outcomes.append(_measure(everyone[name], sessions, run, chosen))
                    _write(outcomes, everyone, chosen)
    print(report.markdown(outcomes, everyone))
    return int(any(outcome.failure or not outcome.best for outcome in outcomes))


def _measure(contender: Contender, sessions: int, run: int, chosen: argparse.Namespace) -> Outcome:
    outcome = Outcome(contender.name, sessions, run)
    _say(f"{contender.name}, {sessions} sessions, run {run} of {chosen.runs}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        port = free_port()

        def fill(text: str) -> str:
            return text.replace("{port}", str(port)).replace("{folder}", folder)

        server = Server(
            command=[fill(word) for word in contender.command],
            prepare=[[fill(word) for word in step] for step in contender.prepare],
            environment={name: fill(value) for name, value in contender.environment.items()},
            port=port,
            core=chosen.server_core,
            log=Path(folder) / "server.log",
        )
        try:
            with server:
                uvloop.run(_run(contender, server, outcome, chosen))
        except (ServerError, OSError) as error:
            outcome.failure = f"{type(error).__name__}: {error}"
            _say(f"  FAILED {outcome.failure}\n{server.last_words()}")
    return outcome


async def _run(
    contender: Contender, server: Server, outcome: Outcome, chosen: argparse.Namespace
) -> None:
    crowd = Crowd(
        contender.dialect, HOST, server.port, contender.path, chosen.text_bytes, chosen.seed
    )
    try:
        outcome.memory = await idle_memory.measure(server, crowd, outcome.sessions)
        _say(
            f"  connected in {outcome.memory.connect_seconds:.1f} s, "
            f"{outcome.memory.per_session / 1024:.1f} KiB per idle session"
        )
        timing = saturation.Timing(chosen.warm_up, chosen.seconds, chosen.longest_wait)
        cores = (chosen.server_core, chosen.generator_core)
        async for point in saturation.sweep(server, crowd, chosen.in_flight, timing, cores):
            outcome.points.append(point)
            _say(_line(point))
        done = {point.in_flight for point in outcome.points}
        outcome.skipped = [load for load in chosen.in_flight if load not in done]
    finally:
        crowd.close()
        # One turn of the loop, so that the close frames are on their way before the server ends.
        await asyncio.sleep(0.1)


def _line(point: saturation.Point) -> str:
    latency = ""
    if point.p50_ms is not None and point.p99_ms is not None:
        latency = f"p50 {point.p50_ms:.1f} p99 {point.p99_ms:.1f} ms"
    return (
        f"  in flight {point.in_flight:4}: {point.deliveries_per_second:10,.0f}/s  {latency}"
        f"  server {point.server_cpu:.0%}, generator {point.generator_cpu:.0%},"
        f" others {point.others_on_server_core:.0%} and {point.others_on_generator_core:.0%}"
        f"{'  GENERATOR LIMITED' if point.generator_limited else ''}"
        f"{'  PROBLEMS: ' + '; '.join(point.problems) if point.problems else ''}"
    )


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _write(
    outcomes: Sequence[Outcome], everyone: dict[str, Contender], chosen: argparse.Namespace
) -> None:
    output: Path = chosen.output
    output.parent.mkdir(parents=True, exist_ok=True)
    measured = dict.fromkeys(outcome.contender for outcome in outcomes)
    parameters = {
        name: value
        for name, value in vars(chosen).items()
        if name not in {"output", "list", "redis_url"}
    }
    raw = {
        "machine": machine.describe(),
        "parameters": parameters,
        "contenders": {
            name: {
                "command": everyone[name].command,
                "environment": {
                    variable: value
                    for variable, value in everyone[name].environment.items()
                    if variable != "REDIS_URL"
                },
            }
            for name in measured
        },
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    output.with_suffix(".json").write_text(json.dumps(raw, indent=1) + "\n")
    output.with_suffix(".md").write_text(report.markdown(outcomes, everyone))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; what was measured so far is written")
