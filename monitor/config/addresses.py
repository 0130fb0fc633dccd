"""Parse a mail address as it is written in config.toml, with or without a display name (RFC 5322 3.4)."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from monitor.texts import sentence

_NAMED = re.compile(r"(.*)<([^<>]*)>\s*", re.DOTALL)
_WITH_COMMENT = re.compile(r"\s*(\S+)\s*\(([^()]*)\)\s*", re.DOTALL)
_LOCAL = re.compile(r"[^\s\x00-\x20\x7f<>()\[\],;:\\\"@，；、：＠]{1,64}")
_ASCII_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9.]+\]")
_EXAMPLES = ("example.org", "example.com", "example.net")  # RFC 2606: nobody reads mail there
_LONGEST_DOMAIN = 255  # octets (RFC 5321 4.5.3.1.2)
_ANOTHER_BEFORE = re.compile(r"[^\s@<>,;]@[^\s@<>,;]+\s*[,;，；、]|<[^<>]*@[^<>]*>")
_ADDRESS = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
_SEVERAL = re.compile(r"@.*[,;\s，；、].*@", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """One mail address, and the name shown with it."""

    name: str  # "" without one; may have any character
    local: str
    domain: str  # in ASCII (RFC 5891), small letters

    @property
    def address(self) -> str:
        """The address of the envelope."""
        return f"{self.local}@{self.domain}"

    @property
    def is_example(self) -> bool:
        """Whether it is of a domain for examples, as the shipped addresses are."""
        return f".{self.domain}".endswith(tuple(f".{domain}" for domain in _EXAMPLES))

    @property
    def key(self) -> str:
        """What is equal for two spellings of one address; no server tells large letters from small ones."""
        return any_spelling(self.address)


def any_spelling(address: str) -> str:
    """Return what is equal for two spellings of one address of an envelope."""
    local, _, domain = address.rpartition("@")
    return f"{unicodedata.normalize('NFC', local).casefold()}@{domain.lower()}"


@lru_cache(maxsize=1024)  # each mail asks for those of its sender and recipient several times
def parse_mailbox(text: str) -> Mailbox:
    """Return the one address that a text is, as in "you@example.org" or "Ann Lee, Berlin <ann@example.org>".

    A name may have commas, quoted or not. Raises ValueError for anything else, several addresses included.
    """
    if named := _NAMED.fullmatch(text):
        name, address = named[1].strip(), named[2].strip()
        unquoted = _without_quoted(name)
        is_another = _ADDRESS.fullmatch(unquoted) and unquoted.lower() != address.lower()
        several = bool(is_another or _ANOTHER_BEFORE.search(unquoted))
    elif with_comment := _WITH_COMMENT.fullmatch(text):
        name, address, several = with_comment[2].strip(), with_comment[1], False
    else:
        name, address, several = "", text.strip(), bool(_SEVERAL.search(text))
    if several:
        raise ValueError(
            sentence('one address is expected: write several as a list, ["a@example.org", "b@example.org"]')
        )
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or not local.isprintable():
        raise ValueError(sentence('a mail address is expected, as in "you@example.org"'))
    return Mailbox(name=_unquoted(name), local=local, domain=_ascii_domain(domain))


def _ascii_domain(domain: str) -> str:
    try:
        ascii_domain = domain.encode("idna").decode().lower().removesuffix(".")
    except UnicodeError:
        ascii_domain = ""
    if not _ASCII_DOMAIN.fullmatch(ascii_domain) or len(ascii_domain) > _LONGEST_DOMAIN:
        if not domain.strip():
            raise ValueError(sentence('a mail address is expected, as in "you@example.org"'))
        raise ValueError(sentence("there is no domain {domain}", domain=domain))
    return ascii_domain


def _without_quoted(name: str) -> str:
    return re.sub(r'"(?:\\.|[^"\\])*"', "", name)


def _unquoted(name: str) -> str:
    quoted = re.fullmatch(r'"(.*)"', name, re.DOTALL)
    return re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else name
