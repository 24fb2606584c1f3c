"""A staff member who may do everything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.backstage.tab import Backstage, sign_in
from tests.browser.conftest import Visits
from tests.servers import SiteServer


@pytest.fixture(scope="package")
def session(site: SiteServer) -> str:
    """Their session."""
    return sign_in(site)


@pytest.fixture
def boss(visits: Visits, site: SiteServer, session: str) -> Iterator[Backstage]:
    """A tab of theirs."""
    found = Backstage(visits, site, session)
    yield found
    found.leave()
