"""Interpret an SMTP server's reply, and describe a failed delivery to the operator."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from monitor.errors import SendKind

_LONGEST = 500  # characters of a reply worth keeping


class Step(Enum):
    """What the server was answering."""

    CONNECT = "connect"  # the greeting and EHLO
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"  # the command: no byte of the mail has been sent
    DOT = "dot"  # the whole mail has been sent


_ANY = frozenset(Step)
_OPENING = frozenset({Step.CONNECT, Step.TLS, Step.AUTH})
_THIS_MAIL = frozenset({Step.RCPT, Step.DATA, Step.DOT})


def meaning(step: Step, code: int, text: str) -> SendKind:
    """What a reply other than the hoped-for one means for the mail; `text` is what follows the code.

    The first line of the table below that fits decides. A code outside 400-599 is no answer to the question
    and means the same as silence.
    """
    if not 400 <= code <= 599:
        return silence(step)
    return next(line.kind for line in _TABLE if line.fits(step, code, text))


def silence(step: Step) -> SendKind:
    """What it means that no answer came, or none that can be read.

    Only after the dot may the server own the mail (RFC 1047). A server that fell silent over one mail may
    take the next, one that does not even let us in will not.
    """
    if step is Step.DOT:
        return SendKind.UNCERTAIN
    return SendKind.RELAY if step in _OPENING else SendKind.LATER


def one_line(reply: bytes) -> str:
    """A reply as one line that can be stored and shown, at most 500 characters.

    RFC 5321 wants ASCII and RFC 6531 UTF-8; Chinese providers also answer in GBK.
    """
    text = _decoded(reply)
    visible = "".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text)
    return " ".join(visible.split())[:_LONGEST].rstrip()


def _decoded(reply: bytes) -> str:
    for charset in ("utf-8", "gb18030"):
        try:
            return reply.decode(charset)
        except UnicodeDecodeError:
            continue
    return reply.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Line:
    steps: frozenset[Step]
    code: str  # a pattern for all three digits; "" fits every code
    text: str  # a pattern found anywhere in the text, whatever its case; "" fits every text
    kind: SendKind

    def fits(self, step: Step, code: int, text: str) -> bool:
        return (
            step in self.steps
            and (not self.code or re.fullmatch(self.code, str(code)) is not None)
            and (not self.text or re.search(self.text, text, re.IGNORECASE) is not None)
        )


_TABLE = (
    # Nobody gets in just now, or not this way: a login is put right by the operator, never by giving up mail.
    _Line(_OPENING, "", "", SendKind.RELAY),
    _Line(_ANY, "421|454|530|534|535|538", "", SendKind.RELAY),
    # 5xx that really means later: the sender's limits at 163 (per quarter of an hour, day or connection) ...
    _Line(_ANY, "", r"\b(HL:(ICC|IFC|REP|ITC|IHU)|MI:(SFQ|DMC|STC)|RP:(QRC|DRC|TRC))\b", SendKind.RELAY),
    # ... at QQ ...
    _Line(_ANY, "", r"(sender|domain|connection) frequency limited|发信频率", SendKind.RELAY),
    # ... at Gmail (500 or 2,000 mails in 24 hours), and at Aliyun.
    _Line(_ANY, "", r"\b5\.4\.5\b|behaviou?r spam", SendKind.RELAY),
    # This one mail is too big for them (RFC 1870, RFC 3463 3.3 and 3.4).
    _Line(
        frozenset({Step.MAIL, Step.DATA, Step.DOT}),
        "5..",
        r"\b5\.3\.4\b|\b5\.2\.3\b|message size|too (big|large|much|long)",
        SendKind.REFUSED,
    ),
    # There is no such recipient (RFC 3463 3.2), whatever else the text speaks of.
    _Line(frozenset({Step.RCPT}), "5..", r"\b5\.1\.(1|2|3|6|10)\b", SendKind.REFUSED),
    # They carry no mail of ours: wrong sender (Postfix says so at RCPT), no relaying, our host on a list.
    _Line(frozenset({Step.MAIL}), "", "", SendKind.RELAY),
    _Line(_THIS_MAIL, "5..", r"mail from (address )?must|\b5\.2\.252\b", SendKind.RELAY),
    _Line(
        frozenset({Step.RCPT, Step.DATA}),
        "5..",
        r"sender address rejected|\b5\.1\.[78]\b|relay|rcpthosts|client host",
        SendKind.RELAY,
    ),
    # A full, flooded or suspended mailbox may open again. RFC 5321 4.5.3.1.10: 552 at RCPT is temporary.
    _Line(
        _THIS_MAIL,
        "5..",
        r"\b5\.2\.[12]\b|mailbox (is )?full|over ?quota|user suspended|mailbox unavailable or access denied",
        SendKind.LATER,
    ),
    _Line(_THIS_MAIL, "552", "", SendKind.LATER),
    # What is left means what RFC 5321 4.2.1 says.
    _Line(_THIS_MAIL, "4..", "", SendKind.LATER),
    _Line(_THIS_MAIL, "5..", "", SendKind.REFUSED),
)
