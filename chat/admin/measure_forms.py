"""What is asked before somebody is disconnected, banned or muted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chat import moderation
from chat.admin.base import database, listed
from chat.admin.filters import visible_rooms
from chat.admin.forms import ReasonForm, SplitDateTime
from chat.models import Ban, Connection, Room
from chat.moderation import Target
from chat.protocol.commands import UNTIL_BEFORE

ROOMS_OFFERED = 50
"""Rooms one can choose from: those that most of the chosen sessions are in."""

RANGES = {4: 24, 6: 64}
"""The prefix of what usually belongs together, by the version of the addresses."""


class ActForm(ReasonForm):
    """Why it is done; and where it would hit oneself, whether that is meant."""

    me_too = forms.BooleanField(
        label=_("I know that it hits myself"), required=False, widget=forms.HiddenInput
    )

    def __init__(self, data: Any, *, chosen: Sequence[Connection], user: Any, address: str) -> None:
        super().__init__(data)
        self.chosen = chosen
        self.own_key = f"u:{user.pk}"
        self.own_address = plain_address(address)

    def hits_me(self, found: dict[str, Any]) -> bool:
        """Whether whoever fills it in is among those it is about."""
        return any(connection.sender_key == self.own_key for connection in self.chosen)

    def clean(self) -> dict[str, Any]:
        """Ask once more where it would hit oneself."""
        found = super().clean() or {}
        if not self.errors and self.hits_me(found) and not found.get("me_too"):
            self.fields["me_too"].widget = forms.CheckboxInput()
            self.add_error("me_too", _("You yourself are among them. Is that what you want?"))
        return found


class DisconnectForm(ActForm):
    """Nothing more than that."""


class BanForm(ActForm):
    """Ban or mute, whom of those behind the sessions, where, and until when.

    That is after a while, or at a moment.
    """

    PERIODS: ClassVar[dict[str, tuple[str | Promise, timedelta | None]]] = {
        "hour": (_("for 1 hour"), timedelta(hours=1)),
        "day": (_("for 1 day"), timedelta(days=1)),
        "week": (_("for 1 week"), timedelta(weeks=1)),
        "good": (_("for good"), None),
    }

    kind = forms.ChoiceField(label=_("What"), choices=Ban.Kind.choices)
    whom = forms.ChoiceField(label=_("Whom"))
    room = forms.ChoiceField(label=_("Where"), required=False)
    period = forms.ChoiceField(
        label=_("How long"),
        choices=[
            *((name, label) for name, (label, _for) in PERIODS.items()),
            ("at", _("until the time:")),
        ],
    )
    at = forms.SplitDateTimeField(label=_("Until"), required=False, widget=SplitDateTime)
    field_order = ("kind", "whom", "room", "period", "at", "reason", "me_too")

    def __init__(self, data: Any, *, chosen: Sequence[Connection], user: Any, address: str) -> None:
        super().__init__(data, chosen=chosen, user=user, address=address)
        self._senders = {each.sender_key: moderation.target_of(each) for each in chosen}
        addresses = [plain_address(each.address) for each in chosen]
        found = sorted({str(each): each for each in addresses if each is not None}.items())
        self._networks = {
            "address": [text for text, _address in found],
            "range": sorted({_range_of(address) for _text, address in found}),
        }
        self._choice("whom").choices = self._whom()
        counts = Counter(slug for each in chosen for slug in each.rooms)
        rooms = [slug for slug, _count in counts.most_common(ROOMS_OFFERED)]
        visible = visible_rooms(user, rooms)
        self._choice("room").choices = [
            ("", gettext("on the whole site")),
            *((slug, slug) for slug in rooms if slug in visible),
        ]

    def _choice(self, name: str) -> forms.ChoiceField:
        found = self.fields[name]
        assert isinstance(found, forms.ChoiceField), "one of those that have choices"
        return found

    def _whom(self) -> list[tuple[str, str]]:
        names = listed([target.name or target.key for target in self._senders.values()])
        found = [("sender", gettext("who it is: %(names)s") % {"names": names})]
        if self._networks["address"]:
            addresses, ranges = (listed(self._networks[kind]) for kind in ("address", "range"))
            found += [
                ("address", gettext("all from the address: %(names)s") % {"names": addresses}),
                ("range", gettext("all from the range: %(names)s") % {"names": ranges}),
            ]
        return found

    def targets(self) -> list[Target]:
        """Whom the form means, once it is valid."""
        return self._targets(self.cleaned_data["whom"])

    def _targets(self, whom: str) -> list[Target]:
        if whom == "sender":
            return list(self._senders.values())
        return [moderation.target_of(network) for network in self._networks[whom]]

    @property
    def until(self) -> datetime | None:
        """When it ends."""
        chosen = self.cleaned_data["period"]
        if chosen == "at":
            moment: datetime = self.cleaned_data["at"]
            return moment
        period = self.PERIODS[chosen][1]
        return None if period is None else timezone.now() + period

    def hits_me(self, found: dict[str, Any]) -> bool:
        """The same, also by the address one comes from."""
        targets = self._targets(found["whom"])
        return any(
            target.key == self.own_key
            or (
                bool(target.network)
                and self.own_address is not None
                and self.own_address in ip_network(target.network)
            )
            for target in targets
        )

    def clean(self) -> dict[str, Any]:
        """Find the room, and ask for an end to come where none of the periods is chosen."""
        found = super().clean()
        if found.get("period") == "at" and "at" not in self.errors:
            self._check_end(found.get("at"))
        slug = found.get("room")
        if slug:
            found["room"] = Room.objects.using(database()).filter(slug=slug).first()
            if found["room"] is None:
                self.add_error("room", _("That room is gone."))
        return found

    def _check_end(self, moment: datetime | None) -> None:
        if moment is None:
            self.add_error("at", _("Say until when."))
        elif moment <= timezone.now():
            self.add_error("at", _("This has passed already."))
        elif moment.timestamp() >= UNTIL_BEFORE:
            self.add_error("at", _("Enter an end before the year 9000."))


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address; ``None`` where the server knows none, as behind a local socket."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def _range_of(address: IPv4Address | IPv6Address) -> str:
    return str(ip_network(f"{address}/{RANGES[address.version]}", strict=False))
