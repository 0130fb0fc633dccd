"""Mend the head of an HTTP answer where browsers would read on, so that one odd line does not cost the feed."""

import re

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*?)[ \t]*", re.DOTALL)
_STATUS = re.compile(rb"HTTP/\d\.\d[ \t]+(\d{3})")
# White space and control characters that no value may have: as a space.
_CONTROLS = re.compile(rb"[\0-\x08\x0a-\x1f\x7f]+")
_WITHOUT_BODY = (204, 304)
_WORDS = rb"(?:[^\0-\x20\x7f]+(?: +[^\0-\x20\x7f]+)*+)?"
_FIELD = rb"(?!(?i:content-length|transfer-encoding):)[!#$%&'*+.^_`|~0-9A-Za-z-]+: " + _WORDS + rb"\r\n"
# The head of nearly every answer: there is nothing to mend.
_SOUND = re.compile(
    rb"HTTP/\d\.\d \d{3} ?" + _WORDS + rb"\r\n(?:" + _FIELD + rb")*+"
    rb"(?:(?i:content-length: \d+|transfer-encoding: \w+)\r\n(?:" + _FIELD + rb")*+)?\r\n"
)


def mended(head: bytes) -> bytes:
    """Return a head, from the status line to the empty line, with the lines left out that are no headers.

    White space before a colon goes. A length that is no number, or stands beside a Transfer-Encoding, is left out
    (RFC 9112 section 6.3); the same one twice is one.
    """
    if _SOUND.fullmatch(head):
        return head
    status, *lines = head.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    fields: list[tuple[bytes, bytes]] = []
    is_kept = False
    for line in lines:
        if line[:1] in (b" ", b"\t"):  # the rest of the line before (RFC 9112 section 5.2)
            if is_kept and fields:
                fields[-1] = (fields[-1][0], fields[-1][1] + b" " + _CONTROLS.sub(b" ", line).strip())
            continue
        found = _LINE.fullmatch(line.rstrip(b"\r"))
        is_kept = found is not None
        if found:
            fields.append((found[1], _CONTROLS.sub(b" ", found[2])))
    is_chunked = any(name.lower() == b"transfer-encoding" for name, _ in fields)
    kept: list[tuple[bytes, bytes]] = []
    lengths: set[bytes] = set()
    for name, value in fields:
        if name.lower() == b"content-length":
            numbers = {number.strip() for number in value.split(b",")}
            if is_chunked or not all(number.isdigit() for number in numbers) or numbers <= lengths:
                continue
            lengths |= numbers
            kept += [(name, number) for number in numbers]
        elif name.lower() != b"transfer-encoding" or (name, value) not in kept:
            kept.append((name, value))
    return b"\r\n".join([status.rstrip(b"\r"), *(b": ".join(field) for field in kept), b"", b""])


def status_of(head: bytes) -> int:
    """Return the status of a head; 0 where its first line is none."""
    found = _STATUS.match(head)
    return int(found[1]) if found else 0


def body_length(head: bytes) -> int | None:
    """Return how long a mended head says that the body is, in bytes; None where it does not.

    That is 0 after a status that has no body, whatever the head says (RFC 9112 section 6.3).
    """
    if status_of(head) in _WITHOUT_BODY:
        return 0
    found = re.search(rb"\r\ncontent-length: (\d{1,18})\r\n", head, re.IGNORECASE)
    return int(found[1]) if found else None
