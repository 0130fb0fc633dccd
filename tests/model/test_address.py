import pytest

from monitor.model.address import is_forbidden, literal_address


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "224.0.0.251", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2001:0:1::1"),
        *("fec0::1", "feff::1", "::ffff:0:8.8.8.8", "3fff::1", "3fff:fff::1", "5f00::1", "100:0:0:1::1"),
        *("100::1", "192.88.99.1", "64:ff9b::10.0.0.1"),
    ],
)
def test_what_is_not_on_the_public_internet_is_forbidden(address: str) -> None:
    assert is_forbidden(address, ())


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "151.101.1.164", "192.88.98.1"),
        *("2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
    ],
)
def test_what_is_on_the_public_internet_is_not(address: str) -> None:
    assert not is_forbidden(address, ())


def test_the_operator_may_open_an_address_or_a_network() -> None:
    allowed = ("127.0.0.1/32", "10.1.0.0/16", "fc00::/7")
    assert not any(
        is_forbidden(address, allowed) for address in ("127.0.0.1", "::ffff:127.0.0.1", "10.1.2.3", "fc00::1")
    )
    assert all(is_forbidden(address, allowed) for address in ("127.0.0.2", "10.2.0.1", "::1"))


@pytest.mark.parametrize(
    "host",
    [
        *(
            "127.0.0.1",
            "127.0.0.1.",
            "2130706433",
            "017700000001",
            "0x7f000001",
            "0x7F.1",
            "127.1",
            "127.0.1",
        ),
        *("0177.0.0.1", "localhost", "LOCALHOST.", "a.localhost"),
    ],
)
def test_every_spelling_of_an_address_is_seen_through(host: str) -> None:
    assert literal_address(host) == "127.0.0.1"


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "0.0.0.0", "0"])
def test_an_address_stands_for_itself(host: str) -> None:
    assert is_forbidden(literal_address(host), ())


@pytest.mark.parametrize(
    "host",
    [
        *(
            "news.example.org",
            "",
            "1.2.3.4.5",
            "256.1.1.1",
            "1.2.3.256",
            "0x",
            "08.1.1.1",
            "1_0",
            "+1",
            "-1",
            " 1",
        ),
        *("4294967296", "1.2.65536", "localhost.example.org", "١٢٧.0.0.1"),
    ],
)
def test_a_name_stands_for_nothing_until_somebody_is_asked(host: str) -> None:
    assert literal_address(host) == ""
