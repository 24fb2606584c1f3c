"""The commands that act, with people connected, and what can be wrong with them."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from chat.models import Act, Connection, Node
from tests.hub.clients import OPEN_SITE, Connect, off_loop, sign_up
from tests.management.conftest import Call

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("main")]


@pytest.fixture
def _open_site(settings: Settings) -> None:
    settings.CHAT = OPEN_SITE


def command(name: str, *arguments: str) -> str:
    stdout = io.StringIO()
    call_command(name, *arguments, stdout=stdout)
    return stdout.getvalue()


async def registered(count: int) -> None:
    """Wait until so many sessions are in the database."""

    def look() -> bool:
        return Connection.objects.count() == count

    while not await off_loop(look):
        pass


@pytest.mark.usefixtures("_open_site")
async def test_announcement_is_seen_by_all_or_by_a_room(connect: Connect) -> None:
    one, two = await connect(), await connect()
    await one.join()
    await two.join("kitchen")
    await registered(2)
    with pytest.raises(CommandError, match="--yes"):
        await off_loop(command, "chat_announce", "hello")
    printed = await off_loop(command, "chat_announce", "soon", "--level", "warning", "--yes")
    assert printed == "Told sessions: 2\n"
    for client in (one, two):
        assert (await client.event("notice"))["level"] == "warning"
    await off_loop(command, "chat_announce", "dinner", "--room", "kitchen")
    assert (await two.event("notice"))["text"] == "dinner"
    logged = ["chat_announce", "stay", "--logged", "--room", "kitchen", "--id", "x"]
    assert await off_loop(command, *logged) == "Said in rooms: 1\n"
    assert await off_loop(command, *logged) == "Said in rooms: 0\n"
    assert (await two.event("message"))["text"] == "stay"
    assert not [event for event in one.events if event.get("text") in ("dinner", "stay")]


@pytest.mark.usefixtures("_open_site")
async def test_disconnected_are_those_who_were_meant(connect: Connect) -> None:
    account = await sign_up("anna")
    anna = await connect(cookies=account.cookies)
    others = [await connect(address="198.51.100.7"), await connect(address="198.51.100.8")]
    stays = await connect()
    await registered(4)
    assert await off_loop(command, "chat_disconnect", "anna") == "Disconnected sessions: 1\n"
    assert await anna.closed() == 4503
    with pytest.raises(CommandError, match="disconnect 2 sessions"):
        await off_loop(command, "chat_disconnect", "198.51.100.0/24")
    await off_loop(command, "chat_disconnect", "198.51.100.0/24", "--yes")
    for other in others:
        assert await other.closed() == 4503
    await stays.answered()


@pytest.mark.usefixtures("_open_site")
async def test_banned_guest_is_out_at_once(connect: Connect) -> None:
    guest = await connect()
    number = guest.events[0]["sender"]["id"]
    await off_loop(command, "chat_ban", f"guest:{number}", "--until", "1h")
    assert await guest.closed() == 4503


def test_session_of_a_process_that_hangs_is_disconnected_when_that_goes_on(call: Call) -> None:
    node = Node.objects.create(name="hangs", figures_at=timezone.now() - timedelta(minutes=5))
    row = Connection.objects.create(node=node, session="s1", sender_key="u:7", rooms=["main"])
    assert call("chat_disconnect", "--room", "main") == "Disconnected sessions: 1\n"
    row.refresh_from_db()
    assert row.close_with == 4503


# What can be wrong


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chat_announce", " ", "--yes"], "empty"),
        (["chat_announce", "x" * 4001, "--yes"], "4001 characters; at most 4000"),
        (["chat_announce", "x", "--id", "y", "--yes"], "needs --logged"),
        (["chat_disconnect", "--session", "nobody"], "No session"),
        (["chat_disconnect", "--room", "nowhere"], "no room"),
        (["chat_new_epoch", "nowhere"], "no room"),
        (["chat_prune", "nowhere"], "no room"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_done(
    call: Call, arguments: list[str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        call(*arguments)
    assert not Act.objects.exists()


def test_reason_of_an_announcement_is_in_the_record(call: Call) -> None:
    call("chat_announce", "hello", "--reason", "a test", "--yes")
    call("chat_announce", "hello", "--reason", "a test", "--logged", "--room", "main")
    found = Act.objects.order_by("pk").values_list("kind", "room", "reason")
    assert list(found) == [("announce", "", "a test"), ("announce", "main", "a test")]


def test_notice_that_would_reach_nobody_is_refused(call: Call) -> None:
    assert call("chat_announce", "hello", "--yes") == "Told sessions: 0\n"
    Node.objects.create(name="elsewhere")
    with pytest.raises(CommandError, match=r"would reach nobody.*--logged"):
        call("chat_announce", "hello", "--yes")
    assert call("chat_announce", "hello", "--yes", "--logged") == "Said in rooms: 1\n"
