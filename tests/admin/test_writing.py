import pytest

from chat.admin import writing
from chat.admin.meanings import FIGURES

KINDS = {figure.write: figure for figure in FIGURES}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("number", 0, "0"),
        ("number", 12345, "12,345"),
        ("rate", 0.0, "0.0"),
        ("rate", 2.04, "2.0"),
        ("rate", 1234.25, "1,234"),
        ("milliseconds", 9.81, "9.8"),
        ("milliseconds", 1250.0, "1,250"),
        ("rate", None, "–"),
    ],
)
def test_figures_are_short_and_of_even_length(kind: str, value: float | None, text: str) -> None:
    """The same as in tests/javascript/writing.test.js."""
    assert writing.write(KINDS[kind], value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_ages_are_in_their_largest_unit(seconds: float, text: str) -> None:
    assert writing.age(seconds) == text
