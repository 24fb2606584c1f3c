"""The chat over plain HTTP, for where WebSockets do not get through: a stream of events, and posts.

Both views are of the process's hub, so that they need the ASGI server, whose loop they run on.
Another site's page can do nothing with either: without CORS it cannot read a stream, and what posts
has Django's CSRF protection.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
from typing import Annotated, Any

import msgspec
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import require_GET, require_POST
from msgspec import UNSET, Meta, Struct, UnsetType

from chat import identity
from chat.hub import hub as hubs
from chat.hub.dialects import JSON
from chat.hub.hub import Hub, Refused
from chat.hub.outgoing import Outgoing
from chat.hub.session import Session
from chat.identity import Identity
from chat.protocol import commands, events, frames
from chat.protocol.closing import CloseCode
from chat.protocol.commands import AnyCommand, Count
from chat.protocol.errors import (
    BadCommand,
    BadFrame,
    Forbidden,
    NotJoined,
    Problem,
    RateLimited,
    TooLong,
    Unavailable,
)
from chat.protocol.frames import Rejected
from chat.streams import Stream

logger = logging.getLogger("chat")

SECONDS_MOST = 3600.0
"""How long a stream lasts at most, which bounds how long a client may be gone without a word."""

STATUSES = {
    "forbidden": 403,
    "unknown_room": 404,
    "not_found": 404,
    "not_joined": 409,
    "too_long": 413,
    "rate_limited": 429,
    "unavailable": 503,
}
"""The status that goes with an error's code; with any other it is 400."""

REFUSALS: dict[CloseCode, Problem] = {
    CloseCode.GOING_AWAY: Unavailable("this server is about to stop: come back"),
    CloseCode.SIGNED_OUT: Forbidden("sign in to enter"),
    CloseCode.REMOVED: Forbidden("you were removed from this chat"),
    CloseCode.TOO_MANY_CONNECTIONS: RateLimited("too many connections", retry_after=10),
}
"""What stands for the close codes that a WebSocket may be refused with."""

RETRY_AFTER = 1.0
"""Seconds, where an error does not say how long to wait."""

_POSITION = re.compile(r"([^:]{1,16}):([0-9]{1,16})")


class Asked(Struct, frozen=True, kw_only=True):
    """The parameters in a stream's address."""

    after: str = ""
    history: Count = commands.HISTORY_DEFAULT
    name: str | UnsetType = UNSET
    seconds: Annotated[float, Meta(gt=0)] = SECONDS_MOST


