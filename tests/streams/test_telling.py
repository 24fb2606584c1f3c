"""Sessions over HTTP, in this process: what they are told."""

from __future__ import annotations

from chat import api, moderation
from chat.models import Room
from tests.fakes import soon
from tests.hub.clients import Connect, off_loop
from tests.streams.listening import EVENTS, Listen, heard


async def test_stream_begins_like_a_socket_and_goes_on_live(
    listen: Listen, connect: Connect
) -> None:
    exchange = await listen(EVENTS + "?name=Bob")
    writer = await connect()
    await writer.join()
    await writer.post("hello")
    await heard(exchange, 1)
    stream = exchange.stream
    assert stream.retry is not None
    welcome, joined = list(stream.events)[:2]
    assert (welcome["type"], welcome["sender"]["name"]) == ("welcome", "Bob")
    assert (joined["type"], joined["recovered"], joined["head"]) == ("joined", None, 0)
    assert joined["members"] == [welcome["sender"]]
    ids = {told.id for told in stream.messages if "joined" in str(told.data)}
    assert f"{joined['epoch']}:0" in ids
    assert stream.log == [await writer.event("message")]
    assert stream.last_id == f"{joined['epoch']}:1"
    # Presence comes as to everybody.
    await soon(
        lambda: any(
            writer.events[0]["sender"] in event.get("joined", ()) for event in stream.events
        )
    )


async def test_stream_is_told_of_announcements(listen: Listen) -> None:
    exchange = await listen()
    by = moderation.by_command()
    room = await off_loop(Room.objects.get, slug="main")
    await off_loop(moderation.announce, 'To all: "seq":7', by=by)
    await off_loop(moderation.announce, "To the room", by=by, room=room)
    await soon(lambda: len(exchange.stream.told("notice")) == 2)
    assert {told["text"] for told in exchange.stream.told("notice")} == {
        'To all: "seq":7',
        "To the room",
    }
    assert exchange.stream.last_id.endswith(":0")


async def test_stream_resumes_after_the_last_event_id(listen: Listen, connect: Connect) -> None:
    writer = await connect()
    await writer.join()
    await writer.talk(3)
    first = await listen()
    await heard(first, 3)
    await first.leave()
    await writer.post("while away")
    back = await listen(headers={"last-event-id": first.stream.last_id})
    await writer.post("live")
    await heard(back, 5)
    assert back.stream.told("joined")[0]["recovered"] is True
    assert back.stream.seqs == [4, 5]


async def test_position_in_the_address_counts_until_there_is_another(
    listen: Listen, connect: Connect
) -> None:
    writer = await connect()
    epoch = (await writer.join())["epoch"]
    await writer.talk(3)
    path = f"{EVENTS}?after={epoch}:1"
    first = await listen(path)
    await heard(first, 3)
    assert first.stream.seqs == [2, 3]
    second = await listen(path, headers={"last-event-id": f"{epoch}:2"})
    await heard(second, 3)
    assert second.stream.seqs == [3]


async def test_position_of_another_history_starts_over(listen: Listen, connect: Connect) -> None:
    writer = await connect()
    await writer.join()
    await writer.talk(3)
    stream = (await listen(EVENTS + "?history=2&after=other:1")).stream
    await soon(lambda: stream.seqs == [2, 3])
    assert stream.told("joined")[0]["recovered"] is False


async def test_nothing_is_lost_by_who_comes_back_before_anything_was_said(
    listen: Listen, connect: Connect
) -> None:
    writer = await connect()
    await writer.join()
    await writer.talk(3)
    first = await listen(EVENTS + "?history=0")
    await first.leave()
    await writer.post("while away")
    back = await listen(EVENTS + "?history=0", headers={"last-event-id": first.stream.last_id})
    await heard(back, 4)
    assert back.stream.seqs == [4]


async def test_what_people_write_does_not_pass_for_a_position(
    listen: Listen, connect: Connect
) -> None:
    exchange = await listen()
    writer = await connect()
    text = '{"type":"joined"} "seq":99,\n\nid: x:77\n\r\n"seq":5 {"type":"ping"}'
    await writer.post(text)
    await heard(exchange, 1)
    assert exchange.stream.log[0]["text"] == text
    assert exchange.stream.last_id.endswith(":1")
    assert not exchange.stream.told("ping")


async def test_new_history_is_told_with_positions_in_it(listen: Listen, connect: Connect) -> None:
    exchange = await listen()
    writer = await connect()
    await writer.talk(2)
    await heard(exchange, 2)
    epoch = (await off_loop(api.new_epoch, ["main"]))["main"]
    stream = exchange.stream
    await soon(lambda: len(stream.told("joined")) == 2)
    await writer.post("after")
    await soon(lambda: stream.last_id == f"{epoch}:3")
    assert [joined["recovered"] for joined in stream.told("joined")] == [None, False]
    assert stream.seqs == [1, 2, 1, 2, 3]
