"""Puts the fault points in their places when the site starts."""

import asyncio
import ctypes
import gc
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections

BLOCK_SECONDS = 5.0

# Frames that were handed to a socket need a turn or two of the loop to leave the process.
FLUSH_SECONDS = 0.02


class FaultPoints(AppConfig):
    """The fault points."""

    name = "tests.chaos.faultpoints"

    def ready(self) -> None:
        """Put them in place."""
        # Not imported above: models cannot be before the apps are ready.
        _wrap(import_module("chat.store.log"), "append_here", _before_commit)
        _wrap(import_module("chat.store"), "append", _after_commit)
        _wrap(import_module("chat.hub.writer").Writer, "announce", _after_ack)
        _wrap(import_module("chat.hub.fanout").Fanout, "add", _mid_fanout)
        signal.signal(signal.SIGUSR1, _tell)
        signal.signal(signal.SIGUSR2, lambda *_: time.sleep(BLOCK_SECONDS))


def _wrap(owner: Any, name: str, wrapper: Callable[[Any], Any]) -> None:
    setattr(owner, name, wrapper(getattr(owner, name)))


def _fault_file() -> Path:
    file: Path = getattr(settings, "FAULT_FILE")  # noqa: B009  # only these settings have it
    return file


def wanted(fault: str) -> bool:
    """Whether the file says so."""
    try:
        return _fault_file().read_text() == fault
    except FileNotFoundError:
        return False


def _tell(*_: object) -> None:
    """Write down how many of what there are."""
    (hub,) = import_module("chat.hub.hub").running()
    counted = {
        "tasks": len(asyncio.all_tasks(hub.loop)),
        "threads": threading.active_count(),
        "sessions": len(hub.sessions),
        "rooms": len(hub.rooms),
        "bytes": _bytes_in_use(),
    }
    path = _fault_file().with_suffix(".state")
    path.with_suffix(".new").write_text(json.dumps(counted))
    path.with_suffix(".new").rename(path)


class _Mallinfo(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def _bytes_in_use() -> int:
    """What is allocated, without what is garbage; 0 where the C library does not tell.

    Of Python's own small objects it knows only where ``PYTHONMALLOC=malloc``.
    """
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return 0
    mallinfo2.restype = _Mallinfo
    gc.collect()
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before_commit(append_here: Callable[..., Any]) -> Callable[..., Any]:
    def append(drafts: Sequence[Any], **how: Any) -> Any:
        _limit_sqlite()
        outcomes = append_here(drafts, **how)
        if wanted("before_commit"):
            _die()
        if wanted("stop_before_commit"):
            # To this thread: sent to the process, it would let this one go on for a moment.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        return outcomes

    return append


def _limit_sqlite() -> None:
    connection = connections["default"]
    if connection.vendor == "sqlite" and wanted("disk_full"):
        # Never less than it has; the room that is left in its last pages goes with large rows.
        connection.cursor().execute("PRAGMA max_page_count = 1")


def _after_commit(append: Callable[..., Any]) -> Callable[..., Any]:
    def append_and_die(drafts: Sequence[Any], **how: Any) -> Any:
        outcomes = append(drafts, **how)
        if wanted("after_commit"):
            _die()
        return outcomes

    return append_and_die


def _after_ack(announce: Callable[..., None]) -> Callable[..., None]:
    def die_or_announce(writer: Any, outcomes: Sequence[Any]) -> None:
        if not wanted("after_ack"):
            announce(writer, outcomes)
            return
        asyncio.get_running_loop().call_later(FLUSH_SECONDS, _die)

    return die_or_announce


def _mid_fanout(add: Callable[..., Any]) -> Callable[..., Any]:
    def send_to_half(fanout: Any, entries: Sequence[Any]) -> None:
        if wanted("mid_fanout"):
            for seat in list(fanout.live)[::2]:
                fanout.set_live(seat, live=False)
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, _die)
        add(fanout, entries)

    return send_to_half
