"""Make the pictures of the documentation anew: fill a site, and photograph it.

usage: .venv/bin/python scripts/screenshots.py [DIRECTORY]      (default: docs/images)

What people said is said over the protocol, and waited for as text: the script knows nothing of the
page's markup.
"""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import screenshots_admin  # noqa: E402 - lies beside this

from tests.browser.chromium import Chromium, Page  # noqa: E402 - lies in ROOT
from tests.programs import temporary_directory  # noqa: E402 - likewise
from tests.servers import SiteServer, manage  # noqa: E402 - likewise

ROOMS = {"main": "Lobby", "bakery": "Bakery orders", "routes": "Delivery routes"}
PEOPLE = ("Ines", "Tomasz", "ليلى", "Mika")
PHOTOGRAPHER = "Mika"

SIZES = {"desktop": (1280, 760), "phone": (360, 680)}

# Whatever moves on the page has come to rest.
SETTLED = "new Promise((done) => setTimeout(() => requestAnimationFrame(done), 300))"

# Brings what says a text to the middle of what scrolls.
TO_TEXT = """(text) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (data.includes(text)) parentElement.scrollIntoView({ block: "center" });
  }
}"""


@dataclass(frozen=True)
class Said:
    """A message of the lobby: how many days ago, at what time, who and what.

    ``edited`` is what it says since; ``deleted`` is whether it is gone.
    """

    days_ago: int
    time: str
    who: str
    text: str
    edited: str = ""
    deleted: bool = False


TALK = (
    Said(2, "16:02", "Mika", "Who has the keys of the cold store?"),
    Said(2, "16:05", "Tomasz", "I do. They are in the van."),
    Said(
        1,
        "08:41",
        "ليلى",
        "صباح الخير! كل الطلبات جاهزة: الخبز في الصناديق الزرقاء والكعك على الرف.",
    ),
    Said(1, "08:44", "Ines", "Thank you, ليلى!"),
    Said(
        1,
        "17:30",
        "Tomasz",
        "The market wants the list as a file from now on. This makes it:\n\n"
        "for order in orders.filter(day=today):\n"
        '    print(order.number, order.crates, sep=",")',
    ),
    Said(0, "07:58", "Ines", "Hello everyone! The van is back from the workshop."),
    Said(0, "07:58", "Ines", "New brakes, and the heating works again."),
    Said(0, "07:59", "Ines", "It was expensive."),
    Said(0, "08:03", "Tomasz", "Then I take the northern route at 10", "Then I leave at 9:30"),
    Said(0, "08:04", "Tomasz", "Wrong room, sorry", deleted=True),
    Said(
        0,
        "08:10",
        "Mika",
        "Wonderful. Could you bring the blue crates along? Eight of them, if they fit:\n"
        "– four for the market, which opens an hour earlier than usual because of the fair\n"
        "– four for the school kitchen, where somebody has to sign for them",
    ),
    Said(0, "08:11", "Tomasz", "They fit."),
    Said(0, "08:12", "Ines", "Then see you in the yard!"),
)

MAKE_PEOPLE = f"""
import json
from django.contrib.auth.models import User
from django.test import Client
from chat.models import Room
for slug, title in {ROOMS!r}.items():
    Room.objects.create(slug=slug, title=title)
sessions = {{}}
for name in {PEOPLE!r}:
    client = Client()
    client.force_login(User.objects.create_user(name))
    sessions[name] = client.cookies["sessionid"].value
print(json.dumps(sessions))
"""

# Only a server that starts afterwards knows of it: the times of what was said are its to give.
TURN_BACK = f"""
from datetime import UTC, datetime, time, timedelta
from chat.models import Message
times = {[(s.days_ago, s.time) for s in TALK]!r}
now = datetime.now(UTC)
# Nobody has spoken in the future: until the time of the last word the talk is of yesterday.
today = now.date() - timedelta(days=now.time() < time.fromisoformat(times[-1][1]))
said = Message.objects.filter(kind="post", room__slug="main").order_by("seq")
for message, (days, clock) in zip(said, times, strict=True):
    day = today - timedelta(days=days)
    at = datetime.combine(day, time.fromisoformat(clock), UTC)
    Message.objects.filter(pk=message.pk).update(at=at)
    edited = at + timedelta(minutes=1)
    Message.objects.filter(pk=message.pk, edited_at__isnull=False).update(edited_at=edited)
    Message.objects.filter(target=message).update(at=edited)
"""


