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

GUESTS = {
    "Jo": ("198.51.100.23", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Firefox/132.0"),
    "Noor": ("203.0.113.88", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Safari/604.1"),
    "Market screen": ("192.0.2.14", "signage/2.4 (+https://market.example)"),
    "سلمى": ("2001:db8:4::17", "Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/131.0.0.0"),
}

USERS = {
    "Ines": ("198.51.100.7", "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) Safari/605.1.15"),
    "Tomasz": ("203.0.113.41", "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 Safari/537.36"),
    "ليلى": ("198.51.100.7", "Mozilla/5.0 (Linux; Android 14; SM-G991B) Chrome/130.0.0.0"),
}

TALK = (
    ("Tomasz", "Who has the keys of the cold store?"),
    ("Ines", "I do. They are in the van."),
    ("ليلى", "صباح الخير! كل الطلبات جاهزة: الخبز في الصناديق الزرقاء والكعك على الرف."),
    ("Jo", "CHEAP WATCHES!!! visit watches.example today"),
    ("Jo", "CHEAP WATCHES!!! last chance"),
    ("Ines", "Please stay on topic, Jo."),
    ("Noor", "Is the bakery open on the holiday?"),
    ("Tomasz", "Yes, from seven to noon."),
    ("Noor", "Wonderful, thank you!"),
    ("Ines", "The van is back from the workshop. New brakes, and the heating works again."),
    ("Tomasz", "Then I leave at 9:30"),
    ("ليلى", "شكرًا للجميع"),
)

MAKE = f"""
import json
from django.contrib.auth.models import User
from django.test import Client
from chat.models import Membership, Room
rooms = {{slug: Room.objects.create(slug=slug, **fields) for slug, fields in {{
    "main": dict(title="Lobby", retention_days=365),
    "market": dict(title="Market day", guests="post"),
    "bakery": dict(title="Bakery orders", slow_mode=5, max_length=500, retention_days=90),
    "board": dict(title="Board", kind="private"),
    "archive-2025": dict(title="Spring fair 2025", archived=True),
}}.items()}}
sessions = {{}}
for name in [*{list(USERS)!r}, "Mika"]:
    user = User.objects.create_user(name, is_staff=name == "Mika", is_superuser=name == "Mika")
    client = Client()
    client.force_login(user)
    sessions[name] = client.cookies["sessionid"].value
    for slug in ("board", "bakery"):
        Membership.objects.create(room=rooms[slug], user=user,
            role={{"Ines": "owner", "Mika": "moderator"}}.get(name, "member"))
print("made:", json.dumps(sessions))
"""

# A day as it was before the pictures are taken: its curve, and what moderators did.
REMEMBER = f"""
import json, math, random
from datetime import timedelta
import msgspec
from django.contrib.auth.models import User
from django.utils import timezone
from chat import moderation
from chat.hub import histogram
from chat.models import Act, Connection, Message, Node, Room, Sample
from chat.store import Counts, Report

chance, now = random.Random(5), timezone.now()
this = now.replace(second=0, microsecond=0)
past = []
for node in Node.objects.order_by("name"):
    for minutes in range(1, 24 * 60):
        minute = this - timedelta(minutes=minutes)
        hour = minute.hour + minute.minute / 60
        sun = 0.25 + 0.75 * max(0.0, math.sin((hour - 6) / 16 * math.pi))
        sessions = int(sun * chance.uniform(36, 44))
        posts = max(1, int(sessions * chance.uniform(4, 6)))
        counts = Counts(posts=posts, deliveries=posts * sessions * 3, commits=posts, stored=posts)
        for _ in range(24):
            histogram.note(counts.acks, chance.lognormvariate(math.log(0.006), 0.5))
            histogram.note(counts.fanouts, chance.lognormvariate(math.log(0.002), 0.5))
        if minutes in (130, 131, 132):
            counts.healed, counts.failures = chance.randrange(20, 60), chance.randrange(3, 9)
        if chance.random() < 0.01:
            counts.closes = {{4002: 1}}
        figures = Report(sessions=sessions, rooms=4, seconds=60.0, lately=counts)
        kept = msgspec.to_builtins(figures, str_keys=True)
        past.append(Sample(node=node.name, minute=minute, figures=kept))
# Minutes that the processes have told of themselves stay as they were.
Sample.objects.bulk_create(past, ignore_conflicts=True)

for name, (address, _client) in {GUESTS | USERS!r}.items():
    Connection.objects.filter(sender_name=name).update(
        address=address, since=now - timedelta(minutes=chance.randrange(3, 200))
    )
for number, row in enumerate(Connection.objects.filter(address="127.0.0.1")):
    row.address = f"198.51.100.{{number % 200 + 30}}"
    row.since = now - timedelta(minutes=chance.randrange(3, 90))
    row.client = chance.choice([client for _, client in {list(GUESTS.values())!r}])
    row.save(update_fields=["address", "since", "client"])

ines, mika = (moderation.by_user(User.objects.get(username=name)) for name in ("Ines", "Mika"))
in_chat = moderation.by_user(User.objects.get(username="Ines"), Act.Via.CHAT)
main = Room.objects.get(slug="main")
said = Message.objects.filter(room=main, text__contains="WATCHES")
moderation.redact(said.order_by("pk")[:1], by=in_chat, reason="advertising")
who = moderation.target_of(Connection.objects.get(sender_name="Jo"))
moderation.mute(who, by=in_chat, room=main, until=now + timedelta(hours=2), reason="advertising")
moderation.ban(moderation.target_of("192.0.2.0/24"), by=mika, until=now + timedelta(days=7),
    reason="a flood of sign-ups")
bakery = Room.objects.get(slug="bakery")
moderation.ban(moderation.target_of(f"g:{{2**30 + 7}}"), by=ines, room=bakery, reason="fake orders")
moderation.announce("The market closes at six today", by=mika)
moderation.clear_history(Room.objects.get(slug="archive-2025"), by=mika, reason="as agreed in May")
moderation.new_epochs(["bakery"], by=moderation.by_command("deploy"))
for number, act in enumerate(Act.objects.order_by("-pk")):
    Act.objects.filter(pk=act.pk).update(at=now - timedelta(minutes=7 + number * 43))
print("numbers:", json.dumps({{
    "node": Node.objects.order_by("name").first().pk,
    "connection": Connection.objects.get(sender_name="Jo").pk,
    "room": main.pk,
    "message": said.order_by("pk").last().pk,
    "act": Act.objects.get(kind=Act.Kind.MUTE).pk,
}}))
"""


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
