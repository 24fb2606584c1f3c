"""What staff may not do is nowhere offered to them."""

from __future__ import annotations

import pytest

from tests.browser.backstage.tab import Backstage, sign_in
from tests.browser.conftest import STORED, Visits, say
from tests.browser.talk import slug_of
from tests.servers import SiteServer

VIEW = ("view_connection", "view_message", "view_room")

ROOM = {"Messages", "Connections", "History", "View on site"}
"""What leads from a room to other pages, for those who may see them."""

MODELS = "#content .app-chat th a"


@pytest.mark.parametrize(
    ("permissions", "sessions", "rooms", "messages", "room_tools"),
    [
        ((), set(), set(), set(), set()),
        (("disconnect",), {"disconnect_selected"}, set(), set(), set()),
        (("ban",), {"ban_selected"}, set(), set(), set()),
        (("redact_message",), set(), set(), {"redact_selected", "redact_sender"}, set()),
        (("announce",), set(), {"announce"}, set(), {"Announce"}),
        (
            ("change_room",),
            set(),
            {"clear_history", "begin_epoch"},
            set(),
            {"Clear the history", "New epoch"},
        ),
        (("delete_room", "view_live"), set(), {"delete_selected"}, set(), {"Live"}),
    ],
)
def test_acts_are_offered_by_permission(
    visits: Visits,
    site: SiteServer,
    room: str,
    permissions: tuple[str, ...],
    sessions: set[str],
    rooms: set[str],
    messages: set[str],
    room_tools: set[str],
) -> None:
    visitor = visits.enter(room, "Ann")
    say(visitor, "hello")
    visitor.wait_for_text(STORED, "hello")
    staff = Backstage(visits, site, sign_in(site, *VIEW, *permissions))
    while not staff.goto("connection/").text("#result_list"):
        pass  # sessions are written down in a moment
    assert staff.actions() == sessions
    staff.press_link(".field-connected a")
    labels = {"disconnect_selected": "Disconnect", "ban_selected": "Ban or mute"}
    assert staff.tools() == {"History"} | {labels[name] for name in sessions}
    staff.goto("message/")
    assert staff.actions() == messages
    staff.press_link(".field-excerpt a")
    redacts = {"Redact", "Redact everything by the sender"} if messages else set()
    assert staff.tools() == {"History"} | redacts
    staff.goto("room/")
    assert staff.actions() == rooms
    staff.find_room(room)
    assert staff.tools() == ROOM | room_tools
    saves = staff.page.evaluate("!!document.querySelector('[name=_save]')")
    assert saves is ("change_room" in permissions)
    staff.leave()


@pytest.mark.parametrize(
    ("permission", "model"),
    [
        ("view_live", "Live view"),
        ("view_connection", "Connections"),
        ("ban", "Bans"),
        ("view_room", "Rooms"),
        ("view_membership", "Memberships"),
        ("view_message", "Messages"),
        ("view_act", "Acts of moderation"),
    ],
)
def test_index_leads_to_what_one_may_see(
    visits: Visits, site: SiteServer, permission: str, model: str
) -> None:
    staff = Backstage(visits, site, sign_in(site, permission))
    staff.goto("")
    assert staff.page.texts(MODELS) == [model]
    staff.press_link(MODELS)
    assert "403" not in staff.page.text("h1")
    staff.leave()


OFFERED = {
    "room/": {"make": ".addlink"},
    "room": {
        "delete": "#content .deletelink",
        "add member": "#memberships-2-group .add-row a",
        "change role": "[name=memberships-0-role]",
        "take out": "[name=memberships-0-DELETE]",
    },
    "membership/": {"make": ".addlink", "take out": "[name=action] [value=delete_selected]"},
}
"""What there is to press, by what it is for, on the pages where it is."""


@pytest.mark.parametrize(
    ("permissions", "offered"),
    [
        (
            ("add_room", "add_membership"),
            {"room/": {"make"}, "room": {"add member"}, "membership/": {"make"}},
        ),
        (("change_membership",), {"room": {"change role"}}),
        (
            ("delete_room", "delete_membership"),
            {"room": {"delete", "take out"}, "membership/": {"take out"}},
        ),
    ],
)
def test_rooms_and_members_are_for_those_with_the_permission(
    visits: Visits,
    site: SiteServer,
    room: str,
    permissions: tuple[str, ...],
    offered: dict[str, set[str]],
) -> None:
    site.run(
        "from django.contrib.auth.models import User; from chat.models import Membership, Room;"
        f"room = Room.objects.create(slug={slug_of(room)!r});"
        f"user = User.objects.create(username='member-of-{slug_of(room)}');"
        "Membership.objects.create(room=room, user=user)"
    )
    seen = ("view_room", "view_membership", "change_room")
    staff = Backstage(visits, site, sign_in(site, *seen, *permissions))
    for place, buttons in OFFERED.items():
        if place == "room":
            staff.find_room(room)
        else:
            staff.goto(place)
        there = {
            name
            for name, selector in buttons.items()
            if staff.page.evaluate(f"!!document.querySelector({selector!r})")
        }
        assert there == offered.get(place, set()), place
    staff.leave()
