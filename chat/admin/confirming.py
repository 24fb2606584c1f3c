"""The page that asks before something is done, and says what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import helpers
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from msgspec import Struct

CHOSEN_SENT = 500
"""Rows that a page sends by number: Django takes no form with more than 1000 fields."""


class Table(Struct, frozen=True):
    """What it is about, row by row."""

    headings: Sequence[str | Promise]
    rows: Sequence[Sequence[Any]]
    caption: str | Promise = ""


def all_chosen(request: HttpRequest, chosen: Collection[Any]) -> bool:
    """Whether "select all" has chosen so many that a page says so again in place of each row."""
    return len(chosen) > CHOSEN_SENT and request.POST.get("select_across") == "1"


def confirm(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    *,
    title: str | Promise,
    says: Sequence[str | Promise],
    form: forms.Form,
    submit: str | Promise,
    back: str,
    quote: str = "",
    table: Table | None = None,
    action: str = "",
    chosen: Sequence[Any] = (),
    last: bool = False,
    confirms: bool = False,
) -> HttpResponse:
    """A page with ``form``, or where this is the ``last`` question, its answers and what follows.

    ``confirms`` where the page asks both at once: what it has a form for, and whether to do it.
    ``action`` and ``chosen`` are those of a list, where it was begun there; ``quote`` is a text to
    be shown as it was written. Where very many are chosen, as they can be by "select all" alone,
    the page says so again.
    """
    everything = all_chosen(request, chosen)
    request.current_app = model_admin.admin_site.name
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "media": model_admin.media + form.media,
        "says": says,
        "quote": quote,
        "form": form,
        "table": table,
        "submit": submit,
        "back": back,
        "action": action,
        "chosen": [row.pk for row in (chosen[:1] if everything else chosen)],
        "everything": everything,
        "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        "last": last,
        "confirms": confirms or last,
    }
    return TemplateResponse(request, "admin/chat/confirm.html", context)
