"""Older messages, page by page."""

import pytest

from tests.hub.clients import Connect


async def test_history_is_paged_backwards_in_ascending_pages(connect: Connect) -> None:
    client = await connect()
    await client.talk(7)
    newest = await client.ask("history", room="main", before=8, limit=3)
    middle = await client.ask("history", room="main", before=5, limit=3)
    oldest = await client.ask("history", room="main", before=2, limit=3)
    for page, seqs, more in ((newest, [5, 6, 7], True), (middle, [2, 3, 4], True)):
        assert [message["seq"] for message in page["messages"]] == seqs
        assert page["more"] is more
    assert ([message["seq"] for message in oldest["messages"]], oldest["more"]) == ([1], False)
    assert (newest["type"], newest["room"]) == ("history", "main")


async def test_history_shows_messages_as_they_now_are_and_no_changes(connect: Connect) -> None:
    client = await connect()
    await client.talk(3)
    await client.ask("edit", room="main", seq=1, text="new")
    await client.ask("delete", room="main", seq=2)
    page = await client.ask("history", room="main", before=99)
    assert [message["seq"] for message in page["messages"]] == [1, 2, 3]
    edited, deleted, plain = page["messages"]
    assert (edited["text"], "edited_at" in edited) == ("new", True)
    assert (deleted["text"], deleted["deleted"]) == ("", True)
    assert not plain.keys() & {"edited_at", "deleted"}
    assert {message["type"] for message in page["messages"]} == {"message"}


@pytest.mark.parametrize(
    ("limit", "count", "more"), [(0, 0, True), (200, 200, True), (10**12, 200, True)]
)
async def test_history_is_no_longer_than_the_wire_says(
    connect: Connect, limit: int, count: int, more: bool
) -> None:
    client = await connect()
    await client.talk(201)
    page = await client.ask("history", room="main", before=2**53 - 1, limit=limit)
    assert (len(page["messages"]), page["more"]) == (count, more)


async def test_history_of_long_messages_fits_a_frame_and_says_that_there_is_more(
    connect: Connect,
) -> None:
    client = await connect()
    post = {"type": "post", "room": "main", "text": "x" * 4000}
    for first in range(0, 60, 15):
        await client.send(*({**post, "id": f"{n}"} for n in range(first, first + 15)))
    for number in range(60):
        await client.event("ack", id=f"{number}")
    page = await client.ask("history", room="main", before=61, limit=60)
    seqs = [message["seq"] for message in page["messages"]]
    assert seqs == list(range(seqs[0], 61))
    assert 1 < seqs[0] < 61
    assert page["more"] is True
    rest = await client.ask("history", room="main", before=seqs[0], limit=60)
    assert [message["seq"] for message in rest["messages"]] == list(range(1, seqs[0]))
    assert rest["more"] is False


async def test_history_of_a_room_that_is_not_there_is_unknown(connect: Connect) -> None:
    assert await (await connect()).refusal("history", room="nope", before=1) == "unknown_room"


async def test_history_of_main_is_empty_before_anything_was_said(connect: Connect) -> None:
    page = await (await connect()).ask("history", room="main", before=1)
    assert (page["messages"], page["more"]) == ([], False)
