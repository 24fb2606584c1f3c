"""``manage.py chat_bench`` against a real server, which tells the truth about it."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from time import monotonic_ns
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command

from chat.load import trial as load
from chat.load.client import Client
from chat.load.crowd import Crowd
from chat.load.trial import Outcome, Trial, TrialError, posters_for, run
from tests.servers import Serve, SiteServer

SMALL = {"sessions": 12, "rate": 40, "seconds": 1.0}


@pytest.fixture(scope="module")
def site(serve_module: Serve) -> SiteServer:
    """A site that lets one address open twenty sessions, and each post as fast as anybody may."""
    return serve_module("uvicorn", env={"CHAT_SESSIONS_PER_ADDRESS": "20"})


def trial(
    url: str = "ws://127.0.0.1:1/ws",
    *,
    sessions: int = 10,
    room: str = "bench",
    rooms: int = 1,
    rate: float = 20.0,
    seconds: float = 1.0,
) -> Trial:
    return Trial(
        url=url,
        sessions=sessions,
        rooms=[room] * rooms,
        rate=rate,
        seconds=seconds,
        text_bytes=80,
        seed=1,
    )


def test_everything_is_delivered_and_told(
    site: SiteServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "latency.svg"
    call_command("chat_bench", site.ws_url, room="one", svg=picture, **SMALL)
    said = capsys.readouterr().out
    assert "12 sessions, one room, 40 posts/s for 1 s" in said
    assert "posts         40, 40 acknowledged" in said
    assert "deliveries    480 of 480" in said
    assert "p99.9" in said
    labels = [node.text for node in ElementTree.parse(picture).iterfind(".//{*}text")]
    assert {"p99", "12 sessions, one room, 40 posts/s"} <= set(labels)


def test_sessions_and_posts_are_spread_over_the_rooms(
    site: SiteServer, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("chat_bench", site.ws_url, room="many", rooms=4, **SMALL)
    # Each of the 40 posts comes to the three of its room.
    assert "deliveries    120 of 120" in capsys.readouterr().out


def test_rooms_in_which_nobody_posted_are_told(
    site: SiteServer, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("chat_bench", site.ws_url, room="quiet", rooms=4, **{**SMALL, "rate": 3})
    assert "nobody posted in 1 rooms" in capsys.readouterr().out


def test_with_json_everything_is_told_in_one_document(
    site: SiteServer, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("chat_bench", site.ws_url, room="document", json=True, **SMALL)
    told = json.loads(capsys.readouterr().out)
    assert (told["posted"], told["acked"], told["delivered"], told["expected"]) == (
        40,
        40,
        480,
        480,
    )
    assert told["problems"] == []
    assert told["silent_rooms"] == 0
    assert list(told["latency"]) == list(told["ack_latency"]) == ["p50", "p95", "p99", "p99.9"]
    assert 0 < told["latency"]["p50"] <= told["latency"]["p99.9"]
    assert len(told["by_second"]) == 1


def test_a_server_that_lets_not_everybody_in_is_an_error_that_says_so(site: SiteServer) -> None:
    with pytest.raises(CommandError, match=r"not all of 25 sessions got in.*4003 \(5 times\)"):
        call_command("chat_bench", site.ws_url, **{**SMALL, "sessions": 25})


def test_a_room_that_cannot_be_joined_is_an_error_that_says_so(site: SiteServer) -> None:
    with pytest.raises(CommandError, match=r"not all of 12 sessions got in.*bad_command"):
        call_command("chat_bench", site.ws_url, room="no such name", **SMALL)


def test_a_rate_that_the_server_does_not_allow_is_refused_before_it_is_tried(
    site: SiteServer,
) -> None:
    with pytest.raises(CommandError, match="allows each session 10 posts a second"):
        call_command("chat_bench", site.ws_url, sessions=2, rate=100, seconds=1.0)


def test_nobody_listening_is_an_error_that_says_so() -> None:
    with pytest.raises(
        CommandError, match=r"not all of 12 sessions.*(refused|Connect call failed)"
    ):
        call_command("chat_bench", "ws://127.0.0.1:1/ws", **SMALL)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sessions": 0}, "--sessions"),
        ({"rate": -1}, "--rate"),
        ({"rooms": 5, "sessions": 4}, "more --rooms than --sessions"),
        ({"text_bytes": 10}, "--text-bytes"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, int], said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        call_command("chat_bench", "ws://127.0.0.1:1/ws", **options)
    assert refused.value.returncode == 2


@pytest.mark.parametrize("url", ["http://127.0.0.1/ws", "127.0.0.1:5000", "ws:///ws"])
async def test_what_is_no_address_of_a_websocket_is_refused(url: str) -> None:
    with pytest.raises(TrialError, match="no address of a WebSocket"):
        await run(trial(url))


async def test_latency_is_told_for_each_second(site: SiteServer) -> None:
    outcome: Outcome = await asyncio.wait_for(
        run(trial(site.ws_url, room="seconds", seconds=2.0)), 60
    )
    assert len(outcome.by_second) == 2
    assert all(second == sorted(second) for second in outcome.by_second)
    assert outcome.latency[-1] >= max(second[0] for second in outcome.by_second if second)
    assert outcome.problems == []


async def test_what_comes_when_the_time_is_up_is_of_the_last_second(
    site: SiteServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(crowd: Crowd, posters: Sequence[Client], _: float, seconds: float) -> None:
        await asyncio.sleep(seconds)
        crowd.post(posters[0], [monotonic_ns()])

    monkeypatch.setattr(load, "post_on_schedule", late)
    outcome = await asyncio.wait_for(run(trial(site.ws_url, room="late")), 60)
    assert outcome.delivered == 10
    assert outcome.by_second == [outcome.latency]


def test_as_many_post_as_it_takes_for_none_to_be_too_fast() -> None:
    assert posters_for(trial(sessions=500, rate=1000.0), allowed=0) == 40
    assert posters_for(trial(sessions=500, rate=100.0), allowed=10) == 40
    assert posters_for(trial(sessions=500, rate=1000.0), allowed=10) == 125
    assert posters_for(trial(sessions=500, rooms=100, rate=100.0), allowed=10) == 100
    with pytest.raises(TrialError, match="can post 4000 a second, not 5000"):
        posters_for(trial(sessions=500, rate=5000.0), allowed=10)
