"""The app's addresses, for ``include("chat.urls")``."""

from __future__ import annotations

from django.urls import path, re_path

from chat import views

app_name = "chat"
urlpatterns = [
    path("", views.home, name="home"),
    # Not Django's slug converter, which knows ASCII only: rooms are named in any script.
    re_path(r"^rooms/(?P<slug>[\w-]{1,64})/$", views.room, name="room"),
    re_path(r"^healthcheck/?$", views.healthcheck, name="healthcheck"),
    re_path(r"^healthcheck/ready/?$", views.ready, name="ready"),
]
