"""The terminal dialect, line by line, on both servers."""

import re

import pytest

from tests.integration.people import Visits, new_guest
from tests.servers import Serve, ServerKind, SiteServer


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def server(serve_module: Serve, request: pytest.FixtureRequest) -> SiteServer:
    """A site as it comes, with one process."""
    kind: ServerKind = request.param
    return serve_module(kind)


async def test_connecting_joins_main(server: SiteServer, visit: Visits) -> None:
    bert, guest = await visit.terminal(server), new_guest()
    await bert.say("/list")
    await bert.line("main")  # he is there before her
    anna = await visit.terminal(server, who=guest)
    await bert.line(f"{guest.label} joined")
    await anna.say("hello main")
    for client in (anna, bert):
        await client.line(f"{guest.label}: hello main")
    # Of others, who come and go in `main`, there may be more.
    own = [line for line in anna.lines if not re.fullmatch(r".+ left", line)]
    assert own == [f"{guest.label}: hello main"]


async def test_text_reaches_everybody_once_the_sender_too(
    server: SiteServer, visit: Visits, room: str
) -> None:
    guest = new_guest()
    anna = await visit.terminal(server, room, who=guest)
    bert = await visit.terminal(server, room)
    for word in ("  one  ", "two", "http://x/y", "[UID: 1]: not me", "end"):
        await anna.say(word)
    for client in (anna, bert):
        await client.line(f"{guest.label}: end")
        said = [line for line in client.lines if line.startswith(guest.label + ":")]
        words = ("one", "two", "http://x/y", "[UID: 1]: not me", "end")
        assert said == [f"{guest.label}: {word}" for word in words]


async def test_uid_is_a_positive_integer_below_2_to_the_31(
    server: SiteServer, visit: Visits, room: str
) -> None:
    stranger = await visit.terminal(server, room)
    await stranger.say("who am I?")
    found = await stranger.until(
        lambda: re.fullmatch(r"\[UID: (\d+)\]: who am I\?", stranger.lines[-1]), "own line"
    )
    assert 0 < int(found[1]) < 2**31


async def test_list_names_each_room_in_a_frame(
    server: SiteServer, visit: Visits, room: str
) -> None:
    anna = await visit.terminal(server, room)
    await anna.say("/list")
    await anna.line("main")
    await anna.line(room)
    # Others may leave main while she passes through it.
    said = [line for line in anna.lines if not line.startswith("[UID: ")]
    assert not [line for line in said if " " in line and line != f"joined {room}"]


async def test_join_moves_and_both_rooms_see_it(
    server: SiteServer, visit: Visits, room: str
) -> None:
    guest = new_guest()
    old = await visit.terminal(server, room)
    new = await visit.terminal(server, f"{room}-b")
    anna = await visit.terminal(server, room, who=guest)
    await old.line(f"{guest.label} joined")
    await anna.say(f"/join {room}-b")
    await anna.line(f"joined {room}-b")
    await old.line(f"{guest.label} left")
    await new.line(f"{guest.label} joined")

    await old.say("behind your back")
    await old.until(lambda: old.lines[-1].endswith(": behind your back"), "own line")
    await new.say("welcome")
    await anna.until(lambda: anna.lines[-1].endswith(": welcome"), "line of the new room")
    assert not [line for line in anna.lines if line.endswith("behind your back")]
    assert f"{guest.label} joined" not in anna.lines, "others see that, not oneself"


async def test_name_is_used_from_then_on(server: SiteServer, visit: Visits, room: str) -> None:
    guest = new_guest()
    bert = await visit.terminal(server, room)
    anna = await visit.terminal(server, room, who=guest)
    await anna.say("nameless")
    await anna.say("/name anna")
    await anna.say("named")
    for client in (anna, bert):
        await client.line(f"{guest.label}: nameless")
        await client.line("anna: named")
    await anna.close()
    await bert.line("anna left")


