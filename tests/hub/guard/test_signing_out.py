"""Sessions of who is no longer signed in end: by word at once, without it within a heartbeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session as SiteSession
from django.db import DataError
from django.test import Client as Browser
from django.utils import timezone

from chat import consumers, identity, store
from chat.hub import hub as hubs
from chat.hub import signals
from chat.protocol.errors import Unavailable
from tests.fakes import soon
from tests.hub.clients import (
    Account,
    Closed,
    Connect,
    Connection,
    ConnectTerminal,
    JsonClient,
    off_loop,
    sign_up,
)
from tests.hub.guard.conftest import Change, looked_at, member


def key_of(account: Account) -> str:
    """The key of the Django session."""
    return account.cookies["sessionid"]


def sign_out(account: Account) -> None:
    browser = Browser()
    browser.cookies["sessionid"] = key_of(account)
    browser.logout()


def change_password(account: Account) -> None:
    account.user.set_password("another")
    account.user.save()


def deactivate(account: Account) -> None:
    account.user.is_active = False
    account.user.save()


def delete(account: Account) -> None:
    account.user.delete()


def end_session(account: Account) -> None:
    SiteSession.objects.filter(pk=key_of(account)).delete()


@pytest.mark.parametrize("change", [sign_out, change_password, deactivate, delete, end_session])
async def test_who_is_no_longer_signed_in_is_sent_away(
    connect: Connect, either: None, change: Change
) -> None:
    account, client = await member(connect)
    _, other = await member(connect, "bob")
    guest = await connect()
    await guest.join()
    await off_loop(change, account)
    assert await client.closed() == 4501
    for still in (other, guest):
        assert (await still.post("still here"))["type"] == "ack"


async def test_sign_out_ends_the_sessions_of_that_browser_and_no_other(
    connect: Connect, told_only: None
) -> None:
    account, client = await member(connect)
    tab = await connect(cookies=account.cookies)

    def sign_in_elsewhere() -> dict[str, str]:
        browser = Browser()
        browser.force_login(account.user)
        return {"sessionid": browser.cookies["sessionid"].value}

    phone = await connect(cookies=await off_loop(sign_in_elsewhere))
    await off_loop(sign_out, account)
    assert [await client.closed(), await tab.closed()] == [4501, 4501]
    await phone.join("board")


async def test_users_that_are_changed_without_a_signal_are_found(
    connect: Connect, untold: None
) -> None:
    account, client = await member(connect)
    await off_loop(User.objects.filter(pk=account.user.pk).update, is_active=False)
    assert await client.closed() == 4501


async def test_session_that_expires_ends_then_though_nothing_is_said(
    connect: Connect, told_only: None
) -> None:
    account = await sign_up("ann")
    ends = timezone.now() + timedelta(seconds=4)
    await off_loop(SiteSession.objects.filter(pk=key_of(account)).update, expire_date=ends)
    client = await connect(cookies=account.cookies)
    assert await client.closed() == 4501
    assert timezone.now() >= ends


async def test_terminals_and_streams_end_too(
    connect_terminal: ConnectTerminal, told_only: None
) -> None:
    account = await sign_up("ann")
    terminal = await connect_terminal(cookies=account.cookies)
    await off_loop(sign_out, account)
    assert await terminal.closed() == 4501


async def test_user_that_the_site_put_into_the_scope_is_looked_at_without_a_session(
    connect: Connect, either: None
) -> None:
    account = await sign_up("ann")
    client = await connect(user=account.user)
    await client.join()
    await looked_at()
    await off_loop(deactivate, account)
    assert await client.closed() == 4501


async def test_session_that_the_site_put_into_the_scope_is_what_counts(
    connections: list[Connection], told_only: None
) -> None:
    """As ``AuthMiddlewareStack`` does."""
    account = await sign_up("ann")
    client = JsonClient(user=account.user)
    client.scope["session"] = SessionStore(key_of(account))
    connections.append(client)
    await client.open()
    await client.join()
    await looked_at()
    await off_loop(sign_out, account)
    assert await client.closed() == 4501


async def test_sign_in_of_a_user_doubts_nobody(connect: Connect, told_only: None) -> None:
    account, client = await member(connect)
    (hub,) = hubs.running()
    session = next(iter(hub.sessions))
    before = session.reviews
    await off_loop(account.user.save, update_fields=["last_login"])
    await off_loop(User.objects.create_user, "new")
    await client.post("still here")
    assert session.reviews == before


async def coming_late(
    connections: list[Connection],
    monkeypatch: pytest.MonkeyPatch,
    account: Account,
    meanwhile: Callable[[], Any],
) -> JsonClient:
    """One who was identified before something happened, and comes in after."""
    identify = consumers._identify

    async def slowly(*args: Any) -> Any:
        who = await identify(*args)
        await meanwhile()
        return who

    monkeypatch.setattr(consumers, "_identify", slowly)
    late = JsonClient(cookies=account.cookies)
    connections.append(late)
    await late.open()
    return late


async def test_connection_of_a_session_that_was_just_signed_out_is_refused(
    connect: Connect,
    connections: list[Connection],
    told_only: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, _ = await member(connect)
    (hub,) = hubs.running()

    async def meanwhile() -> None:
        await off_loop(sign_out, account)
        await soon(lambda: hub.guard.has_ended(identity.login_of(key_of(account))))

    late = await coming_late(connections, monkeypatch, account, meanwhile)
    with pytest.raises(Closed) as closed:
        await late.receive()  # not even a welcome
    assert closed.value.code == 4501


async def test_user_who_was_deactivated_while_connecting_is_sent_away_at_once(
    connect: Connect,
    connections: list[Connection],
    told_only: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, client = await member(connect)

    async def meanwhile() -> None:
        await off_loop(deactivate, account)
        assert await client.closed() == 4501  # so the word of it has come

    late = await coming_late(connections, monkeypatch, account, meanwhile)
    assert await late.closed() == 4501


async def test_database_that_is_away_throws_nobody_out(
    connect: Connect, untold: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = await member(connect)
    (hub,) = hubs.running()
    read, asked = hub.threads.read, []

    async def away(*args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        raise Unavailable

    monkeypatch.setattr(hub.threads, "read", away)
    await off_loop(deactivate, account)
    await soon(lambda: len(asked) > 20)
    await client.answered()
    monkeypatch.setattr(hub.threads, "read", read)
    assert await client.closed() == 4501


async def test_users_are_looked_at_though_the_bans_cannot_be_read(
    connect: Connect, told_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, client = await member(connect)
    (hub,) = hubs.running()
    asked = []

    def fail() -> NoReturn:
        asked.append(True)
        raise DataError("year is out of range")

    monkeypatch.setattr(store, "restraints", fail)
    hub.guard.hear(signals.Barred())
    await soon(lambda: bool(asked))
    await off_loop(deactivate, account)
    assert await client.closed() == 4501
    assert len(asked) > 1  # which is tried again, too
