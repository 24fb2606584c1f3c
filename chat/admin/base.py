"""What all pages of the chat's admin have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import ngettext

from chat import conf
from chat.admin.confirming import all_chosen
from chat.models import Node

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)

DIGITS = 18
"""Of the greatest primary key: one more, and not all such numbers are 64 bits long."""

MINUTE = 60
"""Seconds, below which they are what an age is told in."""

NAMED = 5
"""What a sentence or a choice lists by name: rooms, people, addresses."""

if TYPE_CHECKING:

    class _ModelAdmin(admin.ModelAdmin[M]): ...

    class _TabularInline(admin.TabularInline[M, P]): ...

else:
    # Django's own take no type arguments at run time.
    class _ModelAdmin(admin.ModelAdmin, Generic[M]): ...

    class _TabularInline(admin.TabularInline, Generic[M, P]): ...


class TabularInline(_TabularInline[M, P]):
    """Rows of ``M`` on the page of a ``P``."""


class ModelAdmin(_ModelAdmin[M]):
    """Reads and writes where the log is, and never counts it all."""

    list_per_page = 50
    # Neither how many there are in all nor how many each filter would leave: that reads every row.
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    # django-unfold offers to add a row only where this is said.
    show_add_link = True

    class Media:
        css: ClassVar = {"all": ("chat/admin/pages.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """The rows in ``CHAT["DATABASE"]``."""
        return super().get_queryset(request).using(database())

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list. A forged action is refused, where Django would only not do it.

        So is one on rows by what is no number of any: not every database can be asked for them.
        """
        asked = set(request.POST.getlist("action")) - {""}
        if asked and asked - self.get_actions(request).keys():
            raise PermissionDenied
        if not all(map(may_be_number, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[M], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """What an action answers; whether all rows are meant, for the page that asks to delete."""
        answer = super().response_action(request, queryset, *args, **kwargs)
        if isinstance(answer, TemplateResponse) and answer.context_data is not None:
            chosen = answer.context_data.get("queryset", ())
            answer.context_data.setdefault("everything", all_chosen(request, chosen))
        return answer

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The rows of the list; what no database can be asked for makes no sense."""
        if any("\0" in value for _name, values in request.GET.lists() for value in values):
            raise IncorrectLookupParameters("NUL is in no text")
        try:
            return super().get_changelist_instance(request)
        except (OverflowError, ValueError) as error:
            raise IncorrectLookupParameters("no number is that great") from error

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Write there, too."""
        obj.save(using=database())


class Watched(ModelAdmin[M]):
    """Rows to be looked at only: nobody adds, changes or deletes them here, superusers included."""

    def has_view_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """By that permission alone: to Django, who may change rows may see them."""
        return bool(request.user.has_perm(f"chat.view_{self.opts.model_name}"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Nobody may."""
        return False


def log_act(request: HttpRequest, objects: Iterable[Model], message: str) -> None:
    """Have an act in the admin's own history of ``objects``, too."""
    user = request.user.pk
    assert user is not None, "the admin is for users who are signed in"
    LogEntry.objects.log_actions(user, list(objects), CHANGE, message)


def short(at: datetime | None) -> str | None:
    """A time, where there is little room for it."""
    return None if at is None else date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


def age(at: datetime | None, now: datetime | None = None) -> str | None:
    """How long ago that was, in its greatest unit; in full for those who point at it."""
    if at is None:
        return None
    now = now or timezone.now()
    seconds = max(0, int((now - at).total_seconds()))
    text = (
        ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
        if seconds < MINUTE
        else timesince(at, now, depth=1)
    )
    full = date_format(timezone.localtime(at), "DATETIME_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), full, text)


def may_be_number(text: str) -> bool:
    """Whether a row can have that primary key."""
    return text.isdecimal() and len(text) <= DIGITS


def listed(names: Sequence[str]) -> str:
    """The first of the names, and how many more there are."""
    first, more = ", ".join(names[:NAMED]), len(names) - NAMED
    if more <= 0:
        return first
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
        "names": first,
        "count": more,
    }


def short_name(node: Node) -> str:
    """A process as people know it: its host and its number there."""
    return node.name.rpartition(":")[0] or node.name


def database() -> str:
    """The alias of the database that holds the log."""
    return conf.current().database
