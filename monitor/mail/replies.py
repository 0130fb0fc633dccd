"""Interpret an SMTP server's reply, and describe a failed delivery to the operator."""

import base64
import re
import ssl
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from monitor.errors import SendCause, SendError, SendKind
from monitor.masking import mask
from monitor.reasons import reason_of
from monitor.texts import sentence

CHECK_PORTS = sentence("check [smtp] host, port and security (port 465: implicit, port 587: starttls)")

_LONGEST = 500  # characters of a reply worth keeping


class Step(Enum):
    """The part of an SMTP session that a reply answers."""

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

_SUBJECT_OF = {
    Step.CONNECT: sentence("the connection"),
    Step.TLS: "STARTTLS",
    Step.AUTH: sentence("the login"),
    Step.MAIL: sentence("the sender"),
    Step.RCPT: sentence("the recipient"),
    Step.DATA: sentence("the mail"),
    Step.DOT: sentence("the mail"),
}
_ADVICE_ON_LOGIN = sentence(
    "check [smtp] username and password_file; QQ and 163 require an authorisation code (授权码), "
    "Gmail an app password"
)
_ADVICE_ON_SENDER = sentence(
    "if this persists, check [smtp] sender; most providers require the address of the login"
)


def refusal(server: str, step: Step, code: int, text: str) -> SendError:
    """Return the error for a reply of `server` (host:port) other than the expected one.

    `text` is what follows the code. A code outside 200-599 is reported as no valid reply.
    """
    kind = kind_of_reply(step, code, text)
    cause = cause_of(step, code, text)
    values = {"server": server, "subject": _SUBJECT_OF[step]}
    if not 200 <= code <= 599:
        what = sentence("{server} gave an invalid reply to {subject} ({reply})", reply=text, **values)
        return SendError(_with_fate(what, kind), kind, cause=cause, stage=step.value)
    reply = f"{code} {text}"
    if code >= 500:
        what = sentence("{server} refused {subject} ({reply})", reply=reply, **values)
    else:
        what = sentence("{server} temporarily refused {subject} ({reply})", reply=reply, **values)
    if step is Step.MAIL:
        what = sentence("{fact}: {advice}", fact=what, advice=_ADVICE_ON_SENDER)
    return SendError(
        _with_fate(what, kind),
        kind,
        cause=cause,
        code=code,
        advice=_ADVICE_ON_LOGIN if step is Step.AUTH else "",
        lasting=_is_lasting(step, code, text),
        of_connection=_is_of_connection(step, code, text),
        window=window_of(step, code, text),
        stage=step.value,
    )


def no_reply(server: str, step: Step, error: BaseException) -> SendError:
    """Return the error for a `server` (host:port) that cannot be reached, fell silent, or cannot be trusted."""
    kind = kind_of_silence(step)
    if isinstance(_root(error), ssl.SSLCertVerificationError):
        what = sentence(
            "the certificate of {server} cannot be trusted ({reason}), so nothing was sent",
            server=server,
            reason=reason(error),
        )
        advice = sentence("check [smtp] host; if the certificate is your own, name its CA in ca_file")
        return SendError(sentence("{fact}: {advice}", fact=what, advice=advice), kind, stage=step.value)
    if step in (Step.CONNECT, Step.TLS):
        what = sentence(
            "cannot open a connection to {server} ({reason})", server=server, reason=reason(error)
        )
        return SendError(what, kind, advice=CHECK_PORTS, stage=step.value)
    what = sentence(
        "{server} gave no answer to {subject} ({reason})",
        server=server,
        subject=_SUBJECT_OF[step],
        reason=reason(error),
    )
    is_closed = step is Step.MAIL and not isinstance(_root(error), TimeoutError)
    return SendError(_with_fate(what, kind), kind, of_connection=is_closed, stage=step.value)


def _with_fate(what: str, kind: SendKind) -> str:
    if kind is not SendKind.UNCERTAIN:
        return what
    return sentence("{what}: the mail may or may not have been delivered", what=what)


def reason(error: BaseException) -> str:
    """Return the root cause of an error in a few words."""
    root = _root(error)
    if isinstance(root, TimeoutError):
        return sentence("no answer in time")
    return reason_of(root)


