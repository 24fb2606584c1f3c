"""Bans and mutes in the admin: there to be seen, made and lifted, all of it on the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import moderation
from chat.admin.base import database, short
from chat.admin.choosing import ChoosingRooms
from chat.admin.filters import hidden_from
from chat.admin.forms import SplitDateTime, reason_of
from chat.admin.members import finds_users
from chat.models import Ban, Membership
from chat.moderation import Target, people
from chat.protocol.commands import UNTIL_BEFORE

GUESTS_FROM, GUESTS_TO = 2**30, 2**31 - 1
"""The numbers that guests have, as their messages show them."""

WHO = ("user", "guest", "network")

NO_GUEST = _("Enter a guest's number, as in “Guest 1073741831”.")


class BanForm(forms.ModelForm):  # type: ignore[type-arg]  # takes none at run time
    """A ban to be, or the end and the reason of one that there is."""

    user: Any = forms.ModelChoiceField(queryset=None, required=False, label=_("User"))
    guest = forms.IntegerField(
        required=False,
        label=_("Guest"),
        min_value=GUESTS_FROM,
        max_value=GUESTS_TO,
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), NO_GUEST),
        help_text=_("A guest's number, as in “Guest 1073741831”."),
    )

    class Meta:
        model = Ban
        fields = ("kind", "network", "room", "until", "reason")
        widgets = {"until": SplitDateTime}

    def clean_network(self) -> str:
        """The range in the one form in which it is kept."""
        given = self.cleaned_data["network"]
        if not given:
            return ""
        try:
            return people.network_of(given)
        except ValueError:
            raise forms.ValidationError(
                _("Enter an address, or a range such as 203.0.113.0/24 or 2001:db8::/32.")
            ) from None

    def clean_until(self) -> Any:
        """An end that is yet to come."""
        until = self.cleaned_data["until"]
        if until is not None and until <= timezone.now():
            raise forms.ValidationError(_("This has passed already."))
        if until is not None and until.timestamp() >= UNTIL_BEFORE:
            raise forms.ValidationError(
                _("Enter an end before the year 9000, or leave it empty: for good.")
            )
        return until

    def clean(self) -> dict[str, Any] | None:
        """See that it is about somebody, and about one only."""
        found = super().clean()
        given = [name for name in WHO if self.cleaned_data.get(name)]
        if self.instance.pk is None and not self.errors and len(given) != 1:
            raise forms.ValidationError(_("Choose a user, a guest or a range of addresses."))
        return found

    def target(self) -> Target:
        """Whom it is about."""
        user, guest = self.cleaned_data.get("user"), self.cleaned_data.get("guest")
        if user is not None:
            return people.target_of(user)
        if guest is not None:
            return people.target_of(f"g:{guest}")
        ban = self.instance
        return Target(key=ban.sender_key, name=ban.sender_name, network=ban.network)


class ForceFilter(admin.SimpleListFilter):
    """Whether a ban still counts."""

    title = _("in force")
    parameter_name = "force"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """It does, or it has ended by itself."""
        return [("yes", _("in force")), ("no", _("ended"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The bans of that kind."""
        now = timezone.now()
        match self.value():
            case "yes":
                return queryset.filter(Q(until=None) | Q(until__gt=now))
            case "no":
                return queryset.filter(until__lte=now)
        return queryset


class PlaceFilter(admin.SimpleListFilter):
    """How far a ban goes."""

    title = _("where")
    parameter_name = "where"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Everywhere, or in a room."""
        return [("site", _("whole site")), ("room", _("one room"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The bans of that reach."""
        if self.value() in ("site", "room"):
            return queryset.filter(room__isnull=self.value() == "site")
        return queryset


