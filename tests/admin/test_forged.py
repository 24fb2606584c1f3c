"""Every act of the admin, sent as a page of ours would send it, by staff who may not do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client

from chat.models import Act, Ban, Connection, Membership, Message, Room
from tests.admin.conftest import admit_staff, fill_room
from tests.admin.test_connections import arrive
from tests.admin.test_rooms import FORM as ROOM

CHAT = "/admin/chat/"

ANNOUNCEMENT = {"text": "We close", "level": "info", "logged": "yes", "id": "0" * 32}
IMPOSE = {"kind": "mute", "whom": "sender", "room": "", "period": "day", "reason": "spam"}
SENDER = {"since": "ever", "at_0": "", "at_1": "", "scope": "site", "reason": ""}
NEW_BAN = {"kind": "ban", "user": "", "guest": "1073741831", "network": "", "room": ""}
NEW_BAN |= {"until_0": "", "until_1": "", "reason": ""}

KEPT: Sequence[type[Model]] = (Room, Message, Ban, Membership, Connection, Act)


class Site(NamedTuple):
    """What there is to act on."""

    room: Room
    message: Message
    connection: Connection
    ban: Ban
    member: Membership
    other: User


class Forged(NamedTuple):
    """A request that acts: what it needs, and besides that, in words, what one needs to make it.

    ``refused`` is how it is answered to others: 200 by a page of which they may save the rest.
    """

    needs: str
    address: str
    form: dict[str, Any]
    sees: str = ""
    refused: int = 403


@pytest.fixture
def there(db: None) -> Site:
    """A room with a member, a message in it, a session, and a ban."""
    (message,) = fill_room("kitchen", "hello")
    ann, bob = (User.objects.create_user(name) for name in ("ann", "bob"))
    return Site(
        room=message.room,
        message=message,
        connection=arrive("s1", "kitchen"),
        ban=Ban.objects.create(sender_key="u:99"),
        member=Membership.objects.create(room=message.room, user=ann),
        other=bob,
    )


def chosen(action: str, row: Model, **form: Any) -> dict[str, Any]:
    """Return what a list sends of the row that is chosen."""
    return {"action": action, "_selected_action": [row.pk], **form}


def on_page(member: Membership, **fields: str) -> dict[str, Any]:
    """Return what the page of a room sends of a member there is."""
    row = {"id": member.pk, "role": member.role, **fields}
    sent = {f"memberships-0-{name}": value for name, value in row.items()}
    return sent | {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1"}


YES, DELETED = {"confirmed": "yes"}, {"post": "yes"}

ACTS: dict[str, Callable[[Site], Forged]] = {
    "announce to all": lambda it: Forged("announce", "room/announce/", ANNOUNCEMENT | YES),
    "announce": lambda it: Forged(
        "announce", f"room/{it.room.pk}/announce/", ANNOUNCEMENT | YES, sees="view_room"
    ),
    "announce to chosen": lambda it: Forged(
        "announce", "room/", chosen("announce", it.room, **ANNOUNCEMENT, **YES), sees="view_room"
    ),
    "clear": lambda it: Forged(
        "change_room", f"room/{it.room.pk}/clear-history/", {"reason": ""} | YES
    ),
    "clear chosen": lambda it: Forged(
        "change_room", "room/", chosen("clear_history", it.room, reason="", **YES)
    ),
    "new epoch": lambda it: Forged("change_room", f"room/{it.room.pk}/new-epoch/", YES),
    "new epoch of chosen": lambda it: Forged(
        "change_room", "room/", chosen("begin_epoch", it.room, **YES)
    ),
    "make a room": lambda it: Forged("add_room", "room/add/", ROOM | {"slug": "cellar"}),
    "lock a room": lambda it: Forged(
        "change_room", f"room/{it.room.pk}/change/", ROOM | {"locked": "on"}
    ),
    "delete a room": lambda it: Forged(
        "delete_room", f"room/{it.room.pk}/delete/", DELETED, sees="view_room"
    ),
    "delete chosen rooms": lambda it: Forged(
        "delete_room", "room/", chosen("delete_selected", it.room, **DELETED), sees="view_room"
    ),
    "add a member": lambda it: Forged(
        "add_membership",
        "membership/add/",
        {"room": it.room.pk, "user": it.other.pk, "role": "owner"},
        sees="view_room",
    ),
    "add a member on the room's page": lambda it: Forged(
        "add_membership",
        f"room/{it.room.pk}/change/",
        ROOM
        | {
            "memberships-TOTAL_FORMS": "1",
            "memberships-0-user": it.other.pk,
            "memberships-0-role": "owner",
        },
        sees="change_room",
        refused=200,
    ),
    "change a member on the room's page": lambda it: Forged(
        "change_membership",
        f"room/{it.room.pk}/change/",
        ROOM | on_page(it.member, role="owner"),
        sees="change_room",
        refused=200,
    ),
    "delete a member on the room's page": lambda it: Forged(
        "delete_membership",
        f"room/{it.room.pk}/change/",
        ROOM | on_page(it.member, DELETE="on"),
        sees="change_room view_membership",
        refused=200,
    ),
    "change a member": lambda it: Forged(
        "change_membership",
        f"membership/{it.member.pk}/change/",
        {"room": it.room.pk, "user": it.member.user.pk, "role": "owner"},
        sees="view_room",
    ),
    "delete a member": lambda it: Forged(
        "delete_membership", f"membership/{it.member.pk}/delete/", DELETED, sees="view_membership"
    ),
    "delete chosen members": lambda it: Forged(
        "delete_membership",
        "membership/",
        chosen("delete_selected", it.member, **DELETED),
        sees="view_membership",
    ),
    "disconnect": lambda it: Forged(
        "disconnect",
        f"connection/{it.connection.pk}/disconnect/",
        {"reason": ""} | YES,
        sees="view_connection",
    ),
    "disconnect chosen": lambda it: Forged(
        "disconnect",
        "connection/",
        chosen("disconnect_selected", it.connection, reason="", **YES),
        sees="view_connection",
    ),
    "disconnect unseen": lambda it: Forged(
        "view_connection",
        f"connection/{it.connection.pk}/disconnect/",
        {"reason": ""} | YES,
        sees="disconnect",
    ),
    "mute": lambda it: Forged(
        "ban", f"connection/{it.connection.pk}/ban/", IMPOSE | YES, sees="view_connection"
    ),
    "mute chosen": lambda it: Forged(
        "ban",
        "connection/",
        chosen("ban_selected", it.connection, **IMPOSE, **YES),
        sees="view_connection",
    ),
    "ban": lambda it: Forged("ban", "ban/add/", NEW_BAN),
    "change a ban": lambda it: Forged(
        "ban", f"ban/{it.ban.pk}/change/", {"until_0": "", "until_1": "", "reason": "other"}
    ),
    "lift": lambda it: Forged("ban", f"ban/{it.ban.pk}/delete/", DELETED),
    "lift chosen": lambda it: Forged("ban", "ban/", chosen("delete_selected", it.ban, **DELETED)),
    "redact": lambda it: Forged(
        "redact_message",
        f"message/{it.message.pk}/redact/",
        {"reason": ""} | YES,
        sees="view_message",
    ),
    "redact chosen": lambda it: Forged(
        "redact_message",
        "message/",
        chosen("redact_selected", it.message, reason="", **YES),
        sees="view_message",
    ),
    "redact unseen": lambda it: Forged(
        "view_message",
        f"message/{it.message.pk}/redact/",
        {"reason": ""} | YES,
        sees="redact_message",
    ),
    "redact all by the sender": lambda it: Forged(
        "redact_message",
        f"message/{it.message.pk}/redact-sender/",
        SENDER | YES,
        sees="view_message",
    ),
}


def kept() -> list[dict[str, Any]]:
    """Return all that there is in the tables that acts write to."""
    return [row for model in KEPT for row in model._default_manager.order_by("pk").values()]


def all_but(needed: str) -> list[str]:
    """Return every permission of the app but one."""
    ours = Permission.objects.filter(content_type__app_label="chat").exclude(codename=needed)
    return list(ours.values_list("codename", flat=True))


@pytest.mark.parametrize("act", ACTS)
def test_act_is_refused_to_staff_with_every_permission_but_its_own(there: Site, act: str) -> None:
    forged = ACTS[act](there)
    staff = admit_staff("staff", *all_but(forged.needs))
    before = kept()
    answer = staff.post(CHAT + forged.address, forged.form, follow=True)
    assert answer.status_code == forged.refused
    assert kept() == before


@pytest.mark.parametrize("act", ACTS)
def test_act_is_done_for_staff_with_its_permission_alone(there: Site, act: str) -> None:
    forged = ACTS[act](there)
    staff = admit_staff("staff", forged.needs, *forged.sees.split())
    before = kept()
    answer = staff.post(CHAT + forged.address, forged.form, follow=True)
    assert answer.status_code == 200
    assert kept() != before
    assert Act.objects.filter(via=Act.Via.ADMIN, actor_name="staff").exists()


@pytest.mark.parametrize("act", ACTS)
def test_act_is_refused_to_who_is_signed_in_and_not_staff(there: Site, act: str) -> None:
    forged = ACTS[act](there)
    client = admit_staff("member", *all_but(""))
    User.objects.filter(username="member").update(is_staff=False)
    before = kept()
    answer: Any = client.post(CHAT + forged.address, forged.form)
    assert answer.url.startswith("/admin/login/")
    assert kept() == before


@pytest.mark.parametrize("act", ACTS)
def test_act_is_refused_to_other_sites(there: Site, act: str) -> None:
    forged = ACTS[act](there)
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.cookies = admit_staff("boss", superuser=True).cookies
    before = kept()
    assert elsewhere.post(CHAT + forged.address, forged.form).status_code == 403
    assert kept() == before


@pytest.mark.parametrize("model", ["act", "connection", "message", "node"])
def test_what_is_only_looked_at_is_neither_added_nor_changed_nor_deleted(
    there: Site, model: str
) -> None:
    Act.objects.create(kind=Act.Kind.BAN, via=Act.Via.CODE)
    rows = {
        "act": Act.objects.get(),
        "connection": there.connection,
        "message": there.message,
        "node": there.connection.node,
    }
    boss, pk, before = admit_staff("boss", superuser=True), rows[model].pk, kept()
    for address in (f"{model}/add/", f"{model}/{pk}/change/", f"{model}/{pk}/delete/"):
        boss.post(CHAT + address, {"text": "other", "reason": "other", **DELETED})
    boss.post(f"{CHAT}{model}/", chosen("delete_selected", rows[model], **DELETED))
    assert kept() == before


@pytest.mark.parametrize("model", ["act", "connection", "message"])
def test_permission_to_change_what_nobody_changes_shows_nothing(there: Site, model: str) -> None:
    others = [name for name in all_but(f"view_{model}") if name.endswith(f"_{model}")]
    staff = admit_staff("staff", *others)
    assert staff.get(f"{CHAT}{model}/").status_code == 403
    assert f"{CHAT}{model}/" not in staff.get("/admin/").content.decode()
