from chat.hub.seat import EVER, Line
from tests.fakes import Listener, seat_of


def test_seat_starts_where_it_is_put_with_nothing_unseen() -> None:
    seat = seat_of(Listener(), None, at=7)
    assert (seat.position, seat.seen, seat.live) == (7, 7, False)


def test_terminal_is_shown_what_is_about_nobody() -> None:
    assert seat_of(Listener("7", terminal=True), None).wants(Line("hello"))


def test_terminal_is_not_shown_that_it_came_itself() -> None:
    seat = seat_of(Listener("7", terminal=True), None)
    assert not seat.wants(Line("[UID: 7] joined", "7", EVER))
    assert seat.wants(Line("[UID: 8] joined", "8", EVER))


def test_terminal_is_not_shown_who_came_before_it_did() -> None:
    seat = seat_of(Listener("7", terminal=True), None)
    seat.sat_at = 10.0
    assert not seat.wants(Line("[UID: 8] joined", "8", 9.0))
    assert seat.wants(Line("[UID: 8] joined", "8", 10.0))


def test_lines_that_a_terminal_does_not_want_are_left_out() -> None:
    listener = Listener("7", terminal=True)
    lines = [Line("a"), Line("b", "7"), Line("c")]
    assert seat_of(listener, None).push_lines(lines)
    assert listener.lines == ["a", "c"]


def test_blocked_terminal_takes_no_lines() -> None:
    listener = Listener("7", terminal=True)
    listener.blocked = True
    assert not seat_of(listener, None).push_lines([Line("a")])
