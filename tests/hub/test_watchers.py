"""Those who watch: told at once and with every beat, as long as they may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from django.contrib.auth.models import Permission
from django.db import connections
from pytest_django import Settings

from chat import identity, standing, store
from chat.hub import heart
from chat.hub.hub import Hub
from chat.identity import Identity
from chat.protocol.events import Sender
from tests.fakes import soon, turns
from tests.hub.clients import OPEN_SITE, Connect, Wired, off_loop, sign_up
from tests.hub.conftest import MakeHub

BOSS = Identity(key="u:1", sender=Sender("1", "boss"), user_pk=1, watches=True)


@pytest.fixture(autouse=True)
def in_good_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let those who were let in be who they were: here are no users to ask about."""

    def confirm(known: Sequence[Identity], *, thoroughly: bool) -> list[standing.Standing]:
        return [standing.Standing(who) for who in known]

    monkeypatch.setattr(standing, "confirm", confirm)


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hearts beat once and no more."""
    monkeypatch.setattr(heart.Heart, "_beat", 3600.0)


async def beaten(hub: Hub) -> None:
    """Wait until a hub's first beat is over, which ends with a probe; then let it say more."""
    await soon(lambda: hub.bus.heard_at > 0)
    await hub.presence.beat()


async def watching(hub: Hub, who: Identity = BOSS) -> Wired:
    """Return somebody who has been answered that they watch."""
    wired = Wired(hub, who=who)
    wired.say({"type": "watch", "ref": 1})
    await soon(lambda: bool(wired.told("live")))
    return wired


@pytest.mark.usefixtures("at_rest")
async def test_watch_is_answered_at_once_with_what_goes_on(make_hub: MakeHub) -> None:
    hub = make_hub()
    await beaten(hub)
    wired = await watching(hub)
    (answer,) = wired.told("live")
    assert answer["ref"] == 1
    assert [process["name"] for process in answer["processes"]] == [hub.presence.register.name]


@pytest.mark.usefixtures("at_rest")
async def test_watcher_is_told_with_every_beat_until_unwatch(make_hub: MakeHub) -> None:
    hub = make_hub()
    await beaten(hub)
    wired = await watching(hub)
    for told in (2, 3):
        await beaten(hub)
        await hub.watchers.beat()
        assert len(wired.told("live")) == told
    (process,) = wired.told("live")[-1]["processes"]
    assert process["sessions"] == 1
    assert "ref" not in wired.told("live")[-1]
    wired.say({"type": "unwatch"})
    await hub.watchers.beat()
    assert len(wired.told("live")) == 3


async def test_beats_of_the_heart_reach_watchers(
    make_hub: MakeHub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.2}
    monkeypatch.setattr("chat.hub.heart.SILENT_HEARTBEATS", 1e6)  # it answers no ping
    hub = make_hub()
    wired = await watching(hub)
    await soon(lambda: len(wired.told("live")) >= 4)


@pytest.mark.usefixtures("at_rest")
async def test_all_watchers_get_one_message_and_cost_one_query(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await beaten(hub)
    watchers = [await watching(hub) for _ in range(5)]
    asked = 0
    node_figures = store.node_figures

    def count() -> list[store.NodeFigures]:
        nonlocal asked
        asked += 1
        return node_figures()

    monkeypatch.setattr(store, "node_figures", count)
    await hub.watchers.beat()
    assert asked == 1
    assert len({id(wired.socket.messages[-1]) for wired in watchers}) == 1


@pytest.mark.usefixtures("at_rest")
async def test_nobody_who_watches_costs_nothing(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    await beaten(hub)
    wired = await watching(hub)
    wired.session.gone()
    monkeypatch.setattr(store, "node_figures", lambda: pytest.fail("nobody wants to know"))
    await hub.watchers.beat()


@pytest.mark.usefixtures("at_rest")
@pytest.mark.parametrize("who", [None, replace(BOSS, watches=False)], ids=["guest", "user"])
async def test_who_lacks_the_permission_is_refused(make_hub: MakeHub, who: Identity | None) -> None:
    hub = make_hub()
    wired = Wired(hub, who=who)
    wired.say({"type": "watch", "ref": 1})
    await turns()
    (error,) = wired.told("error")
    assert (error["code"], error["ref"]) == ("forbidden", 1)
    await hub.watchers.beat()
    assert wired.told("live") == []


@pytest.mark.usefixtures("at_rest")
async def test_watching_ends_with_the_permission(make_hub: MakeHub) -> None:
    hub = make_hub()
    await beaten(hub)
    lost, kept = await watching(hub), await watching(hub)
    lost.session.identity = replace(BOSS, watches=False)
    for _ in range(2):
        await hub.watchers.beat()
    await turns()
    assert (len(lost.told("live")), len(kept.told("live"))) == (1, 3)
    (error,) = lost.told("error")
    assert error["code"] == "forbidden"
    assert "ref" not in error
    assert lost.socket.code is None


@pytest.mark.usefixtures("at_rest")
async def test_permission_lost_while_the_answer_is_looked_up_is_lost(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    wired = Wired(hub, who=BOSS)
    node_figures = store.node_figures

    def meanwhile() -> list[store.NodeFigures]:
        wired.session.identity = replace(BOSS, watches=False)
        return node_figures()

    monkeypatch.setattr(store, "node_figures", meanwhile)
    wired.say({"type": "watch", "ref": 1})
    await soon(lambda: bool(wired.told("error")))
    assert wired.told("live") == []


async def test_permission_is_that_of_the_user(connect: Connect) -> None:
    account = await sign_up("staff", is_staff=True)
    assert await (await connect(cookies=account.cookies)).refusal("watch") == "forbidden"

    def permit() -> bool:
        account.user.user_permissions.set(Permission.objects.filter(codename="view_live"))
        user = type(account.user).objects.get(pk=account.user.pk)
        try:
            return identity.of_user(user).watches
        finally:
            connections.close_all()

    assert await off_loop(permit)
    answer = await (await connect(cookies=account.cookies)).ask("watch")
    assert answer["type"] == "live"