@transaction.non_atomic_requests
@require_GET
async def listen(request: HttpRequest, slug: str) -> HttpResponseBase:
    """A session in one room: server-sent events, each of them a frame of the protocol."""
    if not isinstance(request, ASGIRequest):
        return _no_hub()
    hub = hubs.current()
    address = request.META.get("REMOTE_ADDR", "")
    try:
        asked = _asked(request)
        join = commands.Join(room=slug, after=_after(request, asked), history=asked.history)
        visitor = await hub.threads.read(identity.of_request, request)
        who = _named(visitor, asked.name)
        hub.admit(who, address)
        stream = Stream(
            hub,
            who,
            address,
            seconds=min(asked.seconds, SECONDS_MOST),
            client=request.headers.get("User-Agent", ""),
        )
        await stream.join(join)
    except (Problem, Refused) as refusal:
        error = _error(refusal)
        logger.info("refused a stream to %r: %s", address, error.code)
        return _answer(frames.encode(error), error)
    get_token(request)  # sets its cookie, for those who came by no page
    response = StreamingHttpResponse(stream, content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # or nginx would wait for more
    response.headers["Content-Encoding"] = "identity"  # or GZipMiddleware would compress it
    identity.remember_guest(request, response, visitor)
    return response


def _asked(request: HttpRequest) -> Asked:
    try:
        return msgspec.convert(request.GET.dict(), Asked, strict=False)
    except msgspec.ValidationError as error:
        raise BadCommand(str(error)) from None


def _after(request: HttpRequest, asked: Asked) -> commands.Position | None:
    """Where the client goes on: what it has last heard counts for more than its address."""
    given = request.headers.get("Last-Event-ID") or asked.after
    if not given:
        return None
    found = _POSITION.fullmatch(given)
    if found is None:
        raise BadCommand("a position is <epoch>:<seq>, as in the id of an event")
    return commands.Position(epoch=found[1], seq=int(found[2]))


@transaction.non_atomic_requests
@require_POST
async def say(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One command for a room, and the events that answer it."""
    if not isinstance(request, ASGIRequest):
        return _no_hub()
    hub = hubs.current()
    try:
        fields = _fields(request, hub.config.frame_limit)
        visitor = await hub.threads.read(identity.of_request, request)
        who = _named(visitor, fields.get("name", UNSET))
        address = request.META.get("REMOTE_ADDR", "")
        hub.examine(who, address)
        command = frames.read({"type": "post", **fields, "room": slug})
        text = await _carry_out(hub, who, address, _sender(request, visitor), command)
    except (Problem, Refused) as refusal:
        error = _error(refusal)
        return _answer(frames.frame([frames.encode(error)]), error)
    first = next(iter(frames.decode_events(text)), None)
    response = _answer(text, first if isinstance(first, events.Error) else None)
    identity.remember_guest(request, response, visitor)
    return response


def _fields(request: HttpRequest, most: int) -> dict[str, Any]:
    """The object in the body. Raises ``BadFrame`` or ``TooLong``."""
    body = request.read(most + 1)
    if len(body) > most:
        raise TooLong(f"the request is too long: at most {most} bytes")
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadFrame(f"the body is one command object: {error}") from None


def _sender(request: HttpRequest, visitor: Identity) -> str:
    """Whom to count a request for: a guest without a cookie is a new one each time."""
    if visitor.is_guest and identity.of_guest(request.COOKIES.get(identity.GUEST_COOKIE)) is None:
        return str(request.META.get("REMOTE_ADDR", ""))
    return visitor.key


async def _carry_out(
    hub: Hub, who: Identity, address: str, sender: str, command: AnyCommand | Rejected
) -> str:
    """The frame that answers ``command``.

    By a session that the hub does not know of: it is in no room, and nobody sees it come or go.
    """
    answer: asyncio.Future[str] = hub.loop.create_future()

    async def send(message: Outgoing) -> None:
        if not answer.done():
            answer.set_result(message["text"])

    session = Session(hub, who, JSON, address, send)
    session.posts, session.typings = hub.senders.of(sender), hub.typists.of(sender)
    try:
        match command:
            case commands.Typing():
                _count(session)
                await _type(session, command)
                return frames.frame(())
            case commands.History() | commands.Rooms():
                _count(session)  # as the session itself does with posts, edits and deletes
            case commands.Rename():
                renamed = events.Renamed(ref=command.ref, sender=who.sender)
                return frames.frame([frames.encode(renamed)])
            case (
                commands.Join()
                | commands.Leave()
                | commands.Pong()
                | commands.Watch()
                | commands.Unwatch()
            ):
                raise BadCommand("that command needs a WebSocket or a stream")
    except Problem as problem:
        command = Rejected(problem, command.ref)
    session.take([command])
    try:
        return await answer
    finally:
        session.gone()


def _count(session: Session) -> None:
    wait = session.posts.take(session.hub.loop.time())
    if wait:
        raise RateLimited(retry_after=round(wait, 3))


async def _type(session: Session, command: commands.Typing) -> None:
    """Tell the room, at most once a second, where a stream or a session of the sender's is."""
    hub, who = session.hub, session.identity
    _, rights = await hub.look_up(command.room, who, session.address)
    if who.sender.id not in hub.presence.people.of(command.room):
        raise NotJoined
    if not rights.post:
        raise rights.silence or Forbidden()
    if not session.typings.take(hub.loop.time()):
        hub.whisper(command.room, events.Typing(room=command.room, sender=who.sender))


def _named(who: Identity, name: Any) -> Identity:
    """The visitor, by the display name that a guest has chosen."""
    if name is UNSET:
        return who
    if not who.is_guest:
        raise Forbidden("only guests choose their name here")
    rename = frames.read({"type": "rename", "name": name})
    if isinstance(rename, Rejected):
        raise rename.problem
    assert isinstance(rename, commands.Rename), "it says so"
    return who.named(rename.name.strip())


def _error(refusal: Problem | Refused) -> events.Error:
    problem = refusal if isinstance(refusal, Problem) else REFUSALS[refusal.code]
    wait = problem.retry_after
    return events.Error(
        code=problem.code, detail=problem.detail, retry_after=UNSET if wait is None else wait
    )


def _answer(text: str, error: events.Error | None = None) -> HttpResponse:
    """The answer in JSON, with the status that tells of ``error``."""
    response = HttpResponse(text, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if error is None:
        return response
    response.status_code = STATUSES.get(error.code, 400)
    if response.status_code in (429, 503):
        wait = RETRY_AFTER if error.retry_after is UNSET else error.retry_after
        response.headers["Retry-After"] = str(math.ceil(wait))
    # Django would report each: the log has no line for a message, refused or not.
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own, untyped
    return response


def _no_hub() -> HttpResponse:
    """The answer of a process that serves WSGI: it has no loop for a hub to live on."""
    error = events.Error(
        code="unavailable", detail="live chat needs the site to be served by its ASGI server"
    )
    response = _answer(frames.encode(error), error)
    response.status_code = 501
    return response
