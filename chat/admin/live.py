"""What is going on now: processes, rooms, plots. Kept up to date by the page's own script.

Each page is made of parts, which can be had alone by ``?part=``; so it works without a WebSocket,
and without the ASGI server, as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from chat import conf, store
from chat.admin import history, meanings, writing
from chat.admin.base import Watched, database, may_be_number
from chat.admin.filters import hidden_from
from chat.hub.live import is_silent, live
from chat.models import Node, Room
from chat.store import NodeFigures

PEOPLE_LISTED = 200
"""The sessions that a room's page names."""

ROOMS_LISTED = 20
"""The busiest rooms that a page names."""

# Within the parameters that a query on SQLite may have.
NAMED_MOST = 500

Plots = list[tuple[str | Promise, list[history.Figure]]]
Part = Callable[[], dict[str, Any]]


class BusyRoom(NamedTuple):
    """A room in the list of the busiest; ``sessions`` and people are those of all processes."""

    room: Room
    online: int
    sessions: int
    posts: float


class Close(NamedTuple):
    """How many sessions of a process were closed with one code."""

    code: int
    meaning: str | Promise
    ever: int
    lately: int


@admin.register(Node)
class NodeAdmin(Watched[Node]):
    """The processes, as they are now. They enroll themselves, and the others take away the dead."""

    def get_urls(self) -> list[URLPattern]:
        """The pages: all processes, one, and a room."""
        room = self.admin_site.admin_view(self.room_view)
        return [path("room/<int:pk>/", room, name="chat_node_room"), *super().get_urls()]

    def has_view_permission(self, request: HttpRequest, obj: Node | None = None) -> bool:
        """Those who may see what goes on."""
        return bool(request.user.has_perm("chat.view_live"))

    # Pages

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What all processes are doing."""
        nodes = store.node_figures()
        return self._page(
            request,
            "live",
            _("Live"),
            {
                "processes": lambda: _processes(nodes),
                "rooms": lambda: {"rooms": _busiest(request, nodes)},
                "plots": lambda: {"spans": _plots()},
            },
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """What one process is doing, and has done."""
        self._check(request)
        found = store.node_figures(int(object_id)) if may_be_number(object_id) else []
        if not found:
            raise Http404(_("There is no such process any more."))
        (node,) = found
        return self._page(
            request,
            "process",
            node.name,
            {
                "processes": lambda: _processes(found),
                "since": lambda: {"closes": _closes(node), "ever": node.report.ever},
                "rooms": lambda: {"rooms": _busiest(request, found)},
                "plots": lambda: {"spans": _plots(node.name)},
            },
            node=node.pk,
            connections=self._connections(request, node__id__exact=node.pk),
        )

    def room_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Who is in a room now, and how much is said there."""
        self._check(request)
        rooms = Room.objects.using(database()).exclude(pk__in=hidden_from(request.user))
        room = rooms.filter(pk=pk).first()
        if room is None:
            raise Http404(_("There is no such room."))
        return self._page(
            request,
            "room",
            str(room),
            {
                "people": lambda: _people(room),
                "plots": lambda: {"spans": _room_plots(room)},
            },
            room=room,
            connections=self._connections(request, room=room.slug),
        )

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _page(
        self, request: HttpRequest, name: str, title: str, parts: dict[str, Part], **context: Any
    ) -> HttpResponse:
        """A page with all its parts, or the one that is asked for."""
        self._check(request)
        context |= {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "figures": meanings.FIGURES,
            "heard": meanings.HEARD,
            "ages": writing.AGES,
            "websocket": conf.current().websocket_path,
            "now": timezone.now(),
        }
        wanted = request.GET.get("part")
        if wanted is not None:
            if wanted not in parts:
                raise Http404
            name, parts = wanted, {wanted: parts[wanted]}
        else:
            name = f"page_{name}"
        for part in parts.values():
            context |= part()
        response = TemplateResponse(request, f"admin/chat/node/{name}.html", context)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _connections(self, request: HttpRequest, **chosen: str | int) -> str:
        """The address of the sessions' own list, where there is one and it may be seen."""
        if not request.user.has_perm("chat.view_connection"):
            return ""
        try:
            page = reverse(f"{self.admin_site.name}:chat_connection_changelist")
        except NoReverseMatch:
            return ""
        return f"{page}?{urlencode(chosen)}"


def _processes(nodes: Sequence[NodeFigures]) -> dict[str, Any]:
    found = live(nodes, heartbeat=conf.current().heartbeat)
    return {
        "at": found.at,
        "rows": [writing.row(process) for process in found.processes],
        "total": writing.cells(found.total),
    }


def _busiest(request: HttpRequest, nodes: Sequence[NodeFigures]) -> list[BusyRoom]:
    """The rooms that processes name, those with the most people first; none that is hidden.

    What a silent process said is not true any more.
    """
    named: dict[str, list[store.Busy]] = {}
    heartbeat = conf.current().heartbeat
    for node in nodes:
        for busy in () if is_silent(node, heartbeat=heartbeat) else node.report.busy:
            named.setdefault(busy.room, []).append(busy)
    rooms = Room.objects.using(database()).filter(slug__in=list(named)[:NAMED_MOST])
    found = [
        BusyRoom(
            room,
            # Each process counts all people and all posts, wherever they are.
            online=max(busy.online for busy in named[room.slug]),
            sessions=sum(busy.sessions for busy in named[room.slug]),
            posts=max(busy.posts for busy in named[room.slug]),
        )
        for room in rooms.exclude(pk__in=hidden_from(request.user))
    ]
    found.sort(key=lambda busy: (-busy.online, -busy.posts, busy.room.slug))
    return found[:ROOMS_LISTED]


def _closes(node: NodeFigures) -> list[Close]:
    lately = node.report.lately.closes
    return [
        Close(code, meanings.CLOSES.get(code, ""), count, lately.get(code, 0))
        for code, count in sorted(node.report.ever.closes.items())
    ]


def _plots(name: str | None = None) -> Plots:
    now = timezone.now()
    samples = store.samples_since(history.DAY.start(now), name)
    return history.figures(samples, now)


def _people(room: Room) -> dict[str, Any]:
    people, count = store.people_in(room.slug, PEOPLE_LISTED)
    return {"people": people, "count": count}


def _room_plots(room: Room) -> Plots:
    now = timezone.now()
    counts = store.counts_by_minute(room, history.HOUR.start(now))
    line = history.per_minute(counts, history.HOUR, now)
    figure = history.figure("room", _("Posts a minute"), [line], history.HOUR, now)
    return [(history.HOUR.title, [figure])]
