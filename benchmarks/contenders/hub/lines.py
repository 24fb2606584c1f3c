"""The hub by other start lines than docs/deployment.md's, and by another setting of SQLite.

What each word of those is worth.
"""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contenders.contender import Contender, daphne, uvicorn
from benchmarks.contenders.hub.describe import contenders as hub

_APPLICATION = "project.asgi:application"
_COLLECTED = "benchmarks.contenders.hub.default_collector:application"
_FILES = "benchmarks.contenders.hub.temporary_files"
_BY_SEND = "benchmarks.contenders.hub.by_send:application"


def _instead(line: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    """Return a start line with one word of it replaced."""
    assert any(old in word for word in line), f"{old} is in no word of the start line"
    return tuple(word.replace(old, new) for word in line)


def _without(line: tuple[str, ...], *words: str) -> tuple[str, ...]:
    """Return a start line without an option and what it is given."""
    at = line.index(words[0])
    assert line[at : at + len(words)] == words, f"{words} is not in the start line"
    return line[:at] + line[at + len(words) :]


# By the name of the documented one; each with what is different, and its own end of the name.
LINES = {
    "hub-uvicorn": {
        "asyncio": ("--loop asyncio", _instead(uvicorn(_APPLICATION), "uvloop", "asyncio")),
        "websockets": (
            "--ws websockets",
            _instead(uvicorn(_APPLICATION), "websockets-sansio", "websockets"),
        ),
        "backlog": ("--backlog 50", _instead(uvicorn(_APPLICATION), "8192", "50")),
        "collected": ("the collector as it is by itself", uvicorn(_COLLECTED)),
        "send": ("each frame by the server's `send`", uvicorn(_BY_SEND)),
    },
    "hub-daphne": {
        "backlog": ("-b 127.0.0.1 -p, backlog 50", _instead(daphne(_APPLICATION), "8192", "50")),
        "timeout": (
            "without --websocket_connect_timeout 30",
            _without(daphne(_APPLICATION), "--websocket_connect_timeout", "30"),
        ),
        "collected": ("the collector as it is by itself", daphne(_COLLECTED)),
        "send": ("each frame by the server's `send`", daphne(_BY_SEND)),
    },
}


def contenders() -> Iterator[Contender]:
    """Yield the hub with one word of its start line changed, beside the documented one."""
    documented = {contender.name: contender for contender in hub()}
    for name, lines in LINES.items():
        for ending, (title, command) in lines.items():
            yield replace(
                documented[name],
                name=f"{name}-line-{ending}",
                title=title,
                command=command,
                baseline=name,
            )
        yield replace(
            documented[name],
            name=f"{name}-files",
            title="this hub, SQLite, its temporary files on disk",
            environment={**documented[name].environment, "DJANGO_SETTINGS_MODULE": _FILES},
            baseline=name,
        )
