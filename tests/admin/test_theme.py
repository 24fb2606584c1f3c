"""The admin's pages under a theme that replaces its templates."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.servers import manage

# Prints each page by its address. There is no server: what it would write is written here.
RENDER = """
import json
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from chat import api, moderation
from chat.models import Act, Connection, Membership, Message, Node, Room

boss = User.objects.create_superuser("boss")
ann = User.objects.create_user("ann")
client = Client(SERVER_NAME="localhost")
client.force_login(boss)
by = moderation.by_user(boss)
room = Room.objects.create(slug="kitchen", title="Kitchen")
member = Membership.objects.create(room=room, user=ann)
api.publish(room, "Dinner is ready", sender=ann)
message = Message.objects.get()
node = Node.objects.create(name="a-process")
here = Connection.objects.create(
    node=node, session="s", sender_key="u:7", sender_name="visitor", address="203.0.113.7",
    rooms=["kitchen"], client="a browser",
)
ban = moderation.ban(moderation.target_of("198.51.100.0/24"), by=by, reason="spam")
act = Act.objects.first()

def page(name, *args):
    return reverse(f"admin:chat_{name}", args=args)

pages = {
    "live": page("node_changelist"),
    "live process": page("node_change", node.pk),
    "live room": page("node_room", room.pk),
    "connections": page("connection_changelist"),
    "connection": page("connection_change", here.pk),
    "disconnect": page("connection_disconnect", here.pk),
    "ban somebody": page("connection_ban", here.pk),
    "bans": page("ban_changelist"),
    "new ban": page("ban_add"),
    "ban": page("ban_change", ban.pk),
    "lift": page("ban_delete", ban.pk),
    "rooms": page("room_changelist"),
    "new room": page("room_add"),
    "room": page("room_change", room.pk),
    "announce": page("room_announce", room.pk),
    "announce to all": page("room_announce_all"),
    "clear": page("room_clear_history", room.pk),
    "new epoch": page("room_begin_epoch", room.pk),
    "members": page("membership_changelist"),
    "member": page("membership_change", member.pk),
    "messages": page("message_changelist"),
    "message": page("message_change", message.pk),
    "redact": page("message_redact", message.pk),
    "redact sender": page("message_redact_sender", message.pk),
    "record": page("act_changelist"),
    "act": page("act_change", act.pk),
}
found = {name: client.get(address) for name, address in pages.items()}
chosen = {"action": "redact_selected", "_selected_action": [message.pk]}
found["redact chosen"] = client.post(pages["messages"], chosen)
print("pages:", json.dumps({n: [a.status_code, a.content.decode()] for n, a in found.items()}))
"""

OURS = {
    "live": ["What the figures mean", 'data-figure="name"', "a-process", "chat/admin/live.js"],
    "live process": ["Since it began", "a-process", "<svg"],
    "live room": ["Who is here now", "visitor"],
    "connections": ["reload the page to see how it is now", "visitor", "203.0.113.7"],
    "connection": ["/disconnect/", "/ban/", "a browser"],
    "disconnect": ["These sessions end at once", "visitor", 'name="reason"'],
    "ban somebody": ["Who is muted can go on reading", 'name="whom"', 'name="period"'],
    "bans": ["198.51.100.0/24", "spam"],
    "new ban": ['name="network"'],
    "ban": ["198.51.100.0/24", 'name="until_0"'],
    "lift": ["198.51.100.0/24", 'name="post"'],
    "rooms": ["/announce/", "Kitchen", "clear_history"],
    "new room": ['name="slug"'],
    "room": [
        "/node/room/",
        "/announce/",
        "/clear-history/",
        "/new-epoch/",
        "visitor",
        'name="slow_mode"',
    ],
    "announce": ['name="text"', 'name="level"'],
    "announce to all": ["Announce to everybody", 'name="text"'],
    "clear": ["is deleted for good", "1 entry of the log goes", 'name="confirmed"'],
    "new epoch": ["Nothing is deleted", 'name="confirmed"'],
    "members": ["ann", "Kitchen"],
    "member": ['name="role"'],
    "messages": ["Dinner is ready", "redact_sender", 'class="chat-days"'],
    "message": ["/redact/", "/redact-sender/", "Dinner is ready"],
    "redact": ["The text of 1 message is taken away", "Dinner is ready", 'name="confirmed"'],
    "redact sender": ['name="since"', 'name="scope"'],
    "redact chosen": ["The text of 1 message is taken away", 'name="_selected_action"'],
    "record": ["/export/", "spam"],
    "act": ["198.51.100.0/24", "spam"],
}


@pytest.fixture(scope="module")
def themed(
    tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path
) -> dict[str, tuple[int, str]]:
    """The status and the text of each page, of a site with django-unfold."""
    database = tmp_path_factory.mktemp("themed") / "db.sqlite3"
    shutil.copy(migrated_sqlite, database)
    env = {
        "DATABASE_URL": f"sqlite:///{database}",
        "DJANGO_SETTINGS_MODULE": "tests.admin.unfold_settings",
    }
    printed = manage("shell", "--verbosity=0", "-c", RENDER, env=env)
    pages: dict[str, Any] = json.loads(printed.rpartition("pages: ")[2])
    return {name: (status, text) for name, (status, text) in pages.items()}


@pytest.mark.parametrize("name", OURS)
def test_page_is_there_under_a_theme(themed: dict[str, tuple[int, str]], name: str) -> None:
    status, text = themed[name]
    assert status == 200
    assert "unfold/css/styles.css" in text, "it is the theme that draws the page"
    missing = [part for part in OURS[name] if part not in text]
    assert not missing


def test_every_page_is_looked_at(themed: dict[str, tuple[int, str]]) -> None:
    assert themed.keys() == OURS.keys()
