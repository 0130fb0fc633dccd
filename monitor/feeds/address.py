"""Which addresses may we dial?"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# is_global alone lets these through: NAT64 and IPv4-compatible addresses reach private IPv4 ones behind them,
# 6to4 likewise (and Python 3.11 calls it global).
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
