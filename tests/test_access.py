from datetime import UTC, datetime

import pytest
from pytest_django import Settings

from chat import access, identity
from chat.access import Restraint, Rights
from chat.identity import Identity
from chat.models import Ban, Room
from chat.protocol.errors import Forbidden, UnknownRoom
from chat.protocol.events import Sender

GUEST = identity.new_guest()
USER = Identity(key="u:7", sender=Sender("7", "ann"), user_pk=7)
STAFF = Identity(key="u:8", sender=Sender("8", "bob"), user_pk=8, is_staff=True)
MODERATOR = Identity(key="u:9", sender=Sender("9", "cy"), user_pk=9, moderates=True)
BANNER = Identity(key="u:5", sender=Sender("5", "dee"), user_pk=5, bans=True)


def may(who: Identity, room: Room, role: str | None = None) -> str:
    """Return the initials of what ``who`` may: see, post, moderate."""
    found = access.rights(who, room, role)
    assert (found.refusal is None) == found.see
    return "".join(
        initial
        for initial, right in (("s", found.see), ("p", found.post), ("m", found.moderate))
        if right
    )


@pytest.mark.parametrize(
    ("site", "room", "rights"),
    [
        ("none", "", ""),
        ("read", "", "s"),
        ("post", "", "sp"),
        ("none", "read", "s"),
        ("none", "post", "sp"),
        ("read", "none", ""),
        ("read", "post", "sp"),
        ("post", "none", ""),
        ("post", "read", "s"),
    ],
)
def test_guests_may_what_the_room_says_or_else_the_site(
    settings: Settings, site: str, room: str, rights: str
) -> None:
    settings.CHAT = {"GUESTS": site}
    assert may(GUEST, Room(slug="a", guests=room)) == rights


def test_guest_who_is_kept_out_is_asked_to_sign_in() -> None:
    refusal = access.rights(GUEST, Room(slug="a", guests="none"), None).refusal
    assert isinstance(refusal, Forbidden)
    assert "sign in" in refusal.detail


@pytest.mark.parametrize("guests", ["", "none", "read", "post"])
def test_users_may_see_and_post_whatever_guests_may(guests: str) -> None:
    assert may(USER, Room(slug="a", guests=guests)) == "sp"


@pytest.mark.parametrize("who", [GUEST, USER, STAFF, MODERATOR])
def test_private_room_is_unknown_to_whoever_is_no_member(settings: Settings, who: Identity) -> None:
    settings.CHAT = {"GUESTS": "post"}
    room = Room(slug="a", kind=Room.Kind.PRIVATE, guests="post")
    assert may(who, room) == ""
    assert isinstance(access.rights(who, room, None).refusal, UnknownRoom)


@pytest.mark.parametrize(
    ("role", "rights"), [("member", "sp"), ("moderator", "spm"), ("owner", "spm")]
)
@pytest.mark.parametrize("kind", Room.Kind)
def test_members_may_what_their_role_says(kind: Room.Kind, role: str, rights: str) -> None:
    room = Room(slug="a", kind=kind)
    assert may(USER, room, role) == rights
    assert access.rights(USER, room, role) == Rights(see=True, post=True, moderate="m" in rights)


def test_permission_of_the_site_moderates_every_public_room() -> None:
    assert may(MODERATOR, Room(slug="a")) == "spm"


@pytest.mark.parametrize(
    ("who", "role", "rights"),
    [(GUEST, None, "s"), (USER, None, "s"), (USER, "owner", "sm"), (MODERATOR, None, "sm")],
)
def test_nobody_posts_to_an_archived_room(
    settings: Settings, who: Identity, role: str | None, rights: str
) -> None:
    settings.CHAT = {"GUESTS": "post"}
    assert may(who, Room(slug="a", archived=True), role) == rights


@pytest.mark.parametrize(
    ("who", "room", "code"),
    [
        (USER, Room(slug="a", archived=True, locked=True), "archived"),
        (GUEST, Room(slug="a", guests="read", locked=True), "sign_in"),
        (GUEST, Room(slug="a", guests="post", locked=True), "locked"),
        (USER, Room(slug="a"), ""),
    ],
)
def test_what_silences_somebody_has_a_code(who: Identity, room: Room, code: str) -> None:
    found = access.rights(who, room, None)
    assert (found.silenced_by, found.post) == (code, not code)
    mute = Restraint(kind=Ban.Kind.MUTE)
    muted = access.rights(who, room, None, [mute])
    assert muted.silenced_by == (code if code in ("archived", "sign_in") else "muted")


@pytest.mark.parametrize(("policy", "let_in"), [("none", False), ("read", True), ("post", True)])
def test_guests_connect_where_the_site_has_guests_and_users_always(
    settings: Settings, policy: str, let_in: bool
) -> None:
    settings.CHAT = {"GUESTS": policy}
    assert access.may_connect(GUEST) is let_in
    assert access.may_connect(USER)