class TargetFilter(admin.SimpleListFilter):
    """Whom a ban is about."""

    title = _("who")
    parameter_name = "who"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> Iterable[tuple[str, Any]]:
        """Users, guests, or whoever comes from some addresses."""
        return [("u:", _("users")), ("g:", _("guests")), ("addresses", _("addresses"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The bans about those."""
        match self.value():
            case "u:" | "g:" as kind:
                return queryset.filter(sender_key__startswith=kind)
            case "addresses":
                return queryset.filter(sender_key="")
        return queryset


@admin.register(Ban)
class BanAdmin(ChoosingRooms[Ban]):
    """Who is kept out or silent. To delete one is to lift it. All of it needs ``chat.ban``."""

    form = BanForm
    list_display = ("who", "kind", "where", "ends", "reason", "created_by", "since")
    list_filter = ("kind", ForceFilter, PlaceFilter, TargetFilter)
    list_select_related = ("room", "created_by")
    search_fields = ("sender_name", "=sender_key", "network", "=room__slug", "reason")
    search_help_text = _(
        "A name, an address or a reason, a key such as u:7, or the whole name of a room."
    )
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ban]:
        """Those that are the staff member's business: private rooms of others are not."""
        hidden = hidden_from(request.user)
        return super().get_queryset(request).exclude(room__in=hidden).order_by("-pk")

    @admin.display(description=_("who"))
    def who(self, ban: Ban) -> str:
        """The name and the key, or the addresses."""
        name = ban.sender_name
        return ban.network or (f"{name} ({ban.sender_key})" if name else ban.sender_key)

    @admin.display(description=_("where"))
    def where(self, ban: Ban) -> str:
        """The room, or everywhere."""
        return str(ban.room) if ban.room else gettext("whole site")

    @admin.display(description=_("until"))
    def ends(self, ban: Ban) -> str:
        """When it ends by itself."""
        return short(ban.until) or gettext("for good")

    @admin.display(description=_("since"))
    def since(self, ban: Ban) -> str | None:
        """When it was made."""
        return short(ban.created_at)

    # The form

    def get_fields(self, request: HttpRequest, obj: Ban | None = None) -> Any:
        """Whom, where and until when; later, only what may still change."""
        if obj is None:
            return ("kind", "user", "guest", "network", "room", "until", "reason")
        return ("kind", "who", "where", "until", "reason", "created_by", "since")

    def get_readonly_fields(self, request: HttpRequest, obj: Ban | None = None) -> tuple[str, ...]:
        """Another one to ban takes another ban."""
        return () if obj is None else ("kind", "who", "where", "created_by", "since")

    def get_form(
        self, request: HttpRequest, obj: Ban | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, which finds users by name where the staff member may, and else by number."""
        form = super().get_form(request, obj, change, **kwargs)
        users: Any = form.base_fields.get("user")
        if users is not None:
            source, site = Membership._meta.get_field("user"), self.admin_site
            by_name = finds_users(site, request)
            users.queryset = get_user_model()._default_manager.all()
            users.widget = (
                AutocompleteSelect(source, site)
                if by_name
                else ForeignKeyRawIdWidget(source.remote_field, site)
            )
            users.widget.choices = users.choices
        return form

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Rooms by name for those who may see them."""
        return ("room",) if request.user.has_perm("chat.view_room") else ()

    # What it does

    def save_model(self, request: HttpRequest, obj: Ban, form: Any, change: bool) -> None:
        """Ban or mute, in place of what there was, where it is another now."""
        if change and not form.changed_data:
            return
        act = moderation.ban if obj.kind == Ban.Kind.BAN else moderation.mute
        made = act(
            form.target(),
            by=moderation.by_user(request.user),
            room=obj.room,
            until=obj.until,
            reason=obj.reason,
        )
        # The admin goes on with it: its history, and the page that is shown next.
        obj.pk, obj.sender_key, obj.sender_name = made.pk, made.sender_key, made.sender_name

    def response_change(self, request: HttpRequest, obj: Ban) -> HttpResponse:
        """Go on with what was made, which has another number than what it replaced."""
        answer = super().response_change(request, obj)
        if "_continue" in request.POST:
            page = reverse(f"{self.admin_site.name}:chat_ban_change", args=[obj.pk])
            answer["Location"] = answer["Location"].replace(request.path, page, 1)
        return answer

    def delete_model(self, request: HttpRequest, obj: Ban) -> None:
        """Lift it."""
        moderation.lift(obj, by=moderation.by_user(request.user), reason=reason_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Ban]) -> None:
        """Lift all of them, or none."""
        by = moderation.by_user(request.user)
        with transaction.atomic(using=database()):
            for ban in queryset.select_related("room"):
                moderation.lift(ban, by=by, reason=reason_of(request))

    # One permission for all of it

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the staff member may ban."""
        return bool(request.user.has_perm("chat.ban"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the staff member may ban."""
        return self.has_module_permission(request)

    has_add_permission = has_module_permission
    has_change_permission = has_view_permission
    has_delete_permission = has_view_permission
