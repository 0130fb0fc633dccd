"""Rewrite a mail of the outbox: another sender, the text alone, or the same mail once more."""

import base64
import re
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.utils import format_datetime

from monitor.mail.message import mailbox_header, new_message_id
from monitor.model.mail import Mail

_HEAD_END = b"\r\n\r\n"
_OWN_LINK = re.compile(rb"\r\nList-Unsubscribe: <https?://[^>\r\n]*/u/([A-Za-z0-9_-]+)>")
_BASE64 = re.compile(rb"(Content-Transfer-Encoding: base64\r\n\r\n)([A-Za-z0-9+/=\r\n]+)")


def with_sender(mail: Mail, sender: str) -> Mail:
    """Return the mail from this sender, in the envelope and in From; Message-ID, Date and List-Id stay.

    `sender` may have a display name. The same mail is returned where it has this sender already.
    """
    header, address = mailbox_header("From", sender)
    head, separator, body = mail.raw.partition(_HEAD_END)
    head = _with_header(head, b"From", header)
    raw = head + separator + body
    return mail if (raw, address) == (mail.raw, mail.sender) else replace(mail, raw=raw, sender=address)


def once_more(mail: Mail, *, date: datetime, unique: str, to: str = "") -> Mail:
    """Return the mail as another one: of this date, with a Message-ID made of `unique`; all else stays.

    With `to`, which may have a display name, it is addressed to somebody else, and the link that is the recipient's own
    does not go along: who presses it would unsubscribe him.
    """
    if to:
        mail = _without_link(mail)
    message_id = new_message_id(mail.sender, f"{mail.message_id} {unique}")
    header, address = mailbox_header("To", to) if to else ("", mail.to)
    headers = {b"Date": f"Date: {format_datetime(date)}", b"Message-ID": f"Message-ID: {message_id}"}
    headers |= {b"To": header} if to else {}
    head, separator, body = mail.raw.partition(_HEAD_END)
    for name, line in headers.items():
        head = _with_header(head, name, line)
    raw = head + separator + body
    return replace(mail, message_id=message_id, date=date, to=address, raw=raw)


def _without_link(mail: Mail) -> Mail:
    head, separator, body = mail.raw.partition(_HEAD_END)
    link = _OWN_LINK.search(head)
    if link is None:
        return mail
    token = link[1]
    head = re.sub(rb"\r\nList-Unsubscribe(-Post)?:[^\r\n]*", b"", head)

    def hidden(part: re.Match[bytes]) -> bytes:
        content = base64.b64decode(part[2]).replace(token, b"hidden")
        return part[1] + base64.encodebytes(content).replace(b"\n", b"\r\n")

    return replace(mail, raw=head + separator + _BASE64.sub(hidden, body))


def _with_header(head: bytes, name: bytes, line: str) -> bytes:
    pattern = rb"(?<![^\n])" + name + rb":.*?(?=\r\n[^ \t]|\Z)"
    return re.sub(pattern, lambda _: line.encode(), head, count=1, flags=re.DOTALL)


def text_alone(mail: Mail) -> Mail | None:
    """Return the mail with its text part only, as a mail of its own Message-ID; None when it is no more than that."""
    head, _, body = mail.raw.partition(_HEAD_END)
    boundary = message_from_bytes(mail.raw).get_boundary("").encode()
    if not boundary:
        return None
    part = body.split(b"--" + boundary)[1].removeprefix(b"\r\n")  # the text stands first (mail/message.py)
    message_id = new_message_id(mail.sender, f"{mail.message_id} text")
    head = re.sub(rb"\r\nContent-Type: multipart/.*?(?=\r\n[^ \t]|\Z)", b"", head, flags=re.DOTALL)
    head = head.replace(mail.message_id.encode(), message_id.encode())
    return replace(mail, message_id=message_id, raw=head + b"\r\n" + part)
