from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.admin.plots import HEIGHT, WIDTH, Line, Mark, Plot, Value, draw, nice_ticks

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.one_of(st.none(), st.floats(min_value=0, max_value=1e12))
POINTS = st.lists(VALUES, max_size=60)


def plot(*lines: Sequence[Value], marks: Sequence[Mark] = (), title: str = "Posts") -> Plot:
    """Return a plot of lines."""
    return Plot(
        id="p",
        title=title,
        description="what it comes to",
        lines=[Line(f"line {number}", points) for number, points in enumerate(lines)],
        marks=marks,
        show=lambda value: f"{value:g}",
        nothing="nothing yet",
    )


def drawn(shown: Plot) -> ET.Element:
    """Draw, and read what was drawn as XML."""
    return ET.fromstring(draw(shown).replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))


def shapes(element: ET.Element, kind: str) -> list[ET.Element]:
    """Return the elements of a kind that belong to lines."""
    return [found for found in element.iter(SVG + kind) if "series" in found.get("class", "")]


@given(st.lists(POINTS, min_size=1, max_size=4))
def test_whatever_the_points_it_is_well_formed_and_stays_in_its_frame(
    lines: list[list[Value]],
) -> None:
    element = drawn(plot(*lines, marks=[Mark(0, "12:00")]))
    text = ET.tostring(element, encoding="unicode")
    assert "nan" not in text.lower()
    assert "inf" not in text.lower()
    for shape in (*shapes(element, "polyline"), *shapes(element, "polygon")):
        for pair in shape.get("points", "").split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= WIDTH
            assert 0 <= y <= HEIGHT


def test_no_points_say_so() -> None:
    nothing: list[list[list[Value]]] = [[], [[]], [[None, None], [None]]]
    for lines in nothing:
        element = drawn(plot(*lines))
        assert "nothing yet" in "".join(element.itertext())
        assert shapes(element, "polyline") == []


def test_one_point_is_a_dot() -> None:
    element = drawn(plot([5.0]))
    (dot,) = shapes(element, "circle")
    assert 0 < float(dot.get("cx", "0")) < WIDTH
    assert "nothing yet" not in "".join(element.itertext())


def test_gap_is_left_where_nothing_is_known() -> None:
    element = drawn(plot([1.0, 2.0, None, 3.0, 4.0, None, 5.0]))
    assert len(shapes(element, "polyline")) == 2
    assert len(shapes(element, "circle")) == 1


def test_higher_values_are_further_up_and_later_ones_further_right() -> None:
    (line,) = shapes(drawn(plot([0.0, 10.0])), "polyline")
    (x1, y1), (x2, y2) = (map(float, p.split(",")) for p in line.get("points", "").split())
    assert x1 < x2
    assert y1 > y2


def test_only_one_line_is_filled() -> None:
    assert len(shapes(drawn(plot([1.0, 2.0])), "polygon")) == 1
    assert shapes(drawn(plot([1.0, 2.0], [2.0, 1.0])), "polygon") == []


def test_it_is_named_and_described_for_those_who_cannot_see_it() -> None:
    element = drawn(plot([1.0]))
    named = str(element.get("aria-labelledby")).split()
    texts = {found.get("id"): found.text for found in element.iter() if found.get("id")}
    assert [texts[name] for name in named] == ["Posts", "what it comes to"]
    assert element.get("role") == "img"


def test_text_is_escaped_and_nothing_is_styled_inline() -> None:
    text = draw(plot([1.0, 2.0], title="<b>&</b>", marks=[Mark(1, '"12:00"<')]))
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "style" not in text


@given(st.floats(min_value=1e-6, max_value=1e12))
def test_ticks_reach_the_highest_value_in_few_even_steps(most: float) -> None:
    ticks = nice_ticks(most)
    assert ticks[0] == 0
    assert most <= ticks[-1] * (1 + 1e-6)
    assert 2 <= len(ticks) <= 6
    steps = [high - low for low, high in pairwise(ticks)]
    assert max(steps) == pytest.approx(min(steps))


@pytest.mark.parametrize(
    ("most", "ticks"), [(0, [0, 1]), (4, [0, 1, 2, 3, 4]), (70, [0, 20, 40, 60, 80])]
)
def test_ticks_are_round(most: float, ticks: list[float]) -> None:
    assert nice_ticks(most) == ticks
