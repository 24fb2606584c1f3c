"""What people call things on a command line: users, senders, moments, lengths of time."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from chat import conf, store
from chat.models import Room
from chat.moderation import Target, target_of
from chat.protocol.commands import SEQ_MOST, UNTIL_BEFORE

_KEY = re.compile(r"(u|g|guest|s):(.+)")
_ADDRESS = re.compile(r"[:/]|^\d+(\.\d+){3}$")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"(\d{1,4})([mhdw])")


def user_named(name: str) -> Any:
    """The user of that name. Raises ``CommandError``."""
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist:
        raise CommandError(f"There is no user {name!r}.") from None


def sender_key(text: str) -> str:
    """The key of a sender: ``u:7``, ``guest:1234``, ``s:Bot`` as code names it, else a user's name.

    Raises ``CommandError``.
    """
    if found := _KEY.fullmatch(text):
        return f"{found[1][0]}:{found[2]}"  # `guest:` is the record's `g:`
    return f"u:{user_named(text).pk}"


def target(text: str) -> Target:
    """Whom an act is about: an address, a range of them, or what ``sender_key`` takes.

    Raises ``CommandError``. A user whose name looks like an address is called by key.
    """
    try:
        if _KEY.fullmatch(text):
            return target_of(sender_key(text))
        return target_of(text if _ADDRESS.search(text) else user_named(text))
    except ValueError as problem:
        raise CommandError(f"{problem}.") from None


def room_named(slug: str) -> Room:
    """The room of that name. Raises ``CommandError``."""
    room = store.find_room(slug)
    if room is None:
        raise CommandError(f"There is no room {slug!r}. manage.py chat_rooms --all lists them.")
    return room


def rooms_named(slugs: Sequence[str]) -> list[Room]:
    """The rooms of those names, of all where there are none. Raises ``CommandError``."""
    if slugs:
        return [room_named(slug) for slug in dict.fromkeys(slugs)]
    return list(Room.objects.using(conf.current().database))


def named(text: str) -> str:
    """A name of somebody or something; for the ``type`` of an argument that may be left out.

    As of a variable that is not set, an empty one would mean more than was meant: everything.
    """
    if text.strip():
        return text
    raise ArgumentTypeError("it is empty; leave it out where none is meant")


def length(text: str) -> timedelta:
    """A length of time, such as ``90m``, ``2h``, ``3d`` or ``1w``; for an argument's ``type``."""
    found = _LENGTH.fullmatch(text)
    if found is None or not int(found[1]):
        raise ArgumentTypeError(f"{text!r} is no length of time such as 90m, 2h, 3d or 1w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def whole(text: str) -> int:
    """A whole number from 1 up; for an argument's ``type``."""
    if text.isdecimal() and 0 < int(text) <= SEQ_MOST:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is no whole number from 1 up")


def from_now(text: str) -> datetime:
    """When something ends: a length of time from now, or a moment to come."""
    moment = _moment(text, ahead=True)
    if moment <= timezone.now():
        raise ArgumentTypeError(f"{text!r} is over already")
    if moment.timestamp() >= UNTIL_BEFORE:
        raise ArgumentTypeError(f"{text!r} is not before the year 9000: without it, it is for good")
    return moment


def ago(text: str) -> datetime:
    """When something began: a length of time before now, or a moment that was."""
    moment = _moment(text, ahead=False)
    if moment > timezone.now():
        raise ArgumentTypeError(f"{text!r} is yet to come")
    return moment


def _moment(text: str, *, ahead: bool) -> datetime:
    if _LENGTH.fullmatch(text):
        return timezone.now() + (length(text) if ahead else -length(text))
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)):
            moment = datetime.combine(day, datetime.min.time())
    except ValueError:  # it looks like one, but there is no 30 February
        moment = None
    if moment is None:
        raise ArgumentTypeError(
            f"{text!r} is neither a length of time such as 2h, 3d or 1w "
            "nor a moment such as 2027-01-31T18:00"
        )
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
