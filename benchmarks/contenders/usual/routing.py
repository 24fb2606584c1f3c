"""The routing of the Channels tutorial, part 2."""

from django.urls import re_path

from benchmarks.contenders.usual import consumers

websocket_urlpatterns = [
    re_path(
        r"ws/chat/(?P<room_name>\w+)/$",
        consumers.ChatConsumer.as_asgi(),  # type: ignore[arg-type]  # Django's types know views only
    )
]
