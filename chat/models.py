"""The tables: rooms, their log, who belongs to them, and which processes serve whom.

``Message`` is a room's log: one row for every change, numbered without holes. Only ``store`` writes
it.
"""

from __future__ import annotations

import secrets
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxLengthValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


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
    archived = models.BooleanField(
        _("archived"), default=False, help_text=_("Can be read, no longer be written to.")
    )
    transient = models.BooleanField(
        default=False,
        editable=False,
        help_text="Made by joining; goes again when everybody has left and nothing was said.",
    )
    epoch = models.CharField(max_length=16, default=new_epoch, editable=False)
    head = models.BigIntegerField(_("head"), default=0, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["slug"]
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return self.title or self.slug


class Message(models.Model):
    """One row of a room's log: a message as it now is, or the mark of an edit or a delete.

    An edit or a delete points at its message and holds no text, so that a deleted text is gone.
    """

    class Kind(models.TextChoices):
        """What the row records."""

        POST = "post", _("message")
        EDIT = "edit", _("edit")
        DELETE = "delete", _("delete")

    # Neither key has an index of its own: (room, seq) leads with the room, and few rows have a
    # target. Each index would cost every insert.
    room = models.ForeignKey(
        Room, models.CASCADE, related_name="log", db_index=False, verbose_name=_("room")
    )
    seq = models.BigIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.POST)
    target = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="changes", db_index=False
    )
    sender_key = models.CharField(max_length=80)
    sender_name = models.CharField(_("sender"), max_length=150)
    client_id = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - NULLs are distinct in the unique constraint, edits have none
    text = models.TextField(_("text"), blank=True, validators=[MaxLengthValidator(100_000)])
    at = models.DateTimeField(_("at"), default=timezone.now)
    edited_at = models.DateTimeField(_("edited"), null=True, blank=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["room", "seq"]
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "seq"], name="chat_message_seq"),
            models.UniqueConstraint(
                fields=["room", "sender_key", "client_id"], name="chat_message_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["target"],
                name="chat_message_changes",
                condition=models.Q(target__isnull=False),
            ),
        ]
        permissions: ClassVar = [("redact_message", _("Can redact messages"))]

    def __str__(self) -> str:
        return f"{self.sender_name}: {self.text[:60]}"


class Outbox(models.Model):
    """What ``api.publish`` was told inside a transaction: moved to the log after its commit.

    Nobody waits for the publisher's transaction, because its room is not locked; nothing is lost
    when the publisher dies after the commit, because every hub looks here.
    """

    # By name and not by key: the publisher's transaction must neither lock the room nor fail
    # because the room went meanwhile.
    room = models.CharField(max_length=64)
    epoch = models.CharField(max_length=32, blank=True)
    """The room's, where it may be made again with it."""
    sender_key = models.CharField(max_length=80)
    sender_name = models.CharField(max_length=150)
    client_id = models.CharField(max_length=64)
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("waiting message")
        verbose_name_plural = _("waiting messages")

    def __str__(self) -> str:
        return f"{self.sender_name}: {self.text[:60]}"


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
        return f"{self.user} in {self.room}"


class Node(models.Model):
    """One serving process. It is gone when ``beats`` stands still for two heartbeats."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    beats = models.BigIntegerField(
        default=0, help_text="Counts up; compared by its readers' own clocks, never as a time."
    )
    revision = models.BigIntegerField(
        default=0, help_text="Goes up with every change of the node's connections."
    )

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")

    def __str__(self) -> str:
        return self.name


class Connection(models.Model):
    """One live session, written in batches by its node: what presence is made of."""

    node = models.ForeignKey(
        Node, models.CASCADE, related_name="connections", verbose_name=_("process")
    )
    session = models.CharField(_("session"), max_length=32, unique=True)
    sender_key = models.CharField(max_length=80)
    sender_name = models.CharField(_("who"), max_length=150)
    rooms = models.JSONField(_("rooms"), default=list)
    since = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")

    def __str__(self) -> str:
        return f"{self.sender_name} ({self.session})"
