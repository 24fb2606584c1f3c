"""Rooms of a site, and what is said in them."""

from chat import store
from chat.hub import hub as hubs
from chat.models import Room
from tests.hub.clients import JsonClient, off_loop


async def room(slug: str = "main", **fields: object) -> Room:
    """Make a room."""
    return await off_loop(Room.objects.create, slug=slug, **fields)


def texts(client: JsonClient, slug: str = "main") -> list[str]:
    """Return what a client was told was said, in order."""
    return [event["text"] for event in client.log(slug) if event["type"] == "message"]


async def idle() -> None:
    """Wait until all that was said is sent."""
    (hub,) = hubs.running()
    await hub.writer.settled()
    for live in hub.rooms.values():
        await live.fanout.settled()


def draft(number: int, room: str = "main") -> store.PostDraft:
    """Return a post."""
    return store.PostDraft(
        room=room, sender_key="s:x", sender_name="x", id=f"d{number}", text=f"d{number}"
    )
