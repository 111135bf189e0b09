"""Which addresses a webhook may be sent to: nobody has the bridge knock at its own doors."""

import socket
from typing import Any

import pytest

from broker.feeds.outside.addresses import AddressError, is_outside, resolved

OF_THE_HOUSE = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::1", "::", "fe80::1%1", "fc00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::7f00:1",
    "ff02::1", "2001:db8::1", "fec0::1", "feff::1",
]  # fmt: skip


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to."""
    known: dict[str, list[str]] = {}

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


@pytest.mark.parametrize("address", OF_THE_HOUSE)
def test_an_address_of_the_house_is_called_only_by_permission(names: dict[str, list[str]], address: str) -> None:
    """Also by a name that leads there, and however it is written."""
    assert not is_outside(address)
    names["evil.example"] = [address]
    with pytest.raises(AddressError, match="inside"):
        resolved("evil.example", 443, (), clear=False)


@pytest.mark.parametrize("address", ["1.1.1.1", "114.114.114.114", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_an_address_of_the_internet_is_called_encrypted(names: dict[str, list[str]], address: str) -> None:
    """Without encryption it is not."""
    names["phones.example"] = [address]
    assert resolved("phones.example", 443, (), clear=False) == address
    with pytest.raises(AddressError, match="https"):
        resolved("phones.example", 80, ("10.0.0.0/8",), clear=True)


def test_a_name_of_several_addresses_is_called_at_one_that_may_be(names: dict[str, list[str]]) -> None:
    """Never at the other."""
    names["both.example"] = ["127.0.0.1", "1.1.1.1"]
    assert resolved("both.example", 443, (), clear=False) == "1.1.1.1"


def test_what_is_named_inside_is_called_and_its_neighbour_is_not(names: dict[str, list[str]]) -> None:
    """An address or a network, of either family."""
    names.update({"a": ["10.0.0.7"], "b": ["10.0.0.8"], "c": ["fd00::1"], "d": ["::ffff:10.0.0.7"]})
    inside = ("10.0.0.7", "fd00::/64")
    assert [resolved(name, 80, inside, clear=True) for name in "acd"] == ["10.0.0.7", "fd00::1", "::ffff:10.0.0.7"]
    with pytest.raises(AddressError):
        resolved("b", 80, inside, clear=True)


def test_a_name_that_nobody_has_is_for_later(names: dict[str, list[str]]) -> None:
    """An error of the network, as others."""
    with pytest.raises(OSError, match="not known"):
        resolved("nowhere.example", 443, (), clear=False)
