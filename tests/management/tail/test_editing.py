"""A line being typed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.management.screen import ERASE_ROW, width
from chat.management.tail.editing import Key, Line

UP, DOWN, RIGHT, LEFT = b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D"
HOME, END, DELETE = b"\x1b[H", b"\x1bOF", b"\x1b[3~"


def typed(*keys: bytes) -> Line:
    line = Line("> ")
    for key in keys:
        assert list(line.feed(key)) == []
    return line


def row(drawn: str) -> str:
    """What one sees of a row."""
    assert drawn.startswith(ERASE_ROW)
    return re.sub(r"\x1b\[\d+D\Z", "", drawn.removeprefix(ERASE_ROW))


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ([b"hello"], "hello"),
        ([b"helo", LEFT, b"l"], "hello"),
        ([b"ello", HOME, b"h", END, b"!"], "hello!"),
        ([b"ello", b"\x01", b"h", b"\x05", b"!"], "hello!"),
        ([b"helloo", b"\x7f"], "hello"),
        ([b"helloo", b"\x08"], "hello"),
        ([b"hhello", HOME, DELETE], "hello"),
        ([b"hhello", HOME, b"\x04"], "hello"),
        ([b"hello world", b"\x17"], "hello "),
        ([b"hello world", LEFT, b"\x15"], "d"),
        ([b"hello world", LEFT, b"\x0b"], "hello worl"),
        ([b"hello", LEFT, LEFT, RIGHT, b"X"], "hellXo"),
        ([b"\x7f", LEFT, RIGHT, DELETE, b"\x17"], ""),
    ],
)
def test_keys_edit_the_line(keys: list[bytes], text: str) -> None:
    assert typed(*keys).text == text


def test_enter_finishes_a_line_and_begins_another() -> None:
    line = Line("> ")
    assert list(line.feed(b"one\ntwo\rthr")) == ["one", "two"]
    assert line.text == "thr"


def test_ctrl_d_ends_in_an_empty_line_only() -> None:
    assert list(typed(b"a", HOME).feed(b"\x04")) == []
    assert list(typed().feed(b"\x04")) == [Key.END]


def test_ctrl_l_asks_for_a_clean_screen() -> None:
    assert list(typed(b"a").feed(b"\x0c")) == [Key.REDRAW]


def test_characters_may_come_in_pieces() -> None:
    parts = "wörld €".encode()
    assert typed(*(bytes([byte]) for byte in parts)).text == "wörld €"
    assert typed(b"ab", b"\x1b", b"[", b"D", b"X").text == "aXb"


@pytest.mark.parametrize("escape", [b"\x1b[200~", b"\x1b[1;5C", b"\x1bOP", b"\x1bx", b"\x1b[15~"])
def test_keys_without_a_meaning_leave_nothing_in_the_line(escape: bytes) -> None:
    assert typed(b"a", escape, b"b").text == "ab"


def test_control_characters_are_not_typed() -> None:
    assert typed("a\x00\x07\x1f\x85\x9b\u2028b".encode()).text == "ab"


def test_arrows_bring_earlier_lines_back_and_what_was_being_typed() -> None:
    line = Line("> ")
    list(line.feed(b"one\ntwo\ntwo\nthr"))
    seen = []
    for key in (UP, UP, UP, DOWN, DOWN, DOWN):
        list(line.feed(key))
        seen.append(line.text)
    assert seen == ["two", "one", "one", "two", "thr", "thr"]


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ([b"hello"], "> hello"),
        ([b"abcdefghijklmnop"], "> ghijklmnop"),
        ([b"abcdefghijklmnop", HOME], "> abcdefghij"),
        (["ab日本語日本語".encode()], "> 本語日本語"),
    ],
)
def test_long_line_scrolls_within_its_row(keys: list[bytes], shown: str) -> None:
    assert row(typed(*keys).draw(13)) == shown


def test_cursor_is_where_one_types() -> None:
    assert typed("a日本".encode(), LEFT, LEFT).draw(80) == f"{ERASE_ROW}> a日本\x1b[4D"


@given(st.binary(), st.integers(1, 40))
def test_whatever_is_typed_stays_in_one_row_and_steers_nothing(data: bytes, room: int) -> None:
    line = Line("> ")
    finished = [found for found in line.feed(data) if isinstance(found, str)]
    for text in (*finished, line.text, row(line.draw(room))):
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)
    assert width(row(line.draw(room))) <= max(room - 1, 4)