@pytest.mark.parametrize(
    ("policy", "makers"),
    [("anyone", [GUEST, USER, STAFF]), ("users", [USER, STAFF]), ("staff", [STAFF])],
)
def test_rooms_are_made_by_those_the_site_says(
    settings: Settings, policy: str, makers: list[Identity]
) -> None:
    settings.CHAT = {"ROOM_CREATION": policy}
    assert [who for who in (GUEST, USER, STAFF) if access.may_create(who, "a")] == makers
    assert all(access.may_create(who, "main") for who in (GUEST, USER, STAFF))


def test_longest_text_is_that_of_the_room_or_else_of_the_site(settings: Settings) -> None:
    settings.CHAT = {"TEXT_LIMIT": 5}
    assert access.longest_text(Room(slug="a")) == 5
    assert access.longest_text(Room(slug="a", max_length=3)) == 3
    assert access.longest_text(Room(slug="a", max_length=9)) == 9


# What restrains people

NOW = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)


def restrained(room: Room, *restraints: Restraint, who: Identity = USER, role: str = "") -> Rights:
    """Return the rights of ``who`` under ``restraints``."""
    return access.rights(who, room, role or None, restraints)


@pytest.mark.parametrize("where", ["", "a"])
def test_who_is_banned_from_the_room_or_the_site_does_not_see_it(where: str) -> None:
    ban = Restraint(kind="ban", key="u:7", room=where, until=NOW, reason="rude")
    found = restrained(Room(slug="a"), ban)
    assert (found.see, found.post, found.moderate, found.may) == (False, False, False, [])
    assert found.restraint is ban
    assert isinstance(found.refusal, Forbidden)
    place = where or "this chat"
    wanted = f"you were removed from {place} until 2026-11-28 12:30 UTC: rude"
    assert found.refusal.detail == wanted


def test_ban_from_another_room_is_none_from_this() -> None:
    assert restrained(Room(slug="a"), Restraint(kind="ban", room="b")).post


@pytest.mark.parametrize("where", ["", "a"])
def test_who_is_muted_sees_and_does_not_post(where: str) -> None:
    found = restrained(Room(slug="a"), Restraint(kind="mute", room=where))
    assert (found.see, found.post) == (True, False)
    assert found.refusal is None
    assert isinstance(found.silence, Forbidden)
    assert found.silence.detail == f"you are muted in {where or 'this chat'}"


def test_ban_counts_for_more_than_a_mute() -> None:
    both = [Restraint(kind="mute"), Restraint(kind="ban", room="a")]
    assert not restrained(Room(slug="a"), *both).see


def test_whoever_is_banned_from_a_private_room_is_not_told_that_it_is_there() -> None:
    room = Room(slug="a", kind=Room.Kind.PRIVATE)
    ban = Restraint(kind="ban", key="u:7", room="a")
    assert isinstance(restrained(room, ban).refusal, UnknownRoom)
    assert isinstance(restrained(room, ban, role="member").refusal, Forbidden)


def test_permission_to_ban_protects_nobody_from_being_banned() -> None:
    assert not restrained(Room(slug="a"), Restraint(kind="ban"), who=BANNER, role="owner").see


def test_ban_of_the_site_bars_from_it_and_others_do_not() -> None:
    ban = Restraint(kind="ban")
    assert access.barring([Restraint(kind="mute"), Restraint(kind="ban", room="a"), ban]) is ban
    assert access.barring([Restraint(kind="mute"), Restraint(kind="ban", room="a")]) is None


@pytest.mark.parametrize(
    ("who", "role", "rights"),
    [
        (GUEST, None, "s"),
        (USER, None, "s"),
        (USER, "member", "s"),
        (USER, "moderator", "spm"),
        (USER, "owner", "spm"),
        (MODERATOR, None, "spm"),
        (BANNER, None, "sp"),
    ],
)
def test_only_those_who_look_after_a_locked_room_post_to_it(
    settings: Settings, who: Identity, role: str | None, rights: str
) -> None:
    settings.CHAT = {"GUESTS": "post"}
    room = Room(slug="a", locked=True)
    assert may(who, room, role) == rights
    silence = access.rights(who, room, role).silence
    assert (silence is None) == ("p" in rights)
    assert silence is None or "locked" in silence.detail


@pytest.mark.parametrize(
    ("who", "role", "may"),
    [
        (GUEST, None, []),
        (USER, None, ["post"]),
        (USER, "member", ["post"]),
        (USER, "moderator", ["post", "moderate", "ban"]),
        (MODERATOR, None, ["post", "moderate"]),
        (BANNER, None, ["post", "ban"]),
    ],
)
def test_clients_are_told_what_there_is_to_do(
    who: Identity, role: str | None, may: list[str]
) -> None:
    assert access.rights(who, Room(slug="a"), role).may == may


def test_one_acts_on_those_with_less_to_say_and_the_site_on_all() -> None:
    nobody, moderator = access.rank_of(GUEST, None), access.rank_of(USER, "moderator")
    owner, site = access.rank_of(USER, "owner"), access.rank_of(BANNER, None)
    ranks = [nobody, moderator, owner, site]
    assert [[access.may_act_on(actor, target) for target in ranks] for actor in ranks] == [
        [False, False, False, False],
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, True],
    ]
