"""Taking the text of messages away: from their list, or from the page of one.

Both ask first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat import api
from chat.admin.base import ModelAdmin, database
from chat.models import Message

# They are one transaction, during which nobody can write to their rooms.
REDACTED_AT_ONCE = 200

EXCERPT = 100
"""Characters of a text that lists show."""


def excerpt_of(message: Message) -> str:
    """The beginning of a message's text."""
    text = message.text
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


class Redacting(ModelAdmin[Message]):
    """The part of the messages' admin that redacts. It needs ``chat.redact_message``."""

    actions = ("redact_selected",)

    def has_redact_permission(self, request: HttpRequest) -> bool:
        """Whether the staff member may redact what they see."""
        return bool(request.user.has_perm("chat.redact_message"))

    @admin.action(permissions=["redact"], description=_("Redact selected messages"))
    def redact_selected(
        self, request: HttpRequest, queryset: QuerySet[Message]
    ) -> HttpResponse | None:
        """Ask, and when that is answered, redact."""
        if not self.has_redact_permission(request):
            raise PermissionDenied
        chosen = list(queryset.filter(deleted_at=None)[: REDACTED_AT_ONCE + 1])
        if len(chosen) > REDACTED_AT_ONCE:
            text = gettext("Choose at most %d messages at a time.") % REDACTED_AT_ONCE
            self.message_user(request, text, messages.ERROR)
            return None
        if not chosen:
            self.message_user(request, gettext("Nothing to redact."), messages.WARNING)
            return None
        if "confirmed" not in request.POST:
            return self._ask(request, chosen, back=request.get_full_path())
        self._redact(request, chosen)
        return None

    def redact_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one message, from its page."""
        message = self.get_object(request, unquote(object_id))
        if message is None:
            raise Http404
        if not self.has_view_permission(request, message) or not self.has_redact_permission(
            request
        ):
            raise PermissionDenied
        page = self._url("change", message)
        if message.deleted_at is not None:
            self.message_user(request, gettext("Nothing to redact."), messages.WARNING)
        elif request.method != "POST":
            return self._ask(request, [message], back=page)
        else:
            self._redact(request, [message])
        return HttpResponseRedirect(page)

    def _ask(self, request: HttpRequest, chosen: Sequence[Message], *, back: str) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": ngettext("Redact the message?", "Redact the messages?", len(chosen)),
            "opts": self.opts,
            "media": self.media,
            "rows": [(message, excerpt_of(message)) for message in chosen],
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
            "back": back,
        }
        return TemplateResponse(request, "admin/chat/message/redact_confirmation.html", context)

    def _redact(self, request: HttpRequest, chosen: Sequence[Message]) -> None:
        with transaction.atomic(using=database()):
            oldest_first = sorted(chosen, key=lambda message: message.pk)
            count = api.redact(oldest_first, request.user)
            # Read anew: the history calls a message by its text, which is to be nowhere.
            redacted = self.get_queryset(request).filter(pk__in=[row.pk for row in chosen])
            user = request.user.pk
            assert user is not None, "the admin is for users who are signed in"
            LogEntry.objects.log_actions(user, redacted, CHANGE, gettext("Redacted."))
        text = ngettext("%d message was redacted.", "%d messages were redacted.", count) % count
        self.message_user(request, text, messages.SUCCESS)

    # The button

    def get_urls(self) -> list[URLPattern]:
        """The admin's addresses, and the one of the button."""
        view = self.admin_site.admin_view(self.redact_view)
        return [
            path("<path:object_id>/redact/", view, name="chat_message_redact"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page of a message, with the button where it may be pressed."""
        message = kwargs.get("obj")
        if message and message.deleted_at is None and self.has_redact_permission(request):
            context["redact_url"] = self._url("redact", message)
        return super().render_change_form(request, context, *args, **kwargs)

    def _url(self, page: str, message: Message) -> str:
        name = f"{self.admin_site.name}:chat_message_{page}"
        return reverse(name, args=[quote(message.pk)])
