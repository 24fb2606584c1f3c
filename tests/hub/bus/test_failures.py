"""A channel layer that fails, says nothing, or is not there."""

import asyncio
import logging

import pytest
from django.test import override_settings

from chat.hub import bus, signals
from chat.hub.signals import CONTROL, Altered, Look
from tests.fakes import Layer, soon, turns
from tests.hub.bus.conftest import ROOM, Ears

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
    ears.bus.exit("main")
    layer.groups.clear()
    layer.away = False
    await soon(lambda: ears.regained == 1)
    assert not layer.members(ROOM)


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
    for number in range(bus.WAITING_MOST + 10):
        ears.bus.send(CONTROL, Altered(str(number)))
    layer.open.set()
    await soon(lambda: len(ears.heard) == 1 + bus.WAITING_MOST)
    rooms = [signal.room for signal in ears.heard if isinstance(signal, Altered)]
    assert rooms[:2] == ["on its way", "10"]
    assert rooms[-1] == str(bus.WAITING_MOST + 9)


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


async def test_room_that_is_entered_while_all_are_entered_again_is_not_forgotten(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, late = layer.group_add, signals.group_of("late")
    entering: list[asyncio.Task[None]] = []

    async def slowly(group: str, channel: str) -> None:
        if not entering:
            entering.append(asyncio.create_task(ears.bus.enter("late")))
        await asyncio.sleep(0)
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", slowly)
    layer.deliver(ConnectionError("killed"))
    await soon(lambda: ears.regained == 1)
    assert late in layer.groups


@pytest.mark.parametrize("stays", [True, False])
async def test_room_is_as_it_was_last_wanted_whatever_is_under_way(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    """It is left while its group is entered, and entered while its group is left."""
    add, discard = layer.group_add, layer.group_discard
    calls: list[str] = []

    async def leave_meanwhile(group: str, channel: str) -> None:
        calls.append("add")
        if len(calls) == 1:
            ears.bus.exit("main")
        await add(group, channel)

    async def enter_meanwhile(group: str, channel: str) -> None:
        calls.append("discard")
        if stays:
            entering.append(asyncio.create_task(ears.bus.enter("main")))
            await turns()
        await discard(group, channel)

    entering: list[asyncio.Task[None]] = []
    monkeypatch.setattr(layer, "group_add", leave_meanwhile)
    monkeypatch.setattr(layer, "group_discard", enter_meanwhile)
    await ears.bus.enter("main")
    await asyncio.gather(*entering)
    await soon(lambda: not ears.bus._memberships._due)
    assert calls == ["add", "discard", *["add"] * stays]
    assert bool(layer.members(ROOM)) == stays


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
    monkeypatch.setattr(bus, "LAYER_SECONDS", 0.05)
    asked: list[str] = []

    async def silent(group: str, channel: str) -> None:
        asked.append(group)
        await asyncio.Event().wait()

    with monkeypatch.context() as frozen:
        frozen.setattr(layer, "group_add", silent)
        await ears.bus.enter("main")
        await ears.bus.enter("other")
        assert asked[0] == ROOM
        assert ears.bus._memberships.behind
        began = asyncio.get_running_loop().time()
        for number in range(50):
            await ears.bus.enter(f"room{number}")
            ears.bus.exit(f"room{number}")
        assert asyncio.get_running_loop().time() - began < 50 * 0.05
    await soon(lambda: {ROOM, signals.group_of("other")} <= set(layer.groups))
    await soon(lambda: not ears.bus._memberships.behind)


async def test_silent_layer_holds_up_what_is_said_only_so_long(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus, "LAYER_SECONDS", 0.05)
    layer.open.clear()
    ears.bus.send(CONTROL, Altered("lost"))
    await soon(lambda: ears.bus.failures == 1)
    layer.open.set()
    ears.bus.send(CONTROL, Altered("heard"))
    await soon(lambda: ears.heard == [Altered("heard"), Look()])


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
        ears.bus.renew()
        ears.bus.exit("main")
        await ears.bus.stop()
    assert "no channel layer" in caplog.text
    assert (ears.heard, ears.bus.failures) == ([], 0)
