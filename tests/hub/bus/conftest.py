"""A bus on a faked channel layer."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from channels.layers import channel_layers

from chat.hub import bus, memberships, signals
from chat.hub.bus import Bus
from chat.hub.signals import CONTROL, Altered, AnySignal
from tests.fakes import Layer, soon

ROOM = signals.group_of("main")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    for module in (bus, memberships):
        monkeypatch.setattr(module, "RETRY_SECONDS", (0.001,))


@pytest.fixture
def layer() -> Iterator[Layer]:
    """The channel layer, faked."""
    fake = Layer()
    before = channel_layers.set("default", fake)  # type: ignore[arg-type]  # a stand-in
    yield fake
    if before is None:
        del channel_layers.backends["default"]
    else:
        channel_layers.set("default", before)


class Ears:
    """A bus, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[AnySignal] = []
        self.regained = 0
        self.bus = Bus("default", hear=self._hear, regained=self._regained)

    def _hear(self, signal: AnySignal) -> None:
        if isinstance(signal, Altered) and signal.room == "bug":
            raise RuntimeError("a bug")
        self.heard.append(signal)

    def _regained(self) -> None:
        self.regained += 1


@pytest_asyncio.fixture
async def ears(layer: Layer) -> AsyncIterator[Ears]:
    """A bus that listens and speaks."""
    found = Ears()
    found.bus.start()
    await soon(lambda: CONTROL in layer.groups)
    yield found
    layer.away = False
    layer.open.set()
    await found.bus.stop()
