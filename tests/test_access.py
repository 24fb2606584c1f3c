import pytest
from pytest_django import Settings

from chat import access, identity
from chat.access import Rights
from chat.identity import Identity
from chat.models import Room
from chat.protocol.errors import Forbidden, UnknownRoom
from chat.protocol.events import Sender

GUEST = identity.new_guest()
USER = Identity(key="u:7", sender=Sender("7", "ann"), user_pk=7)
STAFF = Identity(key="u:8", sender=Sender("8", "bob"), user_pk=8, is_staff=True)
MODERATOR = Identity(key="u:9", sender=Sender("9", "cy"), user_pk=9, moderates=True)


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
