import pytest
from django.core.exceptions import ImproperlyConfigured

from project import environment

NAME = "CHAT_TESTS_VARIABLE"


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        *[(value, True) for value in ("1", "true", "YES", "on", "", " ")],
        *[(value, False) for value in ("0", "False", "no", "off")],
    ],
)
def test_flag_is_read_in_every_usual_spelling(
    monkeypatch: pytest.MonkeyPatch, value: str, meaning: bool
) -> None:
    monkeypatch.setenv(NAME, value)
    assert environment.flag(NAME, default=True) is meaning


def test_flag_that_says_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "maybe")
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}='maybe'.*1, 0, true, false, yes or no"):
        environment.flag(NAME, default=True)


def test_unset_variables_have_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert environment.text(NAME) is None
    assert environment.flag(NAME, default=False) is False
    assert environment.choice(NAME, ("a", "b"), default="b") == "b"
    assert environment.words(NAME) == []
    assert environment.whole_number(NAME, default=7) == 7
    assert environment.number(NAME, default=0.5) == 0.5


def test_list_is_split_at_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, " chat.example.org, localhost,,")
    assert environment.words(NAME) == ["chat.example.org", "localhost"]


def test_choice_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "PubSub")
    assert environment.choice(NAME, ("core", "pubsub"), default="core") == "pubsub"
    monkeypatch.setenv(NAME, "rabbit")
    with pytest.raises(ImproperlyConfigured, match="expected one of core, pubsub"):
        environment.choice(NAME, ("core", "pubsub"), default="core")


@pytest.mark.parametrize("value", ["0", "65536", "-1", "1.5", "http", "1e3"])
def test_whole_number_out_of_bounds_or_of_another_kind_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match="expected a whole number from 1 to 65535"):
        environment.whole_number(NAME, default=5000, least=1, most=65535)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "ten"])
def test_number_that_is_none_or_negative_is_refused(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(NAME, value)
    with pytest.raises(ImproperlyConfigured, match="expected a number that is not negative"):
        environment.number(NAME, default=10)


def test_number_may_have_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "0.5")
    assert environment.number(NAME, default=10) == 0.5
