"""Filters by day: the last ones at a click, any others by their first and their last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from chat.admin.base import database
from chat.models import Message

FIRST, LAST = "from", "to"
"""The parameters that choose days by date; either may be left out."""

NAMED = "day"
"""The parameter that chooses the last days by name."""

OWN = (NAMED, FIRST, LAST)

DAY = timedelta(days=1)

# Years in which there were messages, or will be: others lead beyond what times can be.
EARLIEST, LATEST = 1970, 9000

NUMBERED_WITHIN = timedelta(hours=1)
"""Longer than any transaction: who is numbered later was not sent earlier by more than that."""

LOOKED_AT = 256
"""Messages, evenly spread over the log, by which those of some days are found."""

Span = tuple[datetime | None, datetime | None]


class DayFilter(admin.SimpleListFilter):
    """When something was done, by the staff member's calendar."""

    title = _("day")
    parameter_name = NAMED
    template = "admin/chat/days.html"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.first, self.last = (_date(name, params) for name in (FIRST, LAST))
        self.others: list[tuple[str, str]] = []

    def expected_parameters(self) -> list[str | None]:
        """All three."""
        return [*OWN]

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Today, yesterday, the last days."""
        return [
            ("today", _("today")),
            ("yesterday", _("yesterday")),
            ("week", _("last 7 days")),
            ("month", _("last 30 days")),
        ]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """What can be clicked; and for the form what else is chosen, which is to stay."""
        self.others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name not in OWN
            for value in values
        ]
        dated = self.first is not None or self.last is not None
        yield {
            "selected": self.value() is None and not dated,
            "query_string": changelist.get_query_string(remove=OWN),
            "display": _("All"),
        }
        for name, title in self.lookup_choices:
            yield {
                "selected": self.value() == name and not dated,
                "query_string": changelist.get_query_string({NAMED: name}, OWN[1:]),
                "display": title,
            }

    def span(self) -> Span:
        """From when until when the chosen days are; ``None`` where they have no bound."""
        if self.first is not None or self.last is not None:
            return _midnight(self.first), _midnight(self.last, after=1)
        days = {"today": (0, 0), "yesterday": (1, 1), "week": (6, 0), "month": (29, 0)}
        if self.value() not in days:
            return None, None
        first, last = days[str(self.value())]
        today = timezone.localdate()
        return _midnight(today - first * DAY), _midnight(today - last * DAY, after=1)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What was done in those days."""
        begin, end = self.span()
        if begin is not None:
            queryset = queryset.filter(at__gte=begin)
        return queryset if end is None else queryset.filter(at__lt=end)


class DayOfMessageFilter(DayFilter):
    """When a message was sent."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The messages of those days.

        Times have no index, which every post would have to pay for. But rows are numbered in their
        order, give or take the length of a transaction: so some are looked at, and only those
        between two of them that are clearly older and clearly newer are read.
        """
        begin, end = self.span()
        found = super().queryset(request, queryset)
        if begin is None and end is None:
            return found
        some = _some()
        if begin is not None:
            older = [pk for pk, at in some if at < begin - NUMBERED_WITHIN]
            found = found.filter(pk__gt=max(older, default=0))
        if end is not None:
            newer = [pk for pk, at in some if at >= end + NUMBERED_WITHIN]
            found = found.filter(pk__lt=min(newer)) if newer else found
        return found


def _some() -> list[tuple[int, datetime]]:
    """Some messages by number, each with its time: three queries, however many there are."""
    numbers = Message.objects.using(database()).order_by("pk").values_list("pk", flat=True)
    first, last = numbers.first(), numbers.last()
    if first is None or last is None:
        return []
    step = max(1, (last - first) // LOOKED_AT)
    chosen = Message.objects.using(database()).filter(pk__in=range(first, last + 1, step))
    return list(chosen.values_list("pk", "at"))


def _date(name: str, params: dict[str, Any]) -> date | None:
    """A day out of the address; nothing where the form was sent without one."""
    given = params.pop(name, [""])[-1]
    if not given:
        return None
    try:
        found = parse_date(given)
    except ValueError:  # there is no 30 February
        found = None
    if found is None or not EARLIEST <= found.year <= LATEST:
        raise IncorrectLookupParameters(f"{name}={given}")
    return found


def _midnight(day: date | None, *, after: int = 0) -> datetime | None:
    """When a day begins, or one so many days later."""
    if day is None:
        return None
    return timezone.make_aware(datetime.combine(day + after * DAY, time.min))
