"""Widths and columns."""

import pytest

from chat.management.screen import table, width


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("a\u200db", 2)]
)
def test_text_is_as_wide_as_a_terminal_shows_it(text: str, columns: int) -> None:
    assert width(text) == columns


def test_columns_of_a_table_are_aligned() -> None:
    rows = [("main", "3"), ("日本", "12")]
    assert list(table(("ROOM", "PEOPLE"), rows)) == ["ROOM  PEOPLE", "main  3", "日本  12"]
