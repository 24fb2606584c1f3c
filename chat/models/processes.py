"""Which processes serve whom, and what they did."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Node(models.Model):
    """One serving process. It is gone within two heartbeats of the last of its ``beats``."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    beats = models.BigIntegerField(
        default=0, help_text="Counts up; compared by its readers' own clocks, never as a time."
    )
    revision = models.BigIntegerField(
        default=0, help_text="Goes up with every change of the node's connections."
    )
    version = models.CharField(_("version"), max_length=40, blank=True)
    figures = models.JSONField(
        default=dict, help_text="What the process last said of itself, written with each beat."
    )
    figures_at = models.DateTimeField(null=True)
    asked = models.BigIntegerField(
        default=0, help_text="Counts up when somebody looks at its connections closely."
    )

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("live view")  # what the admin shows of all of them
        permissions: ClassVar = [("view_live", _("Can see what is going on now"))]

    def __str__(self) -> str:
        return self.name


class Sample(models.Model):
    """What one process did in one minute: what the plots of the last hour and day are made of."""

    node = models.CharField(_("process"), max_length=120)
    minute = models.DateTimeField(_("minute"))
    figures = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("sample")
        verbose_name_plural = _("samples")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["minute", "node"], name="chat_sample_once")
        ]

    def __str__(self) -> str:
        return f"{self.node} {self.minute:%Y-%m-%d %H:%M}"


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
    address = models.CharField(_("address"), max_length=45, blank=True)
    dialect = models.CharField(_("dialect"), max_length=8, blank=True)
    client = models.CharField(_("client"), max_length=200, blank=True)
    heard_at = models.DateTimeField(_("last sign of life"), null=True)
    lag = models.IntegerField(
        _("lag"), null=True, help_text="Events of its rooms that it has not confirmed."
    )
    close_with = models.SmallIntegerField(
        null=True, help_text="The code with which its node is asked to close it."
    )

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        permissions: ClassVar = [("disconnect", _("Can disconnect sessions"))]

    def __str__(self) -> str:
        return f"{self.sender_name} ({self.session})"
