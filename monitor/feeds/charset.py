"""Decode the bytes of a document in the encoding that it declares or that fits."""

import codecs
import re

# A document is read by what it declares, in the widest encoding of that family: GBK calls itself gb2312.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
# Only encodings of text that the web knows. Python has others, which run code pages of surprises: UTF-7 hides
# markup, zlib and rot13 are no encodings at all.
_KNOWN = re.compile(
    r"(?:ascii|utf-(?:8|8-sig|16|16-[bl]e|32|32-[bl]e)|iso8859-\d+|iso2022_\w+|cp\d+|gb2312|gbk|gb18030|hz|big5|"
    r"big5hkscs|shift_jis|shift_jisx0213|euc_\w+|johab|koi8-\w|tis-620|mac-\w+)"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0?\0", "utf-16-le"),
    (b"\0<\0?", "utf-16-be"),
)
_ENCODING = re.compile(rb"^\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE)
_CHARSET = re.compile(r"\bcharset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)


def decode(body: bytes, content_type: str) -> str:
    """The document as text. What cannot be decoded becomes U+FFFD.

    Valid UTF-8 is UTF-8 whatever is said about it. Else the document's own declaration counts before the
    server's: servers are wrong about it more often.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    charset, declared = _CHARSET.search(content_type), _ENCODING.search(body[:400])
    said = [
        name
        for found in (declared and declared[1].decode("ascii", "replace"), charset and charset[1])
        if (name := _known(found or ""))
    ]
    # These look like ASCII, which is UTF-8 too.
    candidates = said if said and said[0].startswith(("iso2022", "hz")) else ["utf-8", *said]
    for encoding in candidates:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    return _forgiving(body, said[0] if said else "utf-8")


def _known(name: str) -> str:
    """The codec for an encoding's name; "" for one that is not to be used."""
    try:
        codec = codecs.lookup(name).name
    except LookupError:
        return ""
    if not _KNOWN.fullmatch(codec) or codec.startswith(("utf-16", "utf-32")):
        return ""  # those would have shown themselves in the first bytes
    return _WIDER.get(codec, codec)


def _forgiving(body: bytes, encoding: str) -> str:
    text = body.decode(encoding, "replace")
    # A text with a character cut in two has a few faults; one that is all faults is in another encoding.
    faults = text.count("\ufffd")
    good = sum(sign > "\x7f" for sign in text) - faults
    return text if faults <= good else body.decode("cp1252", "replace")
