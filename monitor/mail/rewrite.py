"""Rewrite a mail that waits in the outbox: give it another sender, or leave of it the text alone."""

import hashlib
import re
from dataclasses import replace
from email import message_from_bytes

from monitor.mail.message import new_message_id, sender_header
from monitor.model.mail import Mail

_HEAD_END = b"\r\n\r\n"


def with_sender(mail: Mail, sender: str) -> Mail:
    """Return the mail from this sender, in the envelope and in From; Message-ID, Date and List-Id stay.

    `sender` may have a display name. The same mail is returned where it has this sender already.
    """
    header, address = sender_header(sender)
    head, separator, body = mail.raw.partition(_HEAD_END)
    head = re.sub(rb"\AFrom:.*?(?=\r\n[^ \t]|\Z)", lambda _: header.encode(), head, flags=re.DOTALL)
    raw = head + separator + body
    return mail if (raw, address) == (mail.raw, mail.sender) else replace(mail, raw=raw, sender=address)


def text_alone(mail: Mail) -> Mail | None:
    """Return the mail with its text part only, as a mail of its own Message-ID; None when it is no more than that."""
    head, _, body = mail.raw.partition(_HEAD_END)
    boundary = message_from_bytes(mail.raw).get_boundary("").encode()
    if not boundary:
        return None
    part = body.split(b"--" + boundary)[1].removeprefix(b"\r\n")  # the text stands first (mail/message.py)
    unique = hashlib.sha256(f"{mail.message_id} text".encode()).hexdigest()[:32]
    message_id = new_message_id(mail.sender, unique)
    head = re.sub(rb"\r\nContent-Type: multipart/.*?(?=\r\n[^ \t]|\Z)", b"", head, flags=re.DOTALL)
    head = head.replace(mail.message_id.encode(), message_id.encode())
    return replace(mail, message_id=message_id, raw=head + b"\r\n" + part)
