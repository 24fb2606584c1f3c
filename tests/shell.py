"""What a site's own Django is asked by tests, in a process that stays: to start one takes a second.

usage: python -m tests.shell; each line of input is Python code as JSON, each of output
[what it printed, how it failed].
"""

import contextlib
import io
import json
import sys
import traceback

import django
from django.db import connections


def serve() -> None:
    """Run line after line, each by itself, until there are no more."""
    for line in sys.stdin:
        printed, failure = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(json.loads(line), {"__name__": "shell"})
            except Exception:
                failure = traceback.format_exc()
        # A database that is replaced, or dropped, must not find it connected.
        connections.close_all()
        print(json.dumps([printed.getvalue(), failure]), flush=True)


if __name__ == "__main__":
    django.setup()
    serve()
