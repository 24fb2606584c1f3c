"""What is answered when the database is away, or the chat itself fails."""

from typing import Any

import pytest
from django.db import OperationalError

from chat import store
from tests.hub.clients import Connect


async def test_post_without_a_database_is_unavailable_until_it_is_back(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()
    await client.join()

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as away:
        away.setattr(store, "append", fail)
        reply = await client.post("hi", id="a")
        assert (reply["code"], reply["id"]) == ("unavailable", "a")
        assert reply["retry_after"] == 1.0
        reply = await client.ask("edit", room="main", seq=1, text="ho")
        assert (reply["code"], "id" in reply) == ("unavailable", False)
    assert (await client.post("hi", id="a"))["seq"] == 1
    await client.event("message", text="hi")
    assert client.seqs() == [1]


async def test_reading_without_a_database_is_unavailable_until_it_is_back(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("the database is away")

    asked: list[tuple[str, dict[str, Any]]] = [
        ("join", {"room": "main"}),
        ("history", {"room": "main", "before": 5}),
        ("rooms", {}),
        ("post", {"room": "main", "text": "hi", "id": "a"}),
    ]
    with monkeypatch.context() as away:
        for name in ("open_room", "find_room", "rooms_of"):
            away.setattr(store, name, fail)
        for kind, fields in asked:
            assert await client.refusal(kind, **fields) == "unavailable"
    for kind, fields in asked:
        assert (await client.ask(kind, **fields))["type"] != "error"


async def test_fault_of_ours_is_answered_and_logged_and_the_session_goes_on(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = await connect()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(store, "rooms_of", fail)
        assert await client.refusal("rooms") == "unavailable"
    assert "Rooms could not be carried out" in caplog.text
    assert (await client.ask("rooms"))["type"] == "rooms"
