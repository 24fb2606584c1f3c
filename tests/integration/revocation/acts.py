"""What the site takes back from Ann, who is on two processes of it, and how it does so."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from tests.integration.clients import JsonClient
from tests.integration.people import Guest
from tests.servers import SiteServer

SIGNED_OUT = {
    "sign-out": "browser = Client(); browser.cookies['sessionid'] = key; browser.logout()",
    "session deleted": "Session.objects.filter(pk=key).delete()",
    "password change": "user.set_password('another long secret'); user.save()",
    "deactivated": "user.is_active = False; user.save()",
    "deleted": "user.delete()",
}
REMOVED = {
    "ban": "moderation.ban(moderation.target_of(user), by=by, reason='spam')",
    "disconnect": "moderation.disconnect(Connection.objects.filter(sender_name=user), by=by)",
}
PUT_OUT = {
    "lost membership": "Membership.objects.filter(room=room).delete()",
    "removed": "moderation.remove(moderation.target_of(user), room=room, by=by, reason='rude')",
    "banned": "moderation.ban(moderation.target_of(user), room=room, by=by, reason='rude')",
}
"""The same of one room."""

UNPRIVILEGED = {
    "group left": "user.groups.clear()",
    "group without": "Group.objects.get(name=user.username).permissions.clear()",
}
"""What takes away what she may do in all rooms, and leaves her there."""

CLOSES = {**dict.fromkeys(SIGNED_OUT, 4501), **dict.fromkeys(REMOVED, 4503)}
"""What sessions are closed with."""

_CHANGE = """
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from chat import api, moderation
from chat.models import Connection, Membership, Room
user, key, room = User.objects.get(username={name!r}), {key!r}, Room.objects.get(slug={room!r})
by = moderation.by_command("test")
{change}
"""


class Site(NamedTuple):
    """Two processes of one site, and within how many seconds they know what has changed."""

    first: SiteServer
    second: SiteServer
    within: float


class Ann(NamedTuple):
    """A user with a session on each process, in a room of members and in a public one."""

    name: str
    board: str
    who: Guest
    clients: list[JsonClient]


async def change(site: Site, ann: Ann, what: str, *, room: str = "") -> None:
    """Run ``what`` in a process of its own; returns when that is done, and it has told so.

    ``room`` is Ann's room of members, unless another is named.
    """
    key = ann.who.cookie.partition("=")[2]
    code = _CHANGE.format(name=ann.name, key=key, room=room or ann.board, change=what)
    await asyncio.to_thread(site.first.run, code)
