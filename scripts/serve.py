"""Serve the site with daphne: what `make run` does once its environment is there.

HOST and PORT in the environment say where. Everything that can be wrong is found out first, and
told in a sentence: this either serves or exits with status 1, having served nothing.
"""

import errno
import io
import os
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import django  # noqa: E402 - what is imported from here on lies in ROOT or reads its settings
from django.conf import settings  # noqa: E402 - likewise
from django.core.exceptions import ImproperlyConfigured  # noqa: E402 - likewise
from django.core.management import CommandError, call_command  # noqa: E402 - likewise
from django.db import DatabaseError, connections  # noqa: E402 - likewise

from project import environment  # noqa: E402 - likewise

BACKLOG = 8192
"""Connections that may wait to be accepted: with daphne's own 50, a crowd that comes at once after
a restart gets in only slowly."""
HANDSHAKE_SECONDS = "30"
"""How long a handshake may take: in such a crowd, the last wait for more than daphne's own 5."""


class Refused(Exception):
    """The site cannot be served as asked; the message says why."""


def free_address(host: str, port: int) -> str:
    """Return the address that ``host`` stands for, having seen that it can be listened on."""
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise Refused(f"HOST={host}: there is no such address ({error.strerror}).") from error
    family, _, _, _, (address, *_) = found[0]
    try:
        socket.create_server((str(address), port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            reason = (
                f"Port {port} on {address} is taken: another program listens there. "
                f"Stop it, or choose another port: make run PORT={port % 65535 + 1}"
            )
        elif error.errno == errno.EADDRNOTAVAIL:
            reason = f"HOST={host} is not an address of this machine."
        else:
            reason = f"Cannot listen on {address}, port {port}: {error.strerror}."
        raise Refused(reason) from error
    return str(address)


def endpoint(address: str, port: int) -> str:
    """Return Twisted's description of where to listen; a colon separates its parts."""
    interface = address.replace(":", r"\:")
    return f"tcp:port={port}:interface={interface}:backlog={BACKLOG}"


def prepare() -> None:
    """Bring the database and the static files up to date, and run Django's checks."""
    django.setup()
    call_command("check", stdout=io.StringIO())
    call_command("migrate", verbosity=0, interactive=False)
    if not settings.DEBUG:
        call_command("collectstatic", verbosity=0, interactive=False)
    connections.close_all()


def invitation(address: str, port: int) -> str:
    """Return where to look, and how to get into the admin."""
    everywhere = address in ("0.0.0.0", "::")
    host = "localhost" if everywhere else f"[{address}]" if ":" in address else address
    lines = [
        f"The chat is at http://{host}:{port}/, its WebSocket at ws://{host}:{port}/ws, "
        f"its admin at http://{host}:{port}/admin/",
        "For an admin user, in another terminal: "
        f"{os.path.relpath(sys.executable, ROOT)} manage.py createsuperuser",
    ]
    if not environment.words("ALLOWED_HOSTS") and address not in ("127.0.0.1", "::1"):
        lines.append("To reach it by other names than localhost, list them in ALLOWED_HOSTS.")
    return "\n".join([*lines, "Ctrl-C stops it."])


def main() -> None:
    """Prepare, say where to look, and become daphne."""
    os.chdir(ROOT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    try:
        host = environment.text("HOST") or "127.0.0.1"
        port = environment.whole_number("PORT", default=5000, least=1, most=65535)
        address = free_address(host, port)
        prepare()
    except (Refused, ImproperlyConfigured, CommandError) as error:
        sys.exit(str(error))
    except DatabaseError as error:
        sys.exit(f"The database cannot be used: {error}")
    print(invitation(address, port), flush=True)
    # In place of this process, so that a signal to stop reaches the server itself. Not verbose, as
    # that is a line for each request. What else is logged, LOG_LEVEL says.
    daphne = [sys.executable, "-m", "daphne", "-v", "0", "-e", endpoint(address, port)]
    daphne += ["--websocket_connect_timeout", HANDSHAKE_SECONDS, "project.asgi:application"]
    os.execv(sys.executable, daphne)


if __name__ == "__main__":
    main()
