"""System checks: what in a site's settings would break the chat, or make it less than it can be.

They read settings and import what those name; none connects to anything.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module, metadata
from typing import Any

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from chat import conf
from chat.redis_hosts import gives_up, hosts_of

TAG = "chat"

CONSUMER = "chat.consumers.ChatConsumer"
IN_MEMORY = "channels.layers.InMemoryChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"

# Before it frames were unbounded (CVE-2026-44545) and headers could be smuggled (CVE-2026-44546).
DAPHNE = (4, 2, 2)

# From this version on redis-py gives up on a socket that was silent for 5 s, unless told otherwise.
REDIS_WITH_TIMEOUT = (8,)

# Where wrappers keep what they wrap: validators, Channels' middleware, most others, functools.
WRAPPED_AS = ("application", "inner", "app", "__wrapped__")


def check(**_: Any) -> list[checks.CheckMessage]:
    """Everything that is wrong with the site's settings as far as the chat goes."""
    found = [
        checks.Error(
            problem,
            hint="Correct this key of the CHAT setting, or take it out to have the default.",
            id="chat.E001",
        )
        for problem in conf.problems()
    ]
    if found:  # which layer and which database are meant is not certain
        return [*found]
    config = conf.current()
    return [
        *_limits(config),
        *_channel_layer(config.channel_layer),
        *_database(config.database),
        *_application(),
        *_servers(),
        *_origins(),
    ]


# CHAT


def _limits(config: conf.Config) -> Iterator[checks.CheckMessage]:
    if config.text_limit > config.longest_in_frame:
        enough = conf.COMMAND_BYTES + conf.CHARACTER_BYTES * config.text_limit
        yield checks.Warning(
            f"CHAT['TEXT_LIMIT'] allows {config.text_limit} characters, a frame is sure to hold "
            f"{config.longest_in_frame}: a longer message may end its sender's connection (4509).",
            hint=f"Set CHAT['FRAME_LIMIT'] to {enough} or more, or CHAT['TEXT_LIMIT'] to "
            f"{config.longest_in_frame} or less.",
            id="chat.W013",
        )


# The channel layer


def _channel_layer(alias: str) -> Iterator[checks.CheckMessage]:
    layer = getattr(settings, "CHANNEL_LAYERS", {}).get(alias)
    if not layer:
        yield checks.Warning(
            f"There is no channel layer {alias!r}: processes find out what was said in another one "
            "only by comparing notes with the database, every few seconds.",
            hint=f"Add {alias!r} to CHANNEL_LAYERS, such as {{'BACKEND': {IN_MEMORY!r}}} for a "
            "single process, or name another layer in CHAT['CHANNEL_LAYER'].",
            id="chat.W001",
        )
        return
    try:
        backend = import_string(layer.get("BACKEND", ""))
    except ImportError as error:
        yield checks.Error(
            f"The channel layer {alias!r} cannot be imported: {error}.",
            hint="Install its package (pip install channels-chat[redis]), or correct its BACKEND "
            "in CHANNEL_LAYERS.",
            id="chat.E002",
        )
        return
    if _is_a(backend, IN_MEMORY) and not settings.DEBUG:
        yield checks.Warning(
            f"The channel layer {alias!r} stays in its process: with more than one process, each "
            "finds out what was said in another only every few seconds.",
            hint=f"Use {CORE!r} in CHANNEL_LAYERS. If one process is all there is, add 'chat.W002' "
            "to SILENCED_SYSTEM_CHECKS.",
            id="chat.W002",
        )
    if _is_a(backend, CORE):
        yield from _core_layer(alias, (layer.get("CONFIG") or {}).get("hosts"))


def _core_layer(alias: str, given: Any) -> Iterator[checks.CheckMessage]:
    hosts = hosts_of(given)
    if len(hosts) > 1:
        yield checks.Warning(
            f"The channel layer {alias!r} has {len(hosts)} hosts: the core Redis layer delivers "
            "what is sent to one channel to any of them, and less than half of it arrives.",
            hint="Give it one host, or one entry with 'sentinels' and 'master_name'.",
            id="chat.W003",
        )
    version = _version("redis")
    # A warning only: the hub reconnects and finds what it missed, and a later channels_redis may
    # well ask for the right timeout itself.
    if version and version >= REDIS_WITH_TIMEOUT and any(map(gives_up, hosts)):
        yield checks.Warning(
            f"The channel layer {alias!r} loses its idle connections every few seconds: redis-py 8 "
            "gives up on a silent socket just when the layer's own blocking read ends.",
            hint="Write each of its hosts as {'address': 'redis://…', 'socket_timeout': None}.",
            id="chat.W004",
        )


# The database


def _database(alias: str) -> Iterator[checks.CheckMessage]:
    database = settings.DATABASES.get(alias)
    if database is None:
        yield checks.Error(
            f"CHAT['DATABASE'] is {alias!r}, which is not in DATABASES.",
            hint=f"Name one of these: {', '.join(map(repr, settings.DATABASES))}.",
            id="chat.E003",
        )
    elif database.get("ENGINE", "").endswith("sqlite3"):
        yield from _sqlite(alias, database)


