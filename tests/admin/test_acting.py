"""What is done to rooms from the admin, besides changing their rows."""

import re
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from chat.admin import RoomAdmin
from chat.models import Act, Ban, Connection, Membership, Message, Node, Room
from tests.admin.conftest import Admit, Fill, admit_staff, shown
from tests.admin.test_rooms import FORM
from tests.hub.clients import Connect, ConnectTerminal, off_loop

LIST = "/admin/chat/room/"
EVERYBODY = f"{LIST}announce/"
WORDS = {"text": "We close at six", "level": "warning", "logged": "", "id": "0" * 32}
ACTS = ("announce", "clear_history", "begin_epoch")


def page(room: Room, act: str) -> str:
    address = {"clear_history": "clear-history", "begin_epoch": "new-epoch"}.get(act, act)
    return f"{LIST}{room.pk}/{address}/"


def choose(client: Client, action: str, *rooms: Room, **fields: str) -> Any:
    form = {"action": action, "_selected_action": [room.pk for room in rooms]}
    return client.post(LIST, form | fields, follow=True)


def acts() -> list[tuple[str, str, str]]:
    return list(Act.objects.order_by("pk").values_list("kind", "room", "via"))


@pytest.fixture
def people(db: None) -> None:
    """Three sessions, of which two are in the kitchen."""
    node = Node.objects.create(name="here")
    for number, rooms in enumerate((["kitchen"], ["kitchen", "main"], [])):
        Connection.objects.create(node=node, session=str(number), rooms=rooms)


# Announcing


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


# Clearing, and new epochs


def test_history_is_cleared_after_asking(boss: Client, fill: Fill) -> None:
    (message, *_) = fill("kitchen", "a", "b")
    fill("garden", "stays")
    room, epoch = message.room, message.room.epoch
    button = f'href="{page(room, "clear_history")}"'
    assert button in boss.get(f"{LIST}{room.pk}/change/").content.decode()
    text = shown(boss.get(page(room, "clear_history")))
    assert "All that was said in “kitchen” is deleted for good" in text
    assert "2 entries of the log go." in text
    assert Message.objects.count() == 3
    form = {"confirmed": "yes", "reason": "fresh start"}
    answer = boss.post(page(room, "clear_history"), form, follow=True)
    assert "The history was cleared." in shown(answer)
    assert [row.text for row in Message.objects.all()] == ["stays"]
    room.refresh_from_db()
    assert room.epoch != epoch
    assert acts() == [("clear", "kitchen", "admin")]
    assert Act.objects.get().reason == "fresh start"
    assert LogEntry.objects.get().get_change_message() == "Cleared the history."


def test_histories_of_chosen_rooms_are_cleared(boss: Client, fill: Fill) -> None:
    rooms = [fill(slug, "hello")[0].room for slug in ("kitchen", "garden", "main")]
    assert "“garden”, “kitchen”" in shown(choose(boss, "clear_history", *rooms[:2]))
    choose(boss, "clear_history", *rooms[:2], confirmed="yes", reason="")
    assert [message.room.slug for message in Message.objects.all()] == ["main"]


@pytest.mark.parametrize("by_list", [False, True])
def test_new_epoch_begins_after_asking(boss: Client, fill: Fill, by_list: bool) -> None:
    (message,) = fill("kitchen", "stays")
    room, epoch = message.room, message.room.epoch
    if by_list:
        assert "Begin a new epoch?" in shown(choose(boss, "begin_epoch", room))
        choose(boss, "begin_epoch", room, confirmed="yes")
    else:
        assert "Begin a new epoch?" in shown(boss.get(page(room, "begin_epoch")))
        boss.post(page(room, "begin_epoch"), {"confirmed": "yes"})
    room.refresh_from_db()
    assert room.epoch != epoch
    assert Message.objects.get().text == "stays"
    assert acts() == [("epoch", "kitchen", "admin")]


# Who may


@pytest.mark.parametrize("act", ACTS)
def test_forged_post_without_permission_is_refused(admit: Admit, fill: Fill, act: str) -> None:
    (message,) = fill("kitchen", "stays")
    lacks = "announce" if act != "announce" else "change_room"
    staff = admit("view_room", lacks)
    form = WORDS | {"confirmed": "yes", "reason": ""}
    assert staff.post(page(message.room, act), form).status_code == 403
    choose(staff, act, message.room, **form)
    assert (
        page(message.room, act)
        not in staff.get(f"{LIST}{message.room.pk}/change/").content.decode()
    )
    if act == "announce":
        assert staff.post(EVERYBODY, form).status_code == 403
        assert EVERYBODY not in staff.get(LIST).content.decode()
    message.room.refresh_from_db()
    assert (acts(), message.room.pruned) == ([], 0)
    assert Client().post(page(message.room, act), form).status_code == 302


@pytest.mark.parametrize("act", ACTS)
def test_action_checks_for_itself(rf: RequestFactory, fill: Fill, act: str) -> None:
    fill("kitchen", "stays")
    request = rf.post(LIST, WORDS | {"confirmed": "yes"})
    request.user = User.objects.create_user("staff", is_staff=True)
    with pytest.raises(PermissionDenied):
        getattr(RoomAdmin(Room, site), act)(request, Room.objects.all())
    assert acts() == []


