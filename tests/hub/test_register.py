from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from chat import store
from chat.hub.register import plain
from chat.models import Connection
from chat.protocol.errors import Unavailable
from tests.fakes import soon
from tests.hub.clients import Connect, ConnectTerminal, Wired, off_loop
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled


async def rows() -> dict[str, dict[str, Any]]:
    """Return the rows of all sessions, by session."""
    return await off_loop(lambda: {row.session: vars(row) for row in Connection.objects.all()})


async def test_session_that_is_in_no_room_has_a_row_after_the_next_beat(make_hub: MakeHub) -> None:
    hub = make_hub()
    node = await enrolled(hub)
    await soon(lambda: not hub.presence.register.due)
    wired = Wired(hub)
    assert hub.presence.register.due
    hub.heart.look()
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)
    row = (await rows())[wired.session.id]
    assert (row["node_id"], row["rooms"], row["dialect"]) == (node, [], "json")
    assert (row["heard_at"], row["lag"], row["close_with"]) == (None, None, None)


async def test_who_comes_and_joins_is_written_once(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    original = store.revise

    def counted(node: int, revision: int, changed: Any, gone: Any) -> bool:
        written.extend(row.session for row in changed)
        return original(node, revision, changed, gone)

    monkeypatch.setattr(store, "revise", counted)
    hub = make_hub()
    await enrolled(hub)
    await hub.presence.beat()
    crowd = [Wired(hub) for _ in range(20)]
    for wired in crowd:
        await wired.join()
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)
    assert sorted(written) == sorted(wired.session.id for wired in crowd)


async def test_session_that_went_before_it_was_written_leaves_no_row(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    wired.session.gone()
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)
    assert await rows() == {}


async def test_session_that_went_while_its_row_could_not_be_written_leaves_none(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    revise = store.revise

    def fail(*_: object) -> bool:
        hub.loop.call_soon_threadsafe(wired.session.gone)
        raise OperationalError("the database is away")

    monkeypatch.setattr(store, "revise", fail)
    with pytest.raises(Unavailable):
        await hub.presence.register.save(1)
    await soon(lambda: wired.session.closed)
    monkeypatch.setattr(store, "revise", revise)
    await hub.presence.register.save(2)
    assert await rows() == {}
    assert not hub.presence.register.due


async def test_rows_say_where_from_since_when_how_and_with_what(
    connect: Connect, connect_terminal: ConnectTerminal
) -> None:
    began = timezone.now()
    client = await connect(address="2001:db8::7", agent="Browser/1.0 \x1b[2J" + "x" * 300)
    await connect_terminal(address="203.0.113.5")
    await client.join("kitchen")
    found: dict[str, dict[str, Any]] = {}

    async def written() -> bool:
        found.update({row["dialect"]: row for row in (await rows()).values()})
        return found.keys() == {"json", "terminal"} and found["json"]["rooms"] == ["kitchen"]

    while not await written():
        pass
    json, line = found["json"], found["terminal"]
    assert json["address"] == "2001:db8::7"
    assert json["client"] == ("Browser/1.0 [2J" + "x" * 300)[:199]
    assert began <= json["since"] <= began + timedelta(seconds=30)
    assert json["sender_key"].startswith("g:")
    assert (line["address"], line["client"], line["rooms"]) == ("203.0.113.5", "", ["main"])
    since = json["since"]
    await client.ask("leave", room="kitchen")
    while (await rows())[json["session"]]["rooms"]:
        pass
    assert (await rows())[json["session"]]["since"] == since


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("curl/8.0", "curl/8.0"),
        ("a\0b\nc\x7fd", "abcd"),
        ("left\u202eright", "leftright"),
        ("x" * 20, "x" * 12),
    ],
)
def test_what_clients_say_of_themselves_is_cut_to_one_plain_line(text: str, kept: str) -> None:
    assert plain(text, 12) == kept
