"""Which network addresses the hub may be sent to: rules only, no I/O."""

from __future__ import annotations

import ipaddress
import re
import socket
import unicodedata
from collections.abc import Collection

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_THIS_NETWORK = ipaddress.IPv4Network("0.0.0.0/8")
# Metadata services of clouds that do not live on a link-local address.
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)


# The old ways to write an IPv4 address, which the C library still reads: 2130706433, 0x7f.1, 0177.0.0.1.
_OLD_SPELLING = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+)){0,3}")


def address_of(host: str) -> Address | None:
    """The address that a host part spells out in whatever way, or `None` for a name."""
    # As browsers and libraries read it: wide digits are digits, and a dot at the end changes nothing.
    host = unicodedata.normalize("NFKC", host).replace("\u3002", ".").strip("[]").split("%")[0].rstrip(".")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    if _OLD_SPELLING.fullmatch(host):
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))
        except OSError:
            return None
    return None


def refusal(address: Address, port: int, *, allow_loopback: bool, loopback_ports: Collection[int] = ()) -> str | None:
    """Why the hub won't connect to `address`, or `None` where it will.

    Private addresses are fine: that is where companies' servers live. Loopback is fine where `allow_loopback`, or for a
    port among `loopback_ports`.
    """
    inner = _embedded(address)
    if inner is not None:
        address = inner
    if address in _METADATA:
        return "is a cloud's metadata service"
    if address.is_unspecified or (address.version == 4 and address in _THIS_NETWORK):
        return "is no address of a server"
    if address.is_loopback:
        return None if allow_loopback or port in loopback_ports else "is this very machine"
    if address.is_link_local:
        return "is link-local, where clouds keep their metadata"
    if address.is_multicast:
        return "is a multicast address"
    if address.is_reserved:
        return "is a reserved address"
    return None


def _embedded(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
