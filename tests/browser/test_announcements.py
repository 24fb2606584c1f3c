"""What people see of an announcement that is made in the admin."""

from tests.browser.chromium import Page
from tests.browser.conftest import Visits
from tests.browser.talk import sign_in
from tests.servers import SiteServer

ANNOUNCEMENT = ".announcement"


def announcer(visits: Visits, site: SiteServer) -> Page:
    """Return a tab on the page that announces to everybody."""
    page = visits.open(f"{site.url}/rooms/main/")
    sign_in(site, page, "announcer", "view_room", "announce")
    site.run(
        "from django.contrib.auth.models import User;"
        "User.objects.filter(username='announcer').update(is_staff=True)",
    )
    return page.goto(f"{site.url}/admin/chat/room/announce/")


def announce(page: Page, text: str, *choices: str) -> None:
    """Fill in the form, confirm it, and wait until it is done."""
    page.write("#id_text", text)
    for choice in choices:
        page.click(choice)
    page.click("input[type=submit].default")
    page.wait_for_text("blockquote", text)
    page.click("input[type=submit].default")
    page.wait_for_text(".messagelist", "The announcement was made.")
    page.forgive("status of 404")  # Django's admin has no icon


def test_announcement_is_shown_as_text_until_it_is_dismissed(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room)
    other = visits.enter(room, like=page)
    announce(announcer(visits, site), "<b>We close</b> at six", "#id_level_1")
    page.wait_for_text(ANNOUNCEMENT, "<b>We close</b> at six")
    other.wait_for_text(ANNOUNCEMENT, "<b>We close</b> at six")
    assert page.evaluate(f"document.querySelector('{ANNOUNCEMENT}').dataset.level") == "warning"
    page.evaluate(f"document.querySelector('{ANNOUNCEMENT} button').focus()")
    page.press("Enter")
    page.wait_until(f"!document.querySelector('{ANNOUNCEMENT}')")
    assert page.evaluate("document.activeElement.dataset.part") == "log"
    other.wait_until(f"!document.querySelector('{ANNOUNCEMENT}')")


def test_announcement_as_a_message_is_in_the_room(
    visits: Visits, site: SiteServer, room: str
) -> None:
    page = visits.enter(room, "Ann")
    page.write(".post textarea", "hello")
    page.enter()
    page.wait_for_text(".lines", "hello")
    announce(announcer(visits, site), "We open at nine", "#id_logged_1")
    page.wait_for_text(".lines", "We open at nine")
    assert page.evaluate(f"document.querySelector('{ANNOUNCEMENT}')") is None
