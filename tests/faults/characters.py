"""Faults of characters: declared in one encoding and written in another, and characters that no text should have."""

from tests.faults.fault import Document, document, numbers, rss
from tests.faults.server import Visit

_KIND = "characters"


def _encoded(text: str, encoding: str, declared: str) -> Document:
    """Return a document whose title has this text, in `encoding`, while its prolog says `declared` ("": nothing)."""

    def make(visit: Visit) -> bytes:
        head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
        return rss(visit.item(1, f"{visit.title(1)} {text}"), head=head).encode(encoding)

    return make


document(_KIND, "UTF-16 with a BOM", shows=("十六位文字",), is_quick=True)(
    _encoded("十六位文字", "utf-16", "utf-16")
)
document(_KIND, "UTF-16 big endian without a BOM", shows=("十六位大端",))(
    _encoded("十六位大端", "utf-16-be", "utf-16")
)
document(_KIND, "UTF-32 with a BOM", shows=("三十二位",), fails=None)(
    _encoded("三十二位", "utf-32", "utf-32")
)
document(_KIND, "UTF-8 with a BOM", shows=("八位带标记",))(_encoded("八位带标记", "utf-8-sig", "utf-8"))
document(_KIND, "UTF-8 with a BOM, declared Latin-1", shows=("标记为准",))(
    _encoded("标记为准", "utf-8-sig", "iso-8859-1")
)
document(_KIND, "Latin-1 bytes, declared UTF-8", is_quick=True)(_encoded("café déjà", "latin-1", "utf-8"))
document(_KIND, "Windows-1252 quotes, declared Latin-1", shows=("“curly”",))(
    _encoded("“curly”", "cp1252", "iso-8859-1")
)
document(
    _KIND,
    "UTF-8 bytes, header says ISO-8859-1, prolog says UTF-8",
    shows=("标头说错",),
    content_type="text/xml; charset=ISO-8859-1",
)(_encoded("标头说错", "utf-8", "utf-8"))
document(_KIND, "Shift_JIS", shows=("日本語のニュース",), is_quick=True)(
    _encoded("日本語のニュース", "shift_jis", "Shift_JIS")
)
document(_KIND, "EUC-KR", shows=("한국어 소식",))(_encoded("한국어 소식", "euc-kr", "euc-kr"))
document(_KIND, "Big5", shows=("繁體新聞",))(_encoded("繁體新聞", "big5", "big5"))
document(_KIND, "GB18030", shows=("国标文字㐀",))(_encoded("国标文字㐀", "gb18030", "gb18030"))
document(_KIND, "GBK bytes that are not GB2312, declared GB2312", shows=("朱镕基",))(
    _encoded("朱镕基", "gbk", "gb2312")
)
document(_KIND, "KOI8-R only in the header", shows=("новости",), content_type="text/xml; charset=koi8-r")(
    _encoded("новости", "koi8-r", "")
)
document(_KIND, "GBK that nobody declares", fails=None)(_encoded("没有声明", "gbk", ""))
document(
    _KIND, "encoding 'x-klingon' in prolog and header", fails=None, content_type="text/xml; charset=x-klingon"
)(_encoded("x", "utf-8", "x-klingon"))
for _codec in ("zlib_codec", "rot13", "idna", "unicode_escape", "punycode", "undefined", "EBCDIC-CP-US"):
    document(
        _KIND,
        f"encoding name is a Python codec: {_codec}",
        delivers=numbers(),
        may_deliver=numbers(1),
        fails=None,
        content_type=f"text/xml; charset={_codec}",
    )(_encoded("x", "utf-8", _codec))


@document(
    _KIND, "UTF-7 declared, script tags in UTF-7", delivers=numbers(), may_deliver=numbers(1), fails=None
)
def _(visit: Visit) -> str:
    text = "<description>+ADw-script+AD4-alert(1)+ADw-/script+AD4-</description>"
    return rss(visit.item(1, more=text), head='<?xml version="1.0" encoding="utf-7"?>')


@document(_KIND, "character references that no text may have", is_quick=True)
def _(visit: Visit) -> str:
    odd = "a&#0;b&#x0B;c&#xD800;d&#xFFFE;e&#x110000;f&#xFFFFFFFFFF;g&#x1b;h&#55357;"
    return rss(
        visit.item(1, visit.title(1) + " X", f"<description>{odd}</description>").replace(" X", f" {odd}")
    )


@document(_KIND, "control characters, separators, direction marks", delivers=numbers(1, 2), is_quick=True)
def _(visit: Visit) -> str:
    odd = "".join(
        map(
            chr,
            [
                *range(1, 9),
                0xB,
                0xC,
                *range(0xE, 0x20),
                *range(0x7F, 0xA0),
                0x2028,
                0x2029,
                0x202E,
                0x2066,
                0xFEFF,
                0xAD,
            ],
        )
    )
    return rss(
        visit.item(1, f"{visit.title(1)} a{odd}b", f"<description>c{odd}d</description>"), visit.item(2)
    )


@document(_KIND, "lone surrogates as bytes (CESU)")
def _(visit: Visit) -> bytes:
    return visit.rss(1).encode().replace(b"AI ", b"AI \xed\xa0\xbd\xed\xb8\x80 ")


@document(_KIND, "overlong UTF-8 of a script tag", delivers=numbers(1))
def _(visit: Visit) -> bytes:
    return visit.rss(1).encode().replace(b"AI ", b"AI \xc0\xbcscript\xc0\xbe ")


@document(_KIND, "NUL bytes in the document", fails=None)
def _(visit: Visit) -> bytes:
    return visit.rss(1).encode().replace(b"AI ", b"AI \0 ")


@document(_KIND, "10,000 combining marks on one letter")
def _(visit: Visit) -> str:
    return rss(visit.item(1, f"{visit.title(1)} a" + "\u0301" * 10_000))


@document(_KIND, "guids that differ only by Unicode normal form", delivers=numbers(1, 2))
def _(visit: Visit) -> str:
    first, second = visit.item(1), visit.item(2)
    return rss(
        first.replace(f"<guid>{visit.link(1)}", "<guid>caf\u00e9"),
        second.replace(f"<guid>{visit.link(2)}", "<guid>cafe\u0301"),
    )


document(_KIND, "no Content-Type", content_type="", is_quick=True)(_encoded("x", "utf-8", "utf-8"))
for _type in (
    "text/html; charset=utf-8",
    "text/plain",
    "application/octet-stream",
    "image/jpeg",
    ";;;",
    'text/xml; charset="utf-8',
    "application/xml; charset=",
):
    document(_KIND, f"sent as {_type}", content_type=_type)(_encoded("x", "utf-8", "utf-8"))
