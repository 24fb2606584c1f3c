"""What can be done to rooms besides changing their rows: announce, clear, begin a new epoch.

From their list, from the page of one, and for announcements from a page for everybody. Each asks
first.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat import moderation, store
from chat.admin.base import ModelAdmin, database, listed, log_act
from chat.admin.confirming import confirm
from chat.admin.deeds import BEGIN_EPOCH, CLEAR, Deed, names_of
from chat.admin.forms import AnnouncementForm
from chat.broadcast import reaches_everybody
from chat.models import Act, Room

Answer = HttpResponse | None
"""``None``: back to the list, as actions of the admin say it."""


class Acting(ModelAdmin[Room]):
    """The part of the rooms' admin that does these things."""

    actions = ("announce", "clear_history", "begin_epoch")

    def has_announce_permission(self, request: HttpRequest) -> bool:
        """Whether the staff member may announce."""
        return bool(request.user.has_perm("chat.announce"))

    @admin.action(permissions=["announce"], description=_("Announce to selected rooms…"))
    def announce(self, request: HttpRequest, queryset: QuerySet[Room]) -> Answer:
        """Say something in each of them."""
        self._demand(self.has_announce_permission(request))
        rooms = self._chosen(request, queryset)
        return self._announce(request, rooms, back=request.get_full_path()) if rooms else None

    @admin.action(permissions=["change"], description=_("Clear the history of selected rooms…"))
    def clear_history(self, request: HttpRequest, queryset: QuerySet[Room]) -> Answer:
        """Take away all that was said in them."""
        self._demand(self.has_change_permission(request))
        return self._whole_of_chosen(request, CLEAR, queryset)

    @admin.action(permissions=["change"], description=_("Begin a new epoch of selected rooms…"))
    def begin_epoch(self, request: HttpRequest, queryset: QuerySet[Room]) -> Answer:
        """Let everybody start over in them."""
        self._demand(self.has_change_permission(request))
        return self._whole_of_chosen(request, BEGIN_EPOCH, queryset)

    def _whole_of_chosen(
        self, request: HttpRequest, deed: Deed, queryset: QuerySet[Room]
    ) -> Answer:
        rooms = self._chosen(request, queryset)
        return self._whole(request, deed, rooms, back=request.get_full_path()) if rooms else None

    def _chosen(self, request: HttpRequest, queryset: QuerySet[Room]) -> list[Room]:
        """The rooms that were chosen; says so where some are no longer there."""
        rooms = list(queryset)
        gone = len(set(request.POST.getlist(ACTION_CHECKBOX_NAME))) - len(rooms)
        if gone > 0:
            text = ngettext(
                "%(count)d chosen room is gone, or not in this list any more.",
                "%(count)d chosen rooms are gone, or not in this list any more.",
                gone,
            ) % {"count": gone}
            self.message_user(request, text, messages.WARNING if rooms else messages.ERROR)
        return rooms

    @staticmethod
    def _demand(permission: bool) -> None:
        if not permission:
            raise PermissionDenied

    # One room, from its page; everybody

    def get_urls(self) -> list[URLPattern]:
        """The admin's addresses, and those of the buttons."""
        wrap = self.admin_site.admin_view
        return [
            path("announce/", wrap(self.announce_view), name="chat_room_announce_all"),
            path(
                "<path:object_id>/announce/",
                wrap(partial(self.one_view, act="announce")),
                name="chat_room_announce",
            ),
            path(
                "<path:object_id>/clear-history/",
                wrap(partial(self.one_view, act="clear_history")),
                name="chat_room_clear_history",
            ),
            path(
                "<path:object_id>/new-epoch/",
                wrap(partial(self.one_view, act="begin_epoch")),
                name="chat_room_begin_epoch",
            ),
            *super().get_urls(),
        ]

    def announce_view(self, request: HttpRequest) -> HttpResponse:
        """Say something to everybody."""
        self._demand(self.has_announce_permission(request))
        sees = self.has_view_permission(request)
        back = self._url("changelist") if sees else reverse(f"{self.admin_site.name}:index")
        return self._announce(request, None, back=back) or HttpResponseRedirect(back)

    def one_view(self, request: HttpRequest, object_id: str, act: str) -> HttpResponse:
        """Do to one room what an action does to many."""
        room = self.get_object(request, unquote(object_id))
        if room is None:
            raise Http404
        self._demand(self.has_view_permission(request, room))
        back = self._url("change", room)
        if act == "announce":
            self._demand(self.has_announce_permission(request))
            answer = self._announce(request, [room], back=back)
        else:
            self._demand(self.has_change_permission(request, room))
            deed = CLEAR if act == CLEAR.name else BEGIN_EPOCH
            answer = self._whole(request, deed, [room], back=back)
        return answer or HttpResponseRedirect(back)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page of a room, with the buttons that may be pressed."""
        room = kwargs.get("obj")
        if room is not None and self.has_announce_permission(request):
            context["announce_url"] = self._url("announce", room)
        if room is not None and self.has_change_permission(request, room):
            context["clear_history_url"] = self._url("clear_history", room)
            context["begin_epoch_url"] = self._url("begin_epoch", room)
        return super().render_change_form(request, context, *args, **kwargs)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The list, with the way to announce to everybody."""
        extra = extra_context or {}
        if self.has_announce_permission(request):
            extra = {**extra, "announce_url": self._url("announce_all")}
        return super().changelist_view(request, extra)

    def _url(self, page: str, room: Room | None = None) -> str:
        args = [] if room is None else [quote(room.pk)]
        return reverse(f"{self.admin_site.name}:chat_room_{page}", args=args)

    # Asking, and doing

    def _announce(self, request: HttpRequest, rooms: list[Room] | None, *, back: str) -> Answer:
        form = AnnouncementForm(_answers(request))
        title = gettext("Announce to everybody")
        if rooms is not None:
            title = gettext("Announce to %s") % listed(names_of(rooms))
        ask = partial(
            confirm,
            self,
            request,
            title=title,
            form=form,
            back=back,
            action="announce",
            chosen=rooms or (),
        )
        if not form.is_valid():
            return ask(says=[], submit=gettext("Continue"))
        said, logged = form.cleaned_data, bool(form.cleaned_data["logged"])
        if "confirmed" not in request.POST:
            return ask(
                says=[_reaches(rooms, logged=logged)],
                quote=said["text"],
                submit=gettext("Announce"),
                last=True,
            )
        by = moderation.by_user(request.user)
        tell = partial(
            moderation.announce,
            said["text"],
            by=by,
            level=said["level"],
            logged=logged,
            id=said["id"],
            reason=said["reason"],
        )
        for room in [None] if rooms is None else rooms:
            tell(room=room)
        if rooms is None:
            acts = Act.objects.using(database()).filter(actor_key=by.key, kind=Act.Kind.ANNOUNCE)
            log_act(request, acts.order_by("-pk")[:1], gettext("Announced to everybody."))
        else:
            log_act(request, rooms, gettext("Announced."))
        self.message_user(request, gettext("The announcement was made."), messages.SUCCESS)
        if not logged and not reaches_everybody():
            only_here = gettext(
                "Only those who are connected to this process see it: the processes share no "
                "channel layer. A message would reach all."
            )
            self.message_user(request, only_here, messages.WARNING)
        return None

    def _whole(self, request: HttpRequest, deed: Deed, rooms: list[Room], *, back: str) -> Answer:
        form = deed.form(_answers(request))
        if "confirmed" not in request.POST or not form.is_valid():
            return confirm(
                self,
                request,
                form=form,
                title=deed.title,
                says=deed.says(rooms),
                submit=deed.verb,
                back=back,
                action=deed.name,
                chosen=rooms,
                confirms=True,
            )
        deed.carry_out(moderation.by_user(request.user), rooms, form)
        log_act(request, rooms, str(deed.kept))
        self.message_user(request, str(deed.done), messages.SUCCESS)
        return None


def _answers(request: HttpRequest) -> Any:
    """What was filled in; nothing where this is the first that is heard of it."""
    return request.POST if request.POST.keys() & {"asked", "confirmed"} else None


def _reaches(rooms: list[Room] | None, *, logged: bool) -> str:
    if logged:
        count = len(store.open_rooms()) if rooms is None else len(rooms)
        return ngettext(
            "This becomes a message in %(count)d room.",
            "This becomes a message in %(count)d rooms.",
            count,
        ) % {"count": count}
    slugs = None if rooms is None else {room.slug for room in rooms}
    count = store.audience(slugs)
    return ngettext(
        "This is shown to %(count)d session that is connected now.",
        "This is shown to %(count)d sessions that are connected now.",
        count,
    ) % {"count": count}
