"""Two processes on one layer: what each has of what is said in the other."""

import pytest

from chat.hub.signals import group_of
from tests.fakes import soon, turns
from tests.hub.clients import Wired, memory_layer, post
from tests.hub.conftest import MakeHub
from tests.hub.roster import enrolled


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


async def test_process_that_the_layer_forgot_finds_what_it_missed(
    make_hub: MakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_hub(), make_hub()

    def stays_forgotten() -> None:
        """In place of a beat's renewal, which may come at any moment."""

    monkeypatch.setattr(second.bus, "renew", stays_forgotten)
    look = second.heart.look
    monkeypatch.setattr(second.heart, "look", lambda *_: None)  # whatever it is told of the first
    await enrolled(second)
    speaker, listener = Wired(first), Wired(second)
    await speaker.join()
    await listener.join()
    layer = memory_layer()
    await layer.flush()
    witness = await layer.new_channel()
    await layer.group_add(group_of("main"), witness)
    speaker.say(*(post(number) for number in range(5)))
    # Only when the layer has passed them on is it sure that it did not to the one it forgot.
    while '"seq":5' not in (await layer.receive(witness))["body"].replace("\\", ""):
        pass
    assert listener.seqs == []
    look()
    await soon(lambda: listener.seqs == [1, 2, 3, 4, 5])
    assert second.rooms["main"].counts.healed == 5


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
