"""The app's addresses, for ``include("chat.urls")``."""

from __future__ import annotations

from django.urls import path, re_path

from chat import fallback, views

app_name = "chat"
urlpatterns = [
    path("", views.home, name="home"),
    # Not Django's slug converter, which knows ASCII only: rooms are named in any script.
    re_path(r"^rooms/(?P<slug>[\w-]{1,64})/$", views.room, name="room"),
    path("guest", views.guest, name="guest"),
    re_path(r"^rooms/(?P<slug>[\w-]{1,64})/events$", fallback.listen, name="events"),
    re_path(r"^rooms/(?P<slug>[\w-]{1,64})/messages$", fallback.say, name="messages"),
    re_path(r"^healthcheck/?$", views.healthcheck, name="healthcheck"),
    re_path(r"^healthcheck/ready/?$", views.ready, name="ready"),
]
