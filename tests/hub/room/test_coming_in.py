"""Coming into a live room: what was said before, and then all that is said."""

import asyncio

from chat.conf import Config
from chat.hub.reel import PING
from chat.hub.seat import Hint, Seat
from tests.fakes import Listener, delete, edit, entries, entry, turns
from tests.hub.room.conftest import Make

# Coming in


async def test_fresh_seat_at_the_head_is_live_at_once(make: Make) -> None:
    live = make(entries(1, 5))
    listener = Listener()
    seat = await live.join(listener)
    assert seat.live
    assert listener.messages == []
    live.hear(entry(6))
    await live.room.fanout.settled()
    assert listener.seqs == [6]


async def test_seat_catches_up_from_memory_in_frames_of_a_batch(make: Make) -> None:
    live = make(entries(1, 10))
    listener = Listener()
    seat = await live.join(listener, at=1)
    assert listener.seqs == list(range(2, 11))
    assert [len(frame) for frame in listener.frames] == [4, 4, 1]
    assert (seat.position, seat.live) == (10, True)
    assert live.log.reads == []


async def test_seat_further_back_than_memory_catches_up_from_the_log(make: Make) -> None:
    live = make(entries(1, 90))
    listener = Listener()
    await live.join(listener, at=3)
    assert listener.seqs == list(range(4, 91))
    assert live.room.backfill.queries == 1


async def test_terminal_catches_up_in_lines(make: Make) -> None:
    live = make(entries(1, 3))
    terminal = Listener("8", terminal=True)
    seat = await live.join(terminal, at=1)
    assert terminal.lines == ["bob: m2", "bob: m3"]
    assert seat.live


async def test_joiner_during_a_flush_gets_each_event_once(make: Make) -> None:
    live = make(entries(1, 5))
    first = Listener("1")
    joiner = Listener("2")
    await live.join(first)
    joining: list[asyncio.Task[Seat]] = []

    def join() -> None:
        first.pushed = lambda: None
        joining.append(asyncio.create_task(live.join(joiner, at=4)))

    first.pushed = join
    live.hear(entry(6))
    await turns()
    live.hear(entry(7))
    await joining[0]
    await live.room.fanout.settled()
    assert first.seqs == [6, 7]
    assert joiner.seqs == [5, 6, 7]


async def test_events_that_come_while_one_catches_up_are_sent_once_in_order(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listener = Listener()
    joining = asyncio.create_task(live.join(listener, at=0))
    await turns()
    for seq in range(91, 96):
        live.hear(entry(seq))
        await turns()
    live.log.open.set()
    seat = await joining
    assert seat.live
    live.hear(entry(96))
    await live.room.fanout.settled()
    assert listener.seqs == list(range(1, 97))


async def test_two_catch_ups_of_one_seat_send_everything_once(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listener = Listener()
    seat = live.sit(listener, at=0)
    both = [asyncio.create_task(live.room.catch_up(seat)) for _ in range(2)]
    await turns()
    live.log.open.set()
    await asyncio.gather(*both)
    assert (listener.seqs, listener.slow) == (list(range(1, 91)), 0)


async def test_event_that_comes_with_the_last_of_what_was_missed_is_sent_once(make: Make) -> None:
    """Nothing may come between the last look at what is sent and being live."""
    live = make(entries(1, 6))
    listener = Listener()

    def hear() -> None:
        if listener.seqs[-1] == 6:
            listener.pushed = lambda: None
            live.hear(entry(7))

    listener.pushed = hear
    await live.join(listener, at=0)
    await live.room.fanout.settled()
    live.hear(entry(8))
    await live.room.fanout.settled()
    assert listener.seqs == list(range(1, 9))


async def test_who_leaves_while_catching_up_is_not_made_live(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listener = Listener()
    seat = live.sit(listener, at=0)
    catching = asyncio.create_task(live.room.catch_up(seat))
    await turns()
    live.room.rise(seat)
    live.log.open.set()
    await catching
    assert not seat.live
    assert not live.room.fanout.live
    live.hear(entry(91))
    await live.room.fanout.settled()
    assert 91 not in listener.seqs


async def test_a_thousand_resumes_at_once_are_one_query(make: Make) -> None:
    live = make(entries(1, 90))
    live.log.open.clear()
    listeners = [Listener(str(number)) for number in range(1000)]
    joins = [
        asyncio.create_task(live.join(listener, at=number % 50))
        for number, listener in enumerate(listeners)
    ]
    await turns()
    live.log.open.set()
    await asyncio.gather(*joins)
    assert all(listener.seqs[-1] == 90 for listener in listeners)
    assert len(live.log.reads) == 1


async def test_hint_is_sent_to_those_who_are_live(make: Make) -> None:
    live = make(entries(1, 5))
    there, not_yet = Listener("1"), Listener("2")
    await live.join(there)
    live.sit(not_yet, at=0)
    live.room.hint(Hint(PING))
    await live.room.fanout.settled()
    assert (len(there.messages), len(not_yet.messages)) == (1, 0)


async def test_who_leaves_while_its_past_is_read_is_sent_nothing_of_it(make: Make) -> None:
    live = make(entries(1, 500))
    listener = Listener()
    seat = live.sit(listener, at=0)
    catching_up = asyncio.create_task(live.room.catch_up(seat))
    await asyncio.sleep(0)
    live.room.rise(seat)
    await catching_up
    assert listener.seqs == []


# Changes of messages


async def test_resume_is_shown_a_message_as_it_now_is(make: Make) -> None:
    live = make(entries(1, 3))
    live.hear(edit(4, 2, "new"), delete(5, 3))
    await live.room.fanout.settled()
    listener = Listener()
    await live.join(listener, at=0)
    shown = "".join(message["text"] for message in listener.messages)
    assert listener.seqs == [1, 2, 3, 4, 5]
    assert "m2" not in shown
    assert "m3" not in shown


async def test_resume_from_the_log_is_shown_no_text_that_was_deleted_since(make: Make) -> None:
    """Neither from the page of the message nor from that of its edit."""
    log = [entry(1, "secret"), *entries(2, 300), edit(301, 1, "secret"), *entries(302, 600)]
    live = make(log, Config(resume_limit=1000, tail=16))
    await live.join(Listener(), at=0)
    # What the database answers after the deletion: it keeps no text of a deleted message.
    live.log.entries[0] = entry(1, " ")
    live.log.entries[300] = edit(301, 1, " ")
    live.hear(delete(601, 1))
    await live.room.fanout.settled()
    listener = Listener()
    await live.join(listener, at=0)
    assert listener.seqs == list(range(1, 602))
    assert not [e for frame in listener.frames for e in frame if "secret" in str(e)]
