"""Keep a Python process on this machine: no name is looked up, no connection leaves loopback.

Tests put this folder into PYTHONPATH, so that the processes that they start are kept as well (tests/conftest.py).
"""

import errno
import ipaddress
import os
import platform
import socket
import sys

_HERE = {None, "", "localhost", platform.node()}
_LOOKS_UP = {"socket.getaddrinfo", "socket.gethostbyname"}
_SENDS = {"socket.connect", "socket.sendto", "socket.sendmsg"}


def _stay(event: str, arguments: tuple[object, ...]) -> None:
    if event in _LOOKS_UP and not _is_here(arguments[0], numeric=True):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if event in _SENDS and isinstance(arguments[1], tuple) and not _is_here(arguments[1][0], numeric=False):
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))


def _is_here(host: object, *, numeric: bool) -> bool:
    """Return whether a host is this machine; with `numeric`, or any that is written as an address."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name in _HERE:
        return True
    try:
        address = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        return numeric and _is_written_in_an_old_way(str(name))
    return numeric or address.is_loopback or address.is_unspecified


def _is_written_in_an_old_way(name: str) -> bool:
    try:
        socket.inet_aton(name)  # 0x7f.1 and 2130706433 are 127.0.0.1
    except (OSError, UnicodeError):
        return False
    return True


sys.addaudithook(_stay)
