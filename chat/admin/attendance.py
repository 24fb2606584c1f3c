"""Who is in a room now, for the room's page: everybody who is connected, and on which process."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import store
from chat.admin.base import ModelAdmin, short_name
from chat.admin.filters import visible_rooms
from chat.models import Room

SESSIONS_SHOWN = 100
"""The sessions that a room's page names; the list of connections has them all."""


class Attendance(ModelAdmin[Room]):
    """The part of the rooms' admin that shows who is there. It needs ``chat.view_connection``."""

    def attendance(self, request: HttpRequest, room: Room) -> list[Any]:
        """The part of the form with who is there; nothing where one may not see that."""
        user: Any = request.user
        if not user.has_perm("chat.view_connection"):
            return []
        if room.slug not in visible_rooms(user, {room.slug}):
            return []
        return [(_("Now"), {"fields": ("present",)})]

    @admin.display(description=_("who is there"))
    def present(self, room: Room) -> SafeString:
        """By name, each with the processes that serve them; and the way to the list of sessions."""
        here = store.connected().filter(store.in_room(room.slug))
        ordered = here.select_related("node").order_by("sender_name", "sender_key", "pk")
        found = list(ordered[: SESSIONS_SHOWN + 1])
        if not found:
            return format_html("{}", gettext("Nobody."))
        people: dict[tuple[str, str], Counter[str]] = {}
        for each in found[:SESSIONS_SHOWN]:
            who = each.sender_name, each.sender_key
            people.setdefault(who, Counter())[short_name(each.node)] += 1
        lines = format_html_join(
            "",
            "{} <small>{}</small><br>",
            ((name, _processes(nodes)) for (name, _key), nodes in people.items()),
        )
        page = reverse(f"{self.admin_site.name}:chat_connection_changelist")
        address = f"{page}?{urlencode({'room': room.slug})}"
        more = len(found) > SESSIONS_SHOWN
        text = gettext("and others: all sessions") if more else gettext("The sessions")
        return format_html('{}<a href="{}">{}</a>', lines, address, text)


def _processes(nodes: Counter[str]) -> str:
    """The processes, each with how many sessions of somebody it has, where that is not one."""
    return ", ".join(
        name if count == 1 else f"{name} × {count}" for name, count in sorted(nodes.items())
    )
