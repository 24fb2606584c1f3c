import contextlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.protocol import commands, events, terminal
from chat.protocol.errors import BadCommand, Problem, UnknownCommand
from chat.protocol.events import AnyEvent, Sender

GUEST = terminal.unnamed_guest("7")
USER = terminal.unnamed_user("8")
BOB = Sender("7", "bob")


def parse(line: str) -> commands.AnyCommand:
    """Return what ``line`` means in the room ``here``."""
    return terminal.parse(line, room="here", post_id="p")


def shown(event: AnyEvent, actor: Sender | None = None) -> list[str]:
    """Return the frames that show ``event``."""
    return list(terminal.lines(event, actor))


def said(text: str, sender: Sender = GUEST) -> events.Message:
    """Return the event of a message."""
    return events.Message(room="here", seq=1, id="p", sender=sender, text=text, at="T")


# What is typed


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("hello", commands.Post(room="here", text="hello", id="p")),
        ("  hello there \r\n", commands.Post(room="here", text="hello there", id="p")),
        ("a /list", commands.Post(room="here", text="a /list", id="p")),
        ("", commands.Post(room="here", text="", id="p")),
        ("/list", commands.Rooms()),
        ("  /list ", commands.Rooms()),
        ("/join kitchen", commands.Join(room="kitchen", history=0)),
        ("/join   kitchen  ", commands.Join(room="kitchen", history=0)),
        ("/name bob", commands.Rename(name="bob")),
        ("/name Bob the Builder", commands.Rename(name="Bob the Builder")),
    ],
)
def test_line_means_a_command(line: str, command: commands.AnyCommand) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    ("line", "kind", "answer"),
    [
        ("/join", BadCommand, "!!! room name is required"),
        ("/join  ", BadCommand, "!!! room name is required"),
        ("/name", BadCommand, "!!! name is required"),
        ("/foo", UnknownCommand, "!!! unknown command: /foo"),
        ("/x y", UnknownCommand, "!!! unknown command: /x y"),
        ("/", UnknownCommand, "!!! unknown command: /"),
        ("/JOIN a", UnknownCommand, "!!! unknown command: /JOIN a"),
        ("/join a b", BadCommand, "!!! a room's name is 1 to 64 letters, digits, - and _"),
        ("/join a/b", BadCommand, "!!! a room's name is 1 to 64 letters, digits, - and _"),
        ("/name " + "x" * 41, BadCommand, "!!! a name is 1 to 40 printable characters"),
        ("/name a\x1bb", BadCommand, "!!! a name is 1 to 40 printable characters"),
        ("a\0b", BadCommand, "!!! `text` must not contain the NUL character"),
    ],
)
def test_line_that_means_nothing_is_answered(line: str, kind: type[Problem], answer: str) -> None:
    with pytest.raises(kind) as caught:
        parse(line)
    assert terminal.complaint(caught.value) == answer


@given(st.text())
def test_any_line_is_a_command_or_a_problem(line: str) -> None:
    with contextlib.suppress(Problem):
        found = parse(line)
        assert isinstance(found, commands.Post | commands.Rooms | commands.Join | commands.Rename)


# What is shown


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (said("hi"), ["[UID: 7]: hi"]),
        (said("hi", USER), ["[UID: 8]: hi"]),
        (said("hi", BOB), ["bob: hi"]),
        (
            events.Message(room="a", seq=1, id="p", sender=BOB, text="", at="T", deleted=True),
            [],
        ),
        (
            events.Joined(
                room="a", title="A", epoch="e", head=0, recovered=None, online=1, members=[]
            ),
            ["joined a"],
        ),
        (
            events.Rooms(
                rooms=[
                    events.RoomLine(room="a", title="A", online=0),
                    events.RoomLine(room="b", title="B", online=1),
                ]
            ),
            ["a", "b"],
        ),
        (events.Rooms(rooms=[]), []),
        (events.Notice(text="soon\nover"), ["* soon ⏎ over"]),
        (events.Error(code="empty", detail="the message is empty"), ["!!! the message is empty"]),
        (events.Ack(room="a", seq=1, id="p", duplicate=False), []),
        (events.Ping(), []),
        (events.Typing(room="a", sender=BOB), []),
        (events.Presence(room="a", online=1, joined=[BOB], left=[]), []),
        (events.Renamed(sender=BOB), []),
        (events.Left(room="a"), []),
        (events.History(room="a", messages=[], more=False), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_event_is_shown_as_the_wire_says(event: AnyEvent, lines: list[str]) -> None:
    assert shown(event) == lines


def test_edit_is_shown_with_who_edited() -> None:
    event = events.Edited(room="a", seq=2, target=1, text="ho\nha", at="T")
    assert shown(event, GUEST) == ["* [UID: 7] edited: ho ⏎ ha"]
    assert shown(event, BOB) == ["* bob edited: ho ⏎ ha"]
    assert shown(event) == ["* someone edited: ho ⏎ ha"]


def test_delete_is_shown_with_who_deleted() -> None:
    event = events.Deleted(room="a", seq=2, target=1, at="T")
    assert shown(event, USER) == ["* [UID: 8] deleted a message"]
    assert shown(event) == ["* someone deleted a message"]


def test_coming_and_going_are_told_by_number_or_name() -> None:
    assert terminal.came(GUEST) == "[UID: 7] joined"
    assert terminal.went(GUEST) == "[UID: 7] left"
    assert terminal.came(BOB) == "bob joined"
    assert terminal.went(BOB) == "bob left"


BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize("line_break", [*BREAKS, "\r\n"], ids=ascii)
@pytest.mark.parametrize("text", ["a{}[UID: 9]: b", "{}[UID: 9]: b", "a{}", "{}", "a{0}{0}b"])
def test_text_of_many_lines_is_shown_in_one(line_break: str, text: str) -> None:
    (line,) = shown(said(text.format(line_break)))
    assert not set(line) & set(BREAKS)
    assert line.startswith("[UID: 7]: ")


@given(st.text(st.sampled_from("ab [" + BREAKS)))
def test_no_text_forges_a_second_line(text: str) -> None:
    for event in (
        said(text),
        events.Edited(room="a", seq=2, target=1, text=text, at="T"),
        events.Notice(text=text),
    ):
        (line,) = shown(event)
        assert not set(line) & set(BREAKS)


@given(st.text(st.characters(max_codepoint=0x200)))
def test_no_text_and_no_name_steers_the_terminal(text: str) -> None:
    (line,) = shown(said(text))
    for shown_text in (line, terminal.came(events.Sender("7", f"a{text}"))):
        assert all(c == "\t" or unicodedata.category(c) != "Cc" for c in shown_text)


def test_control_characters_are_shown_as_pictures() -> None:
    assert shown(said("a\x1b[2Jb\x08\x7f\x9b\tc\0")) == ["[UID: 7]: a␛[2Jb␈␡�\tc␀"]


# Numbers


@given(st.text())
def test_uid_of_any_id_is_positive_and_below_2_to_the_31(sender_id: str) -> None:
    assert 0 < terminal.uid(sender_id) < 2**31


@pytest.mark.parametrize("number", [1, 7, 2**30, 2**31 - 1])
def test_uid_of_a_number_is_that_number(number: int) -> None:
    assert terminal.uid(str(number)) == number


@pytest.mark.parametrize("sender_id", ["0", str(2**31), "-1", "٣", "System", ""])
def test_uid_of_anything_else_is_always_the_same_other_number(sender_id: str) -> None:
    assert terminal.uid(sender_id) == terminal.uid(sender_id) != 0
    assert str(terminal.uid(sender_id)) != sender_id
