import asyncio
import gc
import logging
import threading
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from chat import identity, store
from chat.hub import hub as hubs
from chat.hub.bus import Batch, group_of
from chat.hub.hub import Hub, Refused
from chat.models import Node, Room
from chat.protocol.errors import UnknownRoom
from tests.fakes import entry, soon, turns
from tests.hub.clients import OPEN_SITE, Connect, Wired, memory_layer, off_loop, post

MakeHub = Callable[[], Hub]


# Which hubs there are


async def test_loop_has_one_hub_which_is_listed_while_it_runs(site: None) -> None:
    assert hubs.running() == []
    hub = hubs.current()
    assert hubs.current() is hub
    assert hubs.running() == [hub]
    await hub.stop()
    assert hubs.running() == []


def test_loop_that_is_closed_keeps_no_hub_alive(site: None) -> None:
    async def use() -> None:
        await hubs.current().stop()

    asyncio.run(use())
    assert hubs.running() == []


# Who is let in


async def test_sessions_of_one_user_are_limited_and_places_come_free(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 2, "SESSIONS_PER_ADDRESS": 0}
    hub = hubs.current()
    who = identity.new_guest()
    first, _ = Wired(who=who), Wired(who=who)
    with pytest.raises(Refused) as refused:
        hub.admit(who, "192.0.2.1")
    assert refused.value.code == 4003
    hub.admit(identity.new_guest(), "192.0.2.1")
    first.session.gone()
    hub.admit(who, "192.0.2.1")


async def test_sessions_of_one_address_are_limited_and_places_come_free(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 0, "SESSIONS_PER_ADDRESS": 2}
    hub = hubs.current()
    first, _ = Wired(), Wired()
    with pytest.raises(Refused) as refused:
        hub.admit(identity.new_guest(), "192.0.2.1")
    assert refused.value.code == 4003
    hub.admit(identity.new_guest(), "192.0.2.2")
    first.session.gone()
    hub.admit(identity.new_guest(), "192.0.2.1")


async def test_limits_of_zero_limit_nothing(site: None, settings: Settings) -> None:
    settings.CHAT = {**OPEN_SITE, "SESSIONS_PER_USER": 0, "SESSIONS_PER_ADDRESS": 0}
    who = identity.new_guest()
    for _ in range(50):
        hubs.current().admit(who, "192.0.2.1")
        Wired(who=who)


async def test_guests_are_not_let_in_where_the_site_has_none(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "GUESTS": "none"}
    with pytest.raises(Refused) as refused:
        hubs.current().admit(identity.new_guest(), "192.0.2.1")
    assert refused.value.code == 4501


async def test_nobody_is_let_in_while_the_process_leaves(site: None) -> None:
    hub = hubs.current()
    hub.draining = True
    with pytest.raises(Refused) as refused:
        hub.admit(identity.new_guest(), "192.0.2.1")
    assert refused.value.code == 4000


async def test_session_that_ends_twice_is_counted_off_once(site: None) -> None:
    hub = hubs.current()
    first, second = (Wired(who=identity.new_guest()) for _ in range(2))
    first.session.gone()
    first.session.gone()
    assert hub._by_address == {"192.0.2.1": 1}
    assert list(hub.sessions) == [second.session]


# Tasks


