"""Rooms, and who belongs to them."""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

RETENTION_MOST = 36500
"""Days: a hundred years. Some way beyond, there are no dates to reckon with."""


def new_epoch() -> str:
    """A name for one continuous history of a room; another one means: start over."""
    return secrets.token_hex(4)


class Room(models.Model):
    """A place to talk. ``head`` is the last seq its log has used."""

    class Kind(models.TextChoices):
        """Who may know of a room."""

        PUBLIC = "public", _("public")
        PRIVATE = "private", _("private: members only")

    class Guests(models.TextChoices):
        """What visitors who are not signed in may do; blank: as the site says."""

        NONE = "none", _("nothing")
        READ = "read", _("read")
        POST = "post", _("read and post")

    slug = models.SlugField(_("name"), max_length=64, unique=True, allow_unicode=True)
    title = models.CharField(_("title"), max_length=200, blank=True)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind, default=Kind.PUBLIC)
    guests = models.CharField(
        _("guests may"),
        max_length=4,
        choices=Guests,
        blank=True,
        help_text=_("Empty: as the site's settings say."),
    )
    slow_mode = models.PositiveIntegerField(
        _("slow mode"),
        default=0,
        help_text=_("Seconds a sender waits between two messages; 0: none."),
    )
    max_length = models.PositiveIntegerField(
        _("longest message"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("In characters. Empty: as the site's settings say."),
    )
    locked = models.BooleanField(
        _("locked"),
        default=False,
        help_text=_("Only those who look after the room may post, for the time being."),
    )
    archived = models.BooleanField(
        _("archived"), default=False, help_text=_("Can be read, no longer be written to.")
    )
    retention_days = models.PositiveIntegerField(
        _("retention"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(RETENTION_MOST)],
        help_text=_("Days after which manage.py chat_prune removes messages. Empty: never."),
    )
    transient = models.BooleanField(
        default=False,
        editable=False,
        help_text="Made by joining; goes again when everybody has left and nothing was said.",
    )
    epoch = models.CharField(max_length=16, default=new_epoch, editable=False)
    head = models.BigIntegerField(_("head"), default=0, editable=False)
    pruned = models.BigIntegerField(
        default=0,
        editable=False,
        help_text="The last seq that was removed, with all before it: no resume from before it.",
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["slug"]
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        permissions: ClassVar = [("announce", _("Can announce to rooms and to everybody"))]

    def __str__(self) -> str:
        return self.title or self.slug


class Membership(models.Model):
    """A user's place in a room: what a private room opens to, and who looks after it."""

    class Role(models.TextChoices):
        """What a member may do beyond reading and posting."""

        MEMBER = "member", _("member")
        MODERATOR = "moderator", _("moderator")
        OWNER = "owner", _("owner")

    room = models.ForeignKey(
        Room, models.CASCADE, related_name="memberships", verbose_name=_("room")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="chat_memberships",
        verbose_name=_("user"),
    )
    role = models.CharField(_("role"), max_length=9, choices=Role, default=Role.MEMBER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "user"], name="chat_membership_once")
        ]

    def __str__(self) -> str:
        # Without the room, which may be private: Django names members where it deletes a user.
        return str(self.user)
