"""What is done to whole rooms: clearing their histories, beginning new epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from msgspec import Struct

from chat import moderation, store
from chat.admin.forms import ReasonForm
from chat.models import Room

Text = str | Promise


class Deed(Struct, frozen=True):
    """Something that is done to whole rooms: how it is asked for, done, and told afterwards."""

    name: str
    title: Text
    says: Callable[[Sequence[Room]], list[str]]
    verb: Text
    form: type[forms.Form]
    carry_out: Callable[[store.Actor, Sequence[Room], forms.Form], None]
    kept: Text
    """What the admin's own history says of it."""
    done: Text


def _clear(by: store.Actor, rooms: Sequence[Room], form: forms.Form) -> None:
    moderation.clear_history(*rooms, by=by, reason=form.cleaned_data["reason"])


CLEAR = Deed(
    name="clear_history",
    title=_("Clear the history?"),
    says=lambda rooms: [
        gettext(
            "All that was said in %s is deleted for good, here and on every screen. "
            "Settings and members stay."
        )
        % ", ".join(names_of(rooms)),
        _entries(sum(room.head - room.pruned for room in rooms)),
    ],
    verb=_("Clear the history"),
    form=ReasonForm,
    carry_out=_clear,
    kept=_("Cleared the history."),
    done=_("The history was cleared."),
)


def _begin_epoch(by: store.Actor, rooms: Sequence[Room], form: forms.Form) -> None:
    slugs = [room.slug for room in rooms]
    moderation.new_epochs(slugs, by=by, reason=form.cleaned_data["reason"])


BEGIN_EPOCH = Deed(
    name="begin_epoch",
    title=_("Begin a new epoch?"),
    says=lambda rooms: [
        gettext(
            "Everybody who is in %s starts over with its newest messages, and whoever "
            "comes back is told that something may be missing. Nothing is deleted. This is "
            "for after the database was restored from a backup."
        )
        % ", ".join(names_of(rooms))
    ],
    verb=_("Begin a new epoch"),
    form=ReasonForm,
    carry_out=_begin_epoch,
    kept=_("Began a new epoch."),
    done=_("A new epoch has begun."),
)


def names_of(rooms: Sequence[Room]) -> list[str]:
    """Rooms by title, as they are named in a sentence."""
    return [gettext("“%s”") % room for room in rooms]


def _entries(count: int) -> str:
    return ngettext(
        "%(count)d entry of the log goes.", "%(count)d entries of the log go.", count
    ) % {"count": count}
