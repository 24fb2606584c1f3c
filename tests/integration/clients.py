"""Clients of the wire as wire.md has it, which note down all that they are told.

Nothing of the app is imported here: these are the others who speak the protocol.
"""

import contextlib
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from tests.integration.connection import PATIENCE, Client, Ended
from tests.integration.shapes import LOGGED, Event, check


class Refused(Exception):
    """A command was answered with ``error``, which is ``event``."""

    def __init__(self, event: Event) -> None:
        super().__init__(f"{event['code']}: {event['detail']}")
        self.event = event
        self.code: str = event["code"]


@dataclass
class Log:
    """What a session has of a room's log since it joined: entries without a hole."""

    epoch: str
    start: int | None
    """The seq before the first entry; unknown until that comes."""
    head: int
    strict: bool = True
    """Whether an entry has to be the next, or is noted down whatever it is."""
    entries: list[Event] = field(default_factory=list)

    @property
    def position(self) -> int:
        """The last seq there is; 0 while what a fresh join begins with has not come."""
        return int(self.entries[-1]["seq"]) if self.entries else self.start or 0

    def add(self, entry: Event) -> None:
        """Note an entry down."""
        seq = entry["seq"]
        if self.start is None:
            assert 0 < seq <= self.head + 1, f"a fresh join at {self.head} begins with {entry}"
            self.start = seq - 1
        if self.strict:
            assert seq == self.position + 1, f"{entry} came after seq {self.position}"
        self.entries.append(entry)


