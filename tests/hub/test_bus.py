import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import channel_layers
from django.test import override_settings

from chat.hub import bus as signals
from chat.hub.bus import CONTROL, Altered, AnySignal, Batch, Bus, Came, Look, Probe, Whisper
from tests.fakes import EPOCH, Layer, entries, soon, turns
from tests.hub.clients import memory_layer

ROOM = signals.group_of("main")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(signals, "RETRY_SECONDS", (0.001,))


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


@pytest.mark.parametrize(
    "signal",
    [
        Batch("main", EPOCH, entries(1, 3)),
        Whisper("origin", "main", '{"type":"ping"}'),
        Came(1, 2, [("main", "7", "bob")], [("main", "8")]),
        Altered("main"),
        Look(),
        Probe("origin"),
    ],
)
async def test_signal_is_heard_as_it_was_sent(ears: Ears, signal: AnySignal) -> None:
    ears.bus.send(CONTROL, signal)
    await soon(lambda: bool(ears.heard))
    assert ears.heard == [signal]


async def test_signals_arrive_in_the_order_they_were_sent(ears: Ears) -> None:
    for number in range(50):
        ears.bus.send(CONTROL, Altered(str(number)))
    await soon(lambda: len(ears.heard) == 50)
    assert ears.heard == [Altered(str(number)) for number in range(50)]


async def test_room_is_heard_from_entering_until_leaving(ears: Ears, layer: Layer) -> None:
    await ears.bus.enter("main")
    assert layer.members(ROOM)
    await ears.bus.exit("main")
    assert not layer.members(ROOM)


@pytest.mark.parametrize("room", ["main", "комната", "x" * 64, "部屋"])
async def test_group_of_any_room_is_a_name_every_layer_takes(room: str) -> None:
    await channel_layers["default"].group_add(signals.group_of(room), "channel")
    assert len(signals.group_of(room)) < 100
    await channel_layers["default"].flush()


def test_groups_of_two_rooms_differ() -> None:
    assert signals.group_of("a") != signals.group_of("b")


# A layer that fails


async def test_bus_listens_again_after_the_layer_raised(ears: Ears, layer: Layer) -> None:
    layer.deliver(ConnectionError("killed"))
    await soon(lambda: ears.regained == 1)
    layer.deliver(signals.pack(Look()))
    await soon(lambda: ears.heard == [Look()])
    assert not ears.bus.failures


async def test_every_group_is_entered_again_after_the_layer_was_away(
    ears: Ears, layer: Layer
) -> None:
    await ears.bus.enter("main")
    layer.away = True
    layer.groups.clear()
    layer.deliver(ConnectionError("killed"))
    await soon(lambda: layer.failures >= 3)
    assert ears.regained == 0
    layer.away = False
    await soon(lambda: ears.regained == 1)
    assert set(layer.groups) == {CONTROL, ROOM}


async def test_room_that_is_entered_while_the_layer_is_away_is_heard_later(
    ears: Ears, layer: Layer
) -> None:
    layer.away = True
    layer.deliver(ConnectionError("killed"))
    await ears.bus.enter("main")
    layer.away = False
    await soon(lambda: ears.regained == 1)
    assert layer.members(ROOM)


async def test_room_that_is_left_while_the_layer_is_away_is_not_entered_again(
    ears: Ears, layer: Layer
) -> None:
    await ears.bus.enter("main")
    layer.away = True
    layer.deliver(ConnectionError("killed"))
    await ears.bus.exit("main")
    layer.groups.clear()
    layer.away = False
    await soon(lambda: ears.regained == 1)
    assert set(layer.groups) == {CONTROL}


async def test_layer_that_is_away_from_the_start_is_joined_when_it_comes(layer: Layer) -> None:
    layer.away = True
    ears = Ears()
    ears.bus.start()
    await ears.bus.enter("main")
    await soon(lambda: layer.failures >= 3)
    layer.away = False
    await soon(lambda: set(layer.groups) == {CONTROL, ROOM})
    await ears.bus.stop()


async def test_signals_that_a_layer_refused_are_made_up_for_by_a_look(
    ears: Ears, layer: Layer
) -> None:
    """What is lost the log has; once the layer takes signals again, all are told to look."""
    layer.away = True
    ears.bus.send(ROOM, Altered("lost"))
    await soon(lambda: layer.failures >= 1)
    layer.away = False
    ears.bus.send(ROOM, Altered("found"))
    await soon(lambda: len(layer.sent) == 2)
    assert layer.sent == [(ROOM, signals.pack(Altered("found"))), (CONTROL, signals.pack(Look()))]


async def test_oldest_signals_go_when_the_layer_is_slow(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer.open.clear()
    ears.bus.send(CONTROL, Altered("on its way"))
    await turns()
    for number in range(signals.WAITING_MOST + 10):
        ears.bus.send(CONTROL, Altered(str(number)))
    layer.open.set()
    await soon(lambda: len(ears.heard) == 1 + signals.WAITING_MOST)
    rooms = [signal.room for signal in ears.heard if isinstance(signal, Altered)]
    assert rooms[:2] == ["on its way", "10"]
    assert rooms[-1] == str(signals.WAITING_MOST + 9)


async def test_failures_are_logged_at_first_and_each_hundredth(
    ears: Ears, layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "chat"):
        layer.away = True
        layer.deliver(ConnectionError("killed"))
        await soon(lambda: ears.bus.failures >= 150)
        layer.away = False
    failures = [record for record in caplog.records if "channel layer failed" in record.message]
    assert len(failures) == 1 + ears.bus.failures // 100


# What is heard


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "chat.bus"},
        {"type": "chat.bus", "body": ""},
        {"type": "chat.bus", "body": "{}"},
        {"type": "chat.bus", "body": '{"is":"future"}'},
        {"type": "chat.bus", "body": '{"is":"altered"}'},
        {"type": "chat.bus", "body": '{"is":"altered","room":5}'},
        {"type": "chat.bus", "body": b"\xff"},
        {"type": "chat.bus", "body": None},
        {"type": "chat.bus", "body": 5},
        {"type": "chat.bus", "body": ["a"]},
        {"type": "chat.bus", "body": "\ud800"},
    ],
    ids=str,
)
async def test_message_that_cannot_be_read_is_ignored(
    ears: Ears, layer: Layer, message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "chat"):
        layer.deliver(message)
        ears.bus.send(CONTROL, Look())
        await soon(lambda: ears.heard == [Look()])
    assert "unreadable" in caplog.text


