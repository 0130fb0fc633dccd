"""What a certificate says of itself, also one that is not trusted, and also what is none."""

import random
import ssl
from datetime import UTC, datetime

import trustme

from monitor.mail.certificate import read_certificate

START, END = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2061, 6, 7, 8, 9, 10, tzinfo=UTC)


def _der(*names: str, common_name: str | None = None) -> bytes:
    made = trustme.CA().issue_cert(*names, common_name=common_name, not_before=START, not_after=END)
    return ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())


def test_names_and_period_are_read() -> None:
    certificate = read_certificate(_der("mail.example.org", "*.example.net", "192.0.2.7", "2001:db8::7"))
    assert certificate
    assert certificate.names == ("mail.example.org", "*.example.net", "192.0.2.7", "2001:db8::7")
    assert (certificate.not_before, certificate.not_after) == (START, END)


def test_a_certificate_without_host_names_has_its_common_name() -> None:
    certificate = read_certificate(_der(common_name="mail.example.org"))
    assert certificate
    assert certificate.names == ("mail.example.org",)


def test_a_serial_number_that_begins_like_a_time_is_none() -> None:
    der = bytearray(_der("mail.example.org"))
    serial = (
        der.index(b"\xa0\x03\x02\x01\x02\x02") + 6
    )  # behind the version comes an INTEGER: length, content
    der[serial + 1] = 0x17
    certificate = read_certificate(bytes(der))
    assert certificate
    assert certificate.not_before == START


def test_what_is_no_certificate_is_told_by_none() -> None:
    der, chance = _der("mail.example.org"), random.Random(15)
    assert read_certificate(b"") is None
    assert all(read_certificate(der[:length]) is None for length in range(0, len(der), 7))
    for _ in range(2_000):
        broken = bytearray(der)
        broken[chance.randrange(len(der))] = chance.randrange(256)
        read_certificate(bytes(broken))  # whatever it returns, it raises nothing
