"""Choosing a room in a form: only out of those that are the staff member's business."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.http import HttpRequest

from chat.admin.base import M, ModelAdmin, database
from chat.admin.filters import hidden_from
from chat.models import Room


class RoomNumber(ForeignKeyRawIdWidget):
    """The number of a room, with its title where it is one of those that can be chosen."""

    choices: Any = ()

    def label_and_url_for_value(self, value: Any) -> tuple[str, str]:
        """The title and the page; Django's own names whatever has that number."""
        try:
            self.choices.queryset.get(pk=value)
        except (ValueError, Room.DoesNotExist):
            return "", ""
        return super().label_and_url_for_value(value)


class ChoosingRooms(ModelAdmin[M]):
    """Rows that belong to a room. Whatever a request says, hidden rooms are none to choose."""

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The field, which neither takes nor names a hidden room."""
        if db_field.name == "room":
            rooms = Room.objects.using(database())
            kwargs["queryset"] = rooms.exclude(pk__in=hidden_from(request.user))
            if "room" not in self.get_autocomplete_fields(request):
                kwargs["widget"] = RoomNumber(db_field.remote_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
