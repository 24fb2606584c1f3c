"""Taking the text of messages away: from their list, or from the page of one.

Both ask first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat import moderation
from chat.admin.base import Watched, database, log_act
from chat.admin.confirming import Table, confirm
from chat.admin.forms import ReasonForm
from chat.models import Message

# They are one transaction, during which nobody can write to their rooms.
REDACTED_AT_ONCE = 200

EXCERPT = 100
"""Characters of a text that lists show."""


def excerpt_of(message: Message) -> str:
    """The beginning of a message's text."""
    text = message.text
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def would_go(count: int) -> str:
    """What it means to redact so many."""
    if not count:
        return gettext("There is nothing to redact.")
    return ngettext(
        "The text of %(count)d message is taken away for good, here and on every screen that shows "
        "it. That it was sent, when, and by whom stays.",
        "The texts of %(count)d messages are taken away for good, here and on every screen that "
        "shows them. That they were sent, when, and by whom stays.",
        count,
    ) % {"count": count}


class Redacting(Watched[Message]):
    """The part of the messages' admin that redacts. It needs ``chat.redact_message``.

    The log has no holes, and nobody's words are changed but by themselves: all else is to be read.
    """

    actions: Sequence[str] = ("redact_selected",)

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
        form = ReasonForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, chosen, form, back=request.get_full_path())
        self._redact(request, chosen, form.cleaned_data["reason"])
        return None

    def redact_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The same for one message, from its page."""
        message = self.to_redact(request, object_id)
        page = self._url("change", message)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if message.deleted_at is not None:
            self.message_user(request, gettext("Nothing to redact."), messages.WARNING)
        elif not form.is_valid():
            return self._ask(request, [message], form, back=page)
        else:
            self._redact(request, [message], form.cleaned_data["reason"])
        return HttpResponseRedirect(page)

    def to_redact(self, request: HttpRequest, object_id: str) -> Message:
        """The message of a page that redacts, for who may see it and redact."""
        message = self.get_object(request, unquote(object_id))
        if message is None:
            raise Http404
        may_see = self.has_view_permission(request, message)
        if not (may_see and self.has_redact_permission(request)):
            raise PermissionDenied
        return message

    def _ask(
        self, request: HttpRequest, chosen: Sequence[Message], form: ReasonForm, *, back: str
    ) -> HttpResponse:
        return confirm(
            self,
            request,
            title=ngettext("Redact the message?", "Redact the messages?", len(chosen)),
            says=[would_go(len(chosen))],
            table=Table(
                (_("room"), _("number"), _("at"), _("sender"), _("text")),
                [(row.room, row.seq, row.at, row.sender_name, excerpt_of(row)) for row in chosen],
            ),
            form=form,
            submit=gettext("Redact"),
            back=back,
            action="redact_selected",
            chosen=chosen,
            confirms=True,
        )

    def _redact(self, request: HttpRequest, chosen: Sequence[Message], reason: str) -> None:
        with transaction.atomic(using=database()):
            oldest_first = sorted(chosen, key=lambda message: message.pk)
            count = moderation.redact(
                oldest_first, by=moderation.by_user(request.user), reason=reason
            )
            # Read anew: the history calls a message by its text, which is to be nowhere.
            redacted = self.get_queryset(request).filter(pk__in=[row.pk for row in chosen])
            log_act(request, redacted, gettext("Redacted."))
        text = ngettext(
            "%(count)d message was redacted.", "%(count)d messages were redacted.", count
        ) % {"count": count}
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
