"""Who belongs to which room: on the room's page, and on pages of its own for rooms with many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import api, moderation, store
from chat.admin.base import TabularInline, database
from chat.admin.choosing import ChoosingRooms
from chat.admin.filters import hidden_from
from chat.admin.forms import reason_of
from chat.admin.reasons import Reasoned
from chat.models import Act, Membership, Room


def finds_users(site: admin.AdminSite, request: HttpRequest) -> bool:
    """Whether the staff member may look users up by name: else they are chosen by number."""
    try:
        users = site.get_model_admin(get_user_model())
    except NotRegistered:
        return False
    return bool(users.get_search_fields(request)) and users.has_view_permission(request)


class MembersInline(TabularInline[Membership, Room]):
    """The members there are: another role, or out.

    Who it is stays as it is. That needs no query for each row, which a field to choose from would.
    """

    model = Membership
    verbose_name_plural = _("members")
    fields = ("user", "role")
    readonly_fields = ("user",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """The members by role, with all that a row shows."""
        members = super().get_queryset(request).using(database())
        return members.select_related("user", "room").order_by("role", "pk")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """New ones have a table of their own."""
        return False


class NewMemberForm(forms.ModelForm):  # type: ignore[type-arg]  # takes none at run time
    """A member to be."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse who is a member already: Django compares the rows of one table of a page only."""
        found = super().clean()
        membership, user = self.instance, self.cleaned_data.get("user")
        if user is not None and membership.room_id is not None:
            members = Membership.objects.using(database()).filter(room=membership.room_id)
            if members.filter(user=user).exists():
                self.add_error("user", _("This user is a member already."))
        return found


class NewMembersInline(TabularInline[Membership, Room]):
    """Members to be."""

    model = Membership
    form = NewMemberForm
    verbose_name = _("member")
    verbose_name_plural = _("new members")
    fields = ("user", "role")
    raw_id_fields = ("user",)
    extra = 0

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Users by name where they can be found so."""
        return ("user",) if finds_users(self.admin_site, request) else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """None: those there are have a table of their own."""
        return super().get_queryset(request).none()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is nothing to see, only to add."""
        return False

    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission


def record_members(request: HttpRequest, formset: Any, reason: str) -> None:
    """Put down in the record what a formset of members has changed, once it is saved."""
    there = [*formset.new_objects, *(membership for membership, _ in formset.changed_objects)]
    _record(request, there, reason)
    _record(request, formset.deleted_objects, reason, gone=True)


def _record(
    request: HttpRequest, memberships: Iterable[Membership], reason: str, *, gone: bool = False
) -> None:
    by = moderation.by_user(request.user)
    for membership in memberships:
        store.record(
            Act.Kind.MEMBER,
            by,
            room=membership.room.slug,
            target_key=f"u:{membership.user_id}",
            target_name=membership.user.get_username(),
            reason=reason,
            detail="no longer a member" if gone else f"now {membership.role}",
        )


@admin.register(Membership)
class MembershipAdmin(Reasoned[Membership], ChoosingRooms[Membership]):
    """All memberships, for rooms with more members than their page can show."""

    list_display = ("user", "room", "role")
    list_filter = ("role",)
    list_select_related = ("user", "room")
    ordering = ("-pk",)
    sortable_by = ()
    autocomplete_fields = ("room",)
    raw_id_fields = ("user",)
    search_help_text = _("The whole name of a room, or a part of a user's name.")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """By room and by user, whatever the site's users are made of."""
        return ("=room__slug", f"user__{get_user_model().USERNAME_FIELD}")

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Users by name where they can be found so."""
        return ("room", "user") if finds_users(self.admin_site, request) else ("room",)

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        """Who, where and what as; why, where there is something to change."""
        changes = obj is None or self.has_change_permission(request, obj)
        return ("room", "user", "role", *(["reason"] if changes else []))

    def get_readonly_fields(
        self, request: HttpRequest, obj: Membership | None = None
    ) -> tuple[str, ...]:
        """Of a membership that there is, only the role changes: another one is made anew.

        Whoever lost one to somebody else would be in no record, and in the room for a while yet.
        """
        return () if obj is None else ("room", "user")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Not those of rooms that are hidden from the staff member."""
        memberships = super().get_queryset(request)
        return memberships.exclude(room__in=hidden_from(request.user))

    def get_deleted_objects(
        self, objs: QuerySet[Membership] | Sequence[Membership], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[str]]:
        """What would go, with the rooms: nobody gets here who may not know them."""
        _names, count, lacking, protected = super().get_deleted_objects(objs, request)
        names = [
            gettext("%(user)s in %(room)s") % {"user": it.user, "room": it.room} for it in objs
        ]
        return names, count, lacking, protected

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Save, with an entry in the record, and have every process look at the room."""
        with transaction.atomic(using=database()):
            super().save_model(request, obj, form, change)
            if set(form.changed_data) - {"reason"}:
                _record(request, [obj], form.cleaned_data["reason"])
        api.room_changed(obj.room)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Delete, with an entry in the record, and have every process look at the room."""
        with transaction.atomic(using=database()):
            super().delete_model(request, obj)
            _record(request, [obj], reason_of(request), gone=True)
        api.room_changed(obj.room)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """The same for many."""
        with transaction.atomic(using=database()):
            gone = list(queryset.select_related("room", "user"))
            super().delete_queryset(request, queryset)
            _record(request, gone, reason_of(request), gone=True)
        for room in {membership.room for membership in gone}:
            api.room_changed(room)
