"""What spoils a whole document for an XML parser, though its reader would not mind, is mended."""

import re

_DECLARATION = re.compile(r"<\?xml\b[^>]{0,200}?\?>", re.IGNORECASE)
# What XML 1.0 section 2.2 forbids, written out or as a reference.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));")
_END = re.compile(r"</(?:\w+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_LONE_AMPERSAND = re.compile(r"&(?!(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});)")


def mend(text: str) -> bytes:
    """The document in UTF-8, declared so, from its first sign on.

    Without characters that XML forbids; every & that stands for itself is escaped; an entry in whose middle the
    document was cut off is left out, lest it be taken for another one the next time.
    """
    text = _whole(text.strip("\ufeff \t\r\n"))
    text = _REFERENCE.sub(_allowed, _FORBIDDEN.sub("", _DECLARATION.sub("", text, count=1)))
    return b'<?xml version="1.0" encoding="utf-8"?>' + _escaped(text).encode()


def _whole(text: str) -> str:
    begun = max(text.rfind(f"<{name}{end}") for name in ("item", "entry") for end in "> \t\r\n")
    ended = max(text.rfind("</item>"), text.rfind("</entry>"))
    return text[:begun] if begun > ended and not _END.search(text, begun) else text


def _allowed(reference: re.Match[str]) -> str:
    digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
    number = int(digits, base) if len(digits) < 9 else 0x110000
    in_range = number in (9, 10, 13) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0x110000
    return reference[0] if in_range and number not in (0xFFFE, 0xFFFF) else ""


def _escaped(text: str) -> str:
    """R&D becomes R&amp;D, but for CDATA sections."""
    parts, at = [], 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [_LONE_AMPERSAND.sub("&amp;", text[at:start]), text[start:end]]
        at = end
    # A section that is never closed reaches to the end, or hides nothing: either way a parser must guess.
    return "".join([*parts, _LONE_AMPERSAND.sub("&amp;", text[at:])])
