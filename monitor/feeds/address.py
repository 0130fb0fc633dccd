"""Decide which IP addresses may be connected to."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# is_global alone lets these through: NAT64 and IPv4-compatible addresses reach private IPv4 ones behind them,
# 6to4 and Teredo likewise (and Python 3.11 calls 6to4 global).
_REACHING_ROUND = [
    ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "2002::/16", "2001::/32")
]


def forbidden(address: str, allowed: Sequence[str]) -> bool:
    """Is this IP address, as it is about to be dialled, one that feeds have no business with?

    Everything that is not on the public internet: loopback, private, link-local (cloud metadata), multicast,
    reserved. `allowed` are networks the operator has opened: "127.0.0.1/32".
    """
    dialled: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(dialled, IPv6Address) and dialled.ipv4_mapped:
        dialled = dialled.ipv4_mapped
    if any(dialled in ip_network(network) for network in allowed):
        return False
    reaching_round = any(dialled in network for network in _REACHING_ROUND)
    return reaching_round or not dialled.is_global or dialled.is_multicast


def literal(host: str) -> str:
    """The IP address a host stands for without anybody being asked; "" for a name that must be resolved.

    As resolvers read it: also 2130706433, 0177.1 and 0x7f.0.0.1 are 127.0.0.1, and so is localhost (RFC 6761).
    """
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return _old_style(host)


def _old_style(host: str) -> str:
    """inet_aton's spellings: one to four numbers, decimal, octal or hexadecimal; the last fills what is left."""
    parts = host.split(".")
    try:
        numbers = [int(part, _base(part)) for part in parts]
    except ValueError:
        return ""
    *bytes_, last = numbers
    if len(parts) > 4 or any(number > 255 for number in bytes_) or last >= 256 ** (4 - len(bytes_)):
        return ""
    return str(IPv4Address(last + sum(number << (24 - 8 * place) for place, number in enumerate(bytes_))))


def _base(part: str) -> int:
    if not part.isascii() or not part.isalnum():
        raise ValueError(part)  # int() takes signs, spaces and underscores
    return 16 if part.startswith("0x") else 8 if part.startswith("0") else 10
