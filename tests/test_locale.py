"""No text that the app shows lacks its translation; ``scripts/messages.sh`` collects them."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

from tests.programs import ROOT

CHAT = ROOT / "chat"
TRANSLATED = ["ar", "de"]
UNTRANSLATED = ["en"]

Text = tuple[str, ...]
"""A text as it is in the source: one string, or singular and plural."""

FUNCTIONS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "gettext_noop": 1}
FUNCTIONS |= {"ngettext": 2, "ngettext_lazy": 2}
"""What marks texts, and how many of them it takes."""

NUMBERS = (0, 1, 2, 3, 11, 100)
"""One for each form that a text may have: Arabic has six."""

# By position, by name, and those that scripts fill in.
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z]|\{\w*\}")

# What ``templatize`` makes of a template's tags; the rest of the template is blotted out.
CALL = re.compile(r"""\b(?:n?gettext|_)\((?:u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*"|[^()'"])*\)""")

FUZZY = re.compile(r"^#,.*\bfuzzy\b", flags=re.MULTILINE)


def marked(source: str) -> Iterator[Text]:
    """The texts that Python source marks as to be translated."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", None))
        count = FUNCTIONS.get(str(name), 0)
        strings = tuple(
            argument.value
            for argument in node.args[:count]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        )
        if strings:
            yield strings


def texts() -> set[Text]:
    """All texts of the app."""
    found: set[Text] = set()
    for path in CHAT.rglob("*.py"):
        found.update(marked(path.read_text()))
    for path in CHAT.rglob("templates/**/*.html"):
        calls = CALL.findall(templatize(path.read_text(), origin=str(path)))
        found.update(marked("\n".join(calls)))
    return found


def catalogue(language: str) -> gettext.GNUTranslations:
    """The compiled texts of a language, which answer what they lack with nothing."""
    with (CHAT / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as compiled:
        found = gettext.GNUTranslations(compiled)
    found.add_fallback(Nothing())
    return found


class Nothing(gettext.NullTranslations):
    """Translates everything to the empty string."""

    def gettext(self, message: str) -> str:
        """Return nothing."""
        return ""

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return nothing."""
        return ""


def translations(text: Text, catalogue: gettext.GNUTranslations) -> list[str]:
    """A text in another language, in all its forms."""
    if len(text) == 1:
        return [catalogue.gettext(text[0])]
    return [catalogue.ngettext(text[0], text[1], number) for number in NUMBERS]


def entries(path: Path) -> dict[Text, list[str]]:
    """The translations in a .po file, but for the fuzzy ones, which count for nothing."""
    found: dict[Text, list[str]] = {}
    for block in path.read_text().split("\n\n"):
        if FUZZY.search(block):
            continue
        fields: dict[str, str] = {}
        field = ""
        for line in block.splitlines():
            match = re.fullmatch(r'(?:(msg\S+) )?(".*")', line)
            if match:
                field = match[1] or field
                fields[field] = fields.get(field, "") + ast.literal_eval(match[2])
        text = tuple(fields[name] for name in ("msgid", "msgid_plural") if name in fields)
        if text and text[0]:
            found[text] = [fields[name] for name in fields if name.startswith("msgstr")]
    return found


def test_there_are_texts_of_every_origin() -> None:
    found = texts()
    assert ("Write a message",) in found
    assert ("This room is for people who are signed in.",) in found
    assert ("private: members only",) in found


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    compiled = catalogue(language)
    assert not {text for text in texts() if not all(translations(text, compiled))}


@pytest.mark.parametrize("language", TRANSLATED)
def test_compiled_texts_are_those_of_the_source(language: str) -> None:
    compiled = catalogue(language)
    path = CHAT / "locale" / language / "LC_MESSAGES" / "django.po"
    differing = {
        text: forms
        for text, forms in entries(path).items()
        if sorted(set(translations(text, compiled))) != sorted(set(forms))
    }
    assert not differing, "compile with scripts/messages.sh"


@pytest.mark.parametrize("language", TRANSLATED + UNTRANSLATED)
def test_catalogue_has_the_texts_of_the_app_and_no_others(language: str) -> None:
    path = CHAT / "locale" / language / "LC_MESSAGES" / "django.po"
    assert set(entries(path)) == texts(), "collect with scripts/messages.sh"


def placeholders(text: str) -> list[str]:
    """What a text leaves open, each as often as it does."""
    return sorted(PLACEHOLDER.findall(text))


def may_hide_its_number(form: str, text: Text, catalogue: gettext.GNUTranslations) -> bool:
    """Whether a form serves one number only, as in "both", and the number is put in by name."""
    one, many = text
    served = [number for number in range(200) if catalogue.ngettext(one, many, number) == form]
    return len(served) == 1 and "%(" in many


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_have_the_same_placeholders(language: str) -> None:
    compiled = catalogue(language)
    for text in texts():
        wanted = placeholders(text[-1])
        for form in translations(text, compiled):
            found = placeholders(form)
            hidden = not found and len(text) == 2 and may_hide_its_number(form, text, compiled)
            assert found == wanted or hidden, (text, form)


@pytest.mark.parametrize("language", TRANSLATED + UNTRANSLATED)
def test_no_translation_is_a_guess(language: str) -> None:
    source = (CHAT / "locale" / language / "LC_MESSAGES" / "django.po").read_text()
    assert not FUZZY.search(source), "translate what is marked fuzzy"


def test_texts_of_the_site_are_the_chats() -> None:
    """The site has no catalogue of its own."""
    for path in (ROOT / "project").rglob("templates/**/*.html"):
        calls = CALL.findall(templatize(path.read_text(), origin=str(path)))
        assert set(marked("\n".join(calls))) <= texts(), path


def test_site_offers_every_language() -> None:
    assert {code for code, _ in settings.LANGUAGES} == {*TRANSLATED, *UNTRANSLATED}


def test_every_language_is_tested() -> None:
    there = {path.name for path in (CHAT / "locale").iterdir() if path.is_dir()}
    assert there == {*TRANSLATED, *UNTRANSLATED}
