"""Ending sessions, and banning or muting who is behind them: from their list, or from one's page.

Both ask first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from chat import moderation
from chat.admin.base import Watched, database, log_act
from chat.admin.confirming import Table, confirm
from chat.admin.measure_forms import ActForm, BanForm, DisconnectForm
from chat.models import Ban, Connection

# Each is an entry in the record, in one transaction.
CHOSEN_AT_ONCE = 200


class Measure(Struct, frozen=True):
    """Something that can be done to sessions, and how it is asked for.

    ``name`` is that of its permission in this app, too; ``carry_out`` says what it did.
    """

    name: str
    verb: str | Promise
    title: str | Promise
    explanation: str | Promise
    form: type[ActForm]
    carry_out: Callable[[Any, Sequence[Connection], Any], str]


def _disconnect(user: Any, chosen: Sequence[Connection], form: DisconnectForm) -> str:
    by = moderation.by_user(user)
    count = moderation.disconnect(chosen, by=by, reason=form.cleaned_data["reason"])
    return ngettext(
        "%(count)d session was disconnected.", "%(count)d sessions were disconnected.", count
    ) % {"count": count}


def _ban(user: Any, chosen: Sequence[Connection], form: BanForm) -> str:
    by, asked, targets = moderation.by_user(user), form.cleaned_data, form.targets()
    banned = asked["kind"] == Ban.Kind.BAN
    impose = moderation.ban if banned else moderation.mute
    for target in targets:
        impose(target, by=by, room=asked["room"] or None, until=form.until, reason=asked["reason"])
    names = ", ".join(target.name or target.key or target.network for target in targets)
    return (gettext("Banned: %s") if banned else gettext("Muted: %s")) % names


DISCONNECT = Measure(
    name="disconnect",
    verb=_("Disconnect"),
    title=_("Disconnect?"),
    explanation=_(
        "These sessions end at once, and their clients are asked not to come back by themselves. "
        "That keeps nobody from opening the page again: for that there are bans."
    ),
    form=DisconnectForm,
    carry_out=_disconnect,
)

BAN = Measure(
    name="ban",
    verb=_("Ban or mute"),
    title=_("Ban or mute?"),
    explanation=_(
        "Who is banned is put out of the room, or of the whole chat, and not let in again until "
        "the ban ends or is lifted. Who is muted can go on reading."
    ),
    form=BanForm,
    carry_out=_ban,
)


class Measures(Watched[Connection]):
    """The part of the connections' admin that acts. Each act needs its permission."""

    actions = ("disconnect_selected", "ban_selected")

    def has_disconnect_permission(self, request: HttpRequest) -> bool:
        """Whether the staff member may end sessions."""
        return bool(request.user.has_perm("chat.disconnect"))

    def has_ban_permission(self, request: HttpRequest) -> bool:
        """Whether the staff member may ban and mute."""
        return bool(request.user.has_perm("chat.ban"))

    @admin.action(permissions=["disconnect"], description=_("Disconnect selected sessions"))
    def disconnect_selected(
        self, request: HttpRequest, queryset: QuerySet[Connection]
    ) -> HttpResponse | None:
        """Ask, and when that is answered, disconnect."""
        return self._act_on(request, DISCONNECT, queryset)

    @admin.action(permissions=["ban"], description=_("Ban or mute who is behind them"))
    def ban_selected(
        self, request: HttpRequest, queryset: QuerySet[Connection]
    ) -> HttpResponse | None:
        """Ask whom, where and how long, and when that is answered, ban or mute."""
        return self._act_on(request, BAN, queryset)

    def _act_on(
        self, request: HttpRequest, measure: Measure, queryset: QuerySet[Connection]
    ) -> HttpResponse | None:
        self._check(request, measure)
        chosen = list(queryset[: CHOSEN_AT_ONCE + 1])
        if len(chosen) > CHOSEN_AT_ONCE:
            text = gettext("Choose at most %d sessions at a time.") % CHOSEN_AT_ONCE
            self.message_user(request, text, messages.ERROR)
            return None
        if not chosen:
            self.message_user(request, gettext("They are gone already."), messages.WARNING)
            return None
        return self._ask(request, measure, chosen, back=request.get_full_path())

    def act_view(self, request: HttpRequest, object_id: str, measure: Measure) -> HttpResponse:
        """The same for one session, from its page."""
        connection = self.get_object(request, unquote(object_id))
        if connection is None:
            raise Http404
        if not self.has_view_permission(request, connection):
            raise PermissionDenied
        self._check(request, measure)
        page = self._url("change", connection)
        asked = self._ask(request, measure, [connection], back=page)
        return asked or HttpResponseRedirect(self._url("changelist"))

    def _check(self, request: HttpRequest, measure: Measure) -> None:
        if not request.user.has_perm(f"chat.{measure.name}"):
            raise PermissionDenied

    def _ask(
        self, request: HttpRequest, measure: Measure, chosen: Sequence[Connection], *, back: str
    ) -> HttpResponse | None:
        """The page that asks; nothing once that is answered, and the act done."""
        form = measure.form(
            request.POST if "confirmed" in request.POST else None,
            chosen=chosen,
            user=request.user,
            address=request.META.get("REMOTE_ADDR", ""),
        )
        if form.is_valid():
            self._carry_out(request, measure, chosen, form)
            return None
        return confirm(
            self,
            request,
            title=measure.title,
            says=[measure.explanation],
            table=Table(
                (_("who"), _("address"), _("since"), _("client")),
                [
                    (each.sender_name, each.address, each.since, Truncator(each.client).chars(60))
                    for each in chosen
                ],
            ),
            form=form,
            submit=measure.verb,
            back=back,
            action=f"{measure.name}_selected",
            chosen=chosen,
            confirms=True,
        )

    def _carry_out(
        self, request: HttpRequest, measure: Measure, chosen: Sequence[Connection], form: ActForm
    ) -> None:
        with transaction.atomic(using=database()):
            text = measure.carry_out(request.user, chosen, form)
            rows = self.get_queryset(request).filter(pk__in=[each.pk for each in chosen])
            log_act(request, rows, text)
        self.message_user(request, text, messages.SUCCESS)

    # The buttons

    def get_urls(self) -> list[URLPattern]:
        """The admin's addresses, and those of the buttons."""
        own = [
            path(
                f"<path:object_id>/{measure.name}/",
                self.admin_site.admin_view(partial(self.act_view, measure=measure)),
                name=f"chat_connection_{measure.name}",
            )
            for measure in (DISCONNECT, BAN)
        ]
        return [*own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page of a session, with the buttons that may be pressed."""
        connection = kwargs.get("obj")
        if connection is not None:
            context["act_urls"] = [
                (self._url(measure.name, connection), measure.verb)
                for measure in (DISCONNECT, BAN)
                if request.user.has_perm(f"chat.{measure.name}")
            ]
        return super().render_change_form(request, context, *args, **kwargs)

    def _url(self, page: str, connection: Connection | None = None) -> str:
        args = [] if connection is None else [quote(connection.pk)]
        return reverse(f"{self.admin_site.name}:chat_connection_{page}", args=args)
