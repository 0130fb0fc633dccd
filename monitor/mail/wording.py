"""How a mail that did not get through is told to the operator."""

import os
import ssl

from monitor.errors import SendError, SendKind
from monitor.mail.replies import Step, meaning, silence

PORTS = "check [smtp] host, port and security (port 465: implicit, port 587: starttls)"

_ASKED = {
    Step.CONNECT: "the connection",
    Step.TLS: "STARTTLS",
    Step.AUTH: "the login",
    Step.MAIL: "the sender",
    Step.RCPT: "the recipient",
    Step.DATA: "the mail",
    Step.DOT: "the mail",
}
_ADVICE = {
    Step.AUTH: ": check [smtp] username and password_file; QQ and 163 want an authorisation code (授权码), "
    "Gmail an app password",
    Step.MAIL: ": if this goes on, check [smtp] sender; most providers want the address of the login",
}


def refused(where: str, step: Step, code: int, text: str) -> SendError:
    """`where` (host:port) gave another answer than the hoped-for one; a code outside 200-599 is nonsense."""
    kind = meaning(step, code, text)
    if not 200 <= code <= 599:
        return SendError(f"{where} answered {_ASKED[step]} with nonsense ({text}){_fate(kind)}", kind)
    verb = "refused" if code >= 500 else "put off"
    what = f"{where} {verb} {_ASKED[step]} ({code} {text}){_ADVICE.get(step, '')}{_fate(kind)}"
    return SendError(what, kind, code=code)


def unanswered(where: str, step: Step, error: BaseException) -> SendError:
    """`where` (host:port) could not be reached, fell silent, or cannot be trusted."""
    kind = silence(step)
    if isinstance(_root(error), ssl.SSLCertVerificationError):
        what = (
            f"the certificate of {where} cannot be trusted ({reason(error)}), so nothing was sent: "
            "check [smtp] host; if the certificate is your own, name its CA in ca_file"
        )
    elif step in (Step.CONNECT, Step.TLS):
        what = f"cannot open a connection to {where} ({reason(error)}): {PORTS}"
    else:
        what = f"{where} gave no answer to {_ASKED[step]} ({reason(error)}){_fate(kind)}"
    return SendError(what, kind)


def reason(error: BaseException) -> str:
    """What happened, in a few words."""
    root = _root(error)
    if isinstance(root, TimeoutError):
        return "no answer in time"
    if isinstance(root, ssl.SSLError):  # OpenSSL fills these in; an error made by Python code has neither
        found = getattr(root, "verify_message", "") or getattr(root, "reason", "") or str(root)
        return str(found).replace("_", " ")
    if isinstance(root, OSError) and root.errno:
        return os.strerror(root.errno) if root.errno > 0 else root.strerror or str(root)
    return str(root)


def _root(error: BaseException) -> BaseException:
    """The trouble itself, below what asyncio and aiosmtplib wrapped around it."""
    while error.__cause__ is not None and not isinstance(error, TimeoutError):
        error = error.__cause__
    return error


def _fate(kind: SendKind) -> str:
    return ": the mail may or may not have been delivered" if kind is SendKind.UNCERTAIN else ""