@pytest.mark.parametrize("act", ACTS)
def test_room_that_is_hidden_or_not_there_is_not_found(admit: Admit, fill: Fill, act: str) -> None:
    (message,) = fill("board", "confidential", kind="private")
    staff = admit("view_room", "announce")
    assert staff.get(page(message.room, act)).status_code == 404
    assert staff.get(f"{LIST}999/{act}/").status_code in (302, 404)
    choose(staff, act, message.room, confirmed="yes", **WORDS)
    assert acts() == []


@pytest.mark.parametrize("address", ["{}announce/", "{}1/clear-history/", "{}1/new-epoch/"])
def test_pages_that_ask_have_neither_script_nor_style_of_their_own(
    boss: Client, db: None, address: str
) -> None:
    Room.objects.create(pk=1, slug="kitchen")
    content = boss.get(address.format(LIST)).content.decode()
    assert not re.search(r"<script>|<style|onclick| style=", content.partition('id="main"')[2])


# Changes of the row are in the record


def test_changes_of_rooms_and_members_are_recorded(boss: Client) -> None:
    anna = User.objects.create_user("anna")
    made = FORM | {"slug": "kitchen", "memberships-TOTAL_FORMS": "1"}
    made |= {"memberships-0-user": str(anna.pk), "memberships-0-role": "owner"}
    boss.post(f"{LIST}add/", made)
    room = Room.objects.get()
    member = Membership.objects.get()
    changed = FORM | {"title": "The Kitchen", "locked": "on", "retention_days": "30"}
    changed |= {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}
    changed |= {"memberships-0-id": str(member.pk), "memberships-0-role": "member"}
    boss.post(f"{LIST}{room.pk}/change/", changed)
    boss.post(f"{LIST}{room.pk}/change/", changed)  # nothing new
    boss.post(f"{LIST}{room.pk}/change/", changed | {"memberships-0-DELETE": "on"})
    boss.post(f"{LIST}{room.pk}/delete/", {"post": "yes"})
    room_acts = Act.objects.order_by("pk").values_list("kind", "room", "target_name", "detail")
    assert list(room_acts) == [
        ("room", "kitchen", "", "made"),
        ("member", "kitchen", "anna", "now owner"),
        ("room", "kitchen", "", "title=The Kitchen, locked=yes, retention_days=30"),
        ("member", "kitchen", "anna", "now member"),
        ("member", "kitchen", "anna", "no longer a member"),
        ("room", "kitchen", "", "deleted"),
    ]
    assert set(Act.objects.values_list("via", "actor_name")) == {("admin", "boss")}


