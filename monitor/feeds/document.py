"""Turn the body of an HTTP answer into text a parser can read: decompress it, decode it, repair broken XML."""

import codecs
import re
import zlib
from collections.abc import Callable

import brotli
import webencodings

from monitor.errors import FetchError
from monitor.feeds.body import Body
from monitor.feeds.charset import codec_of
from monitor.feeds.entities import replacer, split_doctype
from monitor.feeds.text import clean
from monitor.texts import sentence

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP = b"\x1f\x8b\x08"
_MOST_CODINGS = 2
_MOST_MEMBERS = 1000  # of a gzip file (RFC 1952 section 2.2)
# What some servers call a body that is not compressed, besides the name of its charset or type.
_NO_CODINGS = (
    "",
    "identity",
    "none",
    "null",
    "binary",
    "text",
    "plain",
    "7bit",
    "8bit",
    "chunked",
    "aws-chunked",
)

_DecodePiece = Callable[[bytes, int], bytes]  # of a piece, b"" after the last, to at most so many bytes

# Encodings of text that Python knows and browsers do not. All others of Python's are left alone: some are no
# encodings of text (zlib, rot13), one hides markup (UTF-7).
_PYTHON_ONLY = re.compile(
    r"utf-8-sig|cp\d+|iso8859-\d+|iso2022_\w+|hz|johab|euc_\w+|shift_jisx0213|big5hkscs|koi8-\w|mac-\w+"
)
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
# What servers and templates declare of everything, whatever it is.
_DEFAULTS = ("", "utf-8", "cp1252")
_XML_ENCODING = re.compile(
    rb"^\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})[\"']", re.IGNORECASE
)
_CHARSET = re.compile(r"\bcharset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)

_XML_DECLARATION = re.compile(r"<\?xml\b[^>]{0,200}?\?>", re.IGNORECASE)
# What XML 1.0 section 2.2 forbids, written out or as a reference.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]+)|([0-9]+));")
_EDGE = 10_000  # bytes
_START_OF_FEED = re.compile(rb"<(?:[\w-]+:)?(?:rss|feed|rdf)(?=[\s>])(?![^>]{0,2000}/>)")
_END_TAG = re.compile(rb"</(?:[\w-]+:)?(?:rss|feed|rdf)\s*>")
_END_OF_FEED = re.compile(r"</(?:\w+:)?(?:rss|feed|rdf|channel)\s*>", re.IGNORECASE)
_EMPTY_DATE = re.compile(
    r"<((?:\w+:)?(?:pubDate|published|updated|issued|modified|created|date))(?:\s[^<>]*)?(?:/>|>\s*</\1\s*>)",
    re.IGNORECASE,
)


def decompressor(encoding: str, limit: int) -> Callable[[bytes], bytes]:
    """Return a function that decompresses a body piece by piece; it expects b"" after the last piece.

    `encoding` is the Content-Encoding (RFC 9110 section 8.4): none, gzip, deflate or br, at most two of them. A body
    that is not what it says, gzip or none, is read as what it is. The function inflates at most `limit` bytes in all,
    so that 1 MB cannot become 1 GB. Both raise FetchError: for another encoding, for a body that is broken or cut off,
    for one beyond the limit.
    """
    names = [
        name
        for part in encoding.split(",")
        if not _is_no_coding(name := part.partition(";")[0].strip().lower())
    ]
    if len(names) > _MOST_CODINGS or any(name not in _WINDOW_BITS and name != "br" for name in names):
        raise FetchError(
            sentence(
                'the server compresses its answer with "{encoding}", which was not requested',
                encoding=clean(encoding)[:40],
            )
        )
    decode_piece = _inflater(_WINDOW_BITS["gzip"], is_declared=False)
    for name in names:  # in the order in which they were applied: the last one comes off first
        outer = _unbrotli() if name == "br" else _inflater(_WINDOW_BITS[name], is_declared=True)
        decode_piece = _chained(outer, decode_piece)
    return _limited(limit, decode_piece)


def decode(body: bytes, content_type: str) -> str:
    """Return the document as text; bytes that cannot be decoded become U+FFFD.

    `content_type` is the header's value. Valid UTF-8 is UTF-8 whatever is declared, and what is Chinese in GB 18030 or
    Big5 is that. Otherwise the document's own declaration counts before the server's: servers are wrong about it more
    often.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if body.startswith(mark):
            return body.decode(encoding, "replace")
    in_document, in_header = _XML_ENCODING.search(body[:400]), _CHARSET.search(content_type)
    labels = [
        in_document[1].decode("ascii", "replace") if in_document else "",
        in_header[1] if in_header else "",
    ]
    declared = [codec for label in labels if (codec := _codec_of(label))]
    # ISO 2022 and HZ are written in ASCII characters, so they are valid UTF-8 too.
    is_seven_bit = bool(declared) and declared[0].startswith(("iso2022", "hz"))
    if not is_seven_bit:
        try:
            return body.decode()
        except UnicodeDecodeError:
            codec = _by_bytes(body, declared[0] if declared else "")
        if codec:
            return body.decode(codec, "replace")
    for codec in declared:
        try:
            return body.decode(codec)
        except UnicodeDecodeError:
            continue
    return _decode_faulty(body, declared[0] if declared else "utf-8")


def is_cut(body: Body) -> bool:
    """Return whether a document in XML lacks its end."""
    head, foot = (part.replace(b"\0", b"").lower() for part in body.edges(_EDGE))
    return _START_OF_FEED.search(head) is not None and _END_TAG.search(foot) is None


def mend(text: str) -> bytes:
    """Return the document as UTF-8, declared so, without the mistakes that make an XML parser refuse all of it.

    White space before the declaration goes, and so do the DOCTYPE, characters that XML forbids, and empty dates, which
    would hide another one. Entities of HTML and of the DOCTYPE become what they stand for; every & that begins no
    reference is escaped. An entry in whose middle the document was cut off is left out: with its id missing, the next
    visit would take it for another one.
    """
    text = _without_cut_entry(text.strip("\ufeff \t\r\n"))
    text = _REFERENCE.sub(_allowed_reference, _FORBIDDEN.sub("", _XML_DECLARATION.sub("", text, count=1)))
    text, entities = split_doctype(text)
    text = _EMPTY_DATE.sub("", _outside_sections(text, replacer(entities)))
    return b'<?xml version="1.0" encoding="utf-8"?>' + text.encode()


def _limited(limit: int, decode_piece: _DecodePiece) -> Callable[[bytes], bytes]:
    left = limit

    def decompress(piece: bytes) -> bytes:
        nonlocal left
        out = decode_piece(piece, left + 1)
        left -= len(out)
        if left < 0:
            raise FetchError(
                sentence("the feed is larger than {size} KB ([fetch] max_bytes)", size=limit // 1000)
            )
        return out

    return decompress


def _is_no_coding(name: str) -> bool:
    return name in _NO_CODINGS or "/" in name or (name.isascii() and webencodings.lookup(name) is not None)


def _chained(outer: _DecodePiece, inner: _DecodePiece) -> _DecodePiece:
    """Return a function that takes off the outer coding, then the inner one."""

    def decode_piece(piece: bytes, most: int) -> bytes:
        middle = outer(piece, most)
        out = inner(middle, most) if middle else b""
        return out if piece else out + inner(b"", most - len(out))

    return decode_piece


def _inflater(window_bits: int, *, is_declared: bool) -> _DecodePiece:
    """Return a function that inflates one piece to at most so many bytes; what is not compressed it leaves as it is.

    Without a declaration only gzip is told, by its first bytes: a .gz file, or a cache that lost the header.
    """
    head, inflate, members, is_plain = b"", None, 0, False

    def decode_piece(piece: bytes, most: int) -> bytes:
        nonlocal head, inflate, members, is_plain
        if is_plain:
            return piece
        is_end = not piece
        out = b""
        while True:
            if inflate is None or inflate.eof:
                head += piece
                if len(head) < len(_GZIP) and not is_end and members < _MOST_MEMBERS:
                    return out
                if (
                    inflate is None
                    and (not is_declared or head.lstrip()[:1] in (b"<", b"{"))
                    and head[:3] != _GZIP
                ):
                    is_plain = True
                    return head
                if inflate is not None and (head[:3] != _GZIP or members >= _MOST_MEMBERS):
                    # Browsers ignore what follows the end; zlib would keep it all, copied for each piece.
                    head, members = b"", _MOST_MEMBERS
                    return out
                inflate, piece, head = zlib.decompressobj(wbits=_bits_for(head[:2], window_bits)), head, b""
                members += 1
            try:
                out += inflate.decompress(piece, most - len(out))
            except zlib.error:
                raise FetchError(sentence("the server's compressed answer is broken")) from None
            if not inflate.eof or len(out) >= most:
                break
            piece = inflate.unused_data
        if is_end and not inflate.eof:
            raise FetchError(sentence("the server's compressed answer ends too early"))
        return out

    return decode_piece


def _unbrotli() -> _DecodePiece:
    decoder = brotli.Decompressor()

    def decode_piece(piece: bytes, most: int) -> bytes:
        try:
            if piece:
                return (
                    b"" if decoder.is_finished() else bytes(decoder.process(piece, output_buffer_limit=most))
                )
        except brotli.error:
            raise FetchError(sentence("the server's compressed answer is broken")) from None
        if not decoder.is_finished():
            raise FetchError(sentence("the server's compressed answer ends too early"))
        return b""

    return decode_piece


def _bits_for(head: bytes, window_bits: int) -> int:
    if head == _GZIP[:2]:
        return _WINDOW_BITS[
            "gzip"
        ]  # also where "gzip, deflate", what may be sent, is given for what was sent
    # Some servers send deflate without the zlib header that RFC 9110 section 8.4.1.2 requires (RFC 1950: its method
    # is 8, and its two bytes are a multiple of 31).
    has_header = head[0:1] and head[0] & 15 == 8 and int.from_bytes(head, "big") % 31 == 0
    return -15 if window_bits == 15 and not has_header else window_bits


def _codec_of(label: str) -> str:
    """Return the codec for a charset label of the Encoding Standard, else of Python; "" for one not to be used."""
    try:
        python_codec = codecs.lookup(label).name
    except LookupError:
        python_codec = ""
    # Python's aliases lead to labels that browsers know: euc-cn to gb2312, euckr to euc_kr.
    encoding = webencodings.lookup(label) or webencodings.lookup(python_codec.replace("_", "-"))
    if encoding is None or encoding.name in ("replacement", "x-user-defined"):
        return python_codec if _PYTHON_ONLY.fullmatch(python_codec) else ""
    if encoding.name.startswith("utf-16"):
        return ""  # its byte order or its zeros would have shown in the first bytes
    return "gb18030" if encoding.name == "gbk" else encoding.codec_info.name


def _by_bytes(body: bytes, declared: str) -> str:
    """Return the codec that the bytes themselves tell, whatever is declared; "" where they tell none."""
    text = body.decode("utf-8", "replace")
    faults = text.count("\ufffd")
    # A text that was cut in the middle of a character has a fault.
    if 10 * faults <= sum(character > "\x7f" for character in text) - faults:
        return "utf-8"
    return codec_of(body, against_label=declared not in _DEFAULTS)


def _decode_faulty(body: bytes, codec: str) -> str:
    text = body.decode(codec, "replace")
    # A text with a character cut in two has a few faults; one that is all faults is in another encoding.
    faults = text.count("\ufffd")
    decoded = sum(character > "\x7f" for character in text) - faults
    return text if faults <= decoded else body.decode("cp1252", "replace")


def _without_cut_entry(text: str) -> str:
    last_start = max(text.rfind(f"<{name}{end}") for name in ("item", "entry") for end in "> \t\r\n")
    last_end = max(text.rfind("</item>"), text.rfind("</entry>"))
    is_cut = last_start > last_end and not _END_OF_FEED.search(text, last_start)
    return text[:last_start] if is_cut else text


def _allowed_reference(reference: re.Match[str]) -> str:
    """Return the character reference, or "" for one to a character that XML forbids."""
    digits, base = (reference[1], 16) if reference[1] else (reference[2], 10)
    number = int(digits, base) if len(digits) < 9 else 0x110000
    in_range = number in (9, 10, 13) or 0x20 <= number < 0xD800 or 0xE000 <= number < 0x110000
    return reference[0] if in_range and number not in (0xFFFE, 0xFFFF) else ""


def _outside_sections(text: str, change: Callable[[str], str]) -> str:
    """Return the document with its parts outside CDATA sections changed."""
    parts, at = [], 0
    while (start := text.find("<![CDATA[", at)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [change(text[at:start]), text[start:end]]
        at = end
    # A section that is never closed reaches to the end, or hides nothing: either way a parser must guess.
    return "".join([*parts, change(text[at:])])
