"""What axe-core finds wrong with a page for people who cannot see it, or use it, as others do."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.browser.page import Page
from tests.browser.talk import drawn
from tests.node import package

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")

# Rules that axe runs only when asked to, because they are young.
ALSO = ("target-size",)

# To ``checkVisibility``: what is there and cannot be seen counts for nothing.
ALL = "{ opacityProperty: true, visibilityProperty: true }"

SIZES = {"at a desk": (1200, 800, False), "on a phone": (360, 640, True)}

_RUN = """axe.run(document, {{
  runOnly: {{ type: "tag", values: {tags} }},
  rules: {rules},
  resultTypes: ["violations"],
}}).then(({{ violations }}) => violations.map(({{ id, impact, help, nodes }}) => ({{
  id, impact, help,
  nodes: nodes.map(({{ target, failureSummary }}) => ({{ target, failureSummary }})),
}})))"""


@cache
def _source() -> str:
    return package("axe-core/axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """Return what breaks WCAG 2.0 to 2.2, A and AA, or good practice: a line for each element.

    The page is looked at as it is now: what is hidden is not judged. ``axe`` comes in by DevTools,
    which no Content-Security-Policy keeps out.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"{_source()}; 0")
    run = _RUN.format(
        tags=json.dumps(TAGS), rules=json.dumps({rule: {"enabled": True} for rule in ALSO})
    )
    return [_line(rule, node) for rule in page.evaluate(run) for node in rule["nodes"]]


def judged(page: Page) -> list[str]:
    """Return what is wrong with a page by day and by night."""
    drawn(page)
    found = []
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme)
        found += [f"{scheme}: {line}" for line in violations(page)]
    return found


def judged_at_each_size(page: Page, *seen: str) -> list[str]:
    """Return what is wrong with a page at a desk and on a phone.

    What ``seen`` selects has to be there, with words in it: or the state is another one.
    """
    found = []
    for size, (width, height, phone) in SIZES.items():
        page.resize(width, height, phone=phone)
        for selector in seen:
            every = f"Array.from(document.querySelectorAll({json.dumps(selector)}))"
            page.wait_until(f"{every}.some(e => e.checkVisibility({ALL}) && e.textContent.trim())")
        found += [f"{size}, {line}" for line in judged(page)]
    return found


def _line(rule: dict[str, Any], node: dict[str, Any]) -> str:
    # A part within a shadow tree is a list.
    target = " ".join(
        part if isinstance(part, str) else " >> ".join(part) for part in node["target"]
    )
    summary = " ".join(line.strip() for line in node["failureSummary"].splitlines())
    return f"{rule['id']} ({rule['impact']}): {target}: {rule['help']}. {summary}"
