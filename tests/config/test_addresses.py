"""Mail addresses as they are written in config.toml."""

import pytest

from monitor.config.addresses import Mailbox, parse_mailbox


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("you@example.org", "", "you@example.org"),
        ("  you@Example.ORG ", "", "you@example.org"),
        ("<you@example.org>", "", "you@example.org"),
        ("Ann Lee <you@example.org>", "Ann Lee", "you@example.org"),
        ("you@example.org (Ann)", "Ann", "you@example.org"),
        ("科技日报, 每日 <d@example.org>", "科技日报, 每日", "d@example.org"),
        ('"News, daily" <d@example.org>', "News, daily", "d@example.org"),
        ('"a@b.org, \\"c\\"" <d@example.org>', 'a@b.org, "c"', "d@example.org"),
        ("ann@example.org <ann@example.org>", "ann@example.org", "ann@example.org"),
        ("AI@日报 <d@example.org>", "AI@日报", "d@example.org"),
        ("读者@bücher.example", "", "读者@xn--bcher-kva.example"),
        ("root@localhost", "", "root@localhost"),
        ("you@[127.0.0.1]", "", "you@[127.0.0.1]"),
        ("you@example.org.", "", "you@example.org"),
    ],
)
def test_a_text_is_one_address_and_perhaps_a_name(text: str, name: str, address: str) -> None:
    mailbox = parse_mailbox(text)
    assert (mailbox.name, mailbox.address) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "a@b.org, c@d.org",
        "a@b.org; c@d.org",
        "a@b.org c@d.org",
        "a@b.org,c@d.org",
        "a@b.org，c@d.org",
        "Ann <a@b.org>, Bob <c@d.org>",
        "a@b.org, Bob <c@d.org>",
        "Ann <a@b.org> <c@d.org>",
        "a@b.org <c@d.org>",
    ],
)
def test_several_addresses_in_one_text_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write several as a list"):
        parse_mailbox(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "you",
        "@example.org",
        "you@",
        "Ann <>",
        "a@b@example.org",
        "you<x@example.org",
        "mailto:you@example.org",
        "you＠example.org",
        "you@exam ple.org",
        "you@example..org",
        "you@example.org＞",
        "a\u200bb@example.org",
        "you@" + "a" * 64 + ".org",
        "a" * 65 + "@example.org",
        "you@" + "a.b." * 70 + "org",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address is expected|there is no domain"):
        parse_mailbox(text)


def test_two_spellings_of_an_address_have_one_key() -> None:
    spellings = ("Ann@bücher.example", "ann@xn--bcher-kva.example", "Ann <ANN@BÜCHER.example>")
    assert {parse_mailbox(spelling).key for spelling in spellings} == {"ann@xn--bcher-kva.example"}
    assert Mailbox(name="", local="a", domain="b").key != Mailbox(name="", local="a", domain="c").key
