"""What received bytes mean, worked out once and found again for every other socket. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from chat.load.frames import CLOSE, PING, TEXT, server_frames

# Long enough to tell one broadcast from the next: the first sequence number or text lies within it,
# also behind a ping.
_PREFIX = 96

# A broadcast is looked up until the slowest socket has read it, and so is each stretch of several
# that came at once: who was pinged in between has other stretches than the rest. Decoding what was
# forgotten too early makes sockets slower, which are then served apart, in still other stretches:
# with 256, at 640 posts on their way and one event per frame, the generator was busy nine tenths of
# the time, and the hub a third.
_REMEMBERED = 2048


@dataclass(slots=True)
class Aside:
    """What one stretch of bytes says besides messages. Rare, or meant for one socket."""

    posts_per_second: float | None = None
    """How much each session may post, told when it is let in; 0: as much as it likes."""
    entered: bool = False
    """The session is in the room: a fresh one at `head`, one that resumed if `recovered`."""
    head: int = 0
    epoch: str = ""
    recovered: bool | None = None
    acks: list[tuple[int, int]] = field(default_factory=list)
    """The serial number of each post that is stored, and the sequence number it got."""
    duplicates: int = 0
    ping: bool = False
    errors: list[str] = field(default_factory=list)
    transport_pings: list[bytes] = field(default_factory=list)
    closed: int | None = None

    def __bool__(self) -> bool:
        return self != _NOTHING


_NOTHING = Aside()


@dataclass(slots=True)
class Digest:
    """The messages in one stretch of bytes: all a socket's books need to know of them."""

    raw: bytes = b""
    deliveries: int = 0
    checksum: int = 0
    """The sum of the messages' serial numbers: equal counts with a swap inside still differ."""
    first: int = 0
    last: int = 0
    """Sequence numbers of all that is logged, also by others; 0 where the dialect has none."""
    breaks: int = 0
    """Places inside where a sequence number does not follow the one before."""
    sent: list[int] = field(default_factory=list)
    """When each message was posted, in nanoseconds of the monotonic clock."""
    owners: dict[int, int] = field(default_factory=dict)
    """How many of the messages each poster posted."""
    aside: Aside | None = None


def merge(parts: Sequence[Digest]) -> Digest:
    """Return one digest that says what `parts` say one after another."""
    if len(parts) == 1:
        return parts[0]
    whole = Digest()
    aside = Aside()
    for part in parts:
        if part.first:
            if whole.first and part.first != whole.last + 1:
                whole.breaks += 1
            whole.first = whole.first or part.first
            whole.last = part.last
            whole.breaks += part.breaks
        if part.deliveries:
            whole.deliveries += part.deliveries
            whole.checksum += part.checksum
            whole.sent = whole.sent + part.sent
            for owner, count in part.owners.items():
                whole.owners[owner] = whole.owners.get(owner, 0) + count
        if part.aside is not None:
            aside = _join(aside, part.aside)
    whole.aside = aside or None
    return whole


def _join(one: Aside, other: Aside) -> Aside:
    later = other if other.entered else one
    allowed = other.posts_per_second
    return Aside(
        posts_per_second=allowed if allowed is not None else one.posts_per_second,
        entered=later.entered,
        head=later.head,
        epoch=later.epoch,
        recovered=later.recovered,
        acks=one.acks + other.acks,
        duplicates=one.duplicates + other.duplicates,
        ping=one.ping or other.ping,
        errors=one.errors + other.errors,
        transport_pings=one.transport_pings + other.transport_pings,
        closed=other.closed if other.closed is not None else one.closed,
    )


class Digests:
    """The digests of what has lately been received, by any socket.

    The first bytes and the length only find a candidate; the comparison of all bytes decides.
    """

    def __init__(self, decode: Callable[[bytes], Digest]) -> None:
        self._decode = decode
        self._known: dict[tuple[int, bytes], Digest] = {}
        self.decoded = 0

    def read(self, data: bytes) -> tuple[Digest, bytes]:
        """Return what the whole frames in `data` say, and the bytes after the last of them."""
        parts = []
        end = 0
        for start, opcode, payload, end in server_frames(data):
            raw = data[start:end]
            parts.append(self.find(raw) or self._frame(raw, opcode, raw[payload - start :]))
        if len(parts) > 1:
            whole = self._remember(merge(parts), data[:end])
        else:
            whole = parts[0] if parts else Digest()
        return whole, data[end:]

    def find(self, raw: bytes) -> Digest | None:
        """Return what is known of exactly these bytes."""
        digest = self._known.get((len(raw), raw[:_PREFIX]))
        return digest if digest is not None and digest.raw == raw else None

    def _frame(self, raw: bytes, opcode: int, payload: bytes) -> Digest:
        if opcode == TEXT:
            self.decoded += 1
            return self._remember(self._decode(payload), raw)
        if opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            return Digest(aside=Aside(closed=code))
        if opcode == PING:
            return Digest(aside=Aside(transport_pings=[payload]))
        return Digest()

    def _remember(self, digest: Digest, raw: bytes) -> Digest:
        # What is meant for one socket (acks above all) would only crowd out the broadcasts.
        if digest.aside is not None and not digest.aside.ping:
            return digest
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        digest = replace(digest, raw=raw)
        self._known[len(raw), raw[:_PREFIX]] = digest
        return digest
