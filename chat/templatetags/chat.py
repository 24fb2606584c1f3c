"""``{% load chat %}{% chat_room "main" %}``: a room in any template."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured

from chat import rendering
from chat.models import Room

register = template.Library()


@register.inclusion_tag("chat/embedded.html", takes_context=True)
def chat_room(context: template.Context, room: str | Room, level: int = 2) -> dict[str, Any]:
    """Put ``room`` (a slug or a ``Room``) here, with its script and style.

    ``level`` is that of its heading, 1 to 6. Whoever may not see the room is told so in its place.
    Raises ``ImproperlyConfigured`` in a template that is rendered without its request.
    """
    request = context.get("request")
    if request is None:
        raise ImproperlyConfigured(
            "{% chat_room %} needs the request: render the template with it, and have "
            "'django.template.context_processors.request' among the context processors"
        )
    slug = room.slug if isinstance(room, Room) else room
    try:
        found = rendering.room_context(request, slug)
    except rendering.Closed as closed:
        sign_in = None if closed.final else rendering.way_to_sign_in(request)
        return {"reason": closed.reason, "sign_in": sign_in}
    # What is in an element has ids; a page may have the same room twice.
    shown = request.__dict__.setdefault("_chat_rooms", Counter())
    shown[slug] += 1
    element = slug if shown[slug] == 1 else f"{slug}.{shown[slug]}"
    return {**found, "id": element, "level": level, "csrf_token": context.get("csrf_token")}
