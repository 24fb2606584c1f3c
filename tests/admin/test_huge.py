"""Numbers that no column holds: a page that is not there, or a list that makes no sense of them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from chat.models import Act, Ban, Membership
from tests.admin.conftest import fill_room
from tests.admin.test_connections import arrive

CHAT = "/admin/chat/"
MODELS = ("act", "ban", "connection", "membership", "message", "node", "room")

HUGE = [str(2**31), "9" * 20, f"-{2**63 + 1}", "9" * 5000]
"""Beyond PostgreSQL's integers, 64 bits, and the digits that Python reads."""

PAGES = [f"{model}/{{}}/{page}/" for model in MODELS for page in ("change", "delete", "history")]
PAGES += [f"room/{{}}/{act}/" for act in ("announce", "clear-history", "new-epoch")]
PAGES += [f"message/{{}}/{act}/" for act in ("redact", "redact-sender")]
PAGES += [f"connection/{{}}/{act}/" for act in ("disconnect", "ban")]
PAGES += ["node/room/{}/", "node/{}/change/?part=plots"]

PARAMETERS = {
    "act": ("q", "room", "p", "id", "kind"),
    "ban": ("q", "room", "room__id__exact", "p", "id__exact"),
    "connection": ("q", "room", "node__id__exact", "lag__gt", "p", "o"),
    "membership": ("q", "room", "room__id__exact", "user", "p"),
    "message": ("q", "room", "sender", "seq", "p", "id__gt", "from"),
    "node": ("q", "part", "p"),
    "room": ("q", "id__exact", "head__gt", "p", "o", "all"),
}

ACTIONS = {
    "ban": ("delete_selected",),
    "connection": ("disconnect_selected", "ban_selected"),
    "membership": ("delete_selected",),
    "message": ("redact_selected", "redact_sender"),
    "room": ("delete_selected", "announce", "clear_history", "begin_epoch"),
}


@pytest.fixture(autouse=True)
def there(db: None) -> None:
    """One of each."""
    (message,) = fill_room("kitchen", "hello")
    arrive("s1", "kitchen")
    Ban.objects.create(sender_key="u:99", room=message.room)
    Membership.objects.create(room=message.room, user=User.objects.create_user("ann"))
    Act.objects.create(kind=Act.Kind.BAN, via=Act.Via.CODE, room="kitchen")


@pytest.mark.parametrize("page", PAGES)
def test_page_of_a_number_that_is_too_great_is_not_there(boss: Client, page: str) -> None:
    for number in HUGE:
        address = CHAT + page.format(number)
        for answer in (boss.get(address), boss.post(address, {"post": "yes", "confirmed": "yes"})):
            assert answer.status_code in (302, 403, 404), address[:60]


@pytest.mark.parametrize("model", PARAMETERS)
def test_list_is_asked_for_numbers_that_are_too_great(boss: Client, model: str) -> None:
    for name in PARAMETERS[model]:
        for number in HUGE:
            answer = boss.get(f"{CHAT}{model}/", {name: number}, follow=True)
            assert answer.status_code in (200, 400, 404), (name, number[:20])


@pytest.mark.parametrize("model", ACTIONS)
def test_action_on_numbers_that_are_too_great_is_refused_or_does_nothing(
    boss: Client, model: str
) -> None:
    acts = Act.objects.count()
    for action in ACTIONS[model]:
        for number in HUGE:
            form = {"action": action, "_selected_action": [number], "post": "yes"}
            answer = boss.post(f"{CHAT}{model}/", form, follow=True)
            assert answer.status_code in (200, 403), (action, number[:20])
    assert Act.objects.count() == acts
