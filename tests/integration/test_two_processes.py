"""Two processes, one Redis, one database: whoever talks to either is in the same chat."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Visits, new_guest
from tests.integration.regulars import crowd
from tests.integration.settings import overriding
from tests.integration.shapes import LOGGED, Event
from tests.servers import Serve, SiteServer
from tests.services import PostgresServer, RedisServer

# Between two looks of a process at its rooms there are 6 s: what comes sooner, it was told.
OVERRIDES = overriding(HEARTBEAT=20, POSTS_PER_SECOND=0, PRESENCE_LINGER=0.2)
TOLD_SECONDS = 5.0

EACH, TIMES = 3, 20


class Pair(NamedTuple):
    """Two processes of one site."""

    first: SiteServer
    second: SiteServer


@pytest.fixture(
    scope="module",
    params=[("core", "postgres"), ("pubsub", "postgres"), ("core", "sqlite")],
    ids="-".join,
)
def pair(serve_module: Serve, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two daphne processes, with a Redis and a database that nobody else uses."""
    layer, database = request.param
    postgres: PostgresServer | None = None
    with RedisServer() as redis:
        env = {"REDIS_URL": redis.url, "CHANNEL_LAYER": layer, **OVERRIDES}
        if database == "postgres":
            postgres = request.getfixturevalue("postgres_server")
            assert postgres is not None
            postgres.start()
            env["DATABASE_URL"] = postgres.create_database()
        servers = Pair(serve_module(env=env), serve_module(env=env))
        yield servers
        for server in servers:
            server.stop()
        if postgres:
            postgres.start()
            postgres.drop_database(env["DATABASE_URL"])


class Couple(NamedTuple):
    """Somebody on each process, in the same room, who know of each other."""

    anna: JsonClient
    bert: JsonClient


@pytest.fixture
async def couple(pair: Pair, visit: Visits, room: str) -> Couple:
    """Anna on the first process and Bert on the second."""
    anna, bert = [await visit.json(server, room) for server in pair]
    for client in (anna, bert):
        # Not within TOLD_SECONDS: that processes which have just started are that quick has a test
        # of its own, below.
        await client.online(room, {anna.sender["id"], bert.sender["id"]})
    return Couple(anna, bert)


def log_of(client: JsonClient, room: str) -> list[Event]:
    """What the client was told of the log, in order."""
    return [event for event in client.logs[room].entries if event["type"] in LOGGED]


def told_of(client: JsonClient, kind: str, who: str, since: int = 0) -> list[Event]:
    """The ``presence`` events that name somebody as ``joined`` or ``left``."""
    return [
        event
        for event in client.events[since:]
        if event["type"] == "presence" and who in {sender["id"] for sender in event[kind]}
    ]


async def rooms_of(client: JsonClient) -> dict[str, int]:
    """How many are online, by room."""
    answer = await client.ask("rooms")
    lines = {line["room"]: line["online"] for line in answer["rooms"]}
    assert len(lines) == len(answer["rooms"]), "a room is listed twice"
    return lines


# What is logged


async def test_everybody_hears_every_message_once_and_in_one_order(
    pair: Pair, visit: Visits, room: str
) -> None:
    async with crowd(room, pair[:1], pair[1:], each=EACH) as people:
        await people.talk(TIMES)
        history = await people.history()
    assert history.faults() == []
    # As a sum of its own: nobody was away, so all have heard the very same events.
    assert people.acked == 2 * EACH * TIMES + 1
    first, *others = people.regulars
    assert [entry["seq"] for entry in first.entries] == list(range(1, people.acked + 1))
    ids = [entry["id"] for entry in first.entries]
    assert len(set(ids)) == people.acked
    for other in others:
        assert other.entries == first.entries
    for server in pair:
        late = await visit.json(server)
        await late.join(room, history=200)
        assert log_of(late, room) == first.entries


async def test_edit_and_delete_are_seen_on_the_other_process(
    couple: Couple, pair: Pair, visit: Visits, room: str
) -> None:
    anna, bert = couple
    watcher = await visit.terminal(pair.second, room)
    seqs = [(await anna.post(room, text))["seq"] for text in ("one", "two", "three")]
    await bert.said(room, "three", within=TOLD_SECONDS)
    await anna.ask("edit", room=room, seq=seqs[0], text="won")
    await anna.ask("delete", room=room, seq=seqs[1])

    edited = await bert.event("edited", room=room, within=TOLD_SECONDS)
    assert (edited["target"], edited["text"]) == (seqs[0], "won")
    deleted = await bert.event("deleted", room=room, within=TOLD_SECONDS)
    assert deleted["target"] == seqs[1]
    await anna.reach(room, deleted["seq"])
    assert log_of(anna, room) == log_of(bert, room)
    label = f"[UID: {anna.sender['id']}]"
    for line in (f"* {label} edited: won", f"* {label} deleted a message"):
        await watcher.line(line, within=TOLD_SECONDS)
        assert watcher.lines.count(line) == 1

    late = await visit.json(pair.second)
    answer = await late.ask("history", room=room, before=seqs[2] + 1)
    assert [(m["seq"], m["text"]) for m in answer["messages"] if m["text"]] == [
        (seqs[0], "won"),
        (seqs[2], "three"),
    ]