def _sqlite(alias: str, database: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    options = database.get("OPTIONS") or {}
    pragmas = str(options.get("init_command") or "").lower()
    where = f"DATABASES[{alias!r}]['OPTIONS']"
    if str(database.get("NAME")) in ("", ":memory:"):
        yield checks.Error(
            f"The database {alias!r} is in memory: each thread of the chat would see its own.",
            hint=f"Give DATABASES[{alias!r}] the NAME of a file.",
            id="chat.E004",
        )
    if str(options.get("transaction_mode")).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        yield checks.Warning(
            f"Posts to the SQLite database {alias!r} can fail with “database is locked”, however "
            "long its timeout: a transaction that began by reading cannot wait for its turn to "
            "write.",
            hint=f"Set {where}['transaction_mode'] = 'IMMEDIATE'.",
            id="chat.W005",
        )
    if not re.search(r"journal_mode\s*[=(]\s*['\"]?wal\b", pragmas):
        yield checks.Warning(
            f"The SQLite database {alias!r} is not told to keep a write-ahead log: who reads and "
            "who writes wait for each other.",
            hint=f"Set {where}['init_command'] = 'PRAGMA journal_mode=WAL; PRAGMA "
            "synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY;'.",
            id="chat.W006",
        )
    # SQLite's own default is FULL, so one that is not mentioned is all right.
    if re.search(r"synchronous\s*[=(]\s*['\"]?(normal|off|0|1)\b", pragmas):
        yield checks.Warning(
            f"A power cut can take acknowledged messages from the SQLite database {alias!r}: it "
            "commits without waiting for the disk.",
            hint=f"Write PRAGMA synchronous=FULL in {where}['init_command'].",
            id="chat.W007",
        )
    # Off is SQLite's own default, though not that of every system. FAST leaves some of it.
    if not re.search(r"secure_delete\s*[=(]\s*['\"]?(on|1|yes|true)\b", pragmas):
        yield checks.Warning(
            f"What is redacted or deleted can still be read in the file of the SQLite database "
            f"{alias!r}: it is not told to overwrite that.",
            hint=f"Write PRAGMA secure_delete=ON in {where}['init_command'].",
            id="chat.W012",
        )


# The application


def _application() -> Iterator[checks.CheckMessage]:
    path = getattr(settings, "ASGI_APPLICATION", None)
    if not path:
        yield checks.Warning(
            "ASGI_APPLICATION is not set: it cannot be told whether WebSockets reach the chat, and "
            "runserver does not serve them.",
            hint="Set ASGI_APPLICATION = 'mysite.asgi.application' (with your site's name).",
            id="chat.W008",
        )
        return
    try:
        module, _, name = path.rpartition(".")
        with warnings.catch_warnings():
            # Whatever it warns of, it does again when a server imports it.
            warnings.simplefilter("ignore")
            application = getattr(import_module(module), name)
    except Exception as error:
        # The site's own code, which may raise anything; an error here is one at the server's start.
        yield checks.Error(
            f"ASGI_APPLICATION {path!r} cannot be imported: {type(error).__name__}: {error}.",
            hint="Correct the path, or the module it names.",
            id="chat.E005",
        )
        return
    if _reaches_chat(application) is False:
        yield checks.Warning(
            f"No WebSocket reaches the chat: {path} does not route any to {CONSUMER}.",
            hint="Make it ProtocolTypeRouter({'http': get_asgi_application(), 'websocket': "
            "chat.routing.websocket_application}), or put chat.routing.websocket_urlpatterns into "
            "your own URLRouter.",
            id="chat.W009",
        )


def _reaches_chat(application: Any, seen: frozenset[int] = frozenset()) -> bool | None:
    """Whether WebSockets reach the consumer; ``None`` where that cannot be seen from outside."""
    if application is None or id(application) in seen:
        return False
    seen |= {id(application)}
    consumer = getattr(application, "consumer_class", None)
    if isinstance(consumer, type):
        return _is_a(consumer, CONSUMER)
    protocols = getattr(application, "application_mapping", None)
    if isinstance(protocols, Mapping):
        return _reaches_chat(protocols.get("websocket"), seen)
    routes = getattr(application, "routes", None)
    if isinstance(routes, Sequence):
        found = [_reaches_chat(getattr(route, "callback", route), seen) for route in routes]
        return True if True in found else (None if None in found else False)
    for name in WRAPPED_AS:
        if hasattr(application, name):
            return _reaches_chat(getattr(application, name), seen)
    if _is_a(type(application), "django.core.handlers.asgi.ASGIHandler"):
        return False  # HTTP alone
    return None


# The servers


def _servers() -> Iterator[checks.CheckMessage]:
    version = _version("daphne")
    if version and version < DAPHNE:
        wanted = ".".join(map(str, DAPHNE))
        yield checks.Warning(
            f"The daphne that is installed is older than {wanted}: its clients may send frames "
            "without bound, and headers can be smuggled past a proxy.",
            hint=f"pip install 'daphne>={wanted}'",
            id="chat.W010",
        )


def _origins() -> Iterator[checks.CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield checks.Warning(
            "ALLOWED_HOSTS has '*': it lets the pages of every other site open WebSockets with the "
            "cookies of this site's visitors.",
            hint="List the names that the site is reached by in ALLOWED_HOSTS.",
            id="chat.W011",
        )


def _is_a(candidate: Any, path: str) -> bool:
    """Whether ``candidate`` is the class at ``path`` or one made from it.

    By name, so that nothing is imported which the site does not use.
    """
    return isinstance(candidate, type) and any(
        f"{base.__module__}.{base.__qualname__}" == path for base in candidate.__mro__
    )


def _version(distribution: str) -> tuple[int, ...] | None:
    """The numbers of an installed version: ``(4, 2, 2)``; ``None`` where it is not installed."""
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
    numbers = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, numbers[0].split("."))) if numbers else None