async def test_signal_whose_hearing_fails_leaves_the_process_its_hearing(
    ears: Ears, layer: Layer
) -> None:
    """Without the task that listens the process would be deaf for good."""
    layer.deliver(signals.pack(Altered("bug")))
    layer.deliver(signals.pack(Look()))
    await soon(lambda: ears.heard == [Look()])


async def test_room_that_is_entered_while_all_are_entered_again_is_not_forgotten(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears.bus.behind = True
    add, late = layer.group_add, signals.group_of("late")

    async def slowly(group: str, channel: str) -> None:
        if late not in ears.bus._groups:
            await ears.bus.enter("late")
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", slowly)
    layer.deliver(ConnectionError("killed"))
    await soon(lambda: ears.regained == 1)
    assert late in layer.groups
    assert not ears.bus.behind


async def test_every_outage_is_told_of(
    ears: Ears, layer: Layer, caplog: pytest.LogCaptureFixture
) -> None:
    for outage in (1, 2):
        layer.deliver(ConnectionError("killed"))
        await soon(lambda outage=outage: ears.regained == outage)  # type: ignore[misc]
    assert caplog.text.count("channel layer failed") == 2


# A layer that says nothing


async def test_silent_layer_holds_up_a_join_only_so_long_and_only_once(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "LAYER_SECONDS", 0.05)
    asked: list[str] = []

    async def silent(group: str, channel: str) -> None:
        asked.append(group)
        await asyncio.Event().wait()

    with monkeypatch.context() as frozen:
        frozen.setattr(layer, "group_add", silent)
        await ears.bus.enter("main")
        await ears.bus.enter("other")
    assert asked == [ROOM]
    assert ears.bus.behind
    await ears.bus.renew()
    assert {ROOM, signals.group_of("other")} <= set(layer.groups)
    assert not ears.bus.behind


async def test_silent_layer_holds_up_what_is_said_only_so_long(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "LAYER_SECONDS", 0.05)
    layer.open.clear()
    ears.bus.send(CONTROL, Altered("lost"))
    await soon(lambda: ears.bus.failures == 1)
    layer.open.set()
    ears.bus.send(CONTROL, Altered("heard"))
    await soon(lambda: ears.heard == [Altered("heard"), Look()])


# Memberships


async def test_renewing_enters_every_group_again(ears: Ears, layer: Layer) -> None:
    await ears.bus.enter("main")
    layer.groups.clear()
    await ears.bus.renew()
    assert set(layer.groups) == {CONTROL, ROOM}


async def test_renewing_gives_up_at_the_first_failure(ears: Ears, layer: Layer) -> None:
    await ears.bus.enter("main")
    layer.away = True
    layer.failures = 0
    await ears.bus.renew()
    assert layer.failures == 1


async def test_stopped_bus_is_in_no_group(layer: Layer) -> None:
    ears = Ears()
    ears.bus.start()
    await ears.bus.enter("main")
    await soon(lambda: set(layer.groups) == {CONTROL, ROOM})
    await ears.bus.stop()
    assert not any(layer.groups.values())


async def test_bus_stops_though_the_layer_is_away(ears: Ears, layer: Layer) -> None:
    layer.away = True
    await ears.bus.stop()
    assert ears.bus.failures


async def test_bus_that_never_reached_the_layer_stops(layer: Layer) -> None:
    layer.away = True
    ears = Ears()
    ears.bus.start()
    await turns()
    await ears.bus.renew()
    await ears.bus.exit("main")
    await ears.bus.stop()
    assert layer.groups == {}


# Without a layer


async def test_without_a_layer_nothing_is_sent_and_nothing_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        override_settings(CHANNEL_LAYERS={}),
        caplog.at_level(logging.WARNING, "chat"),
    ):
        ears = Ears()
        ears.bus.start()
        ears.bus.send(CONTROL, Look())
        await ears.bus.enter("main")
        await ears.bus.renew()
        await ears.bus.exit("main")
        await ears.bus.stop()
    assert "no channel layer" in caplog.text
    assert (ears.heard, ears.bus.failures) == ([], 0)


# Two processes on a real layer


async def test_processes_on_one_layer_hear_each_other() -> None:
    with override_settings(
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ):
        first, second = Ears(), Ears()
        for ears in (first, second):
            ears.bus.start()
        groups = memory_layer().groups
        await soon(lambda: len(groups.get(CONTROL, ())) == 2)
        await second.bus.enter("main")
        first.bus.send(ROOM, Altered("main"))
        first.bus.send(CONTROL, Look())
        await soon(lambda: len(second.heard) == 2 and len(first.heard) == 1)
        assert second.heard == [Altered("main"), Look()]
        assert first.heard == [Look()]
        await asyncio.gather(first.bus.stop(), second.bus.stop())
