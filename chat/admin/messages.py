"""Messages in the admin: to be read, found and redacted, never written."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from chat.admin.base import database, short
from chat.admin.filters import ROOM, DayFilter, RoomFilter, StateFilter, hidden_from
from chat.admin.redacting import Redacting, excerpt_of
from chat.models import Message

# What one can page through. The rest is found by a filter or by search: to count it is to read it.
COUNTED_MOST = 10_000

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


@admin.register(Message)
class MessageAdmin(Redacting):
    """The log's messages. Edits and deletes are not rows of the list but a message's state."""

    list_display = ("room", "seq", "when", "sender_name", "state", "excerpt")
    list_display_links = ("seq", "excerpt")
    list_filter = (RoomFilter, StateFilter, DayFilter)
    list_select_related = ("room",)
    paginator = FirstOfThem
    search_fields = ("text", "sender_name", "=room__slug")
    search_help_text = _("Words of the text or of the sender's name, or the whole name of a room.")
    # Any order but the log's own would sort all of it.
    sortable_by = ()
    fields = ("room", "seq", "at", "sender_name", "sender_key", "text", "state", "changes")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Messages that are the staff member's business.

        The hidden rooms are excluded, rather than the others included: there are few of them, and
        the rows still come in the order of the primary key, without being sorted.
        """
        messages = super().get_queryset(request).filter(kind=Message.Kind.POST)
        return messages.exclude(room__in=hidden_from(request.user))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The newest first: in all rooms by the primary key, in one by its unique (room, seq)."""
        return ("room_id", "-seq") if request.GET.get(ROOM) else ("-id",)

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

    # The log has no holes, and nobody's words are changed but by themselves.

    def has_add_permission(self, request: HttpRequest) -> bool:
        """What is said is said in the chat."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Only by its sender, in the chat."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """A redacted message keeps its place."""
        return False
