"""Staff members of a site that runs in a process of its own."""

from __future__ import annotations

import urllib.request

from tests.servers import SiteServer

_SIGN_IN = """
from django.contrib.auth.models import Permission, User
from django.test import Client
user, _ = User.objects.get_or_create(username={name!r}, defaults={{"is_staff": True}})
user.user_permissions.set(Permission.objects.filter(codename__in={permissions!r}))
client = Client()
client.force_login(user)
print("session:", client.cookies["sessionid"].value)
"""


def sign_in_staff(site: SiteServer, name: str, *permissions: str) -> str:
    """Make a staff member with these permissions of the app; the key of their session."""
    code = _SIGN_IN.format(name=name, permissions=permissions)
    return site.run(code).rpartition("session: ")[2].strip()


def fetch(site: SiteServer, path: str, session: str) -> str:
    """Load a page as somebody who has signed in."""
    request = urllib.request.Request(site.url + path, headers={"Cookie": f"sessionid={session}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(answer.read().decode())
