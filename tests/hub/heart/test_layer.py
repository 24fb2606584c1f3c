"""Beats that try whether the layer still brings what is sent."""

import asyncio

import pytest

from chat.hub.signals import CONTROL, group_of
from tests.fakes import soon, turns
from tests.hub.clients import Wired, memory_layer
from tests.hub.conftest import MakeHub


async def test_probe_that_comes_back_lets_the_memberships_be(make_hub: MakeHub) -> None:
    hub = make_hub()
    groups = memory_layer().groups
    await soon(lambda: CONTROL in groups and hub.heart._renewed_at > 0)
    await soon(lambda: hub.heart.probed_at is None)
    renewed: list[int] = []

    def renew() -> None:
        renewed.append(1)

    hub.bus.renew = renew  # type: ignore[method-assign]  # counted
    await hub.heart._probe()
    await soon(lambda: hub.heart.probed_at is None)
    assert renewed == []


async def test_probe_that_does_not_come_back_renews_the_memberships(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    layer = memory_layer()
    layer.groups.clear()
    await hub.heart._probe()
    await turns()
    assert hub.heart.probed_at is not None
    assert layer.groups == {}
    await hub.heart._probe()  # at once again, as somebody had it look: too soon to tell
    assert layer.groups == {}
    hub.heart.probed_at -= hub.heart._beat
    await hub.heart._probe()
    await soon(lambda: set(layer.groups) == {CONTROL, group_of("main")})
    await hub.heart._probe()
    await soon(lambda: hub.heart.probed_at is None)


async def test_listener_that_hears_nothing_though_it_is_in_every_group_is_replaced(
    make_hub: MakeHub,
) -> None:
    """A connection may be dead without a word: nothing but silence tells."""
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    deaf = hub.loop.create_future()
    dead, hub.bus._listener = hub.bus._listener, asyncio.ensure_future(deaf)
    assert dead is not None
    dead.cancel()
    await soon(dead.done)
    await hub.heart._probe()
    await turns()
    assert hub.heart.probed_at is not None
    hub.heart.probed_at -= 2 * hub.heart._beat
    hub.bus.heard_at -= 2 * hub.heart._beat
    await hub.heart._probe()
    await soon(deaf.cancelled)
    groups = memory_layer().groups
    await soon(lambda: hub.bus._memberships.channel in groups.get(CONTROL, ()))
    await hub.heart._probe()
    await soon(lambda: hub.heart.probed_at is None)


async def test_listener_that_hears_anything_is_kept_though_probes_are_lost(
    make_hub: MakeHub,
) -> None:
    """A layer drops what is more than its capacity, probes too."""
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    listener = hub.bus._listener
    hub.heart.probed_at = hub.loop.time() - 100 * hub.heart._beat
    await hub.heart._probe()
    assert hub.bus._listener is listener


async def test_group_that_could_not_be_entered_is_entered_without_a_beat(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    layer = memory_layer()

    async def fail(*_: object) -> None:
        raise ConnectionError("away for a moment")

    with monkeypatch.context() as broken:
        broken.setattr(layer, "group_add", fail)
        await Wired(hub).join()
        assert group_of("main") not in layer.groups
    await soon(lambda: group_of("main") in layer.groups)


async def test_memberships_are_renewed_each_hour(make_hub: MakeHub) -> None:
    hub = make_hub()
    await soon(lambda: hub.heart._renewed_at > 0 and hub.heart.probed_at is None)
    hub.heart._renewed_at = hub.loop.time() - 3601
    layer = memory_layer()
    layer.groups.clear()
    await hub.heart._probe()
    await soon(lambda: set(layer.groups) == {CONTROL})
