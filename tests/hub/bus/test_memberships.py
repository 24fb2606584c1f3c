"""The groups of the layer that a process is in."""

import asyncio
import itertools

import pytest
from channels.layers import channel_layers

from chat.hub import memberships, signals
from chat.hub.signals import CONTROL
from tests.fakes import Layer, soon, turns
from tests.hub.bus.conftest import ROOM, Ears


async def test_room_is_heard_from_entering_until_leaving(ears: Ears, layer: Layer) -> None:
    await ears.bus.enter("main")
    assert layer.members(ROOM)
    ears.bus.exit("main")
    await soon(lambda: not layer.members(ROOM))


async def test_room_entered_before_there_is_a_channel_is_looked_at_again(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, new = asyncio.Event(), layer.new_channel

    async def slowly(prefix: str = "chat") -> str:
        await gate.wait()
        return await new(prefix)

    monkeypatch.setattr(layer, "new_channel", slowly)
    ears = Ears()
    ears.bus.start()
    await ears.bus.enter("main")
    gate.set()
    await soon(lambda: ears.regained == 1 and bool(layer.members(ROOM)))
    await ears.bus.stop()


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
    ears.bus.renew()
    await soon(lambda: set(layer.groups) == {CONTROL, ROOM})


async def test_layer_that_is_away_is_tried_with_one_group_at_a_time(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        await ears.bus.enter(f"room{number}")
    under_way = most = 0

    async def refuse(group: str, channel: str) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        layer.failures += 1
        raise ConnectionError("away")

    with monkeypatch.context() as away:
        away.setattr(layer, "group_add", refuse)
        ears.bus.renew()
        await soon(lambda: layer.failures > 0)
        first, most = most, 0
        await soon(lambda: layer.failures > first + 10)
    assert (first, most) == (memberships.AT_ONCE, 1)
    layer.groups.clear()
    await soon(lambda: len(layer.groups) == 41)


async def test_room_is_entered_before_those_that_are_only_renewed(ears: Ears, layer: Layer) -> None:
    for number in range(100):
        await ears.bus.enter(f"room{number}")
    layer.adds.clear()
    ears.bus.renew()
    await ears.bus.enter("late")
    assert signals.group_of("late") in layer.adds
    assert len(layer.adds) <= 3 * memberships.AT_ONCE


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
    ears.bus.renew()
    ears.bus.exit("main")
    await ears.bus.stop()
    assert layer.groups == {}


# A new channel


async def test_channel_that_was_given_up_is_taken_out_of_every_group(
    ears: Ears, layer: Layer
) -> None:
    await ears.bus.enter("main")
    (old,) = layer.members(ROOM)
    ears.bus.listen_anew()
    await soon(lambda: ears.regained == 1)
    await soon(lambda: old not in layer.members(ROOM) | layer.members(CONTROL))
    assert layer.members(ROOM) == layer.members(CONTROL) != set()


async def test_channels_that_cannot_be_taken_out_are_forgotten_in_the_end(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For as long as Redis is away, each beat takes another channel: it is not asked for one."""

    async def name() -> str:
        names.append(f"channel{len(names)}")
        return names[-1]

    names: list[str] = []
    monkeypatch.setattr(layer, "new_channel", name)
    await ears.bus.enter("main")
    layer.away = True
    for turn in range(50):
        ears.bus.listen_anew()
        await soon(lambda turn=turn: len(names) > turn)  # type: ignore[misc]
        await turns()
    assert len(ears.bus._memberships._given_up) <= memberships.GIVEN_UP_MOST
    assert len(ears.bus._memberships._left) <= 2 * memberships.GIVEN_UP_MOST


async def test_channel_that_still_enters_its_groups_shows_that_the_layer_answers(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears nothing meanwhile, and must not be taken for deaf: the next would begin anew."""
    for number in range(100):
        await ears.bus.enter(f"room{number}")
    add, enough = layer.group_add, asyncio.Semaphore(0)

    async def slowly(group: str, channel: str) -> None:
        await enough.acquire()
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", slowly)
    ears.bus.heard_at = 0.0
    ears.bus.listen_anew()
    await turns()
    assert not ears.bus.heard_at
    for _ in range(101):
        ears.bus.heard_at = 0.0
        enough.release()
        await soon(lambda: bool(ears.bus.heard_at))
    assert layer.adds[101] == CONTROL
    ears.bus.heard_at = 0.0
    ears.bus.renew()
    for _ in range(101):
        enough.release()
    await soon(lambda: not ears.bus._memberships._due)
    assert not ears.bus.heard_at, "renewing says nothing about hearing"


# A layer of which a part fails


async def test_group_that_cannot_be_entered_keeps_no_other_from_it(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis may be several servers, of which one is down: each has some of the groups."""
    for number in range(50):
        await ears.bus.enter(f"room{number}")
    (old,) = layer.members(CONTROL)
    add, dead = layer.group_add, signals.group_of("room0")

    async def add_but_one(group: str, channel: str) -> None:
        if group == dead:
            raise ConnectionError("this one is down")
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", add_but_one)
    ears.bus.listen_anew()
    groups = [CONTROL, *(signals.group_of(f"room{number}") for number in range(1, 50))]
    await soon(lambda: all(layer.members(group) - {old} for group in groups))
    await soon(lambda: not any(old in layer.members(group) for group in [*groups, dead]))
    assert ears.regained == 0, "not every group is entered"
    monkeypatch.setattr(layer, "group_add", add)
    await soon(lambda: ears.regained == 1)
    assert layer.members(dead)


async def test_many_groups_are_entered_though_some_calls_fail(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, calls = layer.group_add, itertools.count(1)

    async def add_mostly(group: str, channel: str) -> None:
        if next(calls) % 20 == 0:
            raise ConnectionError("now and then")
        await add(group, channel)

    monkeypatch.setattr(layer, "group_add", add_mostly)
    for number in range(400):
        ears.bus._memberships._wanted[signals.group_of(f"room{number}")] = None
    ears.bus.renew()
    await soon(lambda: len(layer.groups) == 401 and not ears.bus._memberships._due)
    assert next(calls) < 600


async def test_layer_without_groups_leaves_the_process_its_hearing(
    ears: Ears, layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(layer, "group_add", None)
        await ears.bus.enter("main")
    await soon(lambda: bool(layer.members(ROOM)))
