import pytest

from chat.protocol import errors
from chat.protocol.errors import Problem

CODES = {
    "bad_frame",
    "bad_command",
    "unknown_command",
    "unknown_room",
    "forbidden",
    "not_joined",
    "empty",
    "too_long",
    "not_found",
    "rate_limited",
    "too_many_rooms",
    "unavailable",
}


def test_problems_have_the_codes_of_the_wire_each_its_own() -> None:
    codes = [kind.code for kind in Problem.__subclasses__()]
    assert len(codes) == len(CODES)
    assert set(codes) == CODES


@pytest.mark.parametrize("kind", Problem.__subclasses__())
def test_problem_without_a_detail_says_its_own_sentence(kind: type[Problem]) -> None:
    assert kind().detail == str(kind()) == kind.default != ""
    assert kind().retry_after == (1.0 if kind is errors.Unavailable else None)


def test_problem_with_a_detail_says_that() -> None:
    problem = errors.RateLimited("slow mode", retry_after=1.5)
    assert (problem.detail, str(problem), problem.retry_after) == ("slow mode", "slow mode", 1.5)
    assert errors.Unavailable(retry_after=5).retry_after == 5
