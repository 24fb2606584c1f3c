"""Who is in a room, as those in it are told."""

import logging

import pytest
from pytest_django import Settings

from chat import identity
from chat.hub.people import Guise
from chat.identity import Identity
from chat.protocol.events import Sender
from tests.fakes import soon
from tests.hub.clients import OPEN_SITE, Wired, off_loop, sign_up
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled, name, presences, written


async def test_who_comes_and_goes_is_told_to_those_in_the_room(make_hub: MakeHub) -> None:
    hub = make_hub()
    ann, bob = Wired(hub), Wired(hub)
    await ann.join()
    await soon(lambda: presences(ann) == [(1, [name(ann)], [])])
    joined = await bob.join()
    assert joined["online"] == 2
    assert {member["name"] for member in joined["members"]} == {name(ann), name(bob)}
    await soon(lambda: presences(ann)[1:] == [(2, [name(bob)], [])])
    bob.say({"type": "leave", "room": "main"})
    await soon(lambda: presences(ann)[2:] == [(1, [], [name(bob)])])


async def test_members_are_at_most_a_hundred_and_online_counts_them_all(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired = Wired(hub)
    await wired.join("elsewhere")
    await soon(lambda: not hub.presence.register.due)
    for number in range(150):
        hub.presence.people.enter_at(9, "main", Guise(Sender(str(number), f"n{number}")))
    joined = await wired.join()
    assert (joined["online"], len(joined["members"])) == (151, 100)
    hub.presence._wake.set()
    await soon(lambda: wired.told("presence")[-1:] != [] and presences(wired)[-1][0] == 151)
    assert [(n, len(came)) for n, came, _ in presences(wired)] == [(1, 1), (151, 100)]


async def test_all_who_leave_at_once_are_told_of(make_hub: MakeHub) -> None:
    hub = make_hub()
    await enrolled(hub)
    wired, terminal = Wired(hub), Wired(hub, terminal=True)
    await wired.join()
    people = [Guise(Sender(str(number), f"n{number}")) for number in range(250)]
    for one in people:
        hub.presence.people.enter_at(9, "main", one)
    hub.presence._wake.set()
    await soon(lambda: any(online == 252 for online, _, _ in presences(wired)))
    told = len(presences(wired))
    hub.presence.people.replace_at(9, ())  # as of a process that was killed
    hub.presence._wake.set()
    await soon(lambda: len(presences(wired)) == told + 3)
    assert [(n, len(came), len(went)) for n, came, went in presences(wired)[told:]] == [
        (2, 0, 100),
        (2, 0, 100),
        (2, 0, 50),
    ]
    went = {who for _, _, some in presences(wired)[told:] for who in some}
    assert went == {one.sender.name for one in people}
    assert sum(text.endswith(" left") for text in terminal.socket.texts) == 100, "enough of lines"


async def test_second_tab_of_one_is_told_to_nobody(make_hub: MakeHub) -> None:
    hub = make_hub()
    who = identity.new_guest()
    ann, first = Wired(hub), Wired(hub, who=who)
    await ann.join()
    await soon(lambda: len(presences(ann)) == 1)
    await first.join()
    await soon(lambda: len(presences(ann)) == 2)
    second = Wired(hub, who=who)
    assert (await second.join())["online"] == 2
    first.session.gone()
    second.say({"type": "leave", "room": "main"})
    await soon(lambda: len(presences(ann)) == 3)
    assert presences(ann)[2] == (1, [], [name(second)])


async def user(name: str) -> Identity:
    """Return somebody who has signed in."""
    return await off_loop(identity.of_user, (await sign_up(name)).user)


def titles(wired: Wired) -> set[str]:
    """Return the names that a session was ever told for others than itself."""
    return {
        sender["name"]
        for event in wired.told("presence")
        for sender in event["joined"]
        if sender["id"] != wired.session.sender_id
    }


async def seated(wired: Wired) -> None:
    """Wait until a terminal is in ``main``."""
    await soon(lambda: "main" in wired.session.seats)


@pytest.mark.parametrize("tab_first", [True, False])
async def test_user_s_terminal_changes_nothing_in_how_a_user_with_a_tab_is_shown(
    make_hub: MakeHub, tab_first: bool
) -> None:
    hub = make_hub()
    who, bob = await user("ann"), Wired(hub)
    await bob.join()
    tab = Wired(hub, who=who)
    if tab_first:
        await tab.join()
    terminal = Wired(hub, who=who, terminal=True)
    await seated(terminal)
    if not tab_first:
        await tab.join()
    terminal.session.receive("/name anni")
    terminal.session.receive("hello")
    await soon(lambda: bool(bob.told("message")))
    joined = await bob.join()
    assert {"id": who.sender.id, "name": "ann"} in joined["members"]
    assert joined["online"] == 2
    terminal.session.gone()
    await soon(lambda: not hub.presence.register.due)
    assert titles(bob) <= ({"ann"} if tab_first else {"ann", f"UID {who.sender.id}"})
    assert hub.presence.online("main") == 2


async def test_user_who_is_there_by_terminals_alone_goes_by_the_number_then_by_the_name(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    who, bob = await user("ann"), Wired(hub)
    await bob.join()
    terminal = Wired(hub, who=who, terminal=True)
    await soon(lambda: titles(bob) == {f"UID {who.sender.id}"})
    terminal.session.receive("/name anni")
    await soon(lambda: titles(bob) == {f"UID {who.sender.id}", "anni"})
    tab = Wired(hub, who=who)
    await tab.join()
    await soon(lambda: titles(bob) == {f"UID {who.sender.id}", "anni", "ann"})
    assert [sender.name for sender in hub.presence.members("main")].count("ann") == 1


async def test_user_s_terminal_on_another_process_changes_the_name_on_none(
    make_hub: MakeHub,
) -> None:
    def shown() -> list[str]:
        return [hub.presence.name_of("main", who.sender) for hub in (first, second, third)]

    first, second = make_hub(), make_hub()
    await enrolled(first)
    await enrolled(second)
    who, bob = await user("ann"), Wired(second)
    await bob.join()
    tab, terminal = Wired(first, who=who), Wired(second, who=who, terminal=True)
    await tab.join()
    await soon(lambda: titles(bob) >= {"ann"})
    terminal.session.receive("/name anni")
    await soon(lambda: terminal.session.identity.sender.name == "anni")
    terminal.session.receive("hello")
    await soon(lambda: bool(bob.told("message")))
    for hub in (first, second):
        await written(hub)
    # One that hears nothing of it reads the same from the rows.
    third = make_hub()
    await enrolled(third)
    await third.presence.beat()
    assert shown() == ["ann"] * 3
    tab.session.gone()
    await soon(lambda: shown() == ["anni"] * 3)


async def test_who_reloads_the_page_is_not_told_as_gone(
    make_hub: MakeHub, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "PRESENCE_LINGER": 2}
    hub = make_hub()
    who = identity.new_guest()
    ann, first, other = Wired(hub), Wired(hub, who=who), Wired(hub)
    await ann.join()
    await first.join()
    await other.join()
    await soon(lambda: sum(len(came) for _, came, _ in presences(ann)) == 3)
    first.session.gone()
    second = Wired(hub, who=who)
    await second.join()
    other.session.gone()
    await soon(lambda: any(left for *_, left in presences(ann)))
    assert [left for *_, left in presences(ann) if left] == [[name(other)]]
    assert hub.presence.online("main") == 2


async def test_who_leaves_on_purpose_does_not_linger(make_hub: MakeHub, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "PRESENCE_LINGER": 3600}
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say({"type": "leave", "room": "main"})
    assert hub.presence.online("main") == 0


async def test_change_that_cannot_be_told_is_logged_and_the_next_is_told(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make_hub()
    show = hub.presence._show

    def fail(changes: object) -> None:
        monkeypatch.setattr(hub.presence, "_show", show)
        raise RuntimeError("a bug")

    monkeypatch.setattr(hub.presence, "_show", fail)
    ann, bob = Wired(hub), Wired(hub)
    with caplog.at_level(logging.ERROR, "chat"):
        await ann.join()
        await soon(lambda: "presence could not be told" in caplog.text)
    await bob.join()
    await soon(lambda: bool(presences(ann)))


async def test_who_comes_first_is_before_who_comes_next_whatever_the_clock_says(
    make_hub: MakeHub,
) -> None:
    """Some loops' clocks count in milliseconds: the later one would be told of the earlier."""
    hub = make_hub()
    first, second = Wired(hub, terminal=True), Wired(hub, terminal=True)
    await soon(lambda: all(wired.session.seats for wired in (first, second)))
    earlier, later = first.session.seats["main"], second.session.seats["main"]
    # With a moment in between: that at which the first one came to be known.
    assert earlier.sat_at + 1 < later.sat_at
