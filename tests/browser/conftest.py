"""A browser and a site for the whole run, and visitors for each test."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium, Page
from tests.servers import Serve, SiteServer

STRICT = {"DJANGO_SETTINGS_MODULE": "tests.browser.strict_settings"}
"""The site's variables for a policy under which a page of ours must not complain."""


class Visits:
    """Opens pages of a site, each as a new visitor unless told otherwise."""

    def __init__(self, browser: Chromium) -> None:
        self.browser = browser
        self.pages: list[Page] = []

    def open(
        self, address: str, *, like: Page | None = None, width: int = 1200, language: str = "en"
    ) -> Page:
        """Load a page."""
        page = self.browser.page(like=like, width=width)
        self.pages.append(page)
        page.speak(language)
        return page.goto(address)

    def enter(self, address: str, name: str = "", *, like: Page | None = None) -> Page:
        """Load a room's page, wait until it is live, and choose a name."""
        page = live(self.open(address, like=like))
        if name:
            page.write(".people input", name)
            page.enter()
            page.wait_for_text(".people ul", name)
        return page


def live(page: Page) -> Page:
    """Wait until the page is in its room."""
    page.wait_until("document.querySelector('chat-room')?.dataset.state === 'open'")
    return page


def say(page: Page, text: str) -> None:
    """Write a message as a visitor does."""
    page.write(".post textarea", text)
    page.enter()


STORED = ".line:not([data-seq='0']) .text"
"""The texts of messages that are in the log, not only on the page of who wrote them."""


def shown(page: Page) -> list[str]:
    """Return the texts of the messages on the page."""
    return page.texts(".line .text")


def field(page: Page) -> str:
    """Return what is in the field one writes in."""
    return str(page.evaluate("document.querySelector('.post textarea').value"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A Chromium without a window."""
    with Chromium() as running:
        yield running


@pytest.fixture(scope="session")
def site(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServer]:
    """A daphne with a strict policy, shared by tests that have a ``room`` each."""
    path = tmp_path_factory.mktemp("browser") / "db.sqlite3"
    shutil.copy(migrated_sqlite, path)
    with SiteServer(env={**STRICT, "DATABASE_URL": f"sqlite:///{path}"}) as server:
        yield server


@pytest.fixture
def own_site(serve: Serve) -> SiteServer:
    """A server with the same policy, which the test may kill."""
    return serve(env=STRICT)


@pytest.fixture
def room(site: SiteServer) -> str:
    """The address of a room in which nobody has been."""
    return f"{site.url}/rooms/{secrets.token_hex(4)}/"


@pytest.fixture
def visits(browser: Chromium) -> Iterator[Visits]:
    """Opens pages, and in the end holds that none of them had anything to complain of."""
    found = Visits(browser)
    yield found
    complaints = [page.complaints for page in found.pages]
    for page in found.pages:
        page.close()
    for context in {page.context for page in found.pages}:
        browser.forget(context)
    assert not any(complaints), complaints
