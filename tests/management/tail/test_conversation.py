"""A client's side of a room: what it sends and shows, whatever happens to the connection."""

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import UNSET

from chat.management.tail.conversation import Conversation, Ended, Remark, Shown
from chat.protocol import commands, events
from chat.protocol.events import Sender

ME = Sender("2000000000", "Guest 2000000000")
OTHER = Sender("7", "bob")


def welcome(sender: Sender = ME, frame: int = 65_536) -> events.Welcome:
    limits = events.Limits(text=4000, frame=frame, posts_per_second=10, window=8192)
    return events.Welcome(version=1, session="s", sender=sender, heartbeat=20, limits=limits)


def joined(head: int = 0, *, epoch: str = "e1", recovered: bool | None = None) -> events.Joined:
    return events.Joined(
        room="main",
        title="main",
        epoch=epoch,
        head=head,
        recovered=recovered,
        online=1,
        members=[ME],
    )


def message(seq: int, id: str = "", sender: Sender = OTHER) -> events.Message:
    return events.Message(
        room="main", seq=seq, id=id or f"i{seq}", sender=sender, text=f"m{seq}", at="T"
    )


def error(code: str, **fields: Any) -> events.Error:
    return events.Error(code=code, detail=code, **fields)


def hear(conversation: Conversation, *said: events.AnyEvent) -> list[Shown]:
    return [shown for event in said for shown in conversation.hear(event)]


def say(conversation: Conversation, *lines: str) -> list[Remark]:
    return [remark for line in lines for remark in conversation.say(line)]


def seqs(shown: Iterable[Shown]) -> list[int]:
    return [event.seq for event in shown if isinstance(event, events.Message)]


def posts(conversation: Conversation) -> list[commands.Post]:
    return [command for command in conversation.take() if isinstance(command, commands.Post)]


@pytest.fixture
def fresh() -> Conversation:
    """One that has asked to join, and not been answered."""
    conversation = Conversation("main", history=20)
    hear(conversation, welcome())
    return conversation


@pytest.fixture
def there(fresh: Conversation) -> Conversation:
    """One that is in the room, where one message was said before."""
    hear(fresh, joined(1), message(1))
    fresh.take()
    return fresh


# Where it is in the log


def test_first_join_asks_for_history(fresh: Conversation) -> None:
    (join,) = fresh.take()
    assert join == commands.Join(room="main", history=20, ref="join")


def test_guests_are_named_before_they_are_seen() -> None:
    conversation = Conversation("main", history=20, name="Anna")
    hear(conversation, welcome())
    rename, join = conversation.take()
    assert rename == commands.Rename(name="Anna", ref="rename")
    assert isinstance(join, commands.Join)


def test_each_connection_resumes_after_what_was_shown(there: Conversation) -> None:
    hear(there, message(2))
    there.lost()
    hear(there, welcome())
    (join,) = there.take()
    assert isinstance(join, commands.Join)
    assert join.after == commands.Position(epoch="e1", seq=2)


def test_pongs_say_what_was_shown(there: Conversation) -> None:
    hear(there, message(2), events.Ping())
    assert there.take() == [commands.Pong(seen={"main": 2})]


def test_nothing_is_shown_twice_and_nothing_is_left_out(there: Conversation) -> None:
    hear(there, message(2))
    there.lost()
    shown = hear(there, welcome(), joined(4, recovered=True), message(3), message(4))
    assert seqs(shown) == [3, 4]
    assert not any(isinstance(event, Remark) for event in shown)


def test_start_over_within_reach_repeats_nothing(there: Conversation) -> None:
    there.lost()
    shown = hear(there, welcome(), joined(2, recovered=False), message(1), message(2))
    assert seqs(shown) == [2]
    assert not any(isinstance(event, Remark) for event in shown)


def test_hole_is_never_silent(there: Conversation) -> None:
    there.lost()
    shown = hear(there, welcome(), joined(60, recovered=False), message(41), message(42))
    assert [event for event in shown if isinstance(event, Remark)] == [
        Remark("39 events before this one are not shown")
    ]
    assert seqs(shown) == [41, 42]


@pytest.mark.parametrize(("epoch", "head"), [("e2", 9), ("e1", 0)])
def test_another_history_is_shown_from_its_beginning(
    there: Conversation, epoch: str, head: int
) -> None:
    hear(there, message(2))
    shown = hear(there, joined(head, epoch=epoch, recovered=False), message(1), message(2))
    assert isinstance(shown[0], Remark)
    assert "another history" in shown[0].text
    assert seqs(shown) == [1, 2]


def test_room_without_history_begins_at_its_head() -> None:
    conversation = Conversation("main", history=0)
    shown = hear(conversation, welcome(), joined(9), message(10))
    assert seqs(shown) == [10]
    hear(conversation, events.Ping())
    assert conversation.take()[-1] == commands.Pong(seen={"main": 10})


