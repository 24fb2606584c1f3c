"""What every test can ask for; the parts are in tests/services.py and tests/servers.py."""

import os

import hypothesis
import pytest
from django.conf import settings

pytest_plugins = ["tests.services", "tests.servers"]

# How long an example takes says nothing about it on a machine that does other things too.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Gives this run a test database of its own, so that two runs at a time do not clash."""
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        name = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        name = f"test_{default['NAME']}_{os.getpid()}"
    default.setdefault("TEST", {})["NAME"] = name
