"""Make the pictures of the README anew: start a site, let a few people talk, and photograph it.

usage: .venv/bin/python scripts/screenshots.py [DIRECTORY]      (default: docs/images)
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.chromium import Chromium, Page  # noqa: E402 - lies in ROOT
from tests.programs import temporary_directory  # noqa: E402
from tests.servers import SiteServer, manage  # noqa: E402

HUES = 8
ROOMS = {"main": "Lobby", "bakery": "Bakery orders", "routes": "Delivery routes"}
NAMES = ("Ines", "Tomasz", "ليلى", "Mika")

TALK = (
    ("Ines", "Hello everyone! The van is back from the workshop."),
    ("Ines", "New brakes, and the heating works again."),
    ("Tomasz", "Then I take the northern route as planned: leaving in an hour."),
    ("ليلى", "مرحبا! كل الطلبات جاهزة."),
    ("Mika", "Wonderful. Could somebody bring the blue crates along?"),
    ("Tomasz", "Will do. How many?"),
    ("Mika", "Eight, if they fit:\n– four for the market\n– four for the school kitchen"),
    ("Tomasz", "They fit."),
    ("Ines", "Then see you in the yard."),
)

MAKE_ROOMS = f"""
from chat.models import Room
for slug, title in {ROOMS!r}.items():
    Room.objects.create(slug=slug, title=title)
"""


def enter(browser: Chromium, address: str, name: str, taken: set[int]) -> Page:
    """Open the page as somebody new, in a colour of their own, who chooses a name."""
    page = browser.page().goto(address)
    page.wait_for_text("#chat-state", "Connected")
    # Colours go by the guest's number, which is random.
    hue = sum(map(ord, page.evaluate("document.querySelector('[data-me]').dataset.me"))) % HUES
    if hue in taken:
        page.close()
        return enter(browser, address, name, taken)
    taken.add(hue)
    page.write("#chat-name", name)
    page.enter()
    page.wait_for_text("#chat-people", name)
    return page


def say(page: Page, text: str) -> None:
    """Send a message and wait until it is there."""
    page.write("#chat-text", text)
    page.enter()
    page.wait_for_text(".text", text.splitlines()[-1])


def main() -> None:
    """Photograph a desktop by day and a phone by night."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    directory.mkdir(parents=True, exist_ok=True)
    env = {"DATABASE_URL": f"sqlite:///{temporary_directory() / 'db.sqlite3'}"}
    manage("migrate", "--verbosity=0", env=env)
    manage("shell", "-c", MAKE_ROOMS, env=env)
    with SiteServer(env=env) as server, Chromium() as browser:
        taken: set[int] = set()
        people = {name: enter(browser, server.url, name, taken) for name in NAMES}
        enter(browser, f"{server.url}/rooms/routes/", "Jo", set())
        for name, text in TALK:
            say(people[name], text)
        mine = people["Mika"]
        mine.wait_for_text(".text", TALK[-1][1])
        mine.reload().wait_for_text("#chat-state", "Connected")
        mine.wait_until("document.querySelectorAll('#chat-people li').length === 4")
        mine.prefer(color_scheme="light")
        mine.resize(1100, 652)
        mine.screenshot(directory / "room-desktop-light.png")
        mine.prefer(color_scheme="dark")
        mine.resize(360, 680, phone=True)
        mine.reload().wait_for_text("#chat-state", "Connected")
        mine.screenshot(directory / "room-phone-dark.png")
        for page in people.values():
            assert not page.complaints, page.complaints


if __name__ == "__main__":
    main()
