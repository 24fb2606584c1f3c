"""How guests are shown who have chosen no name."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Visits, live
from tests.browser.talk import publish
from tests.servers import SiteServer

GUEST = "Guest 1073741831"


def test_name_is_not_broken_where_there_is_little_room_for_it_and_a_time(
    visits: Visits, site: SiteServer, room: str
) -> None:
    publish(site, room, 1, name=GUEST)
    page = visits.open("about:blank")
    page.resize(360, 640, phone=True)
    page.script(enabled=False)
    page.goto(room)
    assert page.text(".name") == GUEST
    assert page.evaluate("document.querySelector('.name').getClientRects().length") == 1
    assert page.evaluate(
        "(({ height }) => height < 25)(document.querySelector('.name').getBoundingClientRect())"
    )


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("language", ["en", "de"])
def test_name_is_to_be_read_in_the_field_for_another(
    visits: Visits, room: str, language: str, width: int
) -> None:
    page = visits.open("about:blank")
    page.speak(language)
    page.resize(width, 640)
    live(page.goto(room))
    page.evaluate("document.querySelector('.people').showPopover()")
    field = "document.querySelector('[data-part=name]')"
    page.wait_until(f"{field}.placeholder.includes('Guest ')")
    wide = f"(e => {{ e.value = e.placeholder; return e.scrollWidth - e.clientWidth; }})({field})"
    assert page.evaluate(wide) <= 0
