"""The pages: a room as the server renders it, before the page's script makes it live; and health.

Room pages are plain synchronous views: all they do is ask the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import NoReverseMatch, get_script_prefix, is_valid_path, reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from chat import access, conf, health, identity, store
from chat.identity import Identity
from chat.models import Room
from chat.protocol import MAIN
from chat.protocol.events import Message

HISTORY = 50
"""Messages that a page comes with."""

HUES = 8
"""Colours for senders' names; chat.css has as many, and page.js counts the same way."""

SAME_BREATH = timedelta(minutes=5)
"""A sender who goes on within this time is not named again; page.js does the same."""

SLUG_LENGTH = 64

# --- Rooms ----------------------------------------------------------------------------------------


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The main room; with ``?room=some name``, the way to the room of that name."""
    wanted = slugify(request.GET.get("room", ""), allow_unicode=True)[:SLUG_LENGTH]
    if wanted:
        return redirect(_address(request, "room", wanted))
    return _room(request, MAIN)


@require_safe
@never_cache
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """A room, for those who may see it, or make it by entering."""
    return _room(request, slug)


class Line(NamedTuple):
    """A message on the page."""

    message: Message
    at: datetime
    hue: int
    own: bool
    follows: bool
    """Whether the message before it has the same sender and is recent."""


class RoomLink(NamedTuple):
    """A room in the list of rooms."""

    slug: str
    title: str
    address: str


def _room(request: HttpRequest, slug: str) -> HttpResponse:
    who = _visitor(request)
    if not access.may_connect(who):
        return _sign_in_first(request, _("This chat is for people who are signed in."))
    record = store.find_room(slug)
    if record is None and not access.may_create(who, slug):
        raise Http404("no such room")
    place = record or Room(slug=slug, epoch="")
    roles = {}
    if record is not None and not who.is_guest:
        roles = store.roles_in(record.pk, {who.user_pk})
    rights = access.rights(who, place, roles.get(who.user_pk))
    if not rights.see:
        if place.kind == Room.Kind.PRIVATE:
            raise Http404("no such room")
        return _sign_in_first(request, _("This room is for people who are signed in."))
    page, _more = store.page_before(place, place.head + 1, HISTORY) if record else ([], False)
    response = render(
        request,
        "chat/room.html",
        {
            "room": place,
            "exists": record is not None,
            "lines": list(_lines(page, who)),
            "rooms": _rooms(request, who, place),
            "who": who,
            "may_post": rights.post,
            "may_create": access.may_create(who, "-"),
            "longest": access.longest_text(place),
            "websocket": conf.current().websocket_path,
            "any_room": _address(request, "room", "_room_"),
            "home": _address(request, "home"),
            "here": request.get_full_path(),
            "sign_in": _way_to_sign_in(request),
            "sign_out": _site_address("logout"),
        },
    )
    identity.remember_guest(request, response, who)
    return response


def _visitor(request: HttpRequest) -> Identity:
    if request.user.is_authenticated:
        return identity.of_user(request.user)
    return identity.of_cookies(request.COOKIES)


def _lines(messages: Iterable[Message], who: Identity) -> Iterable[Line]:
    before: Line | None = None
    for message in messages:
        at = datetime.fromisoformat(message.at)
        sender = message.sender
        before = Line(
            message,
            at,
            hue=sum(map(ord, sender.id)) % HUES,
            own=sender.id == who.sender.id,
            follows=before is not None
            and before.message.sender == sender
            and at - before.at < SAME_BREATH,
        )
        yield before


def _rooms(request: HttpRequest, who: Identity, here: Room) -> list[RoomLink]:
    """The rooms ``who`` may see, as the hub lists them, and the one that this page is about."""
    titles = {
        room.slug: str(room)
        for room, role in store.rooms_of(who.user_pk)
        if access.rights(who, room, role).see
    }
    titles.setdefault(MAIN, MAIN)
    titles.setdefault(here.slug, str(here))
    return [
        RoomLink(slug, title, _address(request, "room", slug))
        for slug, title in sorted(titles.items())
    ]


# --- Addresses ------------------------------------------------------------------------------------


def _address(request: HttpRequest, name: str, *arguments: str) -> str:
    """The address of a page of ours, in the instance of the app that the request came to."""
    match = request.resolver_match
    current = match.namespace if match is not None else None
    return reverse(f"chat:{name}", args=arguments, current_app=current)


def _site_address(name: str) -> str | None:
    """The address of a page of the site's that may not be there."""
    try:
        address = resolve_url(name)
    except NoReverseMatch:
        return None
    elsewhere = urlsplit(address).netloc
    path = "/" + urlsplit(address).path.removeprefix(get_script_prefix())
    return address if elsewhere or is_valid_path(path) else None


def _way_to_sign_in(request: HttpRequest) -> str | None:
    """Where to sign in and come back from; ``None`` where the site has no such page."""
    page = _site_address(settings.LOGIN_URL) or _site_address("login")
    return page and redirect_to_login(request.get_full_path(), page).url


def _sign_in_first(request: HttpRequest, reason: str) -> HttpResponse:
    way = _way_to_sign_in(request)
    if way is not None:
        return redirect(way)
    context = {"reason": reason, "home": _address(request, "home")}
    return render(request, "chat/refused.html", context, status=403)


# --- Health ---------------------------------------------------------------------------------------
# Neither may touch what it does not ask about: no transaction around it where the site has
# ATOMIC_REQUESTS, no signing in where it has LoginRequiredMiddleware. And what is not allowed is
# answered so, rather than with what the CSRF check makes of it.


@transaction.non_atomic_requests
@login_not_required
@csrf_exempt
@require_safe
@never_cache
async def healthcheck(request: HttpRequest) -> HttpResponse:
    """Liveness: the process answers. Asks nothing of database, channel layer or session."""
    return HttpResponse(health.LIVE, content_type="text/plain")


@transaction.non_atomic_requests
@login_not_required
@csrf_exempt
@require_safe
@never_cache
async def ready(request: HttpRequest) -> HttpResponse:
    """Readiness: 200, or 503 with what is wrong."""
    checks = await health.readiness()
    well = all(check.ok for check in checks.values())
    body = msgspec.json.encode({"status": "ready" if well else "unready", "checks": checks})
    response = HttpResponse(body, content_type="application/json", status=200 if well else 503)
    # Django would report each 503 as an error, by mail too; health has logged what changed.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
