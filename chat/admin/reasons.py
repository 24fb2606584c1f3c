"""Why a row is changed: asked for on its page, and kept in the record with what was changed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext

from chat.admin.base import M, ModelAdmin
from chat.admin.forms import ReasonedForm


class Reasoned(ModelAdmin[M]):
    """Rows that are changed for a reason."""

    form = ReasonedForm

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        """What the admin's own history says. A reason for nothing is none: the page says so."""
        changed = set(form.changed_data) - {"reason"} or any(
            each.new_objects or each.changed_objects or each.deleted_objects for each in formsets
        )
        if add or changed or "reason" not in form.changed_data:
            return super().construct_change_message(request, form, formsets, add)
        vars(request)["reason_alone"] = True
        return []

    def message_user(
        self,
        request: HttpRequest,
        message: Any,
        level: int | str = messages.INFO,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Tell; where Django would tell of a change and there is none but a reason, tell that."""
        if level == messages.SUCCESS and "reason_alone" in vars(request):
            level = messages.WARNING
            message = gettext("Nothing but the reason was given, so nothing is in the record.")
        super().message_user(request, message, level, *args, **kwargs)
