"""Who is connected now: to be found, looked at closely, and sent away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from chat import conf, store
from chat.admin.base import age, short_name
from chat.admin.connection_filters import (
    DialectFilter,
    LivelinessFilter,
    ProcessFilter,
    RoomFilter,
    WhoFilter,
)
from chat.admin.filters import visible_rooms
from chat.admin.measures import Measures
from chat.broadcast import after_commit, tell_all
from chat.hub.session import BEATS
from chat.hub.signals import Look
from chat.models import Connection, Node

ROOMS_SHOWN = 5
"""Rooms of a session that the list names; the session's own page names them all."""

CLIENT_SHOWN = 40
"""Characters of what a client calls itself that the list shows."""

_EVER = Value(datetime(1970, 1, 1, tzinfo=UTC))


class Shown(Struct, frozen=True):
    """What one staff member is shown of a session."""

    rooms: Sequence[str]
    private: bool
    """Whether it is also in rooms that are none of their business."""
    more: int
    """The number of rooms that are not named for want of room."""
    user_url: str
    node_url: str


def shown_of(connection: Connection) -> Shown:
    """What was prepared with ``prepare``."""
    found = vars(connection)["shown"]
    assert isinstance(found, Shown), "who lists connections prepares them"
    return found


def prepare(
    rows: Iterable[Connection], request: HttpRequest, site: admin.AdminSite, *, rooms: int
) -> None:
    """Find out what the staff member may see of sessions: one query, for however many."""
    named = {row.pk: row.rooms[:rooms] for row in rows}
    visible = visible_rooms(request.user, {slug for slugs in named.values() for slug in slugs})
    users = _shows_users(request, site)
    watches = request.user.has_perm("chat.view_live")
    for row in rows:
        kind, _colon, number = row.sender_key.partition(":")
        vars(row)["shown"] = Shown(
            rooms=[slug for slug in named[row.pk] if slug in visible],
            private=any(slug not in visible for slug in named[row.pk]),
            more=len(row.rooms) - len(named[row.pk]),
            user_url=reverse(users, args=[number]) if users and kind == "u" else "",
            node_url=reverse(f"{site.name}:chat_node_change", args=[row.node_id])
            if watches
            else "",
        )


def _shows_users(request: HttpRequest, site: admin.AdminSite) -> str:
    """The name of the address of a user's page; nothing where the staff member may not see it."""
    user = get_user_model()
    try:
        seen = site.get_model_admin(user).has_view_permission(request)
    except NotRegistered:
        return ""
    return f"{site.name}:{user._meta.app_label}_{user._meta.model_name}_change" if seen else ""


class ConnectionList(ChangeList):
    """A page of connections, with what each row shows."""

    def get_results(self, request: HttpRequest) -> None:
        """Find the rows, and what may be seen of them."""
        super().get_results(request)
        rows = list(self.result_list)
        prepare(rows, request, self.model_admin.admin_site, rooms=ROOMS_SHOWN)
        self.result_list = rows