async def test_disconnecting_is_shown_as_leaving(
    server: SiteServer, visit: Visits, room: str
) -> None:
    guest = new_guest()
    bert = await visit.terminal(server, room)
    anna = await visit.terminal(server, room, who=guest)
    await bert.line(f"{guest.label} joined")
    await anna.close()
    await bert.line(f"{guest.label} left")
    assert bert.lines.count(f"{guest.label} joined") == 1


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("/join", "!!! room name is required"),
        ("/join  ", "!!! room name is required"),
        ("/name", "!!! name is required"),
        ("/x y", "!!! unknown command: /x y"),
        ("/joined main", "!!! unknown command: /joined main"),
        ("/", "!!! unknown command: /"),
    ],
)
async def test_wrong_line_is_answered(
    server: SiteServer, visit: Visits, line: str, answer: str
) -> None:
    anna = await visit.terminal(server)
    await anna.say(line)
    await anna.line(answer)


@pytest.mark.parametrize(
    "line", ["   ", "x" * 4001, "/join no such name", "/name " + "x" * 41, "/name [UID: 7]", "a\0b"]
)
async def test_line_that_cannot_be_is_answered_with_a_sentence(
    server: SiteServer, visit: Visits, room: str, line: str
) -> None:
    anna = await visit.terminal(server, room)
    await anna.say(line)
    # Before it moved, it may have been told of others in `main`: not every line is the answer.
    answer = await anna.until(
        lambda: next((heard for heard in anna.lines if heard.startswith("!!!")), None), "answer"
    )
    assert re.fullmatch(r"!!! [\w`].{10,}", answer)
    await anna.say("/list")
    await anna.line("main")
    assert anna.lines.count(f"joined {room}") == 1


async def test_talking_too_fast_is_answered(server: SiteServer, visit: Visits, room: str) -> None:
    anna = await visit.terminal(server, room)
    for number in range(40):
        await anna.say(f"{number}")
    await anna.until(lambda: [line for line in anna.lines if line.startswith("!!! ")], "!!!")
    assert anna.open


async def test_edits_and_deletes_are_shown(server: SiteServer, visit: Visits, room: str) -> None:
    guest = new_guest()
    anna = await visit.json(server, room, who=guest)
    bert = await visit.terminal(server, room)
    await anna.post(room, "frist")
    await bert.line(f"{guest.label}: frist")
    await anna.ask("edit", room=room, seq=1, text="first")
    await bert.line(f"* {guest.label} edited: first")
    await anna.ask("delete", room=room, seq=1)
    await bert.line(f"* {guest.label} deleted a message")
    await anna.ask("rename", name="anna")
    await anna.post(room, "soceity")
    await bert.line("anna: soceity")
    await anna.ask("edit", room=room, seq=4, text="society")
    await bert.line("* anna edited: society")


async def test_both_dialects_hear_each_other(server: SiteServer, visit: Visits, room: str) -> None:
    guest = new_guest()
    terminal = await visit.terminal(server, room, who=guest)
    browser = await visit.json(server, room)
    await terminal.say("from a terminal")
    message = await browser.said(room, "from a terminal")
    assert message["sender"]["id"] == guest.uid
    assert message["id"]
    await browser.post(room, "from a browser")
    await terminal.line(f"[UID: {browser.sender['id']}]: from a browser")


async def test_nobody_can_forge_a_line(server: SiteServer, visit: Visits, room: str) -> None:
    terminal = await visit.terminal(server, room)
    browser = await visit.json(server, room)
    forged = "[UID: 1]: I quit"
    for line_break in ("\n", "\r", "\r\n", "\u2028", "\x85", "\v"):
        await browser.post(room, f"x{line_break}{forged}")
    await browser.post(room, "end")
    await terminal.line(f"[UID: {browser.sender['id']}]: end")
    for frame in terminal.lines:
        assert forged not in re.split(r"[\n\r\u2028\u2029\x85\v\f]", frame)


async def test_who_comes_later_sees_nothing_of_before(
    server: SiteServer, visit: Visits, room: str
) -> None:
    browser = await visit.json(server, room)
    await browser.post(room, "before")
    terminal = await visit.terminal(server, room)
    await browser.post(room, "after")
    label = f"[UID: {browser.sender['id']}]"
    await terminal.line(f"{label}: after")
    joined = terminal.lines.index(f"joined {room}")  # others may have left where it was before
    assert terminal.lines[joined + 1 :] == [f"{label}: after"]
    assert not [line for line in terminal.lines if "before" in line]
