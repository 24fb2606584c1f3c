"""Which rooms one is told of, and what is told of them."""

from chat.models import Membership, Room
from tests.hub.clients import Connect, off_loop, sign_up
from tests.hub.rooms import room


async def test_private_room_is_unknown_to_those_who_are_not_members(connect: Connect) -> None:
    private = await room("secret", kind=Room.Kind.PRIVATE)
    ann, bob = await sign_up("ann"), await sign_up("bob", is_staff=True)
    await off_loop(Membership.objects.create, room=private, user=ann.user)
    member = await connect(cookies=ann.cookies)
    await member.join("secret")
    await member.post("psst", "secret")
    for client in (await connect(cookies=bob.cookies), await connect()):
        assert await client.refusal("join", room="secret") == "unknown_room"
        assert await client.refusal("history", room="secret", before=9) == "unknown_room"
        assert await client.refusal("post", room="secret", text="x", id="x") == "unknown_room"
        assert await client.refusal("edit", room="secret", seq=1, text="x") == "unknown_room"
        assert await client.refusal("delete", room="secret", seq=1) == "unknown_room"
        assert [line["room"] for line in (await client.ask("rooms"))["rooms"]] == ["main"]


async def test_rooms_lists_what_one_may_see_by_name_and_who_is_there(connect: Connect) -> None:
    private = await room("secret", kind=Room.Kind.PRIVATE, title="Secret")
    await room("b-room", title="The B")
    await room("a-room")
    await room("old", archived=True)
    await room("users", guests=Room.Guests.NONE)
    ann = await sign_up("ann")
    await off_loop(Membership.objects.create, room=private, user=ann.user)
    client = await connect(cookies=ann.cookies)
    await client.join("a-room")
    assert (await client.ask("rooms"))["rooms"] == [
        {"room": "a-room", "title": "a-room", "online": 1},
        {"room": "b-room", "title": "The B", "online": 0},
        {"room": "main", "title": "main", "online": 0},
        {"room": "secret", "title": "Secret", "online": 0},
        {"room": "users", "title": "users", "online": 0},
    ]
    guest = await connect()
    rooms = [line["room"] for line in (await guest.ask("rooms"))["rooms"]]
    assert rooms == ["a-room", "b-room", "main"]


async def test_rooms_tells_those_who_say_what_they_have_seen_what_is_new(
    connect: Connect,
) -> None:
    for slug in ("a-room", "b-room"):
        await room(slug)
    await room("secret", kind=Room.Kind.PRIVATE)
    writer, reader = await connect(), await connect()
    await writer.join("a-room")
    for slug in ("a-room", "b-room"):
        await writer.talk(3, slug)
    await reader.post("my own", "a-room")
    reply = await reader.ask("rooms", seen={"a-room": 1, "main": 0, "secret": 0, "nope": 5})
    there = [writer.events[0]["sender"]]
    assert reply["rooms"] == [
        {"room": "a-room", "title": "a-room", "online": 1, "unread": 2, "members": there},
        {"room": "b-room", "title": "b-room", "online": 0, "unread": 0, "members": []},
        {"room": "main", "title": "main", "online": 0, "unread": 0, "members": []},
    ]
    epoch = await off_loop(Room.objects.values_list("epoch", flat=True).get, slug="a-room")
    for known, unread in ((epoch, 2), ("another", 3)):
        reply = await reader.ask("rooms", seen={"a-room": {"epoch": known, "seq": 1}})
        assert [line["unread"] for line in reply["rooms"]] == [unread, 0, 0], known
    seen = {f"r{number}": 0 for number in range(501)}
    assert await reader.refusal("rooms", seen=seen) == "bad_command"


async def test_rooms_names_only_some_of_those_who_are_there(connect: Connect) -> None:
    clients = [await connect() for _ in range(7)]
    for client in clients:
        await client.join()
    (line,) = (await clients[0].ask("rooms", seen={}))["rooms"]
    assert (line["online"], line["unread"], len(line["members"])) == (7, 0, 5)