class Client:
    """Somebody who is in a room without a browser."""

    def __init__(self, socket: ClientConnection, room: str) -> None:
        self._socket = socket
        self._room = room

    def do(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return its reply."""
        command = {"type": kind, "room": self._room, "ref": "r", **fields}
        self._socket.send(json.dumps(command))
        while True:
            for event in json.loads(self._socket.recv(timeout=10)):
                if event.get("ref") == "r":
                    assert event["type"] != "error", event
                    return dict(event)

    def people(self) -> set[str]:
        """Return the names of those who are in the room."""
        return {str(member["name"]) for member in self.do("join", history=0)["members"]}


@contextmanager
def inside(
    server: SiteServer, sessions: dict[str, str], room: str = "main"
) -> Iterator[dict[str, Client]]:
    """People, by name, who are in a room; those without a session are guests."""
    with ExitStack() as stack:
        clients = {}
        for name, session in sessions.items():
            cookie = {"Cookie": f"sessionid={session}"} if session else {}
            socket = stack.enter_context(
                connect(
                    server.ws_url,
                    subprotocols=[Subprotocol("chat.v1.json")],
                    additional_headers=cookie,
                )
            )
            clients[name] = Client(socket, room)
            if not session:
                clients[name].do("rename", name=name)
            clients[name].people()
        yield clients


def talk(server: SiteServer, sessions: dict[str, str]) -> None:
    """Say everything, in order."""
    with inside(server, sessions) as clients:
        for number, said in enumerate(TALK):
            client = clients[said.who]
            seq = client.do("post", text=said.text, id=str(number))["seq"]
            if said.edited:
                client.do("edit", seq=seq, text=said.edited)
            if said.deleted:
                client.do("delete", seq=seq)


def wait_for(others: Iterable[Client], *, there: bool) -> None:
    """Wait until each of the others sees the photographer in the room, or no longer does.

    Who says nothing for long would be taken for dead: this asks all of them.
    """
    deadline = time.monotonic() + 15
    for other in others:
        while (PHOTOGRAPHER in other.people()) is not there:
            assert time.monotonic() < deadline, "never so"
            time.sleep(0.05)


def enter(page: Page, address: str, others: Iterable[Client]) -> None:
    """Load the room anew, and wait until the page has joined it and come to rest."""
    page.goto("about:blank")
    wait_for(others, there=False)
    page.goto(address)
    wait_for(others, there=True)
    page.wait_for_text("body", TALK[-1].text)
    page.evaluate(SETTLED)


def photograph(page: Page, address: str, directory: Path, others: Iterable[Client]) -> None:
    """Take the room on a desktop and on a phone, by day and by night: its end, and earlier days."""
    for device, size in SIZES.items():
        page.resize(*size, phone=device == "phone")
        for scheme in ("light", "dark"):
            page.prefer(color_scheme=scheme, reduced_motion="reduce")
            enter(page, address, others)
            page.screenshot(directory / f"room-{device}-{scheme}.png")
            page.evaluate(f"({TO_TEXT})({json.dumps(TALK[4].text[:20])})")
            page.evaluate(SETTLED)
            page.screenshot(directory / f"earlier-{device}-{scheme}.png")


def main() -> None:
    """Fill a site, let it grow older, and photograph it."""
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    directory.mkdir(parents=True, exist_ok=True)
    env = {"DATABASE_URL": f"sqlite:///{temporary_directory() / 'db.sqlite3'}"}
    env["CHAT_POSTS_PER_SECOND"] = "0"
    manage("migrate", "--verbosity=0", env=env)
    sessions = json.loads(manage("shell", "--verbosity=0", "-c", MAKE_PEOPLE, env=env))
    with SiteServer(env=env) as server:
        talk(server, sessions)
        server.stop()  # not killed: then everybody would seem to be there for a while
    manage("shell", "--verbosity=0", "-c", TURN_BACK, env=env)
    with SiteServer(env=env) as server, Chromium() as browser:
        others = {name: key for name, key in sessions.items() if name != PHOTOGRAPHER}
        with inside(server, others) as there, inside(server, {"Jo": ""}, "routes"):
            page = browser.page()
            page.live_in("UTC")
            page.carry(server.url, sessionid=sessions[PHOTOGRAPHER])
            photograph(page, server.url, directory, there.values())
            assert not page.complaints, page.complaints
    screenshots_admin.take(directory)


if __name__ == "__main__":
    main()
