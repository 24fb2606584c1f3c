"""Settings of the test suite: the site's, with a database in a file and nothing else outside.

The environment counts for nothing but ``DATABASE_URL``, so that a developer's own variables do not
change what is tested; ``make test-postgres`` sets it.
"""

import os
import tempfile
from pathlib import Path

for _name in ("DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "REDIS_URL", "CHANNEL_LAYER", "LOG_LEVEL"):
    os.environ.pop(_name, None)

from project import environment  # noqa: E402 - reads what the loop above has emptied
from project.backends import database  # noqa: E402 - likewise
from project.settings import *  # noqa: E402, F403 - the site's, but for what follows

# The app's own defaults: what a test wants otherwise, it overrides.
CHAT = {}

# SQLite in a file, not in memory: the app uses the database from several threads, each with a
# connection of its own. tests/conftest.py gives each run a directory for it.
DATABASES = {
    "default": database(
        environment.text("DATABASE_URL") or "sqlite:///chat-tests.sqlite3",
        beside=Path(tempfile.gettempdir()),
    )
}

# Tests log in a lot, and nobody attacks their passwords.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Static files from the source, without `manage.py collectstatic`, though tests run without DEBUG.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
