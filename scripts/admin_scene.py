"""Who and what is in the pictures of the admin, and the code that puts it into a site."""

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
