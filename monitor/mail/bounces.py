"""Read a bounce: which mails it returns, for whom, and whether their address is to blame.

A bounce is a report on a delivery (RFC 3464 in a multipart/report, RFC 6533 with addresses beyond ASCII), or the plain
text in which QQ, NetEase and others quote the refusing server's reply. Anybody can send one, with anything in it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from enum import StrEnum
from html import unescape

from monitor.config.addresses import any_spelling
from monitor.errors import MonitorError, SendKind
from monitor.mail.replies import Step, kind_of_reply, one_line
from monitor.texts import sentence

MOST_BYTES = 10_000_000
# What is looked at: a mail has lines of 998 octets at most (RFC 5322 2.1.1), and what is returned stands last. Within
# these bounds the email package, quadratic in the length of a header and in the depth of parts, takes little time.
_MOST_LINES = 20_000
_LONGEST_LINE = 1_000
_MOST_FOLDS = 10  # lines by which one header is continued
_MOST_NESTED = 50  # multiparts and messages
_MOST_TEXT = 200_000  # characters
_MOST_REPORTS = 100
_MOST_IDS = 20
_LONGEST_REPLY = 500  # characters

_NESTED = re.compile(rb"\bboundary\*?[0-9]*\*?\s*=|^content-type:\s*message/", re.IGNORECASE | re.MULTILINE)
_DAEMON = re.compile(rb"mailer-?daemon|postmaster|mail delivery (sub)?system", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"^[ \t>]*message-id:\s*(<[^<>\s]{1,998}>)", re.IGNORECASE | re.MULTILINE)
# A reply within a text, to the end of its line and two lines more; or, as qmail has it, an enhanced status alone.
_REPLY = re.compile(
    r"(?:(?<![\w.:@/#-])(?P<code>421|45[0-5]|50[0-4]|521|53[0-8]|541|55[0-6]|57[12])(?:: |[ -])(?=[^\n]*[^\W\d_])"
    r"|(?<=[(\[])(?=#?[45]\.\d{1,3}\.\d{1,3}[)\]]))(?P<text>[^\n]*(?:\n[^\n]+){0,2})"
)
_ENHANCED = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?![\w.]*\d)")
_WHO = "(user|mailbox|recipient|addressee|address|account)"
_NO_SUCH_ADDRESS = re.compile(
    rf"{_WHO} (is )?(not found|unknown|not known|invalid)|(no such|unknown|invalid|illegal) {_WHO}|unknown local"
    rf"|{_WHO}[^.\n]{{0,40}}(does not|doesn.t|not) exist|unavailable mail user|no mailbox here"
    "|(用户|收件人|帐号|账号|邮箱|地址)不存在|未开通.{0,10}邮箱",
    re.IGNORECASE,
)
_CONTENT = re.compile(
    r"spam|virus|content|policy|polic(y|ies)|block|black ?list|reputation|dmarc|\bspf\b|dkim|DT:SPM|too (big|large)"
    r"|size|垃圾|内容|拦截|过大",
    re.IGNORECASE,
)


class Fault(StrEnum):
    """What a report says of an address."""

    NO_SUCH_ADDRESS = "no such address"  # RFC 3463 3.2: 5.1.1, 5.1.2, 5.1.3, 5.1.6, and 5.1.10 of RFC 7505
    REFUSED = "refused"  # for good, for another reason that lies with the address
    NOT_THE_ADDRESS = (
        "not the address"  # refused for what stands in the mail, who sends it, how much, or room
    )
    FOR_NOW = "for now"  # delayed, or 4.x
    DELIVERED = "delivered"  # also relayed or expanded: nothing failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a mail for one recipient."""

    addresses: frozenset[str]  # the recipient's, as `any_spelling`; of a plain text: all that stand in it
    fault: Fault
    status: str  # RFC 3463: "5.1.1"; "" when there is none
    reply: str  # the server's words in one line


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What a bounce says: whoever believes it looks first whether he sent such a mail to such an address."""

    message_ids: tuple[
        str, ...
    ]  # of the mails it returns, with angle brackets; what is likeliest comes first
    reports: tuple[Report, ...]  # at least one


def read_bounce(raw: bytes) -> Bounce:
    """Return what a bounce says. Raises MonitorError for what is too large, or no bounce."""
    if len(raw) > MOST_BYTES:
        raise MonitorError(sentence("the message is larger than 10 MB: it is no bounce."))
    bounded = _bounded(raw)
    if len(_NESTED.findall(bounded)) > _MOST_NESTED:
        raise MonitorError(sentence("the message has too many parts: it is no bounce."))
    message = message_from_bytes(bounded)
    texts = list(_texts(message))
    reports = tuple(_reports(message)) or _report_of_text(message, texts)
    if not reports:
        raise MonitorError(
            sentence(
                "the message is no bounce: it has no report on a delivery (RFC 3464), and no server's reply in a text"
                " by a mail server."
            )
        )
    return Bounce(message_ids=_message_ids(message, texts), reports=reports)


def _bounded(raw: bytes) -> bytes:
    """Return the message without what is too long to be looked at."""
    lines: list[bytes] = []
    folds = 0
    for line in raw.split(b"\n", _MOST_LINES)[:_MOST_LINES]:
        folds = folds + 1 if line[:1] in (b" ", b"\t") else 0
        if folds <= _MOST_FOLDS:
            lines.append(line.rstrip(b"\r")[:_LONGEST_LINE])
    return b"\n".join(lines)


# --- the report -------------------------------------------------------------------------------------


def _reports(message: Message) -> Iterator[Report]:
    count = 0
    for part in message.walk():
        if part.get_content_type() not in ("message/delivery-status", "message/global-delivery-status"):
            continue
        for group in _groups(part):
            if (report := _report(group)) and (count := count + 1) <= _MOST_REPORTS:
                yield report


def _groups(part: Message) -> Iterator[Message]:
    """Yield the groups of fields, parted by blank lines; the first is about the message (RFC 3464 2.1)."""
    payload = part.get_payload()
    for group in payload if isinstance(payload, list) else []:
        if isinstance(group, Message):
            yield group
            # Of the one of RFC 6533 the email package makes a message, with the other groups for its text.
            rest = group.get_payload(decode=True)
            if isinstance(rest, bytes) and rest.strip():
                yield from map(message_from_bytes, rest.split(b"\n\n"))


def _report(group: Message) -> Report | None:
    recipients = [_field(group, name) for name in ("Final-Recipient", "Original-Recipient")]
    addresses = frozenset(any_spelling(address) for each in recipients if (address := _address(each)))
    if not addresses:
        return None
    action = _field(group, "Action").lower().partition(" ")[0]
    words = _field(group, "Diagnostic-Code").partition(";")[2].strip()
    reply = re.match(r"\d{3}(?=[ -]|$)", words)
    # What the refusing server said itself comes before what the one that reports it made of that (Exim: 5.0.0).
    enhanced = _ENHANCED.search(words) or _ENHANCED.search(_field(group, "Status"))
    status = enhanced[0] if enhanced else ""
    if action == "delayed":
        fault = Fault.FOR_NOW
    elif action in ("delivered", "relayed", "expanded"):
        fault = Fault.DELIVERED
    else:
        fault = _fault(int(reply[0]) if reply else 550, status, words)
    return Report(addresses=addresses, fault=fault, status=status, reply=words or status or action)


def _fault(code: int, status: str, text: str) -> Fault:
    """Return what a final failure means, by the server's reply code, its enhanced status and its words."""
    group, _, detail = status.partition(".")[2].partition(".")
    if status[:1] == "4" or (not status and 400 <= code <= 499):
        return Fault.FOR_NOW
    if status[:1] == "2":
        return Fault.DELIVERED
    if group == "1" and detail in ("1", "2", "3", "6", "10"):
        return Fault.NO_SUCH_ADDRESS
    if (group, detail) == ("2", "1"):  # disabled
        return Fault.REFUSED
    # The limits, relays and full mailboxes that are known from replies at delivery.
    if (
        kind_of_reply(Step.RCPT, code if 500 <= code <= 599 else 550, f"{status} {text}")
        is not SendKind.REFUSED
    ):
        return Fault.NOT_THE_ADDRESS
    if group in ("", "0") or (group, detail) in (
        ("3", "0"),
        ("5", "0"),
    ):  # nothing more exact is known than the words
        if _NO_SUCH_ADDRESS.search(text):
            return Fault.NO_SUCH_ADDRESS
        by_code = code in (550, 551, 553) and not _CONTENT.search(text)
        return Fault.REFUSED if by_code else Fault.NOT_THE_ADDRESS
    blamed = (
        (group == "1" and detail not in ("7", "8"))  # those are about the sender
        or (group == "2" and detail in ("0", "4"))
        # No such domain (RFC 3463 3.5; Exchange: 5.4.310), or Exchange's word for no such recipient.
        or (group == "4" and detail in ("1", "4", "310"))
    )
    return Fault.REFUSED if blamed else Fault.NOT_THE_ADDRESS


