"""Who is kept out or silent, and the record of what was done to whom."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.models.rooms import Room


class Ban(models.Model):
    """Who may not enter, or may not post: a user, a guest or a range of addresses.

    Of one room or of the whole site, for a time or for good. Lifting it deletes the row; the record
    of what was done is in ``Act``.
    """

    class Kind(models.TextChoices):
        """What is withheld."""

        BAN = "ban", _("ban: may not enter")
        MUTE = "mute", _("mute: may not post")

    kind = models.CharField(_("kind"), max_length=4, choices=Kind, default=Kind.BAN)
    room = models.ForeignKey(
        Room,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="bans",
        verbose_name=_("room"),
        help_text=_("Empty: the whole site."),
    )
    sender_key = models.CharField(
        _("who"),
        max_length=80,
        blank=True,
        help_text="``u:`` and a user's key, or ``g:`` a guest's.",
    )
    sender_name = models.CharField(_("name"), max_length=150, blank=True)
    network = models.CharField(
        _("addresses"),
        max_length=49,
        blank=True,
        help_text=_("An address or a range of them, such as 203.0.113.0/24 or 2001:db8::/32."),
    )
    until = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty: for good."))
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("ban")
        verbose_name_plural = _("bans")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(sender_key="") ^ models.Q(network=""), name="chat_ban_of_one"
            ),
            models.UniqueConstraint(
                fields=["kind", "room", "sender_key", "network"],
                condition=models.Q(room__isnull=False),
                name="chat_ban_once_in_room",
            ),
            models.UniqueConstraint(
                fields=["kind", "sender_key", "network"],
                condition=models.Q(room__isnull=True),
                name="chat_ban_once_on_site",
            ),
        ]
        permissions: ClassVar = [("ban", _("Can ban and mute"))]

    def __str__(self) -> str:
        return self.sender_name or self.sender_key or self.network


class Act(models.Model):
    """The record of one act of moderation. Never changed, but by an act that is still going on."""

    class Kind(models.TextChoices):
        """What was done."""

        BAN = "ban", _("banned")
        UNBAN = "unban", _("lifted a ban")
        MUTE = "mute", _("muted")
        UNMUTE = "unmute", _("lifted a mute")
        REMOVE = "remove", _("removed from the room")
        DISCONNECT = "disconnect", _("disconnected")
        REDACT = "redact", _("redacted messages")
        ANNOUNCE = "announce", _("announced")
        CLEAR = "clear", _("cleared the history")
        PRUNE = "prune", _("removed what was old")
        EPOCH = "epoch", _("began a new epoch")
        ROOM = "room", _("changed the room")
        MEMBER = "member", _("changed members")

    class Via(models.TextChoices):
        """Where it was done."""

        ADMIN = "admin", _("admin")
        CHAT = "chat", _("chat")
        COMMAND = "command", _("command")
        CODE = "code", _("code")

    at = models.DateTimeField(_("at"), default=timezone.now)
    kind = models.CharField(_("act"), max_length=10, choices=Kind)
    via = models.CharField(_("way"), max_length=7, choices=Via)
    # By name and not by key: the record outlives users and rooms.
    actor_key = models.CharField(max_length=80, blank=True)
    actor_name = models.CharField(_("who"), max_length=150, blank=True)
    room = models.CharField(_("room"), max_length=64, blank=True)
    target_key = models.CharField(max_length=80, blank=True)
    target_name = models.CharField(_("whom"), max_length=150, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    # Never a text that was redacted, or may be.
    detail = models.CharField(_("details"), max_length=500, blank=True)

    class Meta:
        ordering: ClassVar = ["-pk"]
        verbose_name = _("act of moderation")
        verbose_name_plural = _("acts of moderation")
        indexes: ClassVar = [
            models.Index(fields=["at"], name="chat_act_at"),
            models.Index(fields=["target_key"], name="chat_act_target"),
        ]

    def __str__(self) -> str:
        return (
            f"{self.actor_name} {self.get_kind_display()} {self.target_name or self.room}".strip()
        )
