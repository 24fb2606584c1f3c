"""Filters for the list of connections."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from chat import conf, store
from chat.admin.base import database
from chat.admin.filters import ROOMS_LISTED, hidden_from, visible_rooms
from chat.models import Node, Room

PROCESSES_LISTED = 50
"""The processes one can choose from; of any other, by a link."""

QUIET_HEARTBEATS = 1.5
"""A client answers once a heartbeat; one that has not for so long is probably gone."""

Lookups = Iterable[tuple[str, Any]]


class WhoFilter(admin.SimpleListFilter):
    """Users or guests."""

    title = _("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Lookups:
        """The two of them."""
        return [("u", _("signed in")), ("g", _("guests"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Go by the kind of their keys."""
        if self.value() not in ("u", "g"):
            return queryset
        return queryset.filter(sender_key__startswith=f"{self.value()}:")


class DialectFilter(admin.SimpleListFilter):
    """How a session talks."""

    NAMES: ClassVar[dict[str, str | Promise]] = {
        "json": _("JSON"),
        "terminal": _("terminal"),
        "stream": _("stream"),
    }

    title = _("dialect")
    parameter_name = "dialect"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Lookups:
        """All there are."""
        return self.NAMES.items()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The sessions that do."""
        return queryset.filter(dialect=self.value()) if self.value() else queryset


class LivelinessFilter(admin.SimpleListFilter):
    """What may be wrong with a session, as far as its process has told."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Lookups:
        """Behind, or not heard of."""
        return [("lagging", _("far behind")), ("silent", _("no sign of life"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of whom half a window is unseen, or who have not answered when they should have.

        Terminals are asked for no answer.
        """
        config = conf.current()
        match self.value():
            case "lagging":
                return queryset.filter(lag__gt=config.window // 2)
            case "silent":
                quiet = timedelta(seconds=QUIET_HEARTBEATS * config.heartbeat)
                found = queryset.filter(heard_at__lt=timezone.now() - quiet)
                return found.exclude(dialect="terminal")
        return queryset


class ProcessFilter(admin.SimpleListFilter):
    """The process that serves a session."""

    title = _("process")
    # As a link to the rows of one process is written everywhere in the admin.
    parameter_name = "node__id__exact"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Lookups:
        """The processes by name."""
        nodes = Node.objects.using(database()).order_by("name")[:PROCESSES_LISTED]
        return [(str(pk), name) for pk, name in nodes.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The sessions of one."""
        chosen = self.value()
        if not chosen:
            return queryset
        if not chosen.isdecimal():
            raise IncorrectLookupParameters(f"{self.parameter_name}={chosen}")
        return queryset.filter(node=int(chosen))


class RoomFilter(admin.SimpleListFilter):
    """A room out of those with the longest logs, or the one that a link has chosen, by name."""

    title = _("room")
    parameter_name = "room"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]) -> Lookups:
        """Rooms by title."""
        seen = Room.objects.using(database()).exclude(pk__in=hidden_from(request.user))
        rooms = {room.slug: str(room) for room in seen.order_by("-head", "pk")[:ROOMS_LISTED]}
        chosen = self.value()
        if chosen and chosen not in rooms:
            rooms |= {room.slug: str(room) for room in seen.filter(slug=chosen)}
        return sorted(rooms.items(), key=lambda row: row[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The sessions in it; none where it is none of the staff member's business."""
        chosen = self.value()
        if not chosen:
            return queryset
        if chosen not in visible_rooms(request.user, {chosen}):
            return queryset.none()
        return queryset.filter(store.in_room(chosen))
