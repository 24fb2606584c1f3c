"""Rooms in the admin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Field, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import api, conf, moderation, store
from chat.admin.acting import Acting
from chat.admin.attendance import Attendance
from chat.admin.base import database, short
from chat.admin.filters import hidden_from
from chat.admin.forms import ReasonedForm, reason_of
from chat.admin.members import MembersInline, NewMembersInline, record_members
from chat.admin.reasons import Reasoned
from chat.models import Act, Membership, Message, Room
from chat.protocol import MAIN

# Each member is four fields of the form, of which Django takes 1000 by default.
MEMBERS_ON_PAGE = 200

LONGEST_TEXT = 100_000
"""What ``Message.text`` takes at most."""

SETTINGS = (
    "kind",
    "guests",
    "slow_mode",
    "max_length",
    "locked",
    "archived",
    "retention_days",
)


class RoomForm(ReasonedForm):
    """What a room is to be like."""

    def clean_max_length(self) -> int | None:
        """A message has to fit into a frame; a room that has it otherwise already may keep that."""
        length: int | None = self.cleaned_data["max_length"]
        most = conf.current().longest_in_frame
        if length and length > most and "max_length" in self.changed_data:
            rule = _(
                "At most %(limit_value)s characters: a longer message might not fit into a "
                "frame (FRAME_LIMIT)."
            )
            raise ValidationError(rule, params={"limit_value": most})
        return length


@admin.register(Room)
class RoomAdmin(Reasoned[Room], Attendance, Acting):
    """Make rooms, and say what they are for. What changes reaches those who are in one at once."""

    form = RoomForm
    list_display = (
        "slug",
        "title",
        "privacy",
        "guests",
        "locked",
        "archived",
        "entries",
        "last_activity",
    )
    list_filter = ("kind", "guests", "locked", "archived")
    search_fields = ("slug", "title")
    search_help_text = _("A part of the name or of the title.")
    prepopulated_fields = {"slug": ("title",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Room]:
        """Rooms with what the log says of them: two looks at an index for each that is shown.

        Private rooms of others are hidden as their messages are; that is also what other pages
        choose a room from.
        """
        last = Message.objects.filter(room=OuterRef("pk"), seq=OuterRef("head"))
        members = Membership.objects.filter(room=OuterRef("pk")).order_by().values("room")
        return (
            super()
            .get_queryset(request)
            .exclude(pk__in=hidden_from(request.user))
            .annotate(
                last_at=Subquery(last.values("at")),
                member_count=Subquery(members.annotate(count=Count("pk")).values("count")),
            )
        )

    @admin.display(description=_("kind"), ordering="kind")
    def privacy(self, room: Room) -> str:
        """The kind in one word."""
        return room.get_kind_display().partition(":")[0]

    @admin.display(description=_("members"), ordering="member_count")
    def members(self, room: Room) -> str:
        """How many there are; on a page they do not fit on, with the way to them."""
        count = _members_of(room)
        if count <= MEMBERS_ON_PAGE:
            return str(count)
        url = reverse(f"{self.admin_site.name}:chat_membership_changelist")
        return format_html('<a href="{}?q={}">{}</a>', url, room.slug, count)

    @admin.display(description=_("entries"), ordering="head")
    def entries(self, room: Room) -> int:
        """How much was said: messages, edits and deletes."""
        return room.head

    @admin.display(description=_("last activity"), ordering="last_at")
    def last_activity(self, room: Room) -> str | None:
        """When something was last said or changed there."""
        return short(getattr(room, "last_at", None))

    # The form

    def get_fieldsets(self, request: HttpRequest, obj: Room | None = None) -> Any:
        """What a new room can be given, and what else there is to see of one that exists."""
        if obj is None:
            return [(None, {"fields": ("title", "slug", *SETTINGS, "reason")})]
        seen = ("entries", "last_activity", "members", "created_at")
        why = ("reason",) if self.has_change_permission(request, obj) else ()
        return [
            (None, {"fields": ("slug", "title", *SETTINGS, *why)}),
            (_("So far"), {"fields": seen}),
            *self.attendance(request, obj),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:
        """A room keeps its name: it is its address, and clients know it by nothing else."""
        if obj is None:
            return ()
        return ("slug", "entries", "last_activity", "members", "created_at", "present")

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Room | None = None
    ) -> dict[str, Sequence[str]]:
        """While the name can still be chosen, suggest one."""
        return super().get_prepopulated_fields(request, obj) if obj is None else {}

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> Any:
        """Bound the longest message by what the log can hold; say what names are made of."""
        if db_field.name == "max_length":
            kwargs |= {"min_value": 1, "max_value": LONGEST_TEXT}
        elif db_field.name == "slug":
            rule = _("A room's name is made of letters and digits of any script, - and _.")
            kwargs["error_messages"] = {"invalid": rule}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_inlines(self, request: HttpRequest, obj: Room | None) -> Any:
        """The members, where they fit on the page."""
        if obj is None:
            return (NewMembersInline,)
        if _members_of(obj) > MEMBERS_ON_PAGE:
            return ()
        return (MembersInline, NewMembersInline)

    def view_on_site(self, room: Room) -> str | None:
        """The room's own page, where the site has the app's pages."""
        try:
            return reverse("chat:room", args=[room.slug])
        except NoReverseMatch:
            return None

    # What it does

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        """Write what the form has changed, and tell every process.

        Never the whole row: the log goes on meanwhile, and the row's ``head`` with it.
        """
        obj.transient = False  # somebody wants it: it stays when everybody has left
        by, reason = moderation.by_user(request.user), form.cleaned_data["reason"]
        changed = [name for name in form.changed_data if name != "reason"]
        with transaction.atomic(using=database()):
            if change:
                obj.save(using=database(), update_fields=[*changed, "transient"])
            else:
                super().save_model(request, obj, form, change)
            if changed or not change:
                detail = _told(obj, changed) if change else "made"
                store.record(Act.Kind.ROOM, by, room=obj.slug, reason=reason, detail=detail)
        api.room_changed(obj)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """What the admin's own history says; of members, not who: more may read it than know them.

        That is in the record.
        """
        told = super().construct_change_message(request, form, formsets, add)
        others = [entry for entry in told if not any("object" in what for what in entry.values())]
        if len(others) < len(told):
            others.append({"changed": {"fields": ["members"]}})
        return others

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Write what has become of members, each of them with its entry in the record."""
        with transaction.atomic(using=database()):
            super().save_formset(request, form, formset, change)
            record_members(request, formset, form.cleaned_data["reason"])

    def has_delete_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:
        """``main`` is always there."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.slug != MAIN)

    def get_deleted_objects(
        self, objs: QuerySet[Room] | Sequence[Room], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """What would go: in numbers, as the log may be long.

        To delete a room is to delete its log; that takes the room's permission and no other,
        since nobody may delete a single message.
        """
        shown, count = [], Counter[str]()
        for room in objs:
            count[str(Room._meta.verbose_name_plural)] += 1
            count[str(Message._meta.verbose_name_plural)] += room.head
            count[str(Membership._meta.verbose_name_plural)] += _members_of(room)
            shown.append(f"{room.slug} ({room.title})" if room.title else room.slug)
        protected = [
            gettext("The room “%s” is always there.") % room.slug
            for room in objs
            if room.slug == MAIN
        ]
        lacking = set() if self.has_delete_permission(request) else {str(Room._meta.verbose_name)}
        return shown, dict(+count), lacking, protected

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """The page that asks. Not in one transaction, as Django has it: a log goes in many."""
        return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]  # Django's own, untyped

    def delete_model(self, request: HttpRequest, obj: Room) -> None:
        """Delete a room and its log, and tell every process."""
        moderation.delete_rooms(
            [obj], by=moderation.by_user(request.user), reason=reason_of(request)
        )

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Room]) -> None:
        """Delete rooms and their logs, and tell every process."""
        moderation.delete_rooms(
            queryset, by=moderation.by_user(request.user), reason=reason_of(request)
        )


def _members_of(room: Room) -> int:
    return getattr(room, "member_count", None) or 0


def _told(room: Room, names: Iterable[str]) -> str:
    """What settings are now, for the record: ``locked=yes, title=The Kitchen, max_length=``."""
    words = {True: "yes", False: "no", None: ""}
    values = ((name, getattr(room, name)) for name in names)
    return ", ".join(
        f"{name}={words[value] if value is None or isinstance(value, bool) else value}"
        for name, value in values
    )
