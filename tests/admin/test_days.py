"""Messages and acts by day: at a click, or from one date to another."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from chat import moderation, store
from chat.admin import days
from chat.models import Act, Message
from tests.admin.conftest import Fill

MESSAGES, ACTS = "/admin/chat/message/", "/admin/chat/act/"

Dated = Callable[..., None]


def at(day: str, tz: tzinfo | None = None) -> datetime:
    """Return a moment, in the site's time zone."""
    return timezone.make_aware(datetime.fromisoformat(day), tz)


def shown(client: Client, query: str, address: str = MESSAGES) -> list[str]:
    """Return what a list shows, the oldest first."""
    rows = client.get(f"{address}?{query}").context["cl"].result_list
    return [row.reason if isinstance(row, Act) else row.text for row in rows][::-1]


@pytest.fixture
def log(fill: Fill) -> list[Message]:
    """Messages of some days of 2020, and one of today."""
    moments = ["2020-02-28T12:00", "2020-02-29T00:00", "2020-02-29T23:59", "2020-03-01T00:00"]
    messages = fill("main", *moments, "today")
    for message in messages[:-1]:
        Message.objects.filter(pk=message.pk).update(at=at(message.text))
    return messages


DATES = [
    ("from=2020-02-29&to=2020-02-29", [1, 2]),
    ("from=2020-02-29", [1, 2, 3, 4]),
    ("to=2020-02-29", [0, 1, 2]),
    ("from=2020-03-02&to=2020-04-01", []),
    ("from=2020-03-01&to=2020-02-01", []),
    ("from=&to=", [0, 1, 2, 3, 4]),
    ("day=today", [4]),
    ("day=today&from=2020-03-01&to=2020-03-01", [3]),
]


@pytest.mark.parametrize(("query", "found"), DATES)
def test_messages_are_found_from_one_date_to_another(
    boss: Client, log: list[Message], query: str, found: list[int]
) -> None:
    assert shown(boss, query) == [log[number].text for number in found]


@pytest.mark.parametrize(("query", "found"), DATES)
def test_acts_are_found_in_the_same_way(
    boss: Client, log: list[Message], query: str, found: list[int]
) -> None:
    by = moderation.by_site(Act.Via.CODE)
    for message in Message.objects.order_by("pk"):
        act = store.record(Act.Kind.REDACT, by, reason=message.text)
        Act.objects.filter(pk=act.pk).update(at=message.at)
    assert shown(boss, query, ACTS) == [log[number].text for number in found]


def test_days_begin_at_midnight_where_the_site_is(
    boss: Client, fill: Fill, settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    (message,) = fill("main", "late in the evening")
    moment = at("2020-02-29T23:30", ZoneInfo("Asia/Kolkata"))
    Message.objects.filter(pk=message.pk).update(at=moment)
    with timezone.override("Asia/Kolkata"):
        assert shown(boss, "from=2020-02-29&to=2020-02-29") == ["late in the evening"]
        assert shown(boss, "from=2020-03-01&to=2020-03-01") == []


@pytest.mark.parametrize(
    "value", ["yesterday", "2020-02-30", "2020-02", "1 or 1=1", "9999-12-31", "0001-01-01"]
)
@pytest.mark.parametrize("address", [MESSAGES, ACTS])
def test_what_is_no_date_is_refused(boss: Client, address: str, value: str) -> None:
    for end in ("from", "to"):
        assert boss.get(address, {end: value}).url == f"{address}?e=1"  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(5))
def test_no_message_is_missed_however_few_are_looked_at(
    rf: RequestFactory, fill: Fill, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(days, "LOOKED_AT", 6)
    moment = at("2020-02-27T12:00")
    for message in fill("main", *(str(number) for number in range(60))):
        moment += timedelta(minutes=chance.expovariate(1 / 90))
        # Whose transaction takes long has an earlier number than others that were sent before.
        sent = moment + timedelta(minutes=chance.uniform(0, 50))
        Message.objects.filter(pk=message.pk).update(at=sent)
    Message.objects.filter(text__in=[str(chance.randrange(60)) for _ in range(20)]).delete()
    everything = dict(Message.objects.order_by("pk").values_list("text", "at"))
    for first in range(26, 35):
        for last in range(first, 35):
            begin, end = (date(2020, 2, 1) + timedelta(days=day) for day in (first - 1, last - 1))
            of_them = [
                text
                for text, sent in everything.items()
                if begin <= timezone.localdate(sent) <= end
            ]
            dates = {"from": [str(begin)], "to": [str(end)]}
            chosen = days.DayOfMessageFilter(
                rf.get("/"), dates, Message, site.get_model_admin(Message)
            )
            found = chosen.queryset(rf.get("/"), Message.objects.order_by("pk"))
            assert [message.text for message in found] == of_them


@pytest.mark.parametrize("count", [1, 80])
@pytest.mark.parametrize("query", ["day=week", "from=2020-01-01", "from=2020-01-01&to=2020-12-31"])
def test_days_take_three_queries_more_for_many_messages_as_for_few(
    boss: Client,
    fill: Fill,
    query: str,
    count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    fill("main", *["hello"] * count)
    with django_assert_num_queries(5 + 3):
        boss.get(f"{MESSAGES}?{query}")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="reads SQLite's plans")
def test_days_long_ago_are_found_without_reading_what_came_since(
    boss: Client, log: list[Message]
) -> None:
    rows = boss.get(f"{MESSAGES}?from=2020-02-29&to=2020-02-29").context["cl"].queryset
    plan = rows[:50].explain()
    assert "SEARCH chat_message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in plan
    assert "TEMP B-TREE" not in plan


def test_form_keeps_what_else_is_chosen_and_links_keep_the_dates(
    boss: Client, log: list[Message]
) -> None:
    query = f"room={log[0].room.pk}&q=2020&day=week&from=2020-02-29"
    content = boss.get(f"{MESSAGES}?{query}").content.decode()
    form = content.partition('<form method="get" class="chat-days">')[2].partition("</form>")[0]
    assert f'<input type="hidden" name="room" value="{log[0].room.pk}">' in form
    assert '<input type="hidden" name="q" value="2020">' in form
    assert '<input type="date" name="from" value="2020-02-29">' in form
    assert '<input type="date" name="to" value="">' in form
    assert 'name="day"' not in form
    changelist = boss.get(f"{MESSAGES}?{query}").context["cl"]
    *_, states, dates = changelist.filter_specs
    assert all("from=2020-02-29" in choice["query_string"] for choice in states.choices(changelist))
    assert not any("from" in choice["query_string"] for choice in dates.choices(changelist))
    assert not any(choice["selected"] for choice in dates.choices(changelist))