def _root(error: BaseException) -> BaseException:
    """Return the original error, below what asyncio and aiosmtplib wrapped around it."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error


def one_line(reply: bytes) -> str:
    """Return a reply as one line of printable text, at most 500 characters.

    RFC 5321 wants ASCII and RFC 6531 UTF-8; Chinese providers also answer in GBK.
    """
    text = _decoded(reply)
    visible = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    return " ".join(visible.split())[:_LONGEST].rstrip()


def without_login(reply: bytes, username: str, password: bytes) -> str:
    """Return a reply as `one_line` does, *** in place of the password, also as AUTH sends it."""
    login = b"\0" + username.encode() + b"\0" + password
    for secret in (password, base64.b64encode(password), base64.b64encode(login)):
        if secret:
            reply = reply.replace(secret, b"***")
    return mask(one_line(reply))


def _decoded(reply: bytes) -> str:
    for charset in ("utf-8", "gb18030"):
        try:
            return reply.decode(charset)
        except UnicodeDecodeError:
            continue
    return reply.decode("utf-8", "replace")


def kind_of_reply(step: Step, code: int, text: str) -> SendKind:
    """Return what a reply other than the expected one means for the mail; `text` is what follows the code.

    The first line of the table below that fits decides. A code outside 400-599 does not answer the command
    and means the same as silence.
    """
    if not 400 <= code <= 599:
        return kind_of_silence(step)
    return next(line.kind for line in _TABLE if line.fits(step, code, text))


def kind_of_silence(step: Step) -> SendKind:
    """Return what it means for the mail that no reply came, or none that can be read.

    Only after the dot may the server own the mail (RFC 1047). A server that fell silent over one mail may
    take the next; one that does not even greet us will not.
    """
    if step is Step.DOT:
        return SendKind.UNCERTAIN
    return SendKind.RELAY if step in _OPENING else SendKind.LATER


def cause_of(step: Step, code: int, text: str) -> SendCause:
    """Return what was wrong, by the step that was refused and what that means for the mail."""
    kind = kind_of_reply(step, code, text)
    if kind is SendKind.RELAY:
        if step is Step.AUTH or code in _LOGIN_CODES:
            return SendCause.LOGIN
        return SendCause.SENDER if _refuses_sender(step, code, text) else SendCause.RELAY
    if kind is SendKind.REFUSED:
        return SendCause.ADDRESS if step is Step.RCPT else SendCause.CONTENT
    return SendCause.NONE


def _is_lasting(step: Step, code: int, text: str) -> bool:
    """Return whether a refusal stands until the operator has changed something: of the login, or the sender."""
    is_login = step is Step.AUTH or code in _LOGIN_CODES
    return _refuses_sender(step, code, text) or (
        is_login and 500 <= code <= 599 and kind_of_reply(step, code, text) is SendKind.RELAY
    )


def _refuses_sender(step: Step, code: int, text: str) -> bool:
    """Return whether a reply refuses the sender for good."""
    return 500 <= code <= 599 and next(line for line in _TABLE if line.fits(step, code, text)).sender


def window_of(step: Step, code: int, text: str) -> timedelta | None:
    """Return how long a limit lasts at most that the server says is reached; None where the reply speaks of none."""
    if not 400 <= code <= 599:
        return None
    return next(line.window for line in _TABLE if line.fits(step, code, text))


def _is_of_connection(step: Step, code: int, text: str) -> bool:
    """Return whether a refusal says that this connection has had its mails: another one may take the next."""
    if step is Step.MAIL and code == 421:
        return True
    return step in (Step.MAIL, Step.RCPT) and _PER_CONNECTION.search(text) is not None


# At 163, at Postfix and others that count, and at Exim (smtp_accept_max_per_connection).
_PER_CONNECTION = re.compile(
    r"\b(MI:DMC|MI:CCL|RP:DRC|RP:CCL)\b|too many (messages|mails|recipients|transactions)[^.]*(session|connection)",
    re.IGNORECASE,
)

_LOGIN_CODES = (530, 534, 535, 538)  # RFC 4954 section 6


@dataclass(frozen=True, slots=True)
class _Line:
    steps: frozenset[Step]
    code: str  # a pattern for all three digits; "" fits every code
    text: str  # a pattern found anywhere in the text, whatever its case; "" fits every text
    kind: SendKind
    sender: bool = False  # it is the sender that is refused
    window: timedelta | None = None  # the server has had enough mails; this limit lasts so long at most

    def fits(self, step: Step, code: int, text: str) -> bool:
        return (
            step in self.steps
            and (not self.code or re.fullmatch(self.code, str(code)) is not None)
            and (not self.text or re.search(self.text, text, re.IGNORECASE) is not None)
        )


_QUARTER, _HOUR, _DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)

_TABLE = (
    # 5xx that really means later: we have sent enough. At 163 for the day, or for a while ...
    _Line(_ANY, "", r"\b(MI:STC|RP:TRC|HL:ITC)\b", SendKind.RELAY, window=_DAY),
    _Line(_ANY, "", r"\bHL:IHU\b", SendKind.RELAY, window=_HOUR),
    _Line(_ANY, "", r"\b(HL:(IFC|REP)|MI:SFQ|RP:QRC)\b", SendKind.RELAY, window=_QUARTER),
    # ... at QQ, which does not say for how long, and at Aliyun ...
    _Line(
        _ANY,
        "",
        r"(sender|domain|connection) frequency limited|发信频率|behaviou?r spam",
        SendKind.RELAY,
        window=_HOUR,
    ),
    # ... at Gmail (500 or 2,000 mails in 24 hours; 5.4.5 alone is a congestion: RFC 3463 3.5), and at Microsoft 365.
    _Line(
        _ANY,
        "5..",
        r"\b5\.4\.5\b.*(limit|quota)|\b5\.1\.90\b|SubmissionQuotaExceeded",
        SendKind.RELAY,
        window=_DAY,
    ),
    _Line(_ANY, "5..", r"\b5\.4\.5\b", SendKind.RELAY, window=_QUARTER),
    _Line(_ANY, "421", r"\b4\.7\.0\b", SendKind.RELAY, window=_QUARTER),
    # Limits of the connection, and of connections at one time, at 163: they are over in a moment.
    _Line(_ANY, "", r"\b(MI:DMC|MI:CCL|RP:DRC|RP:CCL|HL:ICC)\b", SendKind.RELAY),
    # Nobody gets in just now, or not this way: a login is put right by the operator, never by giving up mail.
    _Line(_OPENING, "", "", SendKind.RELAY),
    _Line(_ANY, "421|454|530|534|535|538", "", SendKind.RELAY),
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
    _Line(frozenset({Step.MAIL}), "", "", SendKind.RELAY, sender=True),
    _Line(_THIS_MAIL, "5..", r"mail from (address )?must|\b5\.2\.252\b", SendKind.RELAY, sender=True),
    _Line(
        frozenset({Step.RCPT, Step.DATA}),
        "5..",
        r"sender address rejected|\b5\.1\.[78]\b",
        SendKind.RELAY,
        sender=True,
    ),
    _Line(frozenset({Step.RCPT, Step.DATA}), "5..", r"relay|rcpthosts|client host", SendKind.RELAY),
    # A full, flooded or suspended mailbox may open again. RFC 5321 4.5.3.1.10: 552 at RCPT is temporary.
    _Line(
        _THIS_MAIL,
        "5..",
        r"\b5\.2\.[12]\b|mailbox (is )?full|over ?quota|user suspended|mailbox unavailable or access denied",
        SendKind.LATER,
    ),
    _Line(frozenset({Step.RCPT}), "552", "", SendKind.LATER),
    _Line(_THIS_MAIL, "552", "storage allocation", SendKind.LATER),
    # About the session, not the mail: a command came that the server did not expect, or no recipient was left.
    _Line(_THIS_MAIL, "503", "", SendKind.LATER),
    # What is left means what RFC 5321 4.2.1 says.
    _Line(_THIS_MAIL, "4..", "", SendKind.LATER),
    _Line(_THIS_MAIL, "5..", "", SendKind.REFUSED),
)
