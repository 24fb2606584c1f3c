"""What is asked before an act of moderation."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.contrib.admin.widgets import (
    AdminSplitDateTime,
    AdminTextareaWidget,
    AdminTextInputWidget,
)
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models import Act

ANNOUNCEMENT_MOST = 2000
"""Characters of an announcement."""

_REASON_MOST = Act._meta.get_field("reason").max_length

EVER = datetime(1970, 1, 1, tzinfo=UTC)


class SplitDateTime(AdminSplitDateTime):
    """A day and a time, each with a name for those who do not see the words before it."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """The same, with those names."""
        context = super().get_context(name, value, attrs)
        labels = (context["date_label"], context["time_label"])
        for subwidget, label in zip(context["widget"]["subwidgets"], labels, strict=True):
            subwidget["attrs"]["aria-label"] = str(label).rstrip(":")
        return context


class Radios(forms.RadioSelect):
    """Choices below one another, as the admin has them: each as wide as its text."""

    def __init__(self, attrs: dict[str, Any] | None = None, choices: Any = ()) -> None:
        super().__init__({"class": "radiolist", **(attrs or {})}, choices)


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=_REASON_MOST,
        required=False,
        widget=AdminTextInputWidget,
        help_text=_("It is kept in the record."),
    )


class ReasonedForm(forms.ModelForm, ReasonForm):  # type: ignore[type-arg]  # takes none at run time
    """What a row is to be, and why."""


def reason_of(request: HttpRequest) -> str:
    """Why something is deleted, as the page says that asks whether it is to be."""
    return request.POST.get("reason", "").replace("\0", "").strip()


class SinceForm(ReasonForm):
    """Which messages of a sender, and why."""

    SPANS = (
        ("hour", _("the last hour"), timedelta(hours=1)),
        ("day", _("the last day"), timedelta(days=1)),
        ("week", _("the last 7 days"), timedelta(days=7)),
    )

    since = forms.ChoiceField(
        label=_("Sent within"),
        choices=[
            *((name, label) for name, label, _span in SPANS),
            ("ever", _("all time")),
            ("at", _("the time since:")),
        ],
        initial="hour",
        widget=Radios,
    )
    at = forms.SplitDateTimeField(label=_("Since"), required=False, widget=SplitDateTime)
    scope = forms.ChoiceField(
        label=_("Where"),
        choices=[
            ("room", _("in the room of this message")),
            ("site", _("in all rooms that you may see")),
        ],
        initial="room",
        widget=Radios,
    )

    fixed = forms.DateTimeField(required=False, widget=forms.HiddenInput)
    """Since when, as the page said that asked last."""

    field_order = ("since", "at", "scope", "reason")

    def clean(self) -> dict[str, Any]:
        """Ask for the moment where none of the spans is chosen."""
        found = super().clean() or {}
        if found.get("since") == "at" and not found.get("at") and "at" not in self.errors:
            self.add_error("at", _("Say since when."))
        return found

    def fix(self) -> None:
        """Have the page that asks last send the moment that it told of, as time goes on."""
        moment = self._chosen()
        self.cleaned_data["fixed"] = moment
        self.data = {**dict(self.data.items()), "fixed": moment.isoformat()}

    def moment(self) -> datetime:
        """Since when, of a form that is valid."""
        found = self.cleaned_data["fixed"] or self._chosen()
        # No database has to be asked for what it cannot put into its own time.
        return min(max(found, EVER), timezone.now())

    def _chosen(self) -> datetime:
        chosen = self.cleaned_data["since"]
        if chosen == "at":
            moment: datetime = self.cleaned_data["at"]
            return moment
        spans = {name: span for name, _label, span in self.SPANS}
        return timezone.now() - spans[chosen] if chosen in spans else EVER


class AnnouncementForm(ReasonForm):
    """What to announce, how, and why. The id lets the same announcement be sent once."""

    text = forms.CharField(
        label=_("Text"),
        max_length=ANNOUNCEMENT_MOST,
        widget=AdminTextareaWidget(attrs={"rows": 4}),
    )
    level = forms.ChoiceField(
        label=_("Level"),
        choices=[("info", _("information")), ("warning", _("warning"))],
        initial="info",
        widget=Radios,
        help_text=_("How a notice looks; a message has no level."),
    )
    logged = forms.ChoiceField(
        label=_("As"),
        choices=[
            ("", _("a notice: shown once to those who are there now")),
            ("yes", _("a message: stays in the history of each room")),
        ],
        required=False,
        initial="",
        widget=Radios,
    )
    id = forms.RegexField(
        r"^[0-9a-f]{32}$", widget=forms.HiddenInput, initial=lambda: secrets.token_hex(16)
    )
    field_order = ("text", "level", "logged", "reason")
