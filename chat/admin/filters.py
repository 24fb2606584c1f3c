"""Filters for the list of messages, none of which reads the whole log."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat.admin.base import database
from chat.models import Membership, Message, Room

ROOMS_LISTED = 20
"""The rooms one can choose from; all others are found by search, or from their own page."""

ROOM = "room"
"""The parameter that chooses a room, by number."""

SENDER = "sender"
"""The parameter that chooses a sender, by key."""


def hidden_from(user: Any) -> QuerySet[Room]:
    """The rooms whose messages are none of ``user``'s business: private ones of others.

    Whoever may change rooms (``chat.change_room``) could make any of them public, or themselves a
    member; so that is the permission that shows them all, and superusers have it.
    """
    rooms = Room.objects.using(database())
    if user.has_perm("chat.change_room"):
        return rooms.none()
    own = Membership.objects.using(database()).filter(user=user.pk).values("room")
    return rooms.filter(kind=Room.Kind.PRIVATE).exclude(pk__in=own)


def visible_rooms(user: Any, slugs: Collection[str]) -> Collection[str]:
    """Those of the names that ``user`` may see: all of them, or those of rooms not hidden."""
    if user.has_perm("chat.change_room"):
        return slugs
    rooms = Room.objects.using(database()).exclude(pk__in=hidden_from(user))
    return set(rooms.filter(slug__in=slugs).values_list("slug", flat=True))


class RoomFilter(admin.SimpleListFilter):
    """One room out of those with the longest logs, or the one that a link has chosen."""

    title = _("room")
    parameter_name = ROOM

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, str]]:
        """The rooms by title."""
        seen = Room.objects.using(database()).exclude(pk__in=hidden_from(request.user))
        rooms = {room.pk: str(room) for room in seen.order_by("-head", "pk")[:ROOMS_LISTED]}
        chosen = self.value()
        if chosen and chosen.isdecimal() and int(chosen) not in rooms:
            rooms |= {room.pk: str(room) for room in seen.filter(pk=chosen)}
        return sorted(((str(pk), title) for pk, title in rooms.items()), key=lambda row: row[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The messages of the room."""
        chosen = self.value()
        if not chosen:
            return queryset
        if not chosen.isdecimal():
            raise IncorrectLookupParameters(f"{ROOM}={chosen}")
        return queryset.filter(room=int(chosen))


class SenderFilter(admin.SimpleListFilter):
    """The sender that a link has chosen. There are too many to choose from."""

    title = _("sender")
    parameter_name = SENDER

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, str]]:
        """The one that is chosen, by key: a name may be known from a hidden room only."""
        chosen = self.value()
        return [(chosen, chosen)] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The messages of the sender."""
        return queryset.filter(sender_key=self.value()) if self.value() else queryset


class StateFilter(admin.SimpleListFilter):
    """What has become of a message."""

    title = _("state")
    parameter_name = "state"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """As it was sent, edited, or deleted."""
        return [("sent", _("as sent")), ("edited", _("edited")), ("deleted", _("deleted"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The messages in that state."""
        match self.value():
            case "sent":
                return queryset.filter(edited_at=None, deleted_at=None)
            case "edited":
                return queryset.filter(
                    pk__in=_targets(Message.Kind.EDIT), edited_at__isnull=False, deleted_at=None
                )
            case "deleted":
                return queryset.filter(
                    pk__in=_targets(Message.Kind.DELETE), deleted_at__isnull=False
                )
        return queryset


def _targets(kind: Message.Kind) -> QuerySet[Message, Any]:
    """What entries of that kind point at: found by their index, as few messages are changed."""
    changes = Message.objects.using(database()).filter(kind=kind, target__isnull=False)
    return changes.values("target")
