"""Signals are heard as they were sent, and what is none is passed over."""

import asyncio
import logging
from typing import Any

import pytest
from django.test import override_settings

from chat.hub import signals
from chat.hub.signals import CONTROL, Altered, AnySignal, Batch, Came, Look, Probe, Whisper
from tests.fakes import EPOCH, Layer, entries, soon
from tests.hub.bus.conftest import ROOM, Ears
from tests.hub.clients import memory_layer

# Sent and heard


@pytest.mark.parametrize(
    "signal",
    [
        Batch("main", EPOCH, entries(1, 3)),
        Whisper("origin", "main", '{"type":"ping"}'),
        Came(1, 2, [("main", "7", "bob", 2)], [("main", "8")]),
        Altered("main"),
        Look(),
        Probe("origin"),
    ],
)
async def test_signal_is_heard_as_it_was_sent(ears: Ears, signal: AnySignal) -> None:
    ears.bus.send(CONTROL, signal)
    await soon(lambda: bool(ears.heard))
    assert ears.heard == [signal]


async def test_signals_arrive_in_the_order_they_were_sent(ears: Ears) -> None:
    for number in range(50):
        ears.bus.send(CONTROL, Altered(str(number)))
    await soon(lambda: len(ears.heard) == 50)
    assert ears.heard == [Altered(str(number)) for number in range(50)]


# What is heard


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"type": "chat.bus"},
        {"type": "chat.bus", "body": ""},
        {"type": "chat.bus", "body": "{}"},
        {"type": "chat.bus", "body": '{"is":"future"}'},
        {"type": "chat.bus", "body": '{"is":"altered"}'},
        {"type": "chat.bus", "body": '{"is":"altered","room":5}'},
        {"type": "chat.bus", "body": b"\xff"},
        {"type": "chat.bus", "body": None},
        {"type": "chat.bus", "body": 5},
        {"type": "chat.bus", "body": ["a"]},
        {"type": "chat.bus", "body": "\ud800"},
    ],
    ids=str,
)
async def test_message_that_cannot_be_read_is_ignored(
    ears: Ears, layer: Layer, message: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "chat"):
        layer.deliver(message)
        ears.bus.send(CONTROL, Look())
        await soon(lambda: ears.heard == [Look()])
    assert "unreadable" in caplog.text


async def test_signal_whose_hearing_fails_leaves_the_process_its_hearing(
    ears: Ears, layer: Layer
) -> None:
    """Without the task that listens the process would be deaf for good."""
    layer.deliver(signals.pack(Altered("bug")))
    layer.deliver(signals.pack(Look()))
    await soon(lambda: ears.heard == [Look()])


# Two processes on a real layer


async def test_processes_on_one_layer_hear_each_other() -> None:
    with override_settings(
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ):
        first, second = Ears(), Ears()
        for ears in (first, second):
            ears.bus.start()
        groups = memory_layer().groups
        await soon(lambda: len(groups.get(CONTROL, ())) == 2)
        await second.bus.enter("main")
        first.bus.send(ROOM, Altered("main"))
        first.bus.send(CONTROL, Look())
        await soon(lambda: len(second.heard) == 2 and len(first.heard) == 1)
        assert second.heard == [Altered("main"), Look()]
        assert first.heard == [Look()]
        await asyncio.gather(first.bus.stop(), second.bus.stop())


async def test_what_nobody_else_hears_is_not_sent_over_an_in_memory_layer() -> None:
    """It looks through all groups, at each sending and at each receiving."""
    with override_settings(
        CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    ):
        alone, other = Ears(), Ears()
        alone.bus.start()
        groups = memory_layer().groups
        await soon(lambda: CONTROL in groups)
        await alone.bus.enter("main")
        alone.bus.send(ROOM, Altered("main"))
        alone.bus.send(CONTROL, Look())
        await soon(lambda: bool(alone.heard))
        assert alone.heard == [Look()]
        other.bus.start()
        await other.bus.enter("main")
        await soon(lambda: len(groups.get(ROOM, ())) == 2)
        alone.bus.send(ROOM, Altered("main"))
        await soon(lambda: bool(other.heard))
        assert other.heard == [Altered("main")]
        await asyncio.gather(alone.bus.stop(), other.bus.stop())
