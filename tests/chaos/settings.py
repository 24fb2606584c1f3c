"""The site's settings for tests that break things: with fault points, which nothing else has."""

import os
from pathlib import Path

from tests.integration.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.faultpoints"]  # noqa: F405

# The file that says which fault is wanted; see tests.chaos.faultpoints.
FAULT_FILE = Path(os.environ.get("FAULT_FILE", os.devnull))

for _database in DATABASES.values():  # noqa: F405
    if _database["ENGINE"].endswith("sqlite3"):
        # Tests that hold the lock do not want to hold it for long.
        _database["OPTIONS"]["timeout"] = 2