async def test_task_that_fails_is_logged(site: None, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    with caplog.at_level(logging.ERROR, "chat"):
        hubs.current().spawn(fail())
        await soon(lambda: bool(caplog.records))
    assert "a task of the hub failed" in caplog.text


async def test_tasks_end_with_the_hub(site: None) -> None:
    hub = hubs.current()
    task = hub.spawn(asyncio.sleep(3600))
    await hub.stop()
    assert task.cancelled()
    assert not hub._tasks


# The end


async def test_stopping_stores_what_was_taken_and_leaves_the_roster(site: None) -> None:
    hub = hubs.current()
    await soon(lambda: hub.presence.node is not None)
    wired = Wired()
    wired.say(*(post(number) for number in range(20)))
    await soon(lambda: bool(hub.writer._waiting or wired.told("ack")))
    await hub.stop()
    assert await off_loop(Node.objects.count) == 0
    (live,) = await off_loop(lambda: list(Room.objects.all()))
    assert live.head == 20


async def test_stopping_leaves_every_group(site: None) -> None:
    hub = hubs.current()
    await Wired().join()
    layer = memory_layer()
    await soon(lambda: bool(layer.groups))
    await hub.stop()
    assert layer.groups == {}


async def test_stopping_while_a_room_opens_leaves_no_failure_behind(
    site: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The room's loading goes on when the writer's thread has ended already."""
    hub = hubs.current()
    original, stop_writer = store.open_room, hub.threads._writer.shutdown
    ended = threading.Event()

    def when_ended(slug: str, tail: int) -> store.Opened | None:
        ended.wait(10)
        return original(slug, tail)

    def shutdown(*, wait: bool) -> None:
        stop_writer(wait=wait)
        ended.set()

    monkeypatch.setattr(store, "open_room", when_ended)
    monkeypatch.setattr(hub.threads._writer, "shutdown", shutdown)
    Wired(hub).say({"type": "join", "room": "a"})
    await turns()
    await hub.stop()
    await turns()
    gc.collect()
    assert "never retrieved" not in caplog.text


# Rooms that are opened


async def test_batch_that_comes_while_a_room_opens_is_not_lost(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is read first and heard of last: what comes between is kept for the room."""
    hub = make_hub()
    original = store.open_room
    await off_loop(store.create_room, "main")

    def slowly(slug: str, tail: int) -> store.Opened | None:
        opened = original(slug, tail)
        draft = store.PostDraft(room="main", sender_key="g:1", sender_name="x", id="a", text="hi")
        (stored,) = store.append([draft])
        assert isinstance(stored, store.Stored)
        assert stored.entry is not None
        batch = Batch("main", stored.epoch, [stored.entry])
        hub.loop.call_soon_threadsafe(hub.hear, batch)
        return opened

    monkeypatch.setattr(store, "open_room", slowly)
    wired = Wired(hub)
    await wired.join()
    await soon(lambda: wired.seqs == [1])
    assert hub.rooms["main"].healed == 0


async def test_room_that_could_not_be_loaded_is_loaded_anew(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as broken:
        broken.setattr(store, "open_room", fail)
        assert await client.refusal("join", room="main") == "unavailable"
    await client.join()
    (hub,) = hubs.running()
    assert not hub._opening
    assert not hub._heard_early


async def test_room_that_could_not_be_loaded_leaves_no_membership_behind(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await connect()
    with monkeypatch.context() as broken:
        broken.setattr(store, "open_room", lambda *_: 1 / 0)
        assert await client.refusal("join", room="main") == "unavailable"
    assert group_of("main") not in memory_layer().groups


async def test_room_that_was_not_there_leaves_no_membership_behind(
    site: None, settings: Settings
) -> None:
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "staff"}
    hub = hubs.current()
    await Wired().join()
    with pytest.raises(UnknownRoom):
        await hub.enter("nope", identity.new_guest(), create=False)
    assert group_of("nope") not in memory_layer().groups
    assert group_of("main") in memory_layer().groups


async def test_who_may_make_a_room_makes_it_though_another_may_not(
    site: None, settings: Settings
) -> None:
    """Both ask at once, and the one who may not is first."""
    settings.CHAT = {**OPEN_SITE, "ROOM_CREATION": "users"}
    hub = hubs.current()
    user = await off_loop(lambda: identity.of_user(User.objects.create(username="ann")))
    answers = await asyncio.gather(
        hub.enter("new", identity.new_guest(), create=False),
        hub.enter("new", user, create=True),
        return_exceptions=True,
    )
    assert isinstance(answers[0], UnknownRoom)
    assert not isinstance(answers[1], BaseException)
    assert answers[1][0] is hub.rooms["new"]


async def test_who_comes_just_as_a_room_was_not_found_makes_it(site: None) -> None:
    """The opening is over and still noted down: to wait for it would let nobody else run."""
    hub = hubs.current()
    over: asyncio.Future[None] = hub.loop.create_future()
    over.set_result(None)
    hub._opening["new"] = over  # type: ignore[assignment]  # as between a task's end and its callbacks
    room, _, _ = await hub.enter("new", identity.new_guest(), create=True)
    assert hub.rooms["new"] is room
    await turns()
    assert not hub._opening


async def test_room_in_which_people_are_elsewhere_is_not_removed(make_hub: MakeHub) -> None:
    first, second = make_hub(), make_hub()
    here, there = Wired(first), Wired(second)
    await here.join("brief")
    await there.join("brief")
    await soon(lambda: first.presence.elsewhere("brief"))
    here.say({"type": "leave", "room": "brief"})
    await soon(lambda: bool(here.told("left")))
    await first.threads.write(lambda: None)
    assert await off_loop(Room.objects.filter(slug="brief").exists)


async def test_post_to_a_room_that_another_process_just_removed_is_stored(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    joined = await wired.join("brief")
    assert await off_loop(store.remove_transient, "brief")
    wired.say(post(1, "brief"))
    await soon(lambda: wired.seqs == [1])
    made = await off_loop(Room.objects.get, slug="brief")
    assert (made.epoch, made.head) == (joined["epoch"], 1)


# Rooms that change


async def test_new_epoch_lets_everybody_start_over_and_says_so(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired, terminal = Wired(hub), Wired(hub, terminal=True)
    joined = await wired.join()
    wired.say(*(post(number) for number in range(3)))
    await soon(lambda: wired.seqs == [1, 2, 3])
    await off_loop(store.renew_epochs, None)
    hub.heart.look()
    await soon(lambda: len(wired.told("joined")) == 2)
    again = wired.told("joined")[1]
    assert again["recovered"] is False
    assert again["epoch"] != joined["epoch"]
    await soon(lambda: wired.seqs == [1, 2, 3, 1, 2, 3])
    wired.say(post(9))
    await soon(lambda: wired.seqs[-1] == 4)
    assert wired.seqs == [1, 2, 3, 1, 2, 3, 4]
    await soon(lambda: terminal.socket.texts[-1].endswith(": hi"))
    assert terminal.session.seats["main"].live
    assert hub.presence.online("main") == 2


async def test_batch_of_another_epoch_makes_the_process_look(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    changed = await off_loop(store.renew_epochs, None)
    hub.hear(Batch("main", changed["main"], [entry(5)]))
    await soon(lambda: len(wired.told("joined")) == 2)
    assert wired.told("joined")[1]["epoch"] == changed["main"]
    assert wired.seqs == []


async def test_room_that_is_deleted_is_left_by_everybody(make_hub: MakeHub) -> None:
    hub = make_hub()
    await off_loop(Room.objects.create, slug="kitchen")
    wired = Wired(hub)
    await wired.join("kitchen")
    await off_loop(Room.objects.filter(slug="kitchen").delete)
    hub.heart.look()
    await soon(lambda: bool(wired.told("left")))
    assert wired.told("left") == [{"type": "left", "room": "kitchen"}]
    assert "kitchen" not in hub.rooms
    assert wired.session.seats == {}


async def test_unused_room_that_another_process_removed_is_made_again_for_those_in_it(
    make_hub: MakeHub,
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    joined = await wired.join("brief")
    await off_loop(store.remove_transient, "brief")
    hub.heart.look()
    async with asyncio.timeout(10):
        while not await off_loop(Room.objects.filter(slug="brief").exists):
            pass
    assert (await off_loop(Room.objects.get, slug="brief")).epoch == joined["epoch"]
    assert wired.told("left") == []


async def test_main_that_is_deleted_starts_over(make_hub: MakeHub) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say(post(1))
    await soon(lambda: wired.seqs == [1])
    await off_loop(Room.objects.all().delete)
    hub.heart.look()
    await soon(lambda: len(wired.told("joined")) == 2)
    assert wired.told("joined")[1]["head"] == 0


async def test_who_cannot_start_over_is_told_to_have_left(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    await off_loop(store.renew_epochs, None)
    (record,) = (await off_loop(store.heads, ["main"])).values()

    monkeypatch.setattr(store, "open_room", lambda *_: None)
    monkeypatch.setattr(store, "create_room", lambda *_, **__: None)
    await hub.alter(hub.rooms["main"], record)
    await soon(lambda: bool(wired.told("left")))
    assert wired.session.seats == {}


async def test_room_that_somebody_enters_while_it_closes_is_heard(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make_hub()
    wired = Wired(hub)
    await wired.join()
    wired.say({"type": "leave", "room": "main"})
    await soon(lambda: bool(wired.told("left")))
    exit_, left = hub.bus.exit, asyncio.Event()

    async def slowly(room: str) -> None:
        await left.wait()
        await exit_(room)

    monkeypatch.setattr(hub.bus, "exit", slowly)
    closing = asyncio.create_task(hub.close_room(hub.rooms["main"]))
    await turns()
    await wired.join()
    left.set()
    await closing
    assert memory_layer().groups.get(group_of("main"))
    assert hub.rooms["main"].seats


# Two processes


async def test_sessions_of_two_processes_hear_each_other(make_hub: MakeHub) -> None:
    first, second = Wired(make_hub()), Wired(make_hub())
    await first.join()
    await second.join()
    first.say(post(1, text="from the first"))
    await soon(lambda: second.seqs == [1])
    second.say(post(2, text="from the second"))
    await soon(lambda: first.seqs == second.seqs == [1, 2])
    second.say({"type": "typing", "room": "main"})
    await soon(lambda: bool(first.told("typing")) and bool(second.told("typing")))
    await turns()
    assert len(first.told("typing")) == len(second.told("typing")) == 1


async def test_posts_of_two_processes_are_one_sequence_for_everybody(make_hub: MakeHub) -> None:
    wired = [Wired(hub) for hub in (make_hub(), make_hub()) for _ in range(2)]
    for one in wired:
        await one.join()
    for number in range(20):
        for one in wired:
            one.say(post(number))
        await turns(2)
    await soon(lambda: all(len(one.seqs) == 80 for one in wired))
    assert all(one.seqs == list(range(1, 81)) for one in wired)
    logs = [[(e["seq"], e["id"], e["sender"]["id"]) for e in one.told("message")] for one in wired]
    assert logs == [logs[0]] * 4


async def test_process_that_the_layer_forgot_finds_what_it_missed(make_hub: MakeHub) -> None:
    first, second = make_hub(), make_hub()
    speaker, listener = Wired(first), Wired(second)
    await speaker.join()
    await listener.join()
    await memory_layer().flush()
    speaker.say(*(post(number) for number in range(5)))
    await soon(lambda: len(speaker.seqs) == 5)
    assert listener.seqs == []
    second.heart.look()
    await soon(lambda: listener.seqs == [1, 2, 3, 4, 5])
    assert second.rooms["main"].healed == 5


async def test_resume_in_another_process_is_served_what_that_has_not_heard_of_yet(
    make_hub: MakeHub,
) -> None:
    first, second = make_hub(), make_hub()
    speaker, idler = Wired(first), Wired(second)
    joined = await speaker.join()
    await idler.join()
    await memory_layer().flush()
    speaker.say(*(post(number) for number in range(5)))
    await soon(lambda: len(speaker.seqs) == 5)
    resumer = Wired(second)
    again = await resumer.join(after={"epoch": joined["epoch"], "seq": 4})
    assert (again["recovered"], again["head"]) == (True, 5)
    await soon(lambda: resumer.seqs == [5])
    await soon(lambda: idler.seqs == [1, 2, 3, 4, 5])


def test_hub_of_a_loop_that_is_closed_is_forgotten(site: None) -> None:
    async def make() -> Hub:
        hub = hubs.current()
        await hub.stop()
        hubs._hubs[asyncio.get_running_loop()] = hub  # as where nobody stopped it
        return hub

    ended = asyncio.run(make())

    async def make_another() -> list[Hub]:
        hub = hubs.current()
        found = hubs.running()
        await hub.stop()
        return found

    assert ended not in asyncio.run(make_another())
