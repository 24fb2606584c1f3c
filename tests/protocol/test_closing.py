import pytest

from chat.protocol.closing import CloseCode

WIRE = {
    4000: ("GOING_AWAY", True),
    4001: ("NO_SIGN_OF_LIFE", True),
    4002: ("TOO_SLOW", True),
    4003: ("TOO_MANY_CONNECTIONS", True),
    4500: ("PROTOCOL_VIOLATION", False),
    4501: ("SIGNED_OUT", False),
    4503: ("REMOVED", False),
    4509: ("FRAME_TOO_BIG", False),
}


def test_codes_are_those_of_the_wire() -> None:
    assert {code.value: code.name for code in CloseCode} == {
        code: name for code, (name, _) in WIRE.items()
    }


@pytest.mark.parametrize("code", CloseCode)
def test_code_invites_a_reconnect_as_the_wire_says(code: CloseCode) -> None:
    assert code.invites_reconnect is WIRE[code][1]