def _address(field: str) -> str:
    """Return the address in a field like "rfc822; ann@example.org"; "" where there is none."""
    address = field.rpartition(";")[2].strip().strip("<>")
    # RFC 6533 3: "utf-8; \x{738B}@example.org"
    address = re.sub(r"\\x\{([0-9A-Fa-f]{1,5})\}", lambda found: chr(int(found[1], 16)), address)
    return address if re.fullmatch(r"[^\s@]+@[^\s@]+", address) else ""


# --- a plain text -----------------------------------------------------------------------------------


def _report_of_text(message: Message, texts: list[str]) -> tuple[Report, ...]:
    """Return what a bounce in plain words says, by the first reply in it; nothing where no mail server wrote it."""
    by_daemon = (
        any(_DAEMON.search(value) for value in _raw(message, "From"))
        or any(value.strip() == b"<>" for value in _raw(message, "Return-Path"))
        or any(_raw(message, "X-Failed-Recipients"))
    )
    text = "\n".join(texts)[:_MOST_TEXT]
    found = _REPLY.search(text) if by_daemon else None
    if found is None:
        return ()
    failed = " ".join(value.decode("utf-8", "replace") for value in _raw(message, "X-Failed-Recipients"))
    words = re.split(r"[\s<>()\[\]\"'“”‘’,;:，；：。、（）【】《》]+", f"{failed} {text}")
    addresses = {
        any_spelling(word.strip(".")) for word in words if re.fullmatch(r"[^@]{1,64}@[\w.-]{1,255}", word)
    }
    begin = found.start() if found["code"] else text.rfind("\n", 0, found.start()) + 1
    reply = " ".join(text[begin : found.end()].split())[:_LONGEST_REPLY]
    enhanced = _ENHANCED.search(found["text"])
    status = enhanced[0] if enhanced else ""
    fault = _fault(int(found["code"] or 550), status, reply)
    return (Report(addresses=frozenset(addresses), fault=fault, status=status, reply=reply),)


