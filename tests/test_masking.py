"""Secrets in text."""

import pytest

from monitor.errors import MonitorError, Problem
from monitor.masking import is_secret_name, mask, mask_line


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("socks5://me:secret@proxy:1080", "socks5://***@proxy:1080"),
        ("https://secret@git.example.org/feed", "https://***@git.example.org/feed"),
        ("postgresql+psycopg://me:a@b@host/db", "postgresql+psycopg://***@host/db"),
        ("http://me:se/cret@host/feed", "http://***@host/feed"),
        ("a: http://a:b@h, http://c:d@i", "a: http://***@h, http://***@i"),
        ("https://h/f?a=1&token=secret#x", "https://h/f?a=1&token=***#x"),
        ("https://h/f;apiKey=secret", "https://h/f;apiKey=***"),
        (
            "https://h/p?url=https%3A%2F%2Fi%2F%3Fkey%3Dsecret%26b%3D1",
            "https://h/p?url=https%3A%2F%2Fi%2F%3Fkey%3D***%26b%3D1",
        ),
        ("host=h password=secret sslmode=require", "host=h password=*** sslmode=require"),
        ("Authorization: Bearer secret and more", "Authorization: ***"),
        ('{"Cookie": "a=b"}', '{"Cookie": ***'),
    ],
)
def test_a_secret_is_masked_and_what_is_masked_stays(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "https://medium.com/@user/feed",
        "http://[::1]:8080/@user",
        "http://host:8080/@user",
        "https://h/search?keyword=AI&author=me",
        'Add password_file = "/etc/monitor/smtp_password"',
        "not well-formed (invalid token): line 1, column 5",
        "550 5.7.1 code=12 <me@example.org>",
        "Ann <ann@example.org>",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "name", ["token", "access_token", "apiKey", "X-Api-Key", "auth", "PHPSESSID", "user_pass", "sig"]
)
def test_a_name_tells_a_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["keyword", "author", "password_file", "barcode", "compass", "user"])
def test_a_name_like_one_tells_none(name: str) -> None:
    assert not is_secret_name(name)


def test_a_column_keeps_its_character_where_secrets_before_it_are_masked() -> None:
    line = 'a = "http://me:a-long-secret@h", b = "?token=x", c'
    for column, character in enumerate(line):
        masked, place = mask_line(line, column)
        assert masked[place : place + 1] in (character, "*", "@", "")
    assert masked == 'a = "http://***@h", b = "?token=***'


def test_in_a_broken_line_no_quotation_mark_ends_a_secret() -> None:
    assert mask_line('proxy = "http://me:se"cret@h:1')[0] == 'proxy = "http://***@h:1'
    assert mask_line('url = "https://h/f?key=se"cret&a=1')[0] == 'url = "https://h/f?key=***&a=1'
    assert mask_line('proxy = "me:secret@h:1')[0] == 'proxy = "***@h:1'
    assert mask_line('key = "secret')[0] == "key = ***"
    for harmless in ('url = "https://medium.com/@user', 'to = ["ann@example.org', 'password_file = "/etc/x'):
        assert mask_line(harmless)[0] == harmless


def test_a_long_text_is_masked_in_time_that_grows_with_it() -> None:
    for part in ("a-", "://", "a:", "?a", "a=", "x-", "http://a:"):
        assert mask(part * (20_000 // len(part))).startswith(part)


def test_errors_and_problems_are_masked_wherever_they_are_made() -> None:
    assert str(MonitorError("http://me:secret@h/ failed")) == "http://***@h/ failed"
    problem = Problem(
        where="[fetch]", key="proxy", line=3, what="http://me:secret@h/", instead="?token=secret"
    )
    assert str(problem) == "line 3, [fetch], proxy: http://***@h/ ?token=***"


def test_where_a_secret_is_is_no_secret() -> None:
    shipped = 'password_file = ""     # or systemd\'s LoadCredential=smtp_password:...'
    assert mask(shipped) == shipped
    assert mask("SetCredential=smtp_password:abc") == "SetCredential=***"
