"""Decide which IP addresses are public: only those, and those in [fetch] allow_private, may be connected to."""

from collections.abc import Sequence
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

# Networks that are not on the public internet, whatever is_global says of them in one version of Python or another.
_NOT_PUBLIC = [
    ip_network(network)
    for network in (
        *(
            "64:ff9b:1::/48",
            "::/96",
            "2002::/16",
            "2001::/32",
        ),  # lead to IPv4: local NAT64, compatible, 6to4, Teredo
        "::ffff:0:0:0/96",  # IPv4-translated (RFC 2765, section 2.1)
        "192.88.99.0/24",  # relays of 6to4 (RFC 7526)
        "fec0::/10",  # site-local (RFC 3879)
        *("3fff::/20", "100:0:0:1::/64", "5f00::/16"),  # RFC 9637, RFC 9780, RFC 9602
    )
]
_NAT64 = ip_network(
    "64:ff9b::/96"
)  # an IPv4 address behind it, by which networks without IPv4 reach it (RFC 6052)


def is_forbidden(address: str, allowed: Sequence[str]) -> bool:
    """Return whether an IP address must not be connected to: one that is not on the public internet.

    That is loopback, private, link-local (cloud metadata), multicast and reserved ones, but for the `allowed`
    networks, which the operator has opened: "127.0.0.1/32".
    """
    target: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(target, IPv6Address) and target.ipv4_mapped:
        target = target.ipv4_mapped
    elif target in _NAT64:
        target = IPv4Address(int(target) & 0xFFFFFFFF)
    if any(target in network for network in _networks(tuple(allowed))):
        return False
    is_special = any(target in network for network in _NOT_PUBLIC)
    return is_special or not target.is_global or target.is_multicast


def is_opened(host: str, allowed: Sequence[str]) -> bool:
    """Return whether a URL's host writes out an address in one of the `allowed` networks; a name is not resolved."""
    address = literal_address(host)
    return bool(address) and any(ip_address(address) in network for network in _networks(tuple(allowed)))


@cache
def _networks(written: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(network) for network in written]


def literal_address(host: str) -> str:
    """Return the IP address a URL's host writes out; "" for a name that must be resolved.

    As resolvers read it: also 2130706433, 0177.1 and 0x7f.0.0.1 are 127.0.0.1, and so is localhost (RFC 6761).
    """
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return "127.0.0.1"
    try:
        return str(ip_address(host.partition("%")[0]))
    except ValueError:
        return _inet_aton(host)


def _inet_aton(host: str) -> str:
    """Read inet_aton's spellings: one to four numbers, decimal, octal or hexadecimal; the last fills what is left."""
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
        raise ValueError(part)  # int() accepts + and -, spaces and underscores
    return 16 if part.startswith("0x") else 8 if part.startswith("0") else 10
