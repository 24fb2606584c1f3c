"""The site's settings for tests that break things: with fault points, which nothing else has."""

import os
from pathlib import Path

from project.backends import LAYERS
from tests.chaos.lossy import LOSSY
from tests.integration.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.faultpoints"]  # noqa: F405

# The file that says which fault is wanted; see tests.chaos.faultpoints.
FAULT_FILE = Path(os.environ.get("FAULT_FILE", os.devnull))

_layer = CHANNEL_LAYERS["default"]  # noqa: F405
if _layer["BACKEND"] == LAYERS["core"]:
    _layer["CONFIG"]["capacity"] = int(os.environ["LAYER_CAPACITY"])
if "LAYER_SEED" in os.environ:
    _layer["BACKEND"] = LOSSY[_layer["BACKEND"]]
    _layer["CONFIG"]["seed"] = os.environ["LAYER_SEED"]

for _database in DATABASES.values():  # noqa: F405
    if _database["ENGINE"].endswith("sqlite3"):
        # Tests that hold the lock do not want to hold it for long.
        _database["OPTIONS"]["timeout"] = 2
