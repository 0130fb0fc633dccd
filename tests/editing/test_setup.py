"""What a new installation needs is proposed and put into the text of a config.toml."""

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.config.options import Config
from monitor.config.reading import parse_config
from monitor.editing.feeds import NewFeed
from monitor.editing.setting import with_setting
from monitor.editing.setup import Server, Setup, clean_password, is_example, is_set_up, propose_server, set_up
from monitor.mail.providers import provider_of

SHIPPED = DEFAULT_CONFIG.read_text("utf-8")


def test_nothing_given_changes_nothing() -> None:
    assert set_up(SHIPPED, Setup(), is_new=True) == SHIPPED
    assert set_up("", Setup(), is_new=False) == ""


def test_the_shipped_file_is_not_set_up_and_one_with_a_recipient_is() -> None:
    assert not is_set_up(parse_config(SHIPPED, "config.toml"))
    assert not is_set_up(Config())
    changed = set_up(SHIPPED, Setup(to=("me@qq.com",)), is_new=True)
    assert is_set_up(parse_config(changed, "config.toml"))


@pytest.mark.parametrize(
    ("address", "example"),
    [
        ("you@example.org", True),
        ("News <you@mail.example.com>", True),
        ("you@myexample.org", False),
        ("you@qq.com", False),
    ],
)
def test_addresses_for_examples_are_known(address: str, example: bool) -> None:
    assert is_example(address) is example


def test_the_server_is_that_of_the_address_or_what_is_usual_at_a_host() -> None:
    assert propose_server("张三 <me@foxmail.com>") == Server(
        host="smtp.qq.com",
        port=465,
        security="implicit",
        username="me@foxmail.com",
        sender="AI 日报 <me@foxmail.com>",
    )
    assert propose_server("me@mail.test") is None
    assert propose_server("me@outlook.com") is None
    other = propose_server("me@outlook.com", "smtp.mail.test")
    assert other is not None
    assert (other.host, other.port, other.security) == ("smtp.mail.test", 465, "implicit")


def test_codes_lose_their_spaces_and_passwords_keep_them() -> None:
    assert clean_password(" abcd efgh \n", provider_of("me@gmail.com")) == "abcdefgh"
    assert clean_password(" ab cd \r\n", None) == " ab cd "
    for typed, provider in (("ａｂｃｄ", provider_of("me@qq.com")), ("a\x00b", None), ("\n", None)):
        with pytest.raises(ValueError, match="password"):
            clean_password(typed, provider)


def test_a_table_more_ends_its_lines_as_the_others_end_theirs() -> None:
    text = '[fetch]\r\ntimeout = "9s"\r\n'
    changed = set_up(text, Setup(port=465, security="implicit"), is_new=False)
    assert changed == f'{text}\r\n[smtp]\r\nport = 465\r\nsecurity = "implicit"\r\n'
    assert with_setting(text, "store", "url", "x") == f'{text}\r\n[store]\r\nurl = "x"\r\n'


def test_several_feeds_take_the_place_of_the_shipped_one() -> None:
    feeds = tuple(NewFeed(name=name, url=f"https://{name}.test/") for name in "ab")
    changed = set_up(SHIPPED, Setup(feeds=feeds), is_new=True)
    assert [feed.name for feed in parse_config(changed, "config.toml").feeds] == ["a", "b"]
    assert 'url = "https://a.test/"\nevery = "auto"' in changed
    added = set_up(SHIPPED, Setup(feeds=feeds), is_new=False)
    assert [feed.name for feed in parse_config(added, "config.toml").feeds] == ["纽约时报中文网", "a", "b"]
