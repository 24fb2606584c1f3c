"""No text that people see stands bare in a template or a module: it could not be translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.programs import ROOT

TEMPLATES = sorted(
    path for app in ("chat", "project") for path in (ROOT / app).rglob("templates/**/*.html")
)
MODULES = sorted((ROOT / "chat" / "static").rglob("*.js"))

READ = ("alt", "aria-label", "aria-description", "placeholder", "title")
"""Attributes that people read or hear."""

# What is translated, is no text (a class of the page's), or stands for a value.
MARKED = re.compile(
    r"""\{%\s*(?P<tag>comment|blocktranslate)\b.*?%\}.*?\{%\s*end(?P=tag)\s*%\}
    | \{%\s*block\ bodyclass\s*%\}.*?\{%\s*endblock.*?%\}
    | \{%.*?%\} | \{\{.*?\}\} | \{\#.*?\#\}""",
    re.DOTALL | re.VERBOSE,
)

# What shows a text, and the text.
SHOWS = re.compile(
    r"""(?:\b(?:textContent|innerText|title|alt|placeholder|ariaLabel|ariaDescription)\s*[=:]\s*
    | \b(?:tell|append|prepend|replaceChildren|alert|confirm)\(\s*
    | \bsetAttribute\("(?:alt|aria-label|aria-description|placeholder|title)",\s*)
    (?P<quote>["'`])(?P<text>.*?)(?P=quote)""",
    re.VERBOSE,
)


class Bare(HTMLParser):
    """Collects the texts of a page that people see."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._unseen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what an element's attributes say."""
        self._unseen = tag in ("script", "style")
        self.texts += [value or "" for name, value in attrs if name in READ]

    def handle_endtag(self, tag: str) -> None:
        """What comes after a script is seen again."""
        self._unseen = False

    def handle_data(self, data: str) -> None:
        """Collect a text."""
        if not self._unseen:
            self.texts.append(data)


def has_letters(text: str) -> bool:
    return any(map(str.isalpha, text))


def bare_in_template(source: str) -> list[str]:
    """Return the texts of a template that are not marked as to be translated."""
    page = Bare()
    page.feed(MARKED.sub("", source))
    page.close()
    return [text.strip() for text in page.texts if has_letters(text)]


def bare_in_module(source: str) -> Iterator[str]:
    """The texts that a module shows and has from itself, rather than from a template."""
    for found in SHOWS.finditer(source):
        if has_letters(re.sub(r"\$\{.*?\}", "", found["text"])):
            yield found["text"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_template_has_no_bare_text(path: Path) -> None:
    assert bare_in_template(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_module_has_no_bare_text(path: Path) -> None:
    assert list(bare_in_module(path.read_text())) == []


def test_bare_text_of_a_template_is_found() -> None:
    source = """{% load i18n %}{% comment %} not seen {% endcomment %}
      <p class="quiet">{% translate "marked" %} · {{ value }}</p>
      <p>{% blocktranslate %}marked <b>too</b>{% endblocktranslate %}</p>
      <script>unseen()</script>
      <p>{% if value %}bare{% endif %}</p><img alt="bare, too" src="a.png">"""
    assert bare_in_template(source) == ["bare", "bare, too"]


@pytest.mark.parametrize(
    "line",
    [
        'place.textContent = "bare";',
        "Object.assign(place, { title: 'bare' });",
        'place.append(name, " ", other); status.tell("bare");',
        "place.textContent = `bare`;",
        'place.setAttribute("aria-label", "bare");',
    ],
)
def test_bare_text_of_a_module_is_found(line: str) -> None:
    assert list(bare_in_module(line)) == ["bare"]


def test_what_is_no_word_is_no_bare_text() -> None:
    source = "place.textContent = `${name}: ${text}`; other.textContent = '…'; more.title = words;"
    assert list(bare_in_module(source)) == []
