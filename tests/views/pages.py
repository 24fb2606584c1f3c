"""The room pages, as the server renders them: what is on them."""

from __future__ import annotations

import re
from html import unescape
from typing import Protocol

from chat import identity, store
from chat.identity import Identity


class Answer(Protocol):
    """What the test client returns."""

    @property
    def content(self) -> bytes:
        """The page."""


def say(slug: str, *texts: str, who: Identity | None = None) -> list[int]:
    """Store messages, one after another; return their seqs."""
    store.create_room(slug)
    who = who or identity.of_system("Ann")
    outcomes = [
        store.append(
            [
                store.PostDraft(
                    room=slug,
                    sender_key=who.key,
                    sender_name=who.sender.name,
                    id=f"{slug}-{number}-{text}"[:64],
                    text=text,
                )
            ]
        )
        for number, text in enumerate(texts)
    ]
    return [stored.seq for (stored,) in outcomes if isinstance(stored, store.Stored)]


def attribute(response: Answer, name: str) -> str:
    """Return the first attribute of that name on the page."""
    found = re.search(rf'\b{name}="([^"]*)"', response.content.decode())
    assert found, f"no {name} on the page"
    return unescape(found[1])


def visible(response: Answer) -> str:
    """Return the page without its templates, which only the script sees."""
    return re.sub(r"<template.*?</template>", "", response.content.decode(), flags=re.DOTALL)


def texts(response: Answer) -> list[str]:
    """Return the texts of the messages on the page."""
    found = re.findall(r'<span class="text"[^>]*>(.*?)</span>', visible(response), flags=re.DOTALL)
    return [unescape(text) for text in found]


def rooms(response: Answer) -> list[str]:
    """Return the titles in the list of rooms."""
    return re.findall(r'<bdi class="title"[^>]*>(.*?)</bdi>', visible(response))


def silence(response: Answer) -> str:
    """Return why one may not write here, as the page says it; empty where one may."""
    found = re.search(
        r'data-part="silence"[^>]*?( hidden)?><span[^>]*>(.*?)</span>', visible(response), re.DOTALL
    )
    assert found, "the page has a place for it"
    hidden, words = found.groups()
    assert bool(hidden) == ("post" in attribute(response, "data-may").split())
    return "" if hidden else str(words)
