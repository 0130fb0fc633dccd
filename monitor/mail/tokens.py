"""Sign and read tokens: the part of a link by which a recipient leaves a list without a login (RFC 8058 section 6).

A token is the version of a key, the number of a choice, and an HMAC-SHA256, in base64url: of both numbers, the key of
the list, and the mailbox. So it opens nothing where a restored database has given the number to somebody else. No
address can be read from it. It never expires: the link in an old mail has to work.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from monitor.model.recipients import TokenKey

_VERSION, _NUMBER, _MAC = 2, 6, 32  # bytes
LENGTH = 54  # characters
_FORM = re.compile(rf"[A-Za-z0-9_-]{{{LENGTH}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says; it is believed once `is_signed` has agreed."""

    version: int  # of the key
    number: int  # of the choice
    mac: bytes


def sign(number: int, list_key: str, mailbox: str, key: TokenKey) -> str:
    """Return the token of the choice of this number, about the list of this key, of the mailbox of this key."""
    head = key.version.to_bytes(_VERSION) + number.to_bytes(_NUMBER)
    whole = head + _mac(number, list_key, mailbox, key)
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def read(text: str) -> Token | None:
    """Return what a token says, unbelieved; None for what cannot be one. Each token has one spelling."""
    if not _FORM.fullmatch(text):
        return None
    padded = text + "=" * (-len(text) % 4)
    whole = base64.urlsafe_b64decode(padded)
    if base64.urlsafe_b64encode(whole).decode() != padded:
        return None
    return Token(
        version=int.from_bytes(whole[:_VERSION]),
        number=int.from_bytes(whole[_VERSION : _VERSION + _NUMBER]),
        mac=whole[-_MAC:],
    )


def is_signed(token: Token, list_key: str, mailbox: str, key: TokenKey) -> bool:
    """Return whether a token was signed with this key, for this list and mailbox."""
    return hmac.compare_digest(token.mac, _mac(token.number, list_key, mailbox, key))


def _mac(number: int, list_key: str, mailbox: str, key: TokenKey) -> bytes:
    # Numbers of a fixed length, and texts in which no NUL can stand: nothing else makes the same bytes.
    said = number.to_bytes(_NUMBER) + key.version.to_bytes(_VERSION) + f"{list_key}\0{mailbox}".encode()
    return hmac.new(key.secret, b"monitor choice\n" + said, hashlib.sha256).digest()
