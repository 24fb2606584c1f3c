"""Announcements from the admin: to everybody, to rooms, as notices and as messages."""

import re
import secrets
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from chat.models import Act, Connection, Message, Node, Room
from tests.admin.conftest import Admit, Fill, admit_staff, shown
from tests.admin.test_acting import EVERYBODY, LIST, WORDS, acts, choose, page
from tests.hub.clients import Connect, ConnectTerminal, off_loop


@pytest.fixture
def people(db: None) -> None:
    """Three sessions, of which two are in the kitchen."""
    node = Node.objects.create(name="here")
    for number, rooms in enumerate((["kitchen"], ["kitchen", "main"], [])):
        Connection.objects.create(node=node, session=str(number), rooms=rooms)


@pytest.mark.usefixtures("people")
def test_announcement_to_everybody_is_asked_about_confirmed_and_made(
    admit: Admit, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff = admit("view_room", "announce")
    assert f'href="{EVERYBODY}"' in staff.get(LIST).content.decode()
    both = admit("view_room", "add_room", "announce", name="both").get(LIST).content.decode()
    (tools,) = re.findall(r'<ul class="object-tools">(.*?)</ul>', both, re.DOTALL)
    assert EVERYBODY in tools
    assert f"{LIST}add/" in tools  # side by side: a second list would cover the first
    assert "Announce to everybody" in shown(staff.get(EVERYBODY))
    asked = staff.post(EVERYBODY, WORDS | {"asked": "yes", "text": "<b>now</b>\nor never"})
    assert "This is shown to 3 sessions that are connected now." in shown(asked)
    assert "&lt;b&gt;now&lt;/b&gt;<br>or never" in asked.content.decode()
    assert acts() == []
    answer = staff.post(EVERYBODY, WORDS | {"confirmed": "yes"}, follow=True)
    assert "The announcement was made." in shown(answer)
    assert acts() == [("announce", "", "admin")]
    assert Act.objects.get().detail == "We close at six"
    assert LogEntry.objects.get().get_change_message() == "Announced to everybody."


@pytest.mark.usefixtures("people")
def test_announcement_as_a_message_is_made_once_however_often_it_is_sent(
    boss: Client, fill: Fill
) -> None:
    for slug in ("kitchen", "garden"):
        fill(slug, "hello")
    Room.objects.create(slug="attic", archived=True)
    words = WORDS | {"logged": "yes"}
    asked = boss.post(EVERYBODY, words | {"asked": "yes"})
    assert "This becomes a message in 2 rooms." in shown(asked)
    for _ in range(2):
        boss.post(EVERYBODY, words | {"confirmed": "yes"})
    found = Message.objects.filter(text="We close at six").order_by("room__slug")
    assert [message.room.slug for message in found] == ["garden", "kitchen"]


@pytest.mark.usefixtures("people")
def test_announcement_to_chosen_rooms_reaches_only_them(boss: Client, fill: Fill) -> None:
    kitchen, garden, _ = (fill(slug, "hello")[0].room for slug in ("kitchen", "garden", "main"))
    first = choose(boss, "announce", kitchen, garden)
    assert "Announce to “garden”, “kitchen”" in shown(first)
    for room in (kitchen, garden):
        assert f'name="_selected_action" value="{room.pk}"' in first.content.decode()
    assert not first.context["form"].errors
    asked = choose(boss, "announce", kitchen, garden, asked="yes", **WORDS)
    assert "This is shown to 2 sessions" in shown(asked)
    words = WORDS | {"logged": "yes"}
    choose(boss, "announce", kitchen, garden, confirmed="yes", **words)
    assert acts() == [("announce", "garden", "admin"), ("announce", "kitchen", "admin")]
    assert Message.objects.filter(text="We close at six").count() == 2
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(("count", "rest"), [(5, ""), (6, " and 1 more"), (9, " and 4 more")])
def test_announcement_to_many_rooms_names_the_first_and_counts_the_others(
    boss: Client, count: int, rest: str
) -> None:
    rooms = [Room.objects.create(slug=f"room-{number}") for number in range(count)]
    title = choose(boss, "announce", *rooms).context["title"]
    names = ", ".join(f"“{room}”" for room in sorted(rooms, key=str)[:5])
    assert title == f"Announce to {names}{rest}"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("logged", [False, True])
def test_announcement_to_all_rooms_of_the_list_is_made_however_many(
    boss: Client, logged: bool
) -> None:
    slugs = [f"room-{number}" for number in range(1100)]
    Room.objects.bulk_create(Room(slug=slug) for slug in [*slugs, "kitchen"])
    words = WORDS | {"logged": "yes" if logged else ""}
    # What "select all 1100 rooms" sends besides the rows of the page.
    form: dict[str, Any] = {"action": "announce", "select_across": "1"}
    form["_selected_action"] = list(Room.objects.values_list("pk", flat=True)[:50])
    Connection.objects.filter(session="2").update(rooms=["main", "room-1099", "room-7"])
    address = f"{LIST}?q=room-"
    asked: Any = boss.post(address, form | words | {"asked": "yes"})
    says = "becomes a message in 1100 rooms" if logged else "shown to 1 session "
    assert says in shown(asked)
    sent = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', asked.content.decode())
    assert len(sent) < 20
    assert ("select_across", "1") in sent
    boss.post(address, dict(sent))
    assert Act.objects.count() == 1100


@pytest.mark.usefixtures("people")
def test_all_rooms_of_a_short_list_are_those_that_were_shown(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    form = {"action": "clear_history", "select_across": "1", "_selected_action": [room.pk]}
    page = boss.post(LIST, form).content.decode()
    assert "select_across" not in page
    assert f'name="_selected_action" value="{room.pk}"' in page


@pytest.mark.parametrize(
    "words", [{"text": ""}, {"text": "x" * 2001}, {"level": "loud"}, {"id": "x"}]
)
def test_announcement_that_cannot_be_made_is_refused(
    boss: Client, db: None, words: dict[str, str]
) -> None:
    answer = boss.post(EVERYBODY, WORDS | words | {"confirmed": "yes"})
    assert answer.context["form"].errors
    assert acts() == []


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("logged", ["", "yes"])
def test_reason_of_an_announcement_is_in_the_record_and_nowhere_else(
    boss: Client, fill: Fill, logged: str
) -> None:
    (message,) = fill("kitchen", "hello")
    words = WORDS | {"logged": logged, "reason": "the boiler is <b>broken</b>"}
    for address in (EVERYBODY, page(message.room, "announce")):
        asked = boss.post(address, words | {"asked": "yes"})
        hidden = 'name="reason" value="the boiler is &lt;b&gt;broken&lt;/b&gt;"'
        assert hidden in asked.content.decode()  # as it is when that is confirmed
        boss.post(address, words | {"confirmed": "yes", "id": secrets.token_hex(16)})
    found = Act.objects.order_by("pk").values_list("room", "reason")
    assert list(found) == [("", words["reason"]), ("kitchen", words["reason"])]
    assert not Message.objects.filter(text__contains="boiler").exists()
    assert "boiler" not in " ".join(Act.objects.values_list("detail", flat=True))


def test_announcement_whose_reason_is_too_long_is_asked_about_again(boss: Client) -> None:
    answer = boss.post(EVERYBODY, WORDS | {"reason": "x" * 501, "confirmed": "yes"})
    assert list(answer.context["form"].errors) == ["reason"]
    assert acts() == []


@pytest.mark.usefixtures("told_only")
async def test_announcement_is_seen_at_once(
    connect: Connect, connect_terminal: ConnectTerminal
) -> None:
    client, terminal = await connect(), await connect_terminal()
    await client.join("kitchen")

    def announce() -> None:
        boss = admit_staff("boss", superuser=True)
        boss.post(EVERYBODY, WORDS | {"confirmed": "yes"})
        room = Room.objects.get(slug="kitchen")
        boss.post(page(room, "announce"), WORDS | {"confirmed": "yes", "text": "Dinner"})

    await off_loop(announce)
    assert (await client.event("notice", text="We close at six"))["level"] == "warning"
    await client.event("notice", text="Dinner")
    await terminal.until("* We close at six")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(("logged", "warned"), [("", True), ("yes", False)])
def test_notice_that_other_processes_do_not_hear_of_is_said_to_be_one(
    boss: Client, logged: str, warned: bool
) -> None:
    answer = boss.post(EVERYBODY, WORDS | {"confirmed": "yes", "logged": logged}, follow=True)
    assert ("the processes share no channel layer" in shown(answer)) is warned
