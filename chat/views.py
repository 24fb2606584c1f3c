"""The pages: a room as the server renders it, before the page's script makes it live; and health.

Room pages are plain synchronous views: all they do is ask the database.
"""

from __future__ import annotations

import re

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from chat import access, health, identity, rendering, store
from chat.protocol import MAIN

SLUG_LENGTH = 64
SLUG = re.compile(rf"[\w-]{{1,{SLUG_LENGTH}}}")

# --- Rooms ----------------------------------------------------------------------------------------


@require_safe
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The rooms, and the main one; with ``?room=some name``, the way to the room of that name."""
    asked = request.GET.get("room", "").strip()
    wanted = slugify(asked, allow_unicode=True)[:SLUG_LENGTH]
    if asked != wanted and _is_there(request, asked):
        wanted = asked
    if wanted:
        return redirect(rendering.address(request, "room", wanted))
    return _room(request, MAIN)


@require_safe
@never_cache
def room(request: HttpRequest, slug: str) -> HttpResponse:
    """A room, for those who may see it, or make it by entering."""
    return _room(request, slug)


def _is_there(request: HttpRequest, slug: str) -> bool:
    """Whether there is a room of that very name, as far as the visitor may know."""
    named = SLUG.fullmatch(slug) and store.find_room(slug)
    return bool(named) and rendering.admits(request, slug)


def _room(request: HttpRequest, slug: str) -> HttpResponse:
    try:
        context = rendering.room_context(request, slug)
    except rendering.Closed as closed:
        return _refuse(request, closed)
    who = context["who"]
    context |= {
        "rooms": rendering.room_links(request, who, context["room"], context["restraints"]),
        "may_create": access.may_create(who, "-"),
        "home": rendering.address(request, "home"),
        "here": request.get_full_path(),
        "sign_out": rendering.site_address("logout"),
        # The page itself makes a guest.
        "guest_address": "",
        "me": who.sender.id,
    }
    response = render(request, "chat/room.html", context)
    identity.remember_guest(request, response, who)
    return response


def _refuse(request: HttpRequest, closed: rendering.Closed) -> HttpResponse:
    asks = bool(closed.reason) and not closed.final
    way = rendering.way_to_sign_in(request) if asks else None
    if way is not None:
        return redirect(way)
    reason = closed.reason or _("There is no such room.")
    home = rendering.address(request, "home") if rendering.admits(request, MAIN) else None
    context = {"reason": reason, "home": home}
    return render(request, "chat/refused.html", context, status=403 if closed.reason else 404)


@require_POST
@never_cache
def guest(request: HttpRequest) -> HttpResponse:
    """Make the visitor a guest who stays the same: for rooms in pages that are not ours."""
    response = HttpResponse(status=204)
    identity.remember_guest(request, response, identity.of_request(request))
    return response


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
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own, untyped
    return response
