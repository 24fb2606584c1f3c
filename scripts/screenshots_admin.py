"""The pictures of the admin: three processes at work, and what there is to run them by.

usage: .venv/bin/python scripts/screenshots_admin.py [DIRECTORY [every | PAGE ...]]

``every`` takes each page from top to bottom, by day and by night, on a desktop and a phone, and
under django-unfold, to be looked at; names of pages take those alone in the same way. Without
either, only what the documentation shows is taken.
"""

import asyncio
import json
import random
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic_ns

from admin_scene import GUESTS, MAKE, REMEMBER, TALK, USERS
from websockets.sync.client import connect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from chat.load.crowd import Crowd  # noqa: E402 - lies in ROOT
from chat.load.dialects import HUB  # noqa: E402
from tests.browser.chromium import Chromium, Page  # noqa: E402
from tests.programs import temporary_directory  # noqa: E402
from tests.servers import SiteServer, manage  # noqa: E402
from tests.services import RedisServer  # noqa: E402

PROCESSES = 3

SESSIONS = 120
POSTS_A_SECOND = 6.0
LOAD_SECONDS = 75.0
"""Long enough for a whole minute to be told of."""

SIZES = {"desktop": (1440, 880), "phone": (390, 844)}

FOLDED = "localStorage.setItem('django.admin.navSidebarIsOpen', 'false')"
"""What leaves the whole width to the page: the list of connections needs it."""

PAGES = {
    "live": "node/",
    "process": "node/{node}/change/",
    "room-live": "node/room/{room}/",
    "connections": "connection/",
    "session": "connection/{connection}/change/",
    "disconnect": "connection/{connection}/disconnect/",
    "ban": "connection/{connection}/ban/",
    "bans": "ban/",
    "rooms": "room/",
    "room": "room/{room}/change/",
    "clear": "room/{room}/clear-history/",
    "epoch": "room/{room}/new-epoch/",
    "memberships": "membership/",
    "messages": "message/?room={room}",
    "message": "message/{message}/change/",
    "redact": "message/{message}/redact-sender/",
    "announcement": "room/announce/",
    "record": "act/",
    "act": "act/{act}/change/",
}

SHOWN: tuple[tuple[str, str, str], ...] = (
    ("live", "desktop", "light"),
    ("live", "desktop", "dark"),
    ("live", "phone", "dark"),
    ("connections", "desktop", "light"),
    ("room", "desktop", "light"),
    ("messages", "desktop", "light"),
    ("record", "desktop", "light"),
)
"""What the documentation shows."""


def told(printed: str, name: str) -> dict[str, str]:
    """Return what a script has printed under a name."""
    return dict(json.loads(printed.rpartition(f"{name}: ")[2]))


@contextmanager
def serving() -> Iterator[list[SiteServer]]:
    """Processes that share a Redis and a database."""
    env = {"DATABASE_URL": f"sqlite:///{temporary_directory() / 'db.sqlite3'}"}
    manage("migrate", "--verbosity=0", env=env)
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        env |= {"REDIS_URL": redis.url, "CHAT_SESSIONS_PER_ADDRESS": "0"}
        env |= {"CHAT_POSTS_PER_SECOND": "0"}
        yield [stack.enter_context(SiteServer(env=env)) for _ in range(PROCESSES)]


@contextmanager
def people(servers: list[SiteServer], sessions: dict[str, str]) -> Iterator[None]:
    """Some who have names, and who talk in the lobby."""
    with ExitStack() as stack:
        sockets = {}
        for number, (name, (_address, client)) in enumerate((GUESTS | USERS).items()):
            key = sessions.get(name)
            socket = stack.enter_context(
                connect(
                    servers[number % len(servers)].ws_url,
                    subprotocols=["chat.v1.json"],  # type: ignore[list-item]
                    additional_headers={"Cookie": f"sessionid={key}"} if key else {},
                    user_agent_header=client,
                    ping_interval=None,
                )
            )
            commands = [] if key else [{"type": "rename", "name": name}]
            commands += [
                {"type": "join", "room": room} for room in ("main", "bakery")[: 1 + number % 2]
            ]
            for command in commands:
                socket.send(json.dumps(command))
            sockets[name] = socket
            threading.Thread(target=answer, args=(socket,), daemon=True).start()
        time.sleep(2)  # names are told before anything is said
        for number, (name, text) in enumerate(TALK):
            sockets[name].send(
                json.dumps({"type": "post", "room": "main", "id": str(number), "text": text})
            )
            time.sleep(0.3)
        yield