async def test_owner_edits_and_deletes_on_another_process_than_the_one_of_the_post(
    couple: Couple, pair: Pair, visit: Visits, room: str
) -> None:
    owner = new_guest()
    here = await visit.json(pair.first, room, who=owner)
    there = await visit.json(pair.second, room, who=owner)
    seq = (await here.post(room, "mine"))["seq"]
    await there.said(room, "mine", within=TOLD_SECONDS)
    assert (await couple.bert.refusal("edit", room=room, seq=seq, text="no"))["code"] == "forbidden"
    await there.ask("edit", room=room, seq=seq, text="still mine")
    await here.ask("delete", room=room, seq=seq)
    for client in (here, there, *couple):
        await client.event("deleted", room=room, target=seq, within=TOLD_SECONDS)
        kinds = [entry["type"] for entry in log_of(client, room)]
        assert kinds == ["message", "edited", "deleted"]


async def test_same_post_sent_to_both_processes_is_one(
    couple: Couple, pair: Pair, visit: Visits, room: str
) -> None:
    owner = new_guest()
    tabs = [await visit.json(server, room, who=owner) for server in pair]
    acks = [await tab.post(room, "once", id="same") for tab in tabs]
    assert [ack["duplicate"] for ack in acks] == [False, True]
    assert acks[0]["seq"] == acks[1]["seq"]
    await couple.anna.post(room, "end")
    for client in (*tabs, *couple):
        await client.said(room, "end", within=TOLD_SECONDS)
        assert client.texts(room) == ["once", "end"]


# What is told and not logged


async def test_presence_counts_people_of_both_processes(
    couple: Couple, pair: Pair, visit: Visits, room: str
) -> None:
    ids = {client.sender["id"] for client in couple}
    late = await visit.json(pair.first)
    joined = await late.join(room)
    assert {sender["id"] for sender in joined["members"]} >= ids
    ids.add(late.sender["id"])
    for client in (*couple, late):
        await client.online(room, ids, within=TOLD_SECONDS)
    for client in couple:
        assert told_of(client, "joined", late.sender["id"])[-1]["online"] == 3

    await late.ask("leave", room=room)
    for client in couple:
        await client.online(room, ids - {late.sender["id"]}, within=TOLD_SECONDS)
        left = told_of(client, "left", late.sender["id"])
        assert [event["online"] for event in left] == [2]


async def test_user_with_tabs_on_both_processes_is_one_member_until_the_last_is_closed(
    couple: Couple, pair: Pair, visit: Visits, room: str
) -> None:
    ids = {client.sender["id"] for client in couple}
    cara, dora = new_guest(), new_guest()
    one, other = [await visit.json(server, room, who=cara) for server in pair]
    fence = await visit.json(pair.first, room, who=dora)
    for client in (*couple, other):
        await client.online(room, {*ids, cara.uid, dora.uid}, within=TOLD_SECONDS)
        assert (await rooms_of(client))[room] == 4
    for client in couple:
        assert len(told_of(client, "joined", cara.uid)) == 1

    # Who goes from the same process later is told of later: by then Cara's going would be known.
    await one.close()
    await fence.close()
    for client in couple:
        await client.online(room, {*ids, cara.uid}, within=TOLD_SECONDS)
        assert told_of(client, "left", cara.uid) == []
        assert told_of(client, "left", dora.uid)[-1]["online"] == 3

    await other.close()
    for client in couple:
        await client.online(room, ids, within=TOLD_SECONDS)
        assert [event["online"] for event in told_of(client, "left", cara.uid)] == [2]


async def test_first_to_come_to_a_process_is_told_of_at_once(
    pair: Pair, visit: Visits, room: str
) -> None:
    for server in pair:
        await asyncio.to_thread(server.restart)
    anna, bert = [await visit.json(server, room) for server in pair]
    for client in (anna, bert):
        await client.online(room, {anna.sender["id"], bert.sender["id"]}, within=TOLD_SECONDS)


async def test_typing_crosses(couple: Couple, pair: Pair, visit: Visits, room: str) -> None:
    anna, bert = couple
    elsewhere = await visit.json(pair.second, f"{room}-b")
    await anna.send("typing", room=room)
    await bert.event("typing", room=room, sender=anna.sender, within=TOLD_SECONDS)
    await bert.send("typing", room=room)
    await anna.event("typing", room=room, sender=bert.sender, within=TOLD_SECONDS)
    assert [event["sender"] for event in bert.events if event["type"] == "typing"].count(
        anna.sender
    ) == 1
    await elsewhere.ask("rooms")
    assert not [event for event in elsewhere.events if event["type"] == "typing"]


async def test_rooms_list_counts_both_processes(
    couple: Couple, pair: Pair, visit: Visits, room: str
) -> None:
    side = f"{room}-side"
    cara = await visit.json(pair.first, room, side)
    tab = await visit.json(pair.second, side)
    for client in couple:
        await client.online(
            room, {*(c.sender["id"] for c in couple), cara.sender["id"]}, within=TOLD_SECONDS
        )
    for client in (cara, tab):
        await client.online(side, {cara.sender["id"], tab.sender["id"]}, within=TOLD_SECONDS)
    for client in (*couple, cara, tab):
        counts = await rooms_of(client)
        assert (counts[room], counts[side]) == (3, 2)