class JsonClient(Client):
    """A ``chat.v1.json`` session. It answers pings while ``answers`` is true."""

    subprotocols = (Subprotocol("chat.v1.json"),)
    strict = True
    """Whether an entry of a log that is not the next is a fault at once."""

    def __init__(self, socket: ClientConnection) -> None:
        self.events: list[Event] = []
        """Everything, in order."""
        self.logs: dict[str, Log] = {}
        """By room, since the last ``joined``."""
        self.answers = True
        self._refs = itertools.count(1)
        self._joins: dict[int, dict[str, Any]] = {}
        super().__init__(socket)

    @property
    def sender(self) -> dict[str, str]:
        """Who the server says this is."""
        last = [event for event in self.events if event["type"] in ("welcome", "renamed")][-1]
        return dict(last["sender"])

    def heard(self) -> object:
        """The last events."""
        return self.events[-5:]

    async def hear(self, frame: str) -> None:
        """Note the events of a frame, and hold them to the protocol."""
        events = msgspec.json.decode(frame)
        assert isinstance(events, list), f"no array: {frame[:200]}"
        assert events, "an empty array"
        for event in events:
            check(event)
            assert self.events or event["type"] == "welcome", f"first came {event}"
            self.events.append(event)
            if event["type"] in LOGGED:
                assert event["room"] in self.logs, f"not in that room: {event}"
                self.logs[event["room"]].add(event)
            elif event["type"] == "joined":
                self.logs[event["room"]] = self._log(event)
            elif event["type"] == "left":
                self.logs.pop(event["room"], None)
            elif event["type"] == "ping" and self.answers:
                with contextlib.suppress(Ended):  # the end of the connection is noted elsewhere
                    await self.send("pong", seen=self.seen())

    def _log(self, joined: Event) -> Log:
        asked = self._joins.get(joined.get("ref", 0), {})
        start = None
        if joined["recovered"]:
            start = asked["after"]["seq"]
        elif asked.get("history") == 0:
            start = joined["head"]
        return Log(joined["epoch"], start, joined["head"], self.strict)

    def seen(self) -> dict[str, int]:
        """How far this client is in each room."""
        return {room: log.position for room, log in self.logs.items()}

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one command."""
        await self.send_text(json.dumps({"type": kind, **fields}))

    async def ask(self, kind: str, **fields: Any) -> Event:
        """Send one command and wait for its direct reply. Raises ``Refused`` for an error."""
        reply = await self.ask_anyway(kind, **fields)
        if reply["type"] == "error":
            raise Refused(reply)
        return reply

    async def ask_anyway(self, kind: str, **fields: Any) -> Event:
        """Send one command and wait for its direct reply, which may be an error."""
        ref = next(self._refs)
        if kind == "join":
            self._joins[ref] = fields
        since = len(self.events)
        await self.send(kind, ref=ref, **fields)
        return await self.find(lambda event: event.get("ref") == ref, f"reply to {kind}", since)

    async def refusal(self, kind: str, **fields: Any) -> Event:
        """Send one command that is answered with ``error``, which is returned."""
        reply = await self.ask_anyway(kind, **fields)
        assert reply["type"] == "error", f"{kind} was not refused but answered {reply}"
        return reply

    async def find(
        self,
        wanted: Callable[[Event], bool],
        what: str,
        since: int = 0,
        *,
        within: float = PATIENCE,
    ) -> Event:
        """Wait for the first event from index ``since`` of ``events`` on that is ``wanted``."""
        unread = since

        def found() -> Event | None:
            nonlocal unread
            while unread < len(self.events):
                if wanted(self.events[unread]):
                    return self.events[unread]
                unread += 1
            return None

        return await self.until(found, what, within=within)

    async def event(
        self, kind: str, since: int = 0, *, within: float = PATIENCE, **fields: Any
    ) -> Event:
        """Wait for an event of that type with those fields."""
        wanted = {"type": kind, **fields}
        return await self.find(
            lambda event: wanted.items() <= event.items(), str(wanted), since, within=within
        )

    async def join(
        self, room: str, *, after: dict[str, Any] | None = None, history: int | None = None
    ) -> Event:
        """Join and wait until everything up to ``head`` has come; the ``joined``."""
        fields: dict[str, Any] = {} if after is None else {"after": after}
        if history is not None:
            fields["history"] = history
        joined = await self.ask("join", room=room, **fields)
        await self.reach(room, joined["head"])
        return joined

    def position(self, room: str) -> dict[str, Any]:
        """What to join ``after``, to go on from here."""
        log = self.logs[room]
        return {"epoch": log.epoch, "seq": log.position}

    async def post(self, room: str, text: str, id: str | None = None) -> Event:
        """Post and wait for the ack. Raises ``Refused``."""
        id = id or f"{self.events[0]['session']}-{next(self._refs)}"
        ack = await self.ask("post", room=room, text=text, id=id)
        assert (ack["type"], ack["id"]) == ("ack", id), f"{id} was answered with {ack}"
        return ack

    async def reach(self, room: str, seq: int, *, within: float = PATIENCE) -> None:
        """Wait until the log of ``room`` is here up to ``seq``."""
        await self.until(
            lambda: self.logs[room].position >= seq, f"seq {seq} in {room}", within=within
        )

    async def said(self, room: str, text: str, *, within: float = PATIENCE) -> Event:
        """Wait for a message with that text."""
        return await self.event("message", room=room, text=text, within=within)

    def texts(self, room: str) -> list[str]:
        """The texts of the messages that came since joining."""
        return [entry["text"] for entry in self.logs[room].entries if entry["type"] == "message"]

    async def online(self, room: str, ids: set[str], *, within: float = PATIENCE) -> None:
        """Wait until those senders, and no others, are known to be in ``room``."""
        await self.until(
            lambda: self.present(room) == ids, f"presence of {ids} in {room}", within=within
        )

    def present(self, room: str) -> set[str]:
        """Who is in ``room``, by what was told since the last ``joined``."""
        there: set[str] = set()
        for event in self.events:
            if event.get("room") != room:
                continue
            if event["type"] == "joined":
                there = {sender["id"] for sender in event["members"]}
            elif event["type"] == "presence":
                there |= {sender["id"] for sender in event["joined"]}
                there -= {sender["id"] for sender in event["left"]}
        return there


class TerminalClient(Client):
    """A session of the terminal dialect."""

    def __init__(self, socket: ClientConnection) -> None:
        self.lines: list[str] = []
        """Every frame, in order."""
        super().__init__(socket)

    def heard(self) -> object:
        """The last lines."""
        return self.lines[-5:]

    async def hear(self, frame: str) -> None:
        """Note a line down."""
        self.lines.append(frame)

    async def say(self, line: str) -> None:
        """Send a line."""
        await self.send_text(line)

    async def line(self, text: str, *, times: int = 1, within: float = PATIENCE) -> None:
        """Wait until exactly this line has come, so many times."""
        await self.until(lambda: self.lines.count(text) >= times, repr(text), within=within)
