"""The application of the Channels tutorial, part 2."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

from benchmarks.contenders.collector import spare_what_was_imported

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.contenders.usual.settings")
# First of all, because it makes the apps ready that the consumers' imports may need.
django_asgi_app = get_asgi_application()

from benchmarks.contenders.usual.routing import websocket_urlpatterns  # noqa: E402 - see above

application = ProtocolTypeRouter(
    {
        "http": django_asgi_app,
        "websocket": AllowedHostsOriginValidator(
            # URLRouter's types do not know the patterns that re_path makes
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns))  # type: ignore[arg-type]  # see above
        ),
    }
)

# The one thing that is not the tutorial's: as docs/deployment.md has it for the hub.
spare_what_was_imported()
