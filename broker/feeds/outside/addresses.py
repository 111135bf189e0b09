"""Which addresses may be called: those of the internet, and of this machine and its networks only those that are named.

A webhook's address is somebody's word, and so is what a name resolves to: without this the bridge would knock for them
at doors that only it can reach. The address that was looked at is the one that is called, so that a name cannot change
in between.
"""

import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_OF_A_SITE = ipaddress.ip_network("fec0::/10")  # private before fc00::/7 was; Python takes it for the internet's
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address behind a translator, in the last four bytes


class AddressError(OSError):
    """An address that is not called; the text says why and what to do."""


def resolved(host: str, port: int, inside: Sequence[str], *, clear: bool) -> str:
    """The address to call for `host`, the first that may be; `clear` where nothing is encrypted: only inside.

    Raises AddressError, and OSError where the name is nobody's.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as why:
        raise AddressError("its name is none") from why
    why_not = "its name has no address"
    for *_, place in found:
        text = str(place[0])
        if _is_named(_plain(text), inside):
            return text
        if clear:
            why_not = "http is only for addresses named in `inside`; give it https"
        elif is_outside(text):
            return text
        else:
            why_not = "it is an address of this machine or an inner network; name it in `inside` if it is meant"
    raise AddressError(why_not)


def is_outside(text: str) -> bool:
    """Whether it is an address of the internet."""
    address = _plain(text)
    return address.is_global and not address.is_multicast and not address.is_reserved and address not in _OF_A_SITE


def _is_named(address: Address, inside: Sequence[str]) -> bool:
    networks = [ipaddress.ip_network(text, strict=False) for text in inside]
    return any(address.version == network.version and address in network for network in networks)


def _plain(text: str) -> Address:
    """The address that is meant, also where an IPv6 address only wraps one of IPv4."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and (address in _TRANSLATED or (int(address) >> 32 == 0 and int(address) > 1)):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address
