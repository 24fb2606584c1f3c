"""`project/asgi.py` without what it does about Python's garbage collector."""

import gc

_THRESHOLDS = gc.get_threshold()

from project.asgi import application  # noqa: E402 - it sets others: those of before are noted first

__all__ = ["application"]

gc.unfreeze()
gc.set_threshold(*_THRESHOLDS)
