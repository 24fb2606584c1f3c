from xml.etree import ElementTree

import pytest

from chat.load.chart import Axis, Bar, Line, bars, lines, short, spark


def texts(picture: str) -> list[str]:
    """What is written in a picture."""
    return [node.text or "" for node in ElementTree.fromstring(picture).iterfind(".//{*}text")]


@pytest.mark.parametrize(
    ("value", "said"),
    [(1_500_000, "1.5M"), (20_000, "20k"), (999, "999"), (0.25, "0.25"), (0, "0")],
)
def test_numbers_are_short(value: float, said: str) -> None:
    assert short(value) == said


@pytest.mark.parametrize(
    ("values", "log", "marks"),
    [
        ([0.0, 9.0], False, [0, 2, 4, 6, 8, 10]),
        ([3.0, 0.0], False, [0, 1, 2, 3]),
        ([0.0], False, [0, 1]),
        ([2.0, 3000.0], True, [1, 10, 100, 1000, 10_000]),
        ([10.0], True, [10, 100]),
    ],
)
def test_marks_are_round_and_go_beyond_what_is_shown(
    values: list[float], log: bool, marks: list[float]
) -> None:
    assert list(Axis("", log=log).scale(values).marks()) == pytest.approx(marks)


def test_a_line_goes_from_its_first_point_to_its_last() -> None:
    picture = lines("Growth", Axis("n"), Axis("ms"), [Line("one", [(0, 0), (10, 10)])])
    (line,) = ElementTree.fromstring(picture).iterfind(".//{*}polyline")
    assert line.get("points") == "70.0,334.0 840.0,56.0"
    assert {"Growth", "n", "ms", "one"} <= set(texts(picture))


def test_the_longest_bar_is_the_largest_figure() -> None:
    picture = bars("Bars", [Bar("a", 10), Bar("b", 1000)])
    first, second = ElementTree.fromstring(picture).iterfind(".//{*}rect")
    assert float(first.get("width", 0)) < float(second.get("width", 0))
    assert {"a", "b", "1k"} <= set(texts(picture))


def test_lines_that_share_a_colour_are_told_apart_by_dashes() -> None:
    many = [Line(f"line {number}", [(1, 1), (2, number)]) for number in range(10)]
    picture = ElementTree.fromstring(lines("Many", Axis("n"), Axis("ms"), many))
    drawn = [
        (line.get("stroke"), line.get("stroke-dasharray"))
        for line in picture.iterfind(".//{*}polyline")
    ]
    assert len(set(drawn)) == 10


def test_labels_cannot_break_out_of_the_picture() -> None:
    picture = bars('A "title" & <more>', [Bar("</text><script>", 1)])
    assert "</text><script>" in texts(picture)
    assert "<script>" not in picture
    assert ElementTree.fromstring(picture).get("aria-label") == 'A "title" & <more>'


def test_a_spark_goes_from_nothing_to_the_whole() -> None:
    assert spark([0, 3.5, 7], 7) == "▁▅█"
