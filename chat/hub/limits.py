"""How often one may do something. Pure: the time is passed in."""

from __future__ import annotations


class TokenBucket:
    """Lets ``rate`` things a second pass, and ``burst`` at once. A rate of 0 lets all pass."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = max(1.0, burst)
        self._tokens = self.burst
        self._at = 0.0

    def take(self, now: float) -> float:
        """Take one token: 0 when there was one, else the seconds until there is."""
        if self.rate <= 0:
            return 0.0
        if self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self.rate


class Buckets:
    """A token bucket for each key, for the ``most`` keys that were last asked for.

    One that was forgotten is full again, as it would be soon anyway.
    """

    def __init__(self, rate: float, burst: float, *, most: int) -> None:
        self._rate, self._burst, self._most = rate, burst, most
        self._buckets: dict[str, TokenBucket] = {}

    def of(self, key: str) -> TokenBucket:
        """The bucket of ``key``."""
        bucket = self._buckets.pop(key, None) or TokenBucket(self._rate, self._burst)
        self._buckets[key] = bucket
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
        return bucket
