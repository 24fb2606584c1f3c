"""The JSON dialect, command by command, on both servers."""

import asyncio
from typing import Any

import pytest

from tests.integration.clients import JsonClient
from tests.integration.people import Visits, new_guest
from tests.servers import Serve, ServerKind, SiteServer


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(serve_module: Serve, request: pytest.FixtureRequest) -> SiteServer:
    """A site as it comes, with one process."""
    kind: ServerKind = request.param
    return serve_module(kind)


async def test_welcome_says_who_one_is_and_the_limits(server: SiteServer, visit: Visits) -> None:
    guest = new_guest()
    client = await visit.json(server, who=guest)
    welcome = client.events[0]
    assert welcome["type"] == "welcome"
    assert welcome["version"] == 1
    assert welcome["sender"] == {"id": guest.uid, "name": f"Guest {guest.uid}"}
    assert welcome["heartbeat"] == 20
    limits = {"text": 4000, "frame": 65536, "posts_per_second": 10, "window": 8192}
    assert welcome["limits"] == limits


@pytest.mark.parametrize("path", ["", "/"])
async def test_address_works_with_and_without_a_slash(server: SiteServer, path: str) -> None:
    async with await JsonClient.connect(server.ws_url + path) as client:
        await client.event("welcome")


async def test_post_is_acked_and_reaches_everybody(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    ack = await anna.post(room, "hello", id="first")
    assert (ack["room"], ack["id"], ack["seq"], ack["duplicate"]) == (room, "first", 1, False)
    for client in (anna, bert):
        message = await client.said(room, "hello")
        assert (message["seq"], message["id"]) == (1, "first")
        assert message["sender"] == anna.sender
        assert not {"edited_at", "deleted", "ref"} & message.keys()


async def test_post_needs_no_join(server: SiteServer, visit: Visits, room: str) -> None:
    inside = await visit.json(server, room)
    outside = await visit.json(server)
    ack = await outside.post(room, "from the door")
    assert (await inside.said(room, "from the door"))["seq"] == ack["seq"]
    assert room not in outside.logs


async def test_same_post_again_is_stored_once(server: SiteServer, visit: Visits, room: str) -> None:
    guest = new_guest()
    client = await visit.json(server, room, who=guest)
    again = await visit.json(server, room, who=guest)
    first = await client.post(room, "once", id="same")
    await client.post(room, "between")
    for sender in (client, again):
        second = await sender.post(room, "twice?", id="same")
        assert (second["seq"], second["duplicate"]) == (first["seq"], True)
    # The same id of somebody else is another message.
    other = await visit.json(server, room)
    assert not (await other.post(room, "mine", id="same"))["duplicate"]
    await client.said(room, "mine")
    assert client.texts(room) == ["once", "between", "mine"]


async def test_edit_and_delete_take_a_seq_each(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    await anna.post(room, "frist")
    ack = await anna.ask("edit", room=room, seq=1, text="first")
    assert (ack["type"], ack["room"], ack["target"], ack["seq"]) == ("ack", room, 1, 2)
    ack = await anna.ask("delete", room=room, seq=1)
    assert (ack["type"], ack["room"], ack["target"], ack["seq"]) == ("ack", room, 1, 3)
    for client in (anna, bert):
        await client.event("edited", room=room, seq=2, target=1, text="first")
        await client.event("deleted", room=room, seq=3, target=1)


async def test_fresh_join_gets_the_last_messages_then_what_is_live(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna = await visit.json(server, room)
    for number in range(5):
        await anna.post(room, str(number))
    late = await visit.json(server)
    joined = await late.join(room, history=3)
    assert (joined["head"], joined["recovered"]) == (5, None)
    assert joined["title"] == room
    await anna.post(room, "live")
    await late.said(room, "live")
    assert late.texts(room) == ["2", "3", "4", "live"]
    # `joined` comes before all of them.
    order = [event["type"] for event in late.events if event["type"] in ("joined", "message")]
    assert order == ["joined", *["message"] * 4]

    none = await visit.json(server)
    await none.join(room, history=0)
    await anna.post(room, "last")
    await none.said(room, "last")
    assert none.texts(room) == ["last"]


async def test_resume_gets_every_missed_event_as_the_log_now_is(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna = await visit.json(server, room)
    bert = await visit.json(server, room)
    await anna.post(room, "seen")
    await bert.said(room, "seen")
    after = bert.position(room)
    await bert.close()
    for text in ("kept", "changed", "gone"):
        await anna.post(room, text)
    await anna.ask("edit", room=room, seq=3, text="better")
    await anna.ask("delete", room=room, seq=4)

    bert = await visit.json(server)
    joined = await bert.join(room, after=after)
    assert (joined["recovered"], joined["head"]) == (True, 6)
    kept, changed, gone, edited, deleted = bert.logs[room].entries
    assert kept["text"] == "kept"
    assert (changed["text"], "edited_at" in changed) == ("better", True)
    assert (gone["type"], gone["text"], gone["deleted"]) == ("message", "", True)
    assert (edited["type"], edited["target"], edited["text"]) == ("edited", 3, "better")
    assert (deleted["type"], deleted["target"]) == ("deleted", 4)


@pytest.mark.parametrize("after", [{"epoch": "another"}, {"seq": 1000}])
async def test_resume_that_cannot_be_served_says_so_and_starts_over(
    server: SiteServer, visit: Visits, room: str, after: dict[str, Any]
) -> None:
    anna = await visit.json(server, room)
    await anna.post(room, "hello")
    await anna.said(room, "hello")
    joined = await anna.join(room, after={**anna.position(room), **after})
    assert joined["recovered"] is False
    assert anna.texts(room) == ["hello"]


async def test_history_goes_back_page_by_page(server: SiteServer, visit: Visits, room: str) -> None:
    anna = await visit.json(server, room)
    for number in range(1, 6):
        await anna.post(room, str(number))
    await anna.ask("delete", room=room, seq=2)
    page = await anna.ask("history", room=room, before=5, limit=2)
    assert [(m["seq"], m["text"]) for m in page["messages"]] == [(3, "3"), (4, "4")]
    assert page["more"] is True
    page = await anna.ask("history", room=room, before=3)
    deleted = {message["seq"]: message.get("deleted", False) for message in page["messages"]}
    assert deleted == {1: False, 2: True}
    assert page["more"] is False


async def test_rooms_are_listed_with_who_is_there(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna = await visit.json(server, room)
    bert = await visit.json(server, room)
    await bert.online(room, {anna.sender["id"], bert.sender["id"]})
    lines = {line["room"]: line for line in (await anna.ask("rooms"))["rooms"]}
    assert lines[room] == {"room": room, "title": room, "online": 2}
    assert "main" in lines


async def test_unused_room_is_gone_when_the_last_has_left(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna = await visit.json(server, room)
    assert (await anna.ask("leave", room=room))["type"] == "left"
    async with asyncio.timeout(60):
        while room in [line["room"] for line in (await anna.ask("rooms"))["rooms"]]:
            pass


async def test_leaving_ends_what_one_hears(server: SiteServer, visit: Visits, room: str) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    assert (await bert.ask("leave", room=room))["room"] == room
    await anna.online(room, {anna.sender["id"]})
    await anna.post(room, "without you")
    await anna.said(room, "without you")
    await bert.ask("rooms")  # What comes before this answer has come.
    assert not [event for event in bert.events if event["type"] == "message"]


async def test_rename_is_told_and_shown(server: SiteServer, visit: Visits, room: str) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    renamed = await anna.ask("rename", name="Anna")
    assert renamed["sender"] == {"id": anna.sender["id"], "name": "Anna"}
    await bert.until(
        lambda: any(
            renamed["sender"] in event["joined"]
            for event in bert.events
            if event["type"] == "presence"
        ),
        "Anna's new name",
    )
    await anna.post(room, "it is me")
    assert (await bert.said(room, "it is me"))["sender"] == renamed["sender"]


async def test_typing_is_shown_to_the_others(server: SiteServer, visit: Visits, room: str) -> None:
    anna, bert = [await visit.json(server, room) for _ in range(2)]
    await anna.send("typing", room=room)
    await bert.event("typing", room=room, sender=anna.sender)


async def test_somebody_with_two_tabs_is_one_member(
    server: SiteServer, visit: Visits, room: str
) -> None:
    guest = new_guest()
    tabs = [await visit.json(server, room, who=guest) for _ in range(2)]
    bert = await visit.json(server, room)
    await bert.online(room, {guest.uid, bert.sender["id"]})
    await tabs[0].close()
    await bert.post(room, "still there?")
    await tabs[1].said(room, "still there?")
    await tabs[1].close()
    await bert.event("presence", room=room, online=1, left=[tabs[0].sender])
    assert bert.present(room) == {bert.sender["id"]}
    lefts = [event for event in bert.events if event.get("left")]
    assert len(lefts) == 1, "closing the first tab is no leaving"


async def test_commands_of_one_frame_are_answered_in_their_order(
    server: SiteServer, visit: Visits, room: str
) -> None:
    client = await visit.json(server)
    names = [f"{room}-{number}" for number in range(3)]
    commands = [f'{{"type":"join","room":"{name}","ref":"{name}"}}' for name in names]
    commands += ['{"type":"nonsense","ref":"x"}', '{"type":"rooms","ref":"y","future":1}']
    await client.send_text(f"[{','.join(commands)}]")
    await client.event("rooms", ref="y")
    refs = [event["ref"] for event in client.events if "ref" in event]
    assert refs == [*names, "x", "y"]


async def test_refused_post_carries_its_id_and_ref(
    server: SiteServer, visit: Visits, room: str
) -> None:
    client = await visit.json(server, room)
    await client.send("post", room=room, text=" ", id="blank", ref="r1")
    error = await client.event("error", ref="r1")
    assert (error["code"], error["id"]) == ("empty", "blank")


async def test_posting_too_fast_is_refused_with_how_long_to_wait(
    server: SiteServer, visit: Visits, room: str
) -> None:
    client = await visit.json(server, room)

    for number in range(60):  # faster than by waiting for each
        await client.send("post", room=room, text="again", id=str(number), ref=f"r{number}")
    refused = await client.event("error", code="rate_limited")
    await client.find(lambda event: event.get("ref") == "r59", "the last reply")
    await asyncio.sleep(refused["retry_after"] + 0.2)
    await client.post(room, "patient")
