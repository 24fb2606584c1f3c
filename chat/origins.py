"""Which pages may open a WebSocket: those of the site, by the handshake's ``Origin``.

Channels' own validator refuses a missing ``Origin`` as well. Browsers always send one, and only
browsers carry a visitor's cookies to a site the visitor did not mean; so terminals may do without.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host


def foreign(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """The origins among the ``headers`` of a handshake that ``ALLOWED_HOSTS`` does not name."""
    origins = (value.decode("latin1") for name, value in headers if name == b"origin")
    return [origin for origin in origins if not _allowed(origin)]


def _allowed(origin: str) -> bool:
    hosts = settings.ALLOWED_HOSTS
    if settings.DEBUG and not hosts:
        hosts = [".localhost", "127.0.0.1", "[::1]"]  # as HttpRequest.get_host does
    try:
        host = urlsplit(origin).hostname or ""
    except ValueError:
        return False
    if ":" in host:
        host = f"[{host}]"
    return validate_host(host, hosts)