def _texts(message: Message) -> Iterator[str]:
    """Yield the text of every part that has one, what is returned included, at most as much as is looked at."""
    room = _MOST_TEXT
    for part in message.walk():
        content = part.get_payload(decode=True)
        if room <= 0 or not isinstance(content, bytes):
            continue
        text = _decoded(content, part.get_content_charset(""))
        if part.get_content_subtype() == "html":
            text = unescape(re.sub(r"<[a-zA-Z/!][^<>@]*>", "\n", text))
        yield text[:room]
        room -= len(text)


def _decoded(content: bytes, charset: str) -> str:
    for name in (charset if charset not in ("gb2312", "gbk") else "gb18030", "utf-8", "gb18030"):
        try:
            return content.decode(name)
        except (UnicodeError, LookupError):
            continue
    return content.decode("utf-8", "replace")


# --- what is returned -------------------------------------------------------------------------------


def _message_ids(message: Message, texts: list[str]) -> tuple[str, ...]:
    """Return the Message-IDs of what is returned: of messages within the bounce, then those that stand in texts."""
    ids: dict[str, None] = {}
    for part in message.walk():
        if part is not message:
            ids |= dict.fromkeys(re.findall(r"<[^<>\s]{1,998}>", _field(part, "Message-ID")))
    for text in texts:
        ids |= dict.fromkeys(_MESSAGE_ID.findall(text))
    return tuple(ids)[:_MOST_IDS]


def _field(part: Message, name: str) -> str:
    return next((one_line(value) for value in _raw(part, name)), "")


def _raw(part: Message, name: str) -> list[bytes]:
    """Return the values of a header as they came; `part[name]` would be an object where one is not ASCII."""
    return [
        str(value).encode("utf-8", "surrogateescape")
        for header, value in part.raw_items()
        if header.lower() == name.lower()
    ]
