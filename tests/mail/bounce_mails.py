"""Bounces in the shapes in which mail servers send them; what they say is made up."""

from collections.abc import Sequence

ANN = "ann@example.org"
MESSAGE_ID = "<1@example.org>"
RETURNED = f"From: AI <digest@example.org>\nTo: <{ANN}>\nSubject: 1\nMessage-ID: {MESSAGE_ID}\n"


def group(
    status: str = "5.1.1",
    reply: str = "smtp; 550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown",
    *,
    action: str = "failed",
    final: str = f"rfc822; {ANN}",
    original: str = "",
) -> str:
    """Return the fields about one recipient; what is "" is left out."""
    fields = {
        "Final-Recipient": final,
        "Original-Recipient": original,
        "Action": action,
        "Status": status,
        "Remote-MTA": "dns; mx.example.org",
        "Diagnostic-Code": reply,
    }
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def report(
    *groups: str,
    returned: str = RETURNED,
    returned_as: str = "message/rfc822",
    status_as: str = "message/delivery-status",
) -> bytes:
    """Return a report on a delivery as Postfix writes it (RFC 3464); without `returned` nothing comes back in it."""
    about = (
        "Reporting-MTA: dns; relay.example.net\nX-Postfix-Queue-ID: 1A2B\nArrival-Date: Tue, 24 Nov 2026\n"
    )
    fields = "\n".join([about, *(groups or [group()])])
    parts = [("text/plain; charset=us-ascii", "The mail could not be delivered.\n"), (status_as, fields)]
    if returned:
        parts.append((returned_as, f"{returned}\nhello\n"))
    return _multipart(
        'multipart/report; report-type=delivery-status;\n boundary="1A2B/relay"', "1A2B/relay", parts
    )


def plain(
    text: str,
    *,
    sender: str = "PostMaster@qq.com",
    returned: str = RETURNED,
    kind: str = "text/plain; charset=utf-8",
    charset: str = "utf-8",
    more: str = "",
) -> bytes:
    """Return a bounce as QQ and NetEase write it: a text, and the headers of the mail attached."""
    head = f"{more}From: {sender}\nTo: digest@example.org\nSubject: =?utf-8?b?6YCA5L+h?=\nMIME-Version: 1.0\n"
    parts = [(kind, f"{text}\n"), ("message/rfc822", f"{returned}\n")] if returned else [(kind, f"{text}\n")]
    return _multipart('multipart/mixed; boundary="=_1"', "=_1", parts, head=head, charset=charset)


def _multipart(
    kind: str,
    boundary: str,
    parts: Sequence[tuple[str, str]],
    *,
    head: str = "Return-Path: <>\nFrom: MAILER-DAEMON@relay.example.net (Mail Delivery System)\nMIME-Version: 1.0\n",
    charset: str = "utf-8",
) -> bytes:
    body = "".join(f"--{boundary}\nContent-Type: {part}\n\n{text}\n" for part, text in parts)
    return f"{head}Content-Type: {kind}\n\nThis is a MIME message.\n\n{body}--{boundary}--\n".encode(charset)
