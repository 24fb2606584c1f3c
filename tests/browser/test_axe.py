"""That axe-core finds what is wrong, under a strict policy as well, and works on the room page."""

from __future__ import annotations

import json

from tests.browser.axe import violations
from tests.browser.conftest import Visits, live
from tests.browser.page import Page
from tests.servers import SiteServer

BAD = """<main><h1>Bad</h1><img src=/static/chat/icon.svg><input><p class=faint>faint</p>
<button></button><button>x</button><button>y</button><h4>too deep</h4></main>"""

# The policy keeps out what is written in the elements.
UGLY = """document.querySelector(".faint").style.color = "#ddd";
for (const { style } of document.querySelectorAll("button")) {
  Object.assign(style, { all: "unset", fontSize: "9px", lineHeight: "9px" });
}"""


def rules(page: Page) -> set[str]:
    """Return which rules a page breaks."""
    return {line.split()[0] for line in violations(page)}


def test_what_is_wrong_with_a_page_is_found(visits: Visits, site: SiteServer) -> None:
    page = visits.open(f"{site.url}/accounts/login/")
    page.evaluate(f"document.body.innerHTML = {json.dumps(BAD)}; {UGLY}; 0")
    expected = {"image-alt", "label", "button-name", "color-contrast", "target-size"}
    assert expected | {"heading-order"} <= rules(page)
    (image,) = (line for line in violations(page) if line.startswith("image-alt"))
    assert image.startswith("image-alt (critical): img: Images must have alternative text.")
    page.evaluate("document.querySelector('img').alt = 'an icon'; 0")
    assert "image-alt" not in rules(page)


def test_nothing_is_wrong_with_a_room(visits: Visits, room: str) -> None:
    assert violations(live(visits.open(room))) == []
