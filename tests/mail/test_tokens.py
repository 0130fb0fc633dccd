"""Tokens: who has one can leave a list, and nobody can make one."""

import base64

import pytest

from monitor.mail import tokens
from monitor.model.recipients import OWN_LINK, Contact, TokenKey

ANN = "ann@example.org"
KEY = TokenKey(version=1, secret=b"k" * 32)
LONGEST = "https://" + "n" * 92


@pytest.mark.parametrize(("number", "version"), [(1, 1), (2**48 - 1, 2**16 - 1)])
def test_a_token_says_what_was_signed(number: int, version: int) -> None:
    key = TokenKey(version=version, secret=b"k" * 32)
    text = tokens.sign(number, "AI 日报", ANN, key)
    token = tokens.read(text)
    assert token
    assert (token.number, token.version, len(text)) == (number, version, tokens.LENGTH)
    assert tokens.is_signed(token, "AI 日报", ANN, key)


def test_a_token_is_of_one_list_one_mailbox_and_one_key() -> None:
    token = tokens.read(tokens.sign(1, "AI 日报", ANN, KEY))
    assert token
    assert tokens.is_signed(token, "AI 日报", ANN, KEY)
    assert not tokens.is_signed(token, "AI 周报", ANN, KEY)
    assert not tokens.is_signed(token, "AI 日报", "bob@example.org", KEY)
    assert not tokens.is_signed(token, "AI 日报", ANN, TokenKey(version=2, secret=KEY.secret))
    assert not tokens.is_signed(token, "AI 日报", ANN, TokenKey(version=1, secret=b"j" * 32))


def test_the_end_of_a_token_has_one_spelling() -> None:
    text = tokens.sign(1, "AI 日报", ANN, KEY)
    whole = base64.urlsafe_b64decode(text + "==")
    others = [text[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"]
    same = [each for each in others if base64.urlsafe_b64decode(each + "==") == whole]
    assert len(same) > 1
    assert [each for each in same if tokens.read(each)] == [text]


@pytest.mark.parametrize("text", ["", "A", "A" * 53, "A" * 55, "A" * 53 + "=", "A" * 53 + "\n", "退" * 54])
def test_what_cannot_be_a_token_is_none(text: str) -> None:
    assert tokens.read(text) is None


def test_a_token_tells_no_address_and_fits_a_line() -> None:
    text = tokens.sign(7, "ann", ANN, KEY)
    assert b"ann" not in base64.urlsafe_b64decode(text + "==")
    assert text == text.strip("=")


def test_what_stands_for_a_link_is_as_long_as_the_longest() -> None:
    page = Contact(public_url=LONGEST).page("A" * tokens.LENGTH)
    assert len(LONGEST) == 100
    assert len(page.encode()) <= len(OWN_LINK.encode()) <= len(page.encode()) + 2


def test_a_secret_does_not_show() -> None:
    assert "kkk" not in repr(KEY)
