"""No label of the chat's admin is left to Django, which would make it of a field's English name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, label_for_field
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.utils import translation

from chat.models import Act, Ban, Connection, Membership, Message, Room


def labels(model: Any) -> Iterator[tuple[str, str]]:
    """The names of what a list and a page show, each with its label in the present language."""
    shows: Any = admin.site.get_model_admin(model)
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    form = shows.get_form(request, model(), change=True)()
    on_page = flatten_fieldsets(shows.get_fieldsets(request, model()))
    for name in dict.fromkeys([*shows.get_list_display(request), *on_page]):
        field = form.fields.get(name)
        yield name, str(field.label if field else label_for_field(name, model, shows))


@pytest.mark.parametrize("language", ["ar", "de"])
# Nodes have pages of their own.
@pytest.mark.parametrize("model", [Act, Ban, Connection, Membership, Message, Room])
def test_every_label_is_translated(model: Any, language: str) -> None:
    english = dict(labels(model))
    assert english
    with translation.override(language):
        translated = dict(labels(model))
    assert {name for name, label in translated.items() if label == english[name]} == set()
