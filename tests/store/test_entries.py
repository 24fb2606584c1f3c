import msgspec

from chat.protocol.events import Sender
from chat.store import Entry


def test_message_travels_as_two_values() -> None:
    assert msgspec.json.encode(Entry(7, "{}")) == b'[7,"{}"]'


def test_change_travels_with_its_target_and_who_made_it() -> None:
    entry = Entry(7, "{}", 3, Sender("1", "ann"))
    text = msgspec.json.encode(entry)
    assert text == b'[7,"{}",3,{"id":"1","name":"ann"}]'
    assert msgspec.json.decode(text, type=Entry) == entry


def test_entry_is_a_message_unless_it_has_a_target() -> None:
    assert Entry(7, "{}").is_message
    assert not Entry(7, "{}", 3).is_message