@admin.register(Connection)
class ConnectionAdmin(Measures):
    """The live sessions of all processes. Nothing of them can be changed; they can be ended."""

    list_display = (
        "who",
        "address",
        "where",
        "connected",
        "heard",
        "behind",
        "process",
        "way",
        "program",
    )
    list_display_links = ("connected",)
    list_filter = (WhoFilter, DialectFilter, LivelinessFilter, ProcessFilter, RoomFilter)
    # Within what one query for their rooms may ask for.
    list_max_show_all = 100
    ordering = ("-pk",)
    search_fields = ("sender_name", "sender_key", "address", "client", "session")
    search_help_text = _(
        "A part of a name, of a sender’s key, an address, a client or a session; or the whole name "
        "of a room."
    )
    fields = (
        "who",
        "key",
        "address",
        "where",
        "since",
        "heard",
        "behind",
        "way",
        "client",
        "session",
        "process",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ("chat/admin/lists.css",)}

    # Finding them

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Use pages whose rows are prepared."""
        return ConnectionList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connection]:
        """All sessions, with their processes."""
        return super().get_queryset(request).select_related("node").annotate(now=Now())

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Not by rooms, but with the filter for them: it knows whose business they are."""
        of_rooms = lookup == "rooms" or lookup.startswith("rooms__")
        return not of_rooms and super().lookup_allowed(lookup, value, request)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Connection | None:
        """One session, with all its rooms."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            prepare([found], request, self.admin_site, rooms=conf.current().rooms_per_session)
        return found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Connection], search_term: str
    ) -> tuple[QuerySet[Connection], bool]:
        """Look through the fields, and for a room of that name that the staff member may see."""
        found, doubles = super().get_search_results(request, queryset, search_term)
        slug = search_term.strip()
        if slug and slug in visible_rooms(request.user, {slug}):
            found |= queryset.filter(store.in_room(slug))
        return found, doubles

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list, which has the processes tell how lively their sessions are."""
        beat = conf.current().heartbeat / BEATS
        context = {"now": timezone.localtime(), "beat": beat, **(extra_context or {})}
        answer = super().changelist_view(request, context)
        after_commit(look_closely)
        return answer

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of one session, which does the same."""
        answer = super().change_view(request, object_id, form_url, extra_context)
        after_commit(look_closely)
        return answer

    # Showing them

    @admin.display(description=_("who"), ordering="sender_name")
    def who(self, connection: Connection) -> str:
        """The name, with the way to the user's own page."""
        url = shown_of(connection).user_url
        if url:
            return format_html('<a href="{}">{}</a>', url, connection.sender_name)
        if connection.sender_key.startswith("u:"):
            return connection.sender_name
        return gettext("%(name)s (guest)") % {"name": connection.sender_name}

    @admin.display(description=_("sender’s key"))
    def key(self, connection: Connection) -> str:
        """What tells users and guests apart."""
        return connection.sender_key

    @admin.display(description=_("rooms"))
    def where(self, connection: Connection) -> str:
        """The rooms it is in."""
        shown = shown_of(connection)
        names = list(shown.rooms)
        if shown.private:
            names.append(gettext("a private room"))
        if shown.more > 0:
            names.append(
                ngettext("%(count)d more", "%(count)d more", shown.more) % {"count": shown.more}
            )
        return ", ".join(names)

    @admin.display(description=_("connected for"), ordering="since")
    def connected(self, connection: Connection) -> str | None:
        """How long it has been there."""
        return age(connection.since)

    @admin.display(description=_("last sign of life"), ordering=Coalesce("heard_at", _EVER))
    def heard(self, connection: Connection) -> str | None:
        """How long ago its client last said anything."""
        return age(connection.heard_at)

    @admin.display(description=_("lag, in events"), ordering=Coalesce(F("lag"), Value(-1)))
    def behind(self, connection: Connection) -> int | None:
        """How many events of its rooms it has not confirmed."""
        return connection.lag

    @admin.display(description=_("dialect"), ordering="dialect")
    def way(self, connection: Connection) -> str:
        """How it talks."""
        return str(DialectFilter.NAMES.get(connection.dialect, connection.dialect))

    @admin.display(description=_("client"), ordering="client")
    def program(self, connection: Connection) -> str:
        """The beginning of what its client calls itself."""
        text = connection.client
        if len(text) <= CLIENT_SHOWN:
            return text
        return format_html('<span title="{}">{}…</span>', text, text[:CLIENT_SHOWN])

    @admin.display(description=_("process"), ordering="node__name")
    def process(self, connection: Connection) -> str:
        """The process, with the way to its page, and whether it is still heard of."""
        node, url = connection.node, shown_of(connection).node_url
        name = format_html('<span title="{}">{}</span>', node.name, short_name(node))
        if url:
            name = format_html('<a href="{}">{}</a>', url, name)
        now = vars(connection)["now"]  # by the clock by which the process says that it lives
        if not silent(node, now):
            return name
        return format_html(
            '{} <strong class="chat-silent">{} {}</strong>',
            name,
            gettext("no heartbeat for"),
            age(node.figures_at, now),
        )


def look_closely() -> None:
    """Have every process tell of its sessions for a while, from now on."""
    store.ask_all()
    tell_all(Look())


def silent(node: Node, now: datetime) -> bool:
    """Whether a process has not been heard of for so long that it is probably dead."""
    if node.figures_at is None:
        return False
    limit = timedelta(seconds=store.SILENT_HEARTBEATS * conf.current().heartbeat)
    return now - node.figures_at > limit
