"""A room as the server renders it, before the browser's script makes it live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, get_script_prefix, is_valid_path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from chat import access, conf, identity, store
from chat.access import Restraint, Rights
from chat.hub.bans import Bans
from chat.identity import Identity
from chat.models import Room
from chat.protocol import MAIN
from chat.protocol.errors import UnknownRoom
from chat.protocol.events import Message, Sender
from chat.protocol.terminal import unnamed_guest

HISTORY = 50
"""Messages that a page comes with."""

HUES = 8
"""Colours for senders' names; the style has as many, and log.js counts the same way."""

SAME_BREATH = timedelta(minutes=5)
"""A sender who goes on within this time is not named again; log.js does the same."""


class Closed(Exception):
    """A room that this visitor is not shown; ``reason`` is a sentence for people.

    Without a reason there is no such room, as far as the visitor may know. ``final`` where it would
    not help to sign in.
    """

    def __init__(self, reason: str = "", *, final: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.final = final


class Entrance(NamedTuple):
    """A room, and what a visitor may do there."""

    who: Identity
    room: Room
    """Not in the database yet, where the visitor would make it by entering."""
    rights: Rights
    restraints: Sequence[Restraint]


class Line(NamedTuple):
    """A message on the page."""

    message: Message
    name: str
    at: datetime
    hue: int
    own: bool
    follows: bool
    """Whether the one that names its sender and time is the same one's and recent."""


class RoomLink(NamedTuple):
    """A room in the list of rooms."""

    slug: str
    title: str
    address: str


def enter(request: HttpRequest, slug: str) -> Entrance:
    """Find out whether the visitor is shown a room. Raises ``Closed``."""
    who = identity.of_request(request)
    # From the database: there need be no hub in a process that serves pages.
    bans = Bans(store.restraints(who.key))
    restraints = bans.against(who.key, request.META.get("REMOTE_ADDR", ""), timezone.now())
    if access.barring(restraints) is not None:
        raise Closed(_("You have been removed from this chat."), final=True)
    if not access.may_connect(who):
        raise Closed(_("This chat is for people who are signed in."))
    record = store.find_room(slug)
    if record is None and not access.may_create(who, slug):
        raise Closed
    place = record or Room(slug=slug, epoch="")
    roles = {}
    if record is not None and not who.is_guest:
        roles = store.roles_in(record.pk, {who.user_pk})
    rights = access.rights(who, place, roles.get(who.user_pk), restraints)
    if not rights.see:
        if isinstance(rights.refusal, UnknownRoom):
            raise Closed
        if rights.restraint is not None:
            raise Closed(_("You have been removed from this room."), final=True)
        raise Closed(_("This room is for people who are signed in."))
    return Entrance(who, place, rights, restraints)


def admits(request: HttpRequest, slug: str) -> bool:
    """Whether the visitor is shown a room."""
    try:
        enter(request, slug)
    except Closed:
        return False
    return True


def room_context(request: HttpRequest, slug: str) -> dict[str, Any]:
    """What ``chat/element.html`` needs. Raises ``Closed``."""
    who, place, rights, restraints = enter(request, slug)
    exists = place.pk is not None
    page, more = store.page_before(place, place.head + 1, HISTORY) if exists else ([], False)
    known = not who.is_guest or identity.of_guest(request.COOKIES.get(identity.GUEST_COOKIE))
    return {
        "request": request,
        "room": place,
        "exists": exists,
        "lines": list(_lines(page, who)),
        "more": more,
        "who": who,
        # Nobody yet, where the visitor becomes a guest only with ``guest_address``.
        "me": who.sender.id if known else "",
        "restraints": restraints,
        "may": rights.may,
        "silenced_by": rights.silenced_by,
        "longest": access.longest_text(place),
        "websocket": conf.current().websocket_path,
        "rooms_address": address(request, "room", "_").removesuffix("_/"),
        "guest_address": "" if known else address(request, "guest"),
        "sign_in": way_to_sign_in(request),
    }


def _lines(messages: Iterable[Message], who: Identity) -> Iterator[Line]:
    before: Line | None = None
    named: Line | None = None
    for message in messages:
        at = datetime.fromisoformat(message.at)
        sender = message.sender
        before = Line(
            message,
            _called(sender),
            at,
            hue=sum(map(ord, sender.id)) % HUES,
            own=sender.id == who.sender.id,
            follows=before is not None
            and named is not None
            and before.message.sender == named.message.sender == sender
            and at - named.at < SAME_BREATH,
        )
        if not before.follows:
            named = before
        yield before


def _called(sender: Sender) -> str:
    """What a page calls somebody: as guests are called in its language, who has chosen no name."""
    unnamed = sender == unnamed_guest(sender.id)
    return _("Guest {number}").replace("{number}", sender.id) if unnamed else sender.name


def room_links(
    request: HttpRequest, who: Identity, here: Room, restraints: Sequence[Restraint]
) -> list[RoomLink]:
    """The rooms ``who`` may see, as the hub lists them, and the one that the page is about."""
    titles = {
        room.slug: str(room)
        for room, role in store.rooms_of(who.user_pk)
        if access.rights(who, room, role, restraints).see
    }
    titles.setdefault(MAIN, MAIN)
    titles.setdefault(here.slug, str(here))
    return [
        RoomLink(slug, title, address(request, "room", slug))
        for slug, title in sorted(titles.items(), key=lambda item: item[1].casefold())
    ]


# Addresses


def address(request: HttpRequest, name: str, *arguments: str) -> str:
    """The address of a page of ours, in the instance of the app that the request came to."""
    match = request.resolver_match
    current = match.namespace if match is not None else None
    return reverse(f"chat:{name}", args=arguments, current_app=current)


def site_address(name: str) -> str | None:
    """The address of a page of the site's that may not be there."""
    try:
        found = resolve_url(name)
    except NoReverseMatch:
        return None
    elsewhere = urlsplit(found).netloc
    path = "/" + urlsplit(found).path.removeprefix(get_script_prefix())
    return found if elsewhere or is_valid_path(path) else None


def way_to_sign_in(request: HttpRequest) -> str | None:
    """Where to sign in and come back from; ``None`` where the site has no such page."""
    page = site_address(settings.LOGIN_URL) or site_address("login")
    return page and redirect_to_login(request.get_full_path(), page).url
