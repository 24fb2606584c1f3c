"""Close codes, and which of them invite a reconnect."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Why the server ends a session. 4000 to 4499 invite a reconnect, 4500 to 4999 forbid it."""

    GOING_AWAY = 4000
    NO_SIGN_OF_LIFE = 4001
    TOO_SLOW = 4002
    TOO_MANY_CONNECTIONS = 4003
    PROTOCOL_VIOLATION = 4500
    SIGNED_OUT = 4501
    REMOVED = 4503
    FRAME_TOO_BIG = 4509

    @property
    def invites_reconnect(self) -> bool:
        """Whether a client should come back after this code."""
        return self < 4500
