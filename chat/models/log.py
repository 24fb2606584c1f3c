"""What was said: one row for every change, numbered without holes. Only ``store`` writes it."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.rooms import Room


class Message(models.Model):
    """One row of a room's log: a message as it now is, or the mark of an edit or a delete.

    An edit or a delete points at its message and holds no text, so that a deleted text is gone.
    """

    class Kind(models.TextChoices):
        """What the row records."""

        POST = "post", _("message")
        EDIT = "edit", _("edit")
        DELETE = "delete", _("delete")
        # What is left of a message that was pruned, while a later entry points at it. Never shown.
        PRUNED = "pruned", _("pruned")

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
            # Slow mode looks here with each post, redacting all of one sender's with each batch.
            models.Index(fields=["sender_key", "at"], name="chat_message_sender"),
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
