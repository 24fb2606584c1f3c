"""Taking away all that one sender has said since a moment, from a message of theirs.

One page asks since when, where and why; the next says how much that is, shows some of it, and does
it.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat import moderation, store
from chat.admin.base import database, log_act
from chat.admin.confirming import Table, confirm
from chat.admin.filters import hidden_from
from chat.admin.forms import SinceForm
from chat.admin.redacting import Redacting, excerpt_of, would_go
from chat.models import Act, Message

SAMPLES = 5
"""The newest of the messages, which are shown before they go."""


class RedactingSenders(Redacting):
    """The part of the messages' admin that redacts by sender."""

    actions = ("redact_selected", "redact_sender")

    @admin.action(permissions=["redact"], description=_("Redact everything by the sender…"))
    def redact_sender(
        self, request: HttpRequest, queryset: QuerySet[Message]
    ) -> HttpResponse | None:
        """Go on to the page that asks what."""
        if not self.has_redact_permission(request):
            raise PermissionDenied
        keys = set(queryset.order_by().values_list("sender_key", flat=True).distinct()[:2])
        if len(keys) != 1:
            text = gettext("Choose messages of one sender.")
            self.message_user(request, text, messages.ERROR)
            return None
        message = queryset.first()
        assert message is not None, "somebody has sent one of them"
        return HttpResponseRedirect(self._url("redact_sender", message))

    def redact_sender_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, say what would go, and redact."""
        message = self.to_redact(request, object_id)
        form = SinceForm(request.POST if request.method == "POST" else None)
        page = self._url("change", message)
        title = gettext("Redact everything by %s?") % message.sender_name
        if not form.is_valid():
            return confirm(
                self,
                request,
                title=title,
                says=[gettext("Choose which messages; the next page says how many there are.")],
                form=form,
                submit=gettext("Continue"),
                back=page,
            )
        room = message.room if form.cleaned_data["scope"] == "room" else None
        hidden = hidden_from(request.user)
        if "confirmed" in request.POST:
            by = moderation.by_user(request.user)
            count = moderation.redact_by(
                message.sender_key,
                since=form.moment(),
                by=by,
                room=room,
                hidden=hidden,
                reason=form.cleaned_data["reason"],
            )
            self._say_so(request, count, by)
            return HttpResponseRedirect(page)
        form.fix()
        count = store.count_posts_of(message.sender_key, form.moment(), room, hidden)
        return confirm(
            self,
            request,
            title=title,
            says=[would_go(count)],
            form=form,
            table=self._samples(request, message, form, room) if count else None,
            submit=gettext("Redact"),
            back=page,
            last=True,
        )

    def _samples(self, request: HttpRequest, message: Message, form: SinceForm, room: Any) -> Table:
        rows = self.get_queryset(request).select_related("room")
        rows = rows.filter(sender_key=message.sender_key, at__gte=form.moment(), deleted_at=None)
        if room is not None:
            rows = rows.filter(room=room.pk)
        return Table(
            (_("room"), _("at"), _("text")),
            [(row.room, row.at, excerpt_of(row)) for row in rows.order_by("-at")[:SAMPLES]],
            caption=_("The newest of them"),
        )

    def _say_so(self, request: HttpRequest, count: int, by: store.Actor) -> None:
        text = ngettext(
            "%(count)d message was redacted.", "%(count)d messages were redacted.", count
        ) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)
        if count:
            # Not of the messages: the history would call them by texts that stay.
            acts = Act.objects.using(database()).filter(actor_key=by.key, kind=Act.Kind.REDACT)
            log_act(request, acts.order_by("-pk")[:1], text)

    def get_urls(self) -> list[URLPattern]:
        """The admin's addresses, and this one."""
        view = self.admin_site.admin_view(self.redact_sender_view)
        return [
            path("<path:object_id>/redact-sender/", view, name="chat_message_redact_sender"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page of a message, with the way to this one."""
        message = kwargs.get("obj")
        if message and self.has_redact_permission(request):
            context["redact_sender_url"] = self._url("redact_sender", message)
        return super().render_change_form(request, context, *args, **kwargs)
