"""Messages in the admin: to be read, found and redacted, never written."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import F, Q, QuerySet
from django.db.models.lookups import Exact
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from chat import store
from chat.admin.base import database, short
from chat.admin.days import DayOfMessageFilter
from chat.admin.filters import (
    ROOM,
    SENDER,
    RoomFilter,
    SenderFilter,
    StateFilter,
    hidden_from,
)
from chat.admin.redacting import excerpt_of
from chat.admin.senders import RedactingSenders
from chat.models import Message, Room

# What one can page through. The rest is found by a filter or by search: to count it is to read it.
COUNTED_MOST = 10_000

LONG_LOG = 100_000
"""Entries of a room from which on the newest of all messages are soon enough of that room."""

CHANGES_LISTED = 50
"""The changes of a message that its page names."""


class FirstOfThem(Paginator):  # type: ignore[type-arg]  # takes none at run time
    """Pages through the first of so many rows that nobody wants to count them."""

    @cached_property
    def count(self) -> int:
        """How many there are, at most ``COUNTED_MOST``."""
        rows = self.object_list
        assert isinstance(rows, QuerySet), "lists of the admin are made from queries"
        return int(rows.order_by()[:COUNTED_MOST].count())

    @property
    def capped(self) -> bool:
        """Whether there are more."""
        return self.count == COUNTED_MOST


def _in_or_naming(room: Room) -> Q:
    """A condition for messages that are in a room, or have its name for a word.

    SQLite would read all of the room for it, and sort that. So of a short log it finds the numbers
    alone, which an index has in it, and takes the newest of those; in a long one it goes through
    the newest messages of all rooms, until there are enough.
    """
    naming = store.matching(room.slug)
    if connections[database()].vendor == "postgresql":
        return Q(room=room.pk) | naming
    if room.head - room.pruned > LONG_LOG:
        return Q(Exact(F("room_id") + 0, room.pk)) | naming
    found = Message.objects.using(database()).filter(Q(room=room.pk) | naming)
    return Q(pk__in=found.order_by().values("pk"))


@admin.register(Message)
class MessageAdmin(RedactingSenders):
    """The log's messages. Edits and deletes are not rows of the list but a message's state."""

    list_display = ("room", "seq", "when", "sender", "state", "excerpt")
    list_display_links = ("seq", "excerpt")
    list_filter = (SenderFilter, RoomFilter, StateFilter, DayOfMessageFilter)
    list_select_related = ("room",)
    paginator = FirstOfThem
    search_fields = ("text", "sender_name")
    search_help_text = _(
        "Words, or beginnings of them, of the text or of the sender's name, or the whole name of a "
        "room."
    )
    # Any order but the log's own would sort all of it.
    sortable_by = ()
    fields = ("room", "seq", "at", "sender_name", "key", "text", "state", "changes")
    readonly_fields = fields

    class Media:
        css = {"all": ("chat/admin/lists.css",)}

    def get_fields(self, request: HttpRequest, obj: Message | None = None) -> tuple[str, ...]:
        """All there is to say of a message; nothing of changes where it is as it was sent."""
        if obj is not None and obj.edited_at is None and obj.deleted_at is None:
            return tuple(name for name in self.fields if name not in ("state", "changes"))
        return self.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Messages that are the staff member's business.

        The hidden rooms are excluded, rather than the others included: there are few of them, and
        the rows still come in the order of the primary key, without being sorted.
        """
        messages = super().get_queryset(request).filter(kind=Message.Kind.POST)
        messages = messages.filter(seq__gt=F("room__pruned"))  # others are gone, or about to go
        return messages.exclude(room__in=hidden_from(request.user))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """The newest first, by an index: a sender's, a room's, or the primary key.

        PostgreSQL does not know how rare the beginning of a word is, and would rather walk down
        such an index through half the log than find the few messages by their words and sort them.
        So there it is given an order that no index has.
        """
        if request.GET.get(SEARCH_VAR) and connections[database()].vendor == "postgresql":
            return ((F("id") + 0).desc(),)
        if request.GET.get(SENDER):
            return ("-at", "-id")
        return ("room_id", "-seq") if request.GET.get(ROOM) else ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """Those that have all the words, by the database's index of them; or are in a room."""
        words = search_term.split()
        seen = Room.objects.using(database()).exclude(pk__in=hidden_from(request.user))
        rooms = seen.filter(slug__in=words)
        slugs = {room.slug for room in rooms}
        others = [word for word in words if word not in slugs]
        condition = store.matching(" ".join(others)) if others else Q()
        for room in rooms:
            condition &= _in_or_naming(room)
        return queryset.filter(condition), False

    @admin.display(description=_("sender"))
    def sender(self, message: Message) -> str:
        """The name, which leads to all that they said."""
        query = urlencode({SENDER: message.sender_key})
        return format_html('<a href="?{}">{}</a>', query, message.sender_name)

    @admin.display(description=_("sender’s key"))
    def key(self, message: Message) -> str:
        """What tells users and guests apart."""
        return message.sender_key

    @admin.display(description=_("at"))
    def when(self, message: Message) -> str | None:
        """When it was sent."""
        return short(message.at)

    @admin.display(description=_("text"))
    def excerpt(self, message: Message) -> str:
        """The beginning of the text."""
        return excerpt_of(message)

    @admin.display(description=_("state"))
    def state(self, message: Message) -> Any:
        """What has become of it."""
        if message.deleted_at is not None:
            return _("deleted")
        return _("edited") if message.edited_at is not None else ""

    @admin.display(description=_("changes"))
    def changes(self, message: Message) -> str:
        """Who edited and deleted it, and when."""
        rows = message.changes.using(database()).order_by("seq")[:CHANGES_LISTED]
        return "\n".join(
            f"{row.get_kind_display()}: {row.sender_name}, {short(row.at)}" for row in rows
        )
