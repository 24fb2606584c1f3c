"""The record of moderation in the admin: to be read, searched and taken along, never changed."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from chat.admin.base import Watched, database, short
from chat.admin.days import DayFilter
from chat.admin.filters import hidden_from
from chat.models import Act, Room

LOOKED_AT = 1000
"""The newest acts, whose rooms one can choose from."""

ROWS_AT_ONCE = 1000
"""Rows of a file that one query reads."""

COLUMNS = (
    "at",
    "actor_key",
    "actor_name",
    "kind",
    "target_key",
    "target_name",
    "room",
    "until",
    "reason",
    "detail",
    "via",
)
"""Of a file, by their names in the database, which are the same in every language."""

# What spreadsheets take for the beginning of a formula: OWASP, "CSV Injection".
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class RoomOfActFilter(admin.SimpleListFilter):
    """Where it was done, by the room's name: the room may be gone."""

    title = _("room")
    parameter_name = "room"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, str]]:
        """The rooms of the newest acts."""
        newest = model_admin.get_queryset(request).order_by("-pk")[:LOOKED_AT]
        slugs = set(newest.values_list("room", flat=True)) - {""}
        return [(slug, slug) for slug in sorted(slugs)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The acts in the room."""
        return queryset.filter(room=self.value()) if self.value() else queryset


@admin.register(Act)
class ActAdmin(Watched[Act]):
    """All acts, the newest first."""

    list_display = ("when", "actor_name", "kind", "target_name", "room", "why", "via")
    list_display_links = ("when",)
    list_filter = ("kind", "via", DayFilter, RoomOfActFilter)
    search_fields = ("actor_name", "target_name", "reason", "=actor_key", "=target_key")
    search_help_text = _("A part of the name of who did it or to whom, or of the reason.")
    ordering = ("-pk",)
    sortable_by = ()
    fields = (
        "at",
        "actor_name",
        "actor",
        "kind",
        "target_name",
        "target",
        "room",
        "until",
        "reason",
        "detail",
        "via",
    )
    readonly_fields = fields

    class Media:
        css = {"all": ("chat/admin/lists.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Act]:
        """The acts that are the staff member's business: not those in rooms hidden from them.

        Rooms that are gone may have been private, also those that another one is named after now.
        """
        acts = super().get_queryset(request)
        if request.user.has_perm("chat.change_room"):
            return acts
        seen = Room.objects.using(database()).exclude(pk__in=hidden_from(request.user))
        there = seen.filter(slug=OuterRef("room"), created_at__lte=OuterRef("at"))
        return acts.filter(Q(room="") | Exists(there))

    @admin.display(description=_("at"))
    def when(self, act: Act) -> str | None:
        """When it was done."""
        return short(act.at)

    @admin.display(description=_("reason and details"))
    def why(self, act: Act) -> str:
        """What was written about it."""
        return " · ".join(filter(None, (act.reason, act.detail)))

    @admin.display(description=_("who, by key"))
    def actor(self, act: Act) -> str | None:
        """What tells users and guests apart, of who did it."""
        return act.actor_key or None

    @admin.display(description=_("whom, by key"))
    def target(self, act: Act) -> str | None:
        """The same of whom it was done to."""
        return act.target_key or None

    # The file

    def get_urls(self) -> list[URLPattern]:
        """The admin's addresses, and the one of the file."""
        view = self.admin_site.admin_view(require_GET(self.export_view))
        return [path("export/", view, name="chat_act_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse | HttpResponseRedirect:
        """The acts of the list as it is filtered and searched, as CSV.

        What the list cannot make sense of leads back to it: the file would be of other acts.
        """
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            acts = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            page = reverse(f"{self.admin_site.name}:chat_act_changelist")
            return HttpResponseRedirect(f"{page}?{ERROR_FLAG}=1")
        parts = _parts(acts.order_by("-pk"))
        asynchronous = isinstance(request, ASGIRequest)
        response = StreamingHttpResponse(
            _in_turn(parts) if asynchronous else parts, content_type="text/csv; charset=utf-8"
        )
        name = f"acts-{timezone.localdate():%Y-%m-%d}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _parts(acts: QuerySet[Act]) -> Iterator[str]:
    """The file in parts, each of one query, so that no transaction is open for long."""
    yield _lines([COLUMNS])
    rows = list(acts.values_list("pk", *COLUMNS)[:ROWS_AT_ONCE])
    while rows:
        yield _lines([row[1:] for row in rows])
        rows = list(acts.filter(pk__lt=rows[-1][0]).values_list("pk", *COLUMNS)[:ROWS_AT_ONCE])


async def _in_turn(parts: Iterator[str]) -> AsyncIterator[str]:
    """The same, from a thread, as servers that are asynchronous want it."""
    while (part := await sync_to_async(lambda: next(parts, None))()) is not None:
        yield part


def _lines(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    """A value as a spreadsheet shows it, and does not calculate it."""
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat(timespec="seconds"))
    return f"'{value}" if str(value).startswith(FORMULA) else str(value)
