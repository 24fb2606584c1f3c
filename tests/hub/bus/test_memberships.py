"""The groups of the layer that a process is in."""

import pytest
from channels.layers import channel_layers

from chat.hub import signals
from chat.hub.signals import CONTROL
from tests.fakes import Layer, soon, turns
from tests.hub.bus.conftest import ROOM, Ears


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
