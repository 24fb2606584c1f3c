"""What all pages of the chat's admin have in common."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime

from chat import conf

M = TypeVar("M", bound=Model)
P = TypeVar("P", bound=Model)

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        """The rows in ``CHAT["DATABASE"]``."""
        return super().get_queryset(request).using(database())

    def save_model(self, request: HttpRequest, obj: M, form: Any, change: bool) -> None:
        """Write there, too."""
        obj.save(using=database())


def short(at: datetime | None) -> str | None:
    """A time, where there is little room for it."""
    return None if at is None else date_format(localtime(at), "SHORT_DATETIME_FORMAT")


def database() -> str:
    """The alias of the database that holds the log."""
    return conf.current().database
