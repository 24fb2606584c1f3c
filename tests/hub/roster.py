"""Which processes there are and who is where: waited for, and as sessions are told of it."""

from chat.hub.hub import Hub
from tests.fakes import soon
from tests.hub.clients import Wired


async def enrolled(hub: Hub) -> int:
    """Wait until a hub has its row, and the beat in which it got it is over; its number."""
    await soon(lambda: hub.presence.node is not None and hub.heart._renewed_at > 0)
    assert hub.presence.node is not None
    return hub.presence.node


async def written(hub: Hub) -> None:
    """Wait until a hub's rows are in the database."""
    await soon(lambda: not hub.presence.register.due)
    await hub.threads.write(lambda: None)


def presences(wired: Wired) -> list[tuple[int, list[str], list[str]]]:
    """Return what a session was told of presence: how many, who came, who went, by name."""
    return [
        (event["online"], *([s["name"] for s in event[kind]] for kind in ("joined", "left")))
        for event in wired.told("presence")
    ]


def name(wired: Wired) -> str:
    """Return what a session's sender is called."""
    return wired.session.identity.sender.name
