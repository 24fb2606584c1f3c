"""Who belongs to which room: on the room's page, and on pages of its own for rooms with many."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chat import api
from chat.admin.base import ModelAdmin, TabularInline, database
from chat.models import Membership, Room


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
    verbose_name = _("new member")
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


@admin.register(Membership)
class MembershipAdmin(ModelAdmin[Membership]):
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

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        """Save, and have every process look at the room."""
        super().save_model(request, obj, form, change)
        api.room_changed(obj.room)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        """Delete, and have every process look at the room."""
        super().delete_model(request, obj)
        api.room_changed(obj.room)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Membership]) -> None:
        """The same for many."""
        rooms = list(Room.objects.using(database()).filter(memberships__in=queryset).distinct())
        super().delete_queryset(request, queryset)
        for room in rooms:
            api.room_changed(room)
