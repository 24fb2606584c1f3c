import ipaddress
import logging
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.access import Restraint
from chat.hub.bans import Bans

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def ban(**fields: object) -> Restraint:
    """Return a ban."""
    return Restraint(kind="ban", **fields)  # type: ignore[arg-type]  # by name


@st.composite
def networks(draw: st.DrawFn) -> str:
    """Draw a range of addresses; not so seldom one that is near another."""
    address = draw(ADDRESSES)
    length = draw(st.integers(0, address.max_prefixlen))
    return str(ipaddress.ip_network((address, length), strict=False))


def test_nobody_is_restrained_where_there_are_no_bans() -> None:
    assert Bans().against("u:7", "192.0.2.1", NOW) == ()


def test_sender_is_found_by_key_and_nobody_else_is() -> None:
    found = ban(key="u:7")
    bans = Bans([found, ban(key="u:8")])
    assert bans.against("u:7", "", NOW) == (found,)
    assert bans.against("u:77", "", NOW) == ()
    assert bans.against("g:7", "", NOW) == ()


@given(networks=st.lists(networks(), max_size=12), address=ADDRESSES)
@example(networks=["0.0.0.0/0", "::/0"], address=ipaddress.ip_address("::1"))
def test_address_is_in_those_networks_that_contain_it(
    networks: list[str], address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> None:
    found = Bans([ban(network=each) for each in networks]).against("g:1", str(address), NOW)
    place = getattr(address, "ipv4_mapped", None) or address
    wanted = [each for each in networks if place in ipaddress.ip_network(each)]
    assert sorted(each.network for each in found) == sorted(wanted)


@given(network=networks(), bits=st.integers(min_value=0))
def test_every_address_of_a_network_is_found_in_it(network: str, bits: int) -> None:
    there = ipaddress.ip_network(network)
    address = there[bits % there.num_addresses]
    if getattr(address, "ipv4_mapped", None) is None:
        assert Bans([ban(network=network)]).against("g:1", str(address), NOW)


def test_address_of_version_4_is_the_same_as_a_mapped_one() -> None:
    bans = Bans([ban(network="192.0.2.0/24")])
    assert bans.against("g:1", "::ffff:192.0.2.9", NOW)
    assert not bans.against("g:1", "::ffff:192.0.3.9", NOW)


def test_address_with_an_interface_is_known() -> None:
    assert Bans([ban(network="fe80::/10")]).against("g:1", "fe80::1%eth0", NOW)


@pytest.mark.parametrize("address", ["", "unix:", "/run/chat.sock", "300.1.1.1"])
def test_what_is_no_address_is_in_no_network(address: str) -> None:
    assert Bans([ban(network="0.0.0.0/0")]).against("g:1", address, NOW) == ()


def test_ban_ends_at_its_moment() -> None:
    bans = Bans([ban(key="u:7", until=NOW)])
    second = timedelta(seconds=1)
    assert bans.against("u:7", "", NOW - second)
    assert not bans.against("u:7", "", NOW)
    assert bans.ended(NOW - second, NOW)
    assert not bans.ended(NOW, NOW + second)
    assert not bans.ended(NOW - 2 * second, NOW - second)


def test_row_that_is_no_network_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "chat"):
        bans = Bans([ban(network="here"), ban(network="10.0.0.1/8"), ban(key="u:7")])
    assert "'here'" in caplog.text
    assert bans.against("u:7", "10.9.9.9", NOW) != ()
    assert bans.against("g:1", "10.9.9.9", NOW) != ()


def test_lookup_among_thousands_takes_a_look_for_each_length_of_prefix() -> None:
    many = [ban(network=f"10.{n // 256}.{n % 256}.0/24") for n in range(5000)]
    bans = Bans([*many, ban(network="2001:db8::/32")])
    assert sorted(bans._networks) == [(4, 8), (6, 96)]
    assert [each.network for each in bans.against("g:1", "10.3.7.9", NOW)] == ["10.3.7.0/24"]
