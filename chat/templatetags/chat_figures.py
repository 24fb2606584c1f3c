"""How numbers are written in the pages of the admin: ``{% load chat_figures %}``."""

from __future__ import annotations

from django import template
from django.utils.formats import number_format

register = template.Library()


@register.filter
def grouped(value: float, places: int = 0) -> str:
    """A number as the reader's language writes it, with so many digits after the point."""
    return number_format(round(value, places), decimal_pos=places, force_grouping=True)
