"""People in rooms, on sites where the guard has to be told, and where nobody tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from chat.hub import hub as hubs
from chat.hub.guard import Guard
from chat.hub.heart import Heart
from chat.models import Membership, Room
from chat.moderation import people
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Account, Connect, JsonClient, off_loop, sign_up

Change = Callable[[Account], Any]


@pytest.fixture
def told_only(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Let the hub find out nothing by itself, so that what it knows it was told."""
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 20}
    monkeypatch.setattr(Guard, "_beat", 3600.0)


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Let every word be lost, and a heartbeat be short."""
    settings.CHAT = {**OPEN_SITE, "HEARTBEAT": 0.4}
    monkeypatch.setattr("chat.revocation.tell_all", lambda signal: None)
    monkeypatch.setattr(people, "tell_all", lambda signal: None)
    monkeypatch.setattr("chat.hub.heart.SILENT_HEARTBEATS", 1e6)
    # Whoever has just come is looked at for that alone; and rooms are not what is tested here.
    monkeypatch.setattr(Heart, "_beat", 3600.0)


@pytest.fixture(params=["told", "untold"])
def either(request: pytest.FixtureRequest) -> None:
    """Both: by word alone, and without a word."""
    request.getfixturevalue("told_only" if request.param == "told" else "untold")


async def looked_at() -> None:
    """Wait until those who have just come were looked at."""
    (hub,) = hubs.running()
    await soon(lambda: not hub.guard._doubted)


async def member(connect: Connect, name: str = "ann", **kwargs: Any) -> tuple[Account, JsonClient]:
    """A user in ``main``, and in a private room."""
    account = await sign_up(name, **kwargs)
    board, _ = await off_loop(Room.objects.get_or_create, slug="board", kind="private")
    await off_loop(Membership.objects.create, room=board, user=account.user)
    client = await connect(cookies=account.cookies)
    await client.join()
    await client.join("board")
    await looked_at()
    return account, client
