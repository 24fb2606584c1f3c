"""The list of connections with 50 000 of them."""

import pytest
from django.db import connection as database
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.models import Connection
from tests.admin.conftest import Fill
from tests.admin.test_connections import LIST, QUERIES, arrive, serving, sessions

MANY = 50_000

SHOWN = 50
"""Rows of a page."""


@pytest.fixture
def many(fill: Fill) -> None:
    """Sessions ``0`` to ``49999``, on four processes and in a hundred rooms."""
    fill("r7")
    first = arrive("0", "r0", key="u:0", lag=0, heard_at=timezone.now())
    nodes = [first.node.pk, *(serving(f"host:{number}:x").pk for number in range(3))]
    table = Connection._meta.db_table
    with database.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (node_id, session, sender_key, sender_name, rooms, since,"
            " address, dialect, client, heard_at, lag)"
            " WITH RECURSIVE numbers(n) AS"
            " (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %s)"
            " SELECT %s + n %% 4, n, 'u:' || n, 'User ' || n, '[\"r' || (n %% 100) || '\"]', since,"
            " address, dialect, client, heard_at, n"
            f" FROM numbers, {table}",
            [MANY - 1, nodes[0]],
        )
    assert nodes == list(range(nodes[0], nodes[0] + 4))


@pytest.mark.parametrize(
    ("query", "found", "shown"),
    [
        ("", MANY, range(MANY - 1, MANY - 1 - SHOWN, -1)),
        ("p=1000", MANY, range(SHOWN - 1, -1, -1)),
        ("o=6", MANY, range(SHOWN)),
        ("o=-6", MANY, range(MANY - 1, MANY - 1 - SHOWN, -1)),
        ("q=31337", 1, [31_337]),
        ("room=r7", 500, range(49_907, 49_907 - 100 * SHOWN, -100)),
        ("who=g", 0, []),
    ],
)
def test_any_page_of_fifty_thousand_is_found_in_as_many_queries_as_of_a_few(
    boss: Client,
    many: None,
    query: str,
    found: int,
    shown: list[int],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(QUERIES + 2):  # the count of all, and whether a room is seen
        answer = boss.get(f"{LIST}?{query}")
    assert answer.context["cl"].result_count == found
    assert sessions(boss, query) == [str(number) for number in shown]