def test_record_says_what_a_setting_is_now(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen", guests="read", max_length=9)
    title = "x" * 200
    changes: list[dict[str, str]] = [{"max_length": "9", "guests": "read", "locked": "on"}]
    changes += [{"title": title, "slow_mode": "5"}, {"title": title, "kind": "private"}]
    for fields in changes:
        boss.post(f"{LIST}{room.pk}/change/", FORM | fields)
    assert list(Act.objects.order_by("pk").values_list("detail", flat=True)) == [
        "locked=yes",
        f"title={title}, guests=, slow_mode=5, max_length=, locked=no",
        "kind=private, slow_mode=0",
    ]


def test_record_has_the_reason_of_every_change(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    anna = User.objects.create_user("anna")
    own = f"{LIST}{room.pk}/change/"
    boss.post(f"{LIST}add/", FORM | {"slug": "garden", "reason": "spring"})
    boss.post(own, FORM | {"archived": "on", "reason": "closed"})
    boss.post(own, FORM | {"archived": "on", "reason": "nothing is done, so nothing is recorded"})
    joins = {"memberships-2-TOTAL_FORMS": "1", "memberships-2-0-user": str(anna.pk)}
    joins |= {"memberships-2-0-role": "member"}
    boss.post(own, FORM | joins | {"archived": "on", "reason": "hired"})
    hers = f"/admin/chat/membership/{Membership.objects.get().pk}/"
    boss.post(f"{hers}change/", {"role": "owner", "reason": "promoted"})
    boss.post(f"{hers}change/", {"role": "owner", "reason": "again"})
    boss.post(f"{hers}delete/", {"post": "yes", "reason": " retired\0 "})
    member = Membership.objects.create(room=room, user=anna)
    chosen = {"action": "delete_selected", "_selected_action": [member.pk], "post": "yes"}
    boss.post("/admin/chat/membership/", chosen | {"reason": "retired again"})
    boss.post(page(room, "begin_epoch"), {"confirmed": "yes", "reason": "restored"})
    assert list(Act.objects.order_by("pk").values_list("detail", "reason")) == [
        ("made", "spring"),
        ("archived=yes", "closed"),
        ("now member", "hired"),
        ("now owner", "promoted"),
        ("no longer a member", "retired"),
        ("no longer a member", "retired again"),
        ("", "restored"),
    ]


def test_record_has_the_reason_for_which_a_room_is_deleted(boss: Client) -> None:
    for slug in ("garden", "kitchen"):
        room = Room.objects.create(slug=slug)
    boss.post(f"{LIST}{room.pk}/delete/", {"post": "yes", "reason": "closed"})
    choose(boss, "delete_selected", Room.objects.get(), post="yes", reason="winter")
    found = Act.objects.order_by("pk").values_list("room", "detail", "reason")
    assert list(found) == [("kitchen", "deleted", "closed"), ("garden", "deleted", "winter")]


@pytest.mark.parametrize(
    "address",
    [
        "room/add/",
        "room/1/change/",
        "room/1/delete/",
        "room/1/new-epoch/",
        "membership/add/",
        "membership/1/change/",
        "membership/1/delete/",
        "ban/1/delete/",
    ],
)
def test_pages_that_change_something_ask_why(boss: Client, address: str) -> None:
    room = Room.objects.create(pk=1, slug="kitchen")
    Membership.objects.create(pk=1, room=room, user=User.objects.get())
    Ban.objects.create(pk=1, sender_key="u:99")
    answer = boss.get(f"/admin/chat/{address}")
    assert answer.content.decode().count('name="reason"') == 1
    assert "It is kept in the record." in shown(answer)


@pytest.mark.parametrize("model", ["room", "membership"])
def test_pages_that_only_show_ask_for_no_reason(admit: Admit, model: str) -> None:
    room = Room.objects.create(pk=1, slug="kitchen")
    Membership.objects.create(pk=1, room=room, user=User.objects.create_user("anna"))
    answer = admit(f"view_{model}").get(f"/admin/chat/{model}/1/change/")
    assert "Reason" not in shown(answer)


def test_memberships_own_pages_are_recorded_too(boss: Client) -> None:
    room = Room.objects.create(slug="kitchen")
    anna, bob = (User.objects.create_user(name) for name in ("anna", "bob"))
    for user in (anna, bob):
        form = {"room": room.pk, "user": user.pk, "role": "member"}
        boss.post("/admin/chat/membership/add/", form)
    first, second = Membership.objects.order_by("pk")
    page = f"/admin/chat/membership/{first.pk}/"
    boss.post(f"{page}change/", {"room": room.pk, "user": anna.pk, "role": "moderator"})
    boss.post(f"{page}delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [second.pk], "post": "yes"}
    boss.post("/admin/chat/membership/", chosen)
    found = Act.objects.order_by("pk").values_list("target_key", "detail")
    assert list(found) == [
        (f"u:{anna.pk}", "now member"),
        (f"u:{bob.pk}", "now member"),
        (f"u:{anna.pk}", "now moderator"),
        (f"u:{anna.pk}", "no longer a member"),
        (f"u:{bob.pk}", "no longer a member"),
    ]


# Private rooms


def test_private_rooms_are_closed_to_staff_who_are_not_members(admit: Admit) -> None:
    board = Room.objects.create(slug="board", title="The Directors", kind="private")
    Room.objects.create(slug="kitchen")
    anna = User.objects.create_user("anna")
    member = Membership.objects.create(room=board, user=anna)
    staff = admit("view_room", "delete_room", "view_membership", "delete_membership")
    assert "board" not in shown(staff.get(LIST))
    assert "Directors" not in shown(staff.get(f"{LIST}?q=Directors"))
    assert "Directors" not in shown(staff.get(f"{LIST}?kind__exact=private"))
    for page in ("change", "history", "delete"):
        for address in (f"{LIST}{board.pk}/{page}/", f"/admin/chat/membership/{member.pk}/{page}/"):
            assert "Directors" not in shown(staff.get(address, follow=True)), address
    assert "anna" not in shown(staff.get("/admin/chat/membership/"))
    staff.post(f"{LIST}{board.pk}/delete/", {"post": "yes"})
    staff.post(f"/admin/chat/membership/{member.pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [board.pk], "post": "yes"}
    staff.post(LIST, chosen)
    assert Room.objects.count() == 2
    assert Membership.objects.count() == 1
    Membership.objects.create(room=board, user=User.objects.get(username="staff"))
    assert "Directors" in shown(staff.get(LIST))
    assert "anna" in shown(staff.get("/admin/chat/membership/"))


@pytest.mark.parametrize(
    ("permissions", "found"),
    [(("view_room",), {"kitchen"}), (("view_room", "change_room"), {"board", "kitchen"})],
)
def test_private_rooms_are_not_suggested_to_staff_who_may_not_know_them(
    admit: Admit, permissions: tuple[str, ...], found: set[str]
) -> None:
    Room.objects.create(slug="board", kind="private")
    Room.objects.create(slug="kitchen")
    asked = {"app_label": "chat", "model_name": "membership", "field_name": "room", "term": ""}
    answer = admit(*permissions, "add_membership").get("/admin/autocomplete/", asked)
    assert {row["text"] for row in answer.json()["results"]} == found
