"""Read a stored mail for people: its headers decoded (RFC 2047), and its text part."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default


def read_mail(raw: bytes) -> tuple[tuple[tuple[str, str], ...], str]:
    """Return the headers of a mail in their order, as (name, value), and its text part; "" where it has none."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage), "the policy makes these"
    part = message.get_body(("plain",))
    text = part.get_content() if part is not None else ""
    return tuple((name, str(value)) for name, value in message.items()), text
