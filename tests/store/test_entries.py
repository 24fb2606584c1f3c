import msgspec
import pytest

from chat.protocol.events import Sender
from chat.store import Entry


@pytest.mark.parametrize("entry", [Entry(7, "{}"), Entry(7, "{}", 3, Sender("1", "ann"))])
def test_entry_travels_as_a_list_and_is_read_back(entry: Entry) -> None:
    text = msgspec.json.encode(entry)
    assert text.startswith(b'[7,"{}"')
    assert msgspec.json.decode(text, type=Entry) == entry


def test_entry_is_a_message_unless_it_has_a_target() -> None:
    assert Entry(7, "{}").is_message
    assert not Entry(7, "{}", 3).is_message
