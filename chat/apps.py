"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks as system_checks
from django.core.signals import setting_changed
from django.utils.translation import gettext_lazy as _

from chat import checks, conf


class ChatConfig(AppConfig):
    """``chat`` in ``INSTALLED_APPS``."""

    name = "chat"
    verbose_name = _("Chat")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have the settings checked, follow their changes in tests, and what users lose."""
        system_checks.register(checks.check, checks.TAG)
        setting_changed.connect(conf.forget, dispatch_uid="chat.conf")
        from chat import revocation  # noqa: PLC0415 - it needs the models, which are there now

        revocation.connect()
