"""Read the names and the period of validity in a certificate (RFC 5280), also in one that nobody may trust."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.model import require_utc

_SEQUENCE = 0x30
_OCTETS = 0x04
_TIMES = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}  # UTCTime and GeneralizedTime (RFC 5280 4.1.2.5)
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # in subjectAltName (RFC 5280 4.2.1.6)
_SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")  # OID 2.5.29.17
_COMMON_NAME = bytes.fromhex("0603550403")  # OID 2.5.4.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a mail server shows of itself."""

    names: tuple[str, ...]  # the hosts it is for; its common name where it names no host
    not_before: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        require_utc(self.not_before, self.not_after)


def read_certificate(der: bytes) -> Certificate | None:
    """Return what stands in a certificate in DER; None for bytes that are none."""
    try:
        (_, whole), *_ = _items(der)
        (_, signed), *_ = _items(whole)
        parts = list(_items(signed))
        sequences = [content for tag, content in parts if tag == _SEQUENCE]  # the serial number is none
        # The algorithm and the issuer stand before the period of validity, the subject behind it.
        _, _, validity, subject, *_ = sequences
        times = _times(validity)
        names = _alternative_names(signed) or _common_name(subject)
    except (ValueError, IndexError, KeyError, StopIteration):
        return None
    return Certificate(names=names, not_before=times[0], not_after=times[1])


def _items(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each value in a row. Raises ValueError where one is cut off."""
    while der:
        tag, length, start = der[0], der[1], 2
        if length & 0x80:
            start = 2 + (length & 0x7F)
            length = int.from_bytes(der[2:start])
        if len(der) < start + length:
            raise ValueError("cut off")
        yield tag, der[start : start + length]
        der = der[start + length :]


def _times(validity: bytes) -> tuple[datetime, datetime]:
    first, last = (
        datetime.strptime(content.decode("ascii"), _TIMES[tag]).replace(tzinfo=UTC)
        for tag, content in _items(validity)
    )
    return first, last


def _alternative_names(signed: bytes) -> tuple[str, ...]:
    _, found, rest = signed.partition(_SUBJECT_ALT_NAME)
    if not found:
        return ()
    # Between the name of the extension and its value may stand whether it is critical.
    value = next(content for tag, content in _items(rest) if tag == _OCTETS)
    (_, names), *_ = _items(value)
    return tuple(
        content.decode("ascii") if tag == _DNS_NAME else str(ipaddress.ip_address(content))
        for tag, content in _items(names)
        if tag in (_DNS_NAME, _IP_ADDRESS)
    )


def _common_name(subject: bytes) -> tuple[str, ...]:
    _, found, rest = subject.partition(_COMMON_NAME)
    return (next(_items(rest))[1].decode("utf-8"),) if found else ()
