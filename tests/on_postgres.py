"""Run pytest with the suite's own database on a private PostgreSQL.

usage: python -m tests.on_postgres [PYTEST_ARGUMENT...]
"""

import os
import subprocess
import sys

import pytest

from tests.services import PostgresServer


def main() -> int:
    """Start PostgreSQL, run pytest against it, and return pytest's exit status."""
    try:
        server = PostgresServer()
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:
        sys.exit(str(missing))
    with server:
        return subprocess.call(
            [sys.executable, "-m", "pytest", *sys.argv[1:]],
            env={**os.environ, "DATABASE_URL": server.url},
        )


if __name__ == "__main__":
    sys.exit(main())