def answer(socket: object) -> None:
    """Answer pings, as browsers do, until the connection ends."""
    for frame in socket:  # type: ignore[attr-defined]
        for event in json.loads(frame):
            if event["type"] == "ping":
                socket.send(json.dumps({"type": "pong"}))  # type: ignore[attr-defined]


@contextmanager
def load(servers: list[SiteServer]) -> Iterator[None]:
    """A crowd at the market, who post now and then, in a thread of their own."""
    stop = threading.Event()
    ready = threading.Event()

    async def crowd() -> None:
        addresses = [("127.0.0.1", server.port) for server in servers]
        there = Crowd(HUB, addresses, "/ws", rooms=("market",), text_bytes=60)
        await there.connect(SESSIONS, SESSIONS)
        ready.set()
        chance = random.Random(3)
        while not stop.is_set():
            there.post(chance.choice(there.clients), [monotonic_ns()])
            await asyncio.sleep(chance.expovariate(POSTS_A_SECOND))
        await there.leave()

    thread = threading.Thread(target=asyncio.run, args=(crowd(),))
    thread.start()
    ready.wait(60)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def photograph(
    page: Page, url: str, path: Path, device: str, scheme: str, *, full: bool = False
) -> None:
    """Take one page, or what a window shows of it."""
    width, height = SIZES[device]
    page.resize(width, height, phone=device == "phone")
    page.prefer(color_scheme=scheme, reduced_motion="reduce")
    page.goto(url)
    if page.evaluate("!!document.querySelector('[data-part=processes]')"):
        page.wait_for_text("[data-state]", "Updated by itself")
    page.evaluate("new Promise((done) => setTimeout(() => requestAnimationFrame(done), 400))")
    page.screenshot(path, full=full)
    page.forgive("404")  # the admin's pages have no icon


def take(directory: Path, names: Collection[str] = ()) -> None:
    """Fill a site, put it to work, and photograph some pages of its admin, or what is shown."""
    with serving() as servers, Chromium() as browser:
        site = servers[0]
        sessions = told(site.manage("shell", "-v0", "-c", MAKE), "made")
        with load(servers), people(servers, sessions):
            time.sleep(LOAD_SECONDS)
            numbers = told(site.manage("shell", "-v0", "-c", REMEMBER), "numbers")
            page = browser.page()
            page.live_in("UTC")
            page.speak("en")
            page.before_scripts(FOLDED)
            page.carry(site.url, sessionid=sessions["Mika"])
            pictures = SHOWN
            if names:
                pictures = tuple(
                    (name, device, scheme)
                    for name in names
                    for device in SIZES
                    for scheme in ("light", "dark")
                )
            page.goto(f"{site.url}/admin/chat/connection/")  # has all tell of their sessions
            time.sleep(6)
            for name, device, scheme in pictures:
                url = f"{site.url}/admin/chat/{PAGES[name].format(**numbers)}"
                path = directory / f"admin-{name}-{device}-{scheme}.png"
                photograph(page, url, path, device, scheme, full=bool(names))
            if names:
                themed = {**site.env, "DJANGO_SETTINGS_MODULE": "tests.admin.unfold_settings"}
                with SiteServer(env=themed) as other:
                    page.carry(other.url, sessionid=sessions["Mika"])
                    for name in names:
                        for scheme in ("light", "dark"):
                            url = f"{other.url}/admin/chat/{PAGES[name].format(**numbers)}"
                            path = directory / f"unfold-{name}-{scheme}.png"
                            photograph(page, url, path, "desktop", scheme, full=True)


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    target.mkdir(parents=True, exist_ok=True)
    take(target, PAGES if sys.argv[2:] == ["every"] else sys.argv[2:])
