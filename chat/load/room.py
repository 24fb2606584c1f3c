"""One room of the crowd: who is in it and what was posted there."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

from chat.load.dialects import Dialect
from chat.load.frames import client_frame

if TYPE_CHECKING:
    from chat.load.client import Client


class Room:
    """The serial numbers of what is posted here are 1 to `posted`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.clients: list[Client] = []
        self.posted = 0
        self.acked = 0
        self.acked_seq = 0
        self._pong: tuple[int, bytes] = (-1, b"")

    @property
    def readers(self) -> list[Client]:
        """Those that read what they are sent."""
        return [client for client in self.clients if not client.stuck]

    @property
    def delivered(self) -> int:
        """How many messages have come to all readers together."""
        return sum(client.received for client in self.clients if not client.stuck)

    @property
    def expected(self) -> int:
        """How many deliveries there are when everything posted has come to every reader."""
        return sum(self.posted - client.since for client in self.readers)

    def pong_frame(self, dialect: Dialect, seq: int, random: Random) -> bytes:
        """Return the answer to a ping. Many sockets answer with one `seq`, so it is made once."""
        if self._pong[0] != seq:
            self._pong = (seq, client_frame(dialect.pong(self.name, seq), random))
        return self._pong[1]

    def problems(self, logs: bool) -> Counter[str]:
        """Return what is wrong in the sessions' books, compared with what was posted.

        `logs` where posts are acknowledged and numbered.
        """
        found: Counter[str] = Counter()
        for client in self.readers:
            missing = self.posted - client.since - client.received
            if missing > 0:
                found["sessions with deliveries missing"] += 1
                found["deliveries missing"] += missing
            elif missing < 0:
                found["sessions with deliveries too many"] += 1
                found["deliveries too many"] -= missing
            elif client.checksum != _sum_to(self.posted) - _sum_to(client.since):
                found["sessions with the right number of wrong deliveries"] += 1
            if client.disorder:
                found["sessions that saw a sequence number out of order"] += 1
            # Others may have posted since, so a session may be further.
            if logs and self.posted and client.seq < self.acked_seq:
                found["sessions whose last sequence number is before the last acknowledged"] += 1
        if logs and self.acked != self.posted:
            found["acks missing or too many"] += abs(self.posted - self.acked)
        return found


def _sum_to(serial: int) -> int:
    """Return the sum of the serial numbers from 1 on."""
    return serial * (serial + 1) // 2
