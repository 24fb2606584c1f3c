"""What every test can ask for; the parts are in tests/services.py and tests/servers.py."""

import os
import signal
from collections.abc import AsyncIterator

import hypothesis
import pytest
import pytest_asyncio
from channels.layers import channel_layers
from django.conf import settings

from chat.hub import hub as hubs
from tests.hub.clients import Connect, Connection, ConnectTerminal, JsonClient, TerminalClient

pytest_plugins = ["tests.services", "tests.servers"]

# A shell has what runs in its background ignore it, and programs inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing about it on a machine that does other things too.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Gives this run a test database of its own, so that two runs at a time do not clash."""
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        name = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        name = f"test_{default['NAME']}_{os.getpid()}"
    default.setdefault("TEST", {})["NAME"] = name


@pytest_asyncio.fixture
async def connections(transactional_db: None) -> AsyncIterator[list[Connection]]:
    """A test's connections, which are closed at its end, as is the hub they brought about."""
    made: list[Connection] = []
    channel_layers.backends.clear()
    yield made
    try:
        for connection in made:
            await connection.close()
    finally:
        for hub in hubs.running():
            await hub.stop()
    channel_layers.backends.clear()


@pytest.fixture
def connect(connections: list[Connection]) -> Connect:
    """Open a session that speaks JSON; it has heard its welcome."""

    async def connect(*args: object, **kwargs: object) -> JsonClient:
        client = JsonClient(*args, **kwargs)
        connections.append(client)
        await client.open()
        await client.event("welcome")
        return client

    return connect


@pytest.fixture
def connect_terminal(connections: list[Connection]) -> ConnectTerminal:
    """Open a session that speaks lines; it is in ``main``."""

    async def connect(*args: object, **kwargs: object) -> TerminalClient:
        client = TerminalClient(*args, **kwargs)
        connections.append(client)
        await client.open()
        await client.say("/list")
        await client.until("main")
        return client

    return connect
