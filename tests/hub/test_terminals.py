"""Sessions that speak lines."""

from pytest_django import Settings

from chat.hub import hub as hubs
from chat.models import Message, Room
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Connect, Connection, ConnectTerminal, off_loop, sign_up


async def test_terminal_says_and_hears_lines(connect_terminal: ConnectTerminal) -> None:
    ann, bob = await connect_terminal(), await connect_terminal()
    await ann.say("hello")
    line = ""
    while not line.endswith("hello"):
        line = await bob.line()
    assert line.startswith("[UID: ")
    await ann.until(line)


async def test_terminal_moves_from_room_to_room(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    listener = await connect()
    await listener.join("kitchen")
    terminal = await connect_terminal()
    await terminal.say("/join kitchen")
    await terminal.until("joined kitchen")
    await terminal.say("smells good")
    assert (await listener.event("message"))["text"] == "smells good"
    (hub,) = hubs.running()
    (session,) = (found for found in hub.sessions if found.terminal)
    assert list(session.seats) == ["kitchen"]


async def test_terminal_line_right_after_a_join_is_said_in_the_new_room(
    connect_terminal: ConnectTerminal,
) -> None:
    """As when lines are piped in: nobody waits for ``joined kitchen`` then."""
    await off_loop(Room.objects.create, slug="kitchen")
    terminal = await connect_terminal()
    await terminal.say("/join kitchen")
    await terminal.say("smells good")
    await terminal.until("joined kitchen")
    (hub,) = hubs.running()
    await terminal.say("/list")
    await terminal.until("kitchen")
    await hub.writer.settled()
    (message,) = await off_loop(lambda: list(Message.objects.select_related("room")))
    assert (message.text, message.room.slug) == ("smells good", "kitchen")


async def test_terminal_first_line_is_said_in_main(
    connections: list[Connection], connect: Connect
) -> None:
    listener = await connect()
    await listener.join()
    terminal = Connection()
    connections.append(terminal)
    await terminal.open()
    await terminal.send_text("hello")
    assert (await listener.event("message"))["text"] == "hello"
    assert (await terminal.receive()).endswith("hello")


async def test_terminal_lists_rooms_and_is_told_what_went_wrong(
    connect_terminal: ConnectTerminal,
) -> None:
    terminal = await connect_terminal()
    for line, answer in (
        ("/join", "!!! room name is required"),
        ("/name", "!!! name is required"),
        ("/x y", "!!! unknown command: /x y"),
        (" ", "!!! the message is empty"),
        ("/name Guest 7", "!!! that name looks like one the chat gives: choose another"),
        ("/list", "main"),
    ):
        await terminal.say(line)
        await terminal.until(answer)


async def test_named_terminal_speaks_under_its_name(connect_terminal: ConnectTerminal) -> None:
    bob, ann = await connect_terminal(), await connect_terminal()
    while not (await bob.line()).endswith("] joined"):
        pass
    await ann.say("/name ann")
    await ann.say("hello")
    await bob.until("ann: hello")
    (hub,) = hubs.running()
    await soon(lambda: not hub.presence.people._touched)
    await ann.say("/join kitchen")
    await bob.until("ann left")
    await ann.say("/join main")
    await bob.until("ann joined")


async def test_terminal_of_a_user_goes_by_number_until_it_is_named(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    account = await sign_up("ann")
    listener = await connect()
    await listener.join()
    terminal = await connect_terminal(cookies=account.cookies)
    await terminal.say("hello")
    await terminal.until(f"[UID: {account.user.pk}]: hello")
    await terminal.say("/name Annie")
    await terminal.say("hello")
    await terminal.until("Annie: hello")
    senders = [(await listener.event("message"))["sender"]["id"] for _ in range(2)]
    assert senders == [str(account.user.pk)] * 2


async def test_terminal_that_may_not_enter_main_is_told_so(
    connections: list[Connection],
) -> None:
    await off_loop(Room.objects.create, slug="main", guests=Room.Guests.NONE)
    terminal = Connection()
    connections.append(terminal)
    await terminal.open()
    assert await terminal.receive() == "!!! sign in to enter this room"


async def test_terminal_shows_who_changed_what(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    terminal, client = await connect_terminal(), await connect()
    await client.ask("rename", name="bob")
    await client.post("helo")
    await client.ask("edit", room="main", seq=1, text="hello\nthere")
    await client.ask("delete", room="main", seq=1)
    await terminal.until("bob: helo")
    assert await terminal.line() == "* bob edited: hello ⏎ there"
    assert await terminal.line() == "* bob deleted a message"


async def test_terminal_that_is_put_out_is_told_and_its_next_line_is_said_nowhere(
    connect_terminal: ConnectTerminal, connect: Connect
) -> None:
    listener, terminal = await connect(), await connect_terminal()
    await listener.join()
    board = await off_loop(Room.objects.create, slug="board")
    await terminal.say("/join board")
    await terminal.until("joined board")
    await off_loop(Room.objects.filter(pk=board.pk).update, kind=Room.Kind.PRIVATE)
    (hub,) = hubs.running()
    hub.heart.look()
    await terminal.until("!!! you are no longer in board: /join another room")
    await terminal.say("a secret")
    await terminal.until("!!! you are in no room: /join one first")
    await terminal.say("/join main")
    await terminal.until("joined main")
    await terminal.say("hello")
    assert (await listener.event("message"))["text"] == "hello"


async def test_terminal_moves_though_it_may_be_in_one_room_only(
    connect_terminal: ConnectTerminal, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOMS_PER_SESSION": 1}
    terminal = await connect_terminal()
    await terminal.say("/join kitchen")
    await terminal.until("joined kitchen")
