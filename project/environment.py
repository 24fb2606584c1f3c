"""Environment variables as values of the right type, or an error that says what was expected.

An empty variable counts as one that is not set: that is how most tools that hand an environment on
spell "unset".
"""

import math
import os
from collections.abc import Collection

from django.core.exceptions import ImproperlyConfigured

_FLAGS = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


def text(name: str) -> str | None:
    """Return the variable without surrounding space; None when it is unset or empty."""
    return os.environ.get(name, "").strip() or None


def flag(name: str, *, default: bool) -> bool:
    """Return whether the variable says yes: 1, true, yes or on, in any case."""
    value = text(name)
    if value is None:
        return default
    if value.lower() not in _FLAGS:
        raise _expected(name, value, "1, 0, true, false, yes or no")
    return _FLAGS[value.lower()]


def choice(name: str, among: Collection[str], *, default: str) -> str:
    """Return the variable in lower case, which has to be one of ``among``."""
    value = (text(name) or default).lower()
    if value not in among:
        raise _expected(name, value, "one of " + ", ".join(among))
    return value


def words(name: str) -> list[str]:
    """Return the parts of a list with commas, such as ``chat.example.org,localhost``."""
    return [word.strip() for word in (text(name) or "").split(",") if word.strip()]


def whole_number(name: str, *, default: int, least: int = 0, most: int | None = None) -> int:
    """Return the variable as an integer from ``least`` to ``most``."""
    value = text(name)
    if value is None:
        return default
    expected = f"a whole number from {least}" + (f" to {most}" if most is not None else " up")
    try:
        number = int(value)
    except ValueError:
        raise _expected(name, value, expected) from None
    if number < least or (most is not None and number > most):
        raise _expected(name, value, expected)
    return number


def number(name: str, *, default: float) -> float:
    """Return the variable as a number that is finite and not negative."""
    value = text(name)
    if value is None:
        return default
    try:
        amount = float(value)
    except ValueError:
        amount = math.nan
    if not math.isfinite(amount) or amount < 0:
        raise _expected(name, value, "a number that is not negative, such as 10 or 0.5")
    return amount


def _expected(name: str, value: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value!r} in the environment: expected {expected}.")