# What is said


def test_lines_go_out_one_at_a_time_in_their_order(there: Conversation) -> None:
    say(there, "one", "two")
    (first,) = posts(there)
    assert first.text == "one"
    hear(there, events.Ack(room="main", seq=2, id=first.id))
    (second,) = posts(there)
    assert second.text == "two"
    hear(there, events.Ack(room="main", seq=3, id=second.id))
    assert not there.lines
    assert there.refused == 0


def test_line_that_was_not_acknowledged_goes_out_again_under_its_id(there: Conversation) -> None:
    say(there, "one")
    (before,) = posts(there)
    there.lost()
    say(there, "two")
    assert there.take() == []
    hear(there, welcome(), joined(1, recovered=True))
    assert posts(there) == [before]


def test_line_that_is_in_the_log_is_stored_though_its_ack_was_lost(there: Conversation) -> None:
    say(there, "one")
    (post,) = posts(there)
    hear(there, message(2, post.id, ME))
    assert not there.lines
    hear(there, events.Ack(room="main", seq=2, id=post.id))


def test_another_sender_under_the_same_id_is_not_oneself(there: Conversation) -> None:
    say(there, "one")
    (post,) = posts(there)
    hear(there, message(2, post.id, OTHER))
    assert len(there.lines) == 1


def test_line_of_whom_the_server_no_longer_knows_is_not_sent_again(there: Conversation) -> None:
    say(there, "one", "two")
    posts(there)
    there.lost()
    shown = hear(there, welcome(Sender("2000000001", "Guest")), joined(1, recovered=True))
    assert shown[0] == Remark("may not have arrived: one")
    assert [post.text for post in posts(there)] == ["two"]
    assert there.refused == 1


@pytest.mark.parametrize(("after", "wait"), [(0.5, 0.5), (UNSET, 2.0)])
def test_line_that_comes_too_fast_goes_out_again_later(
    there: Conversation, after: Any, wait: float
) -> None:
    say(there, "one")
    (post,) = posts(there)
    assert hear(there, error("rate_limited", id=post.id, retry_after=after)) == []
    say(there, "two")
    assert there.take() == []
    assert there.retry_after == wait
    there.go_on()
    assert posts(there) == [post]


def test_line_that_is_refused_makes_way_for_the_next(there: Conversation) -> None:
    say(there, "one", "two")
    (post,) = posts(there)
    refusal = error("forbidden", id=post.id)
    assert hear(there, refusal) == [refusal, Remark("not sent: one")]
    assert [post.text for post in posts(there)] == ["two"]
    assert there.refused == 1


def test_line_beyond_the_servers_frames_is_not_sent(fresh: Conversation) -> None:
    hear(fresh, welcome(frame=1024), joined())
    fresh.take()
    (remark,) = say(fresh, "ä" * 600)
    assert "too long" in remark.text
    assert (fresh.take(), fresh.refused) == ([], 1)


def test_blank_lines_are_nothing_and_nul_is_a_picture(there: Conversation) -> None:
    say(there, "", "  ", "a\0b")
    assert [post.text for post in posts(there)] == ["a␀b"]


# What is heard besides


def test_join_that_has_to_wait_is_made_again(fresh: Conversation) -> None:
    fresh.take()
    hear(fresh, error("unavailable", ref="join"))
    assert fresh.retry_after == 2.0
    fresh.go_on()
    (join,) = fresh.take()
    assert isinstance(join, commands.Join)


@pytest.mark.parametrize(
    "event",
    [
        error("unknown_room", ref="join"),
        error("bad_command", ref="rename"),
        events.Left(room="main"),
    ],
)
def test_conversation_ends_where_it_cannot_go_on(
    fresh: Conversation, event: events.AnyEvent
) -> None:
    with pytest.raises(Ended):
        hear(fresh, event)


def test_user_whose_session_the_server_does_not_know_says_nothing() -> None:
    conversation = Conversation("main", history=20, user="7")
    hear(conversation, welcome(OTHER))
    conversation.lost()
    with pytest.raises(Ended, match="SECRET_KEY"):
        hear(conversation, welcome(ME))


def test_others_who_come_and_go_are_shown_and_oneself_is_not(there: Conversation) -> None:
    def presence(*senders: Sender) -> events.Presence:
        return events.Presence(room="main", online=2, joined=list(senders), left=[])

    assert hear(there, presence(ME)) == []
    assert hear(there, presence(ME, OTHER)) == [presence(ME, OTHER)]
    hear(there, events.Renamed(sender=Sender(ME.id, "Anna")))
    assert hear(there, presence(Sender(ME.id, "Anna"))) == []


def test_notices_and_errors_are_shown(there: Conversation) -> None:
    notice = events.Notice(text="soon")
    assert hear(there, notice, error("bad_frame")) == [notice, error("bad_frame")]
