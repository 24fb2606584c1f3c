"""The site's addresses, and ``/page/<rooms>``: a page with those rooms."""

from django.shortcuts import render
from django.urls import re_path

from project.urls import urlpatterns as site

urlpatterns = [
    re_path(
        r"^page/(?P<rooms>[\w,-]+)$",
        lambda request, rooms: render(request, "page.html", {"rooms": rooms.split(",")}),
    ),
    *site,
]
