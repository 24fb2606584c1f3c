"""Settings: `project/` with SQLite's temporary files on disk, as they are by themselves."""

from copy import deepcopy

from project.settings import *  # noqa: F403 - settings are made of every name of others
from project.settings import DATABASES as _DATABASES

_MEMORY = "PRAGMA temp_store=MEMORY;"

DATABASES = deepcopy(_DATABASES)
_options = DATABASES["default"]["OPTIONS"]
assert _MEMORY in _options["init_command"], "what this is measured against"
_options["init_command"] = _options["init_command"].replace(_MEMORY, "")
