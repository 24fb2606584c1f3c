"""The ASGI application: HTTP to Django, WebSockets to the chat."""

import gc
import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
http = get_asgi_application()

from chat.routing import websocket_application  # noqa: E402 - needs Django set up, as it now is

application = ProtocolTypeRouter({"http": http, "websocket": websocket_application})

# What was imported stays: the collector need not walk through it again and again as sessions come,
# nor for every 700 new objects (docs/deployment.md).
gc.collect()
gc.freeze()
gc.set_threshold(10_000)
