"""Write a mail as bytes: headers (RFC 5322, RFC 2047, RFC 2919) and a text and an HTML part (RFC 2046)."""

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import Literal

from monitor.config.addresses import parse_mailbox
from monitor.model.mail import Mail, Rendered
from monitor.model.recipients import Contact
from monitor.visible import visible

_WORD = 75  # octets of an encoded-word at most (RFC 2047 section 2)
_LINE = (
    76  # octets at most of a header line with encoded-words (the same), and of a base64 line (RFC 2045 6.8)
)
_FRAME = len("=?utf-8?b??=")
_CLUSTER = 39  # octets of text that fit an encoded-word beside "Subject: "

_LINE_END = re.compile("\r\n|\r|\n")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LIKE_HASHED = re.compile(r"(^|-)[0-9a-f]{8}$")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+( [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingList:
    """What the headers of a mail tell of the list it is of."""

    key: str  # of the subscription: its List-Id is made of it
    name: str
    contact: Contact = field(default_factory=Contact)


def make_mail(
    rendered: Rendered,
    *,
    sender: str,
    to: str,
    message_id: str,
    date: datetime,
    mailing_list: MailingList | None = None,
    link: str = "",
) -> Mail:
    """Return a rendered digest or notice as one mail to one recipient; the same arguments give the same bytes.

    `sender` and `to` may have a display name; `message_id` comes with its angle brackets, `date` is UTC.
    The mail is multipart/alternative with the text first (RFC 2046 5.1.4), both parts base64, line ends CRLF. Without
    HTML it is the text alone; without a list it has none of its headers. `link` is the recipient's own.
    """
    from_, recipient = parse_mailbox(sender), parse_mailbox(to)
    rendered = rendered.with_link(link)
    boundary = "=_" + hashlib.sha256(message_id.encode()).hexdigest()[:32]  # "=_" is never base64
    headers = [
        _address("From", from_.name, from_.address),
        _address("To", recipient.name, recipient.address),
        _unstructured("Subject", rendered.subject),
        f"Date: {format_datetime(date)}",
        f"Message-ID: {message_id}",
        *(_list_headers(mailing_list, from_.domain, link) if mailing_list else []),
        "Auto-Submitted: auto-generated",  # RFC 3834 5
        "Precedence: bulk",  # old vacation programs know only this
        "X-Auto-Response-Suppress: All",  # and Exchange this
        "MIME-Version: 1.0",
    ]
    if rendered.html:
        headers.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"')
        parts = [_part("plain", rendered.text), _part("html", rendered.html)]
        body = "\r\n" + "".join(f"--{boundary}\r\n{part}" for part in parts) + f"--{boundary}--\r\n"
    else:
        body = _part("plain", rendered.text)
    # All of it is ASCII but a local part that is not; such a mail needs a server with SMTPUTF8 (RFC 6532).
    raw = ("\r\n".join(headers) + "\r\n" + body).encode()
    return Mail(message_id=message_id, date=date, sender=from_.address, to=recipient.address, raw=raw)


def new_message_id(sender: str, unique: str) -> str:
    """Return a Message-ID with `unique` on its left and the sender's domain on its right (RFC 5322 3.6.4).

    A `unique` that may not stand there is hashed.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,2}", unique):
        unique = hashlib.sha256(unique.encode("utf-8", "replace")).hexdigest()[:32]
    return f"<{unique}@{parse_mailbox(sender).domain}>"


def _list_headers(of: MailingList, domain: str, link: str) -> Iterator[str]:
    """Yield what makes a mail one of a list (RFC 2919, RFC 2369), and says how to leave it (RFC 8058).

    Addresses and links stand in them as they are, on one line: a program that reads an encoded one shows no button.
    """
    slug, contact = _slug(of.key), of.contact
    if contact.reply_to:
        yield mailbox_header("Reply-To", contact.reply_to)[0]
    yield _address("List-Id", of.name, f"{slug}.{domain}")
    if link:
        yield f"List-Unsubscribe: <{link}>"
        if link.startswith("https:"):
            yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    elif contact.answers:
        yield f"List-Unsubscribe: <{contact.mailto('unsubscribe', of.name)}>"
    if contact.answers:
        yield f"List-Help: <{contact.mailto('help', of.name)}>"
    # As Gmail reads it: three fields of one's own, then who sends, in 5 to 15 characters.
    yield f"Feedback-ID: {slug}:digest:monitor:{hashlib.sha256(domain.encode()).hexdigest()[:12]}"


def mailbox_header(name: Literal["From", "To", "Reply-To"], mailbox: str) -> tuple[str, str]:
    """Return a header of one mailbox, which may have a display name, and its envelope address."""
    parsed = parse_mailbox(mailbox)
    return _address(name, parsed.name, parsed.address), parsed.address


def _one_line(text: str) -> str:
    """Return `text` without control and line-breaking characters, lone surrogates and what cannot be seen."""
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return visible(_BREAKS.sub(" ", encodable)).strip()


@lru_cache(maxsize=16)  # the recipients of a digest share its subject
def _unstructured(name: str, text: str) -> str:
    text = _one_line(text)
    if not text:
        return f"{name}:"
    return f"{name}: " + (_folded(text, len(name) + 2) or _encoded(text, len(name) + 2))


@lru_cache(maxsize=16)  # ... its sender and its list
def _address(name: str, phrase: str, address: str) -> str:
    """Return a header of one mailbox or list: the phrase is encoded where needed, the address never is."""
    phrase, used = _one_line(phrase), len(name) + 2
    if not phrase:
        return f"{name}: <{address}>"
    if _ATOMS.fullmatch(phrase) and "=?" not in phrase and used + len(phrase) < _LINE:
        written = phrase
    elif re.fullmatch("[ -~]+", phrase) and "=?" not in phrase and used + len(phrase) < _LINE // 2:
        written = '"' + re.sub(r'(["\\])', r"\\\1", phrase) + '"'
    else:
        written = _encoded(phrase, used)
    used = len(written.rpartition("\r\n")[2]) + (0 if "\r\n" in written else used)
    gap = " " if used + len(address) + 3 <= _LINE else "\r\n "
    return f"{name}: {written}{gap}<{address}>"


def _folded(text: str, used: int) -> str:
    """Return ASCII text folded at its spaces; "" when it has to be encoded instead."""
    if not re.fullmatch(r"[!-~]+( [!-~]+)*", text) or "=?" in text:
        return ""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if used + len(joined) > _LINE and lines[-1]:
            lines.append(word)
            used = 1
        else:
            lines[-1] = joined
        if used + len(lines[-1]) > _LINE:
            return ""
    return "\r\n ".join(lines)


def _encoded(text: str, used: int) -> str:
    """Return the whole text as B encoded-words, spaces inside them; `used` octets of the first line are taken.

    Not by email.header or email.policy: docs/decisions/0011-header-encoding.md has what was measured.
    """
    words, length = [""], 0
    room = _octets_in(min(_WORD, _LINE - used))
    for cluster in _clusters(text):
        octets = len(cluster.encode())
        if length and length + octets > room:
            words.append("")
            length, room = 0, _octets_in(_WORD)
        words[-1] += cluster
        length += octets
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(word.encode()).decode()}?=" for word in words)


def _octets_in(length: int) -> int:
    """Return how many octets of text fit an encoded-word of `length` octets."""
    return (length - _FRAME) // 4 * 3


def _clusters(text: str) -> Iterator[str]:
    """Yield what a reader takes for one character (UAX 29); of one too long for an encoded-word, its code points."""
    from wcwidth import iter_graphemes  # its tables take 10 ms

    for cluster in iter_graphemes(text):
        yield from (cluster,) if len(cluster.encode()) <= _CLUSTER else cluster


def _slug(key: str) -> str:
    """Return an ASCII id for the key of a list: the same for the same key, different for different ones (RFC 2919)."""
    words = "-".join(re.findall("[a-z0-9]+", key.lower()))[:40].strip("-")
    if words == key and not _LIKE_HASHED.search(key):
        return words
    return "-".join(filter(None, (words, hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:8])))


@lru_cache(maxsize=4)  # both parts, which the recipients of a digest share
def _part(subtype: str, text: str) -> str:
    lines = _LINE_END.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
    # Not base64.encodebytes, which makes each line by itself, and takes ten times as long.
    octets = base64.b64encode(lines.encode("utf-8", "replace")).decode()
    encoded = "".join(f"{octets[start : start + _LINE]}\r\n" for start in range(0, len(octets), _LINE))
    return (
        f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"
    )
