"""What a room's events look like: lines for people, or JSON lines for programs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Protocol

from django.core.management.color import Style
from django.utils import timezone
from msgspec import UNSET

from chat.management.base import harmless
from chat.management.tail.conversation import Remark, Shown
from chat.protocol import events, frames
from chat.protocol.events import Sender
from chat.protocol.terminal import one_line

REMEMBERED = 1000
"""Messages whose writers are kept, to say whose was edited or deleted."""


class Showing(Protocol):
    """Puts on paper what a conversation has to show."""

    def show(self, shown: Shown) -> Iterator[str]:
        """The lines for standard output."""


class ForPrograms:
    """The server's events as docs/protocol.md has them, one on each line; remarks go elsewhere."""

    def __init__(self, remark: Callable[[str], object]) -> None:
        self._remark = remark

    def show(self, shown: Shown) -> Iterator[str]:
        """One line for an event."""
        if isinstance(shown, Remark):
            self._remark(one_line(shown.text))
        else:
            yield harmless(frames.encode(shown))


class ForPeople:
    """Lines such as ``14:03 Anna: hello``, in the site's time zone."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._day: date | None = None
        self._writers: OrderedDict[int, str] = OrderedDict()

    def show(self, shown: Shown) -> Iterator[str]:
        """The lines of an event: a day's first has the day before it."""
        match shown:
            case events.Message() | events.Edited() | events.Deleted():
                yield from self._at(shown.at, self._logged(shown))
            case events.Joined():
                there = ", ".join(self._name(member) for member in shown.members)
                yield self._aside(f"in {shown.room}, {shown.online} here: {there}")
            case events.Presence():
                for word, senders in ("joined", shown.joined), ("left", shown.left):
                    if senders:
                        yield self._aside(f"{', '.join(map(self._name, senders))} {word}")
            case events.Notice():
                yield self._style.WARNING(f"* {one_line(shown.text)}")
            case events.Error():
                yield self._style.ERROR(f"!!! {one_line(shown.detail)}")
            case Remark():
                yield self._aside(one_line(shown.text))

    def _logged(self, event: events.Logged) -> str:
        match event:
            case events.Message():
                name = self._name(event.sender)
                self._writers[event.seq] = name
                if len(self._writers) > REMEMBERED:
                    self._writers.popitem(last=False)
                name = self._style.SUCCESS(name)
                if event.deleted is not UNSET:
                    return f"{name} {self._style.NOTICE('deleted')}"
                edited = "" if event.edited_at is UNSET else " (edited)"
                return f"{name}: {one_line(event.text)}{edited}"
            case events.Edited():
                return f"* {self._whose(event.target)} was edited: {one_line(event.text)}"
            case events.Deleted():
                return f"* {self._whose(event.target)} was deleted"

    def _whose(self, target: int) -> str:
        writer = self._writers.get(target)
        return f"a message of {writer}" if writer else "an earlier message"

    def _at(self, at: str, line: str) -> Iterator[str]:
        moment = timezone.localtime(datetime.fromisoformat(at))
        if moment.date() != self._day:
            self._day = moment.date()
            yield self._aside(f"{self._day:%A, %Y-%m-%d}")
        yield f"{moment:%H:%M} {line}"

    def _aside(self, text: str) -> str:
        return self._style.HTTP_NOT_MODIFIED(f"* {text}")

    def _name(self, sender: Sender) -> str:
        return one_line(sender.name)
