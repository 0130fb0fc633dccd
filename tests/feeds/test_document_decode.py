import pytest

from monitor.feeds.document import decode


def declared(name: str) -> str:
    return f'<?xml version="1.0" encoding="{name}"?><t>中文与ＡＩ、café</t>'


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("utf-8", "utf-8"),
        ("utf-8", "iso-8859-1"),
        ("utf-8", "utf-16"),
        ("utf-8", "gb2312"),
        ("utf-8-sig", "windows-1252"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
        ("utf-32", "utf-8"),
        ("gb18030", "gb2312"),
        ("gb18030", "GBK"),
        ("gb18030", "euc-cn"),
    ],
)
def test_chinese_is_read_whatever_the_document_calls_its_encoding(written: str, said: str) -> None:
    text = declared(said)
    assert decode(text.encode(written), "text/xml; charset=iso-8859-1").lstrip("\ufeff") == text


@pytest.mark.parametrize("said", ["iso-8859-1", "gb2312", "koi8-r"])
def test_utf_8_is_utf_8_though_its_bytes_mean_something_elsewhere(said: str) -> None:
    text = f'<?xml version="1.0" encoding="{said}"?><t>人工智能</t>'
    text.encode().decode(said.replace("2312", "18030"))  # does not fail
    assert decode(text.encode(), "") == text


def test_the_document_is_believed_before_the_server() -> None:
    text = '<?xml version="1.0" encoding="big5"?><t>臺灣</t>'
    assert decode(text.encode("big5"), "text/xml; charset=gb2312") == text


def test_the_server_is_believed_where_the_document_is_silent() -> None:
    text = '<?xml version="1.0"?><t>人工智能</t>'
    assert decode(text.encode("gb18030"), 'application/xml; charset="gb2312"') == text


def test_the_server_is_believed_where_the_document_is_wrong() -> None:
    text = '<?xml version="1.0" encoding="gb2312"?><t>일본어と한국어</t>'
    assert decode(text.encode("euc-jp", "ignore"), "text/xml; charset=euc-jp").endswith("<t>と</t>")


def test_seven_bit_japanese_is_not_taken_for_ascii() -> None:
    text = '<?xml version="1.0" encoding="iso-2022-jp"?><t>日本語</t>'
    assert decode(text.encode("iso-2022-jp"), "") == text


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        *(
            (label, "gb18030", "人工智能，朱镕基，𠮷")
            for label in ("x-gbk", "gb_2312-80", "csGB2312", "chinese")
        ),
        *(
            (label, "big5hkscs", "人工智慧，香港㗎")
            for label in ("cn-big5", "x-x-big5", "Big5", "big5-hkscs")
        ),
        *((label, "cp932", "日本語①") for label in ("x-sjis", "windows-31j", "Shift_JIS")),
        *((label, "cp949", "한국어똠") for label in ("windows-949", "ks_c_5601-1987", "EUC-KR")),
        ("x-euc-jp", "euc_jp", "日本語"),
        *((label, "cp1252", "“café” – €") for label in ("iso88591", "l1", "us-ascii", "ISO-8859-1")),
        ("iso-8859-9", "cp1254", "“Iğdır” – €"),
        ("koi", "koi8_r", "новости"),
    ],
)
def test_a_label_of_the_web_is_read_in_its_widest_encoding(label: str, codec: str, text: str) -> None:
    body = f'<?xml version="1.0" encoding="{label}"?><t>{text}</t>'.encode(codec)
    assert decode(body, "").endswith(f"<t>{text}</t>")


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        *((label, "gb18030", "人工智能，朱镕基") for label in ("cp936", "ms936", "euc-cn")),
        *((label, "cp949", "한국어똠") for label in ("cp949", "euckr", "uhc")),
        *((label, "cp1252", "“café”") for label in ("latin-1", "646")),
        ("cp950", "cp950", "人工智慧"),
        ("cp850", "cp850", "café"),
        ("hz-gb-2312", "hz", "人工智能"),
        ("iso-2022-kr", "iso2022_kr", "한국어"),
    ],
)
def test_a_label_that_only_python_knows_is_read(label: str, codec: str, text: str) -> None:
    body = f'<?xml version="1.0" encoding="{label}"?><t>{text}</t>'.encode(codec)
    assert decode(body, "").endswith(f"<t>{text}</t>")


@pytest.mark.parametrize(
    "name",
    [
        "x-user-defined",
        "replacement",
        "zlib_codec",
        "rot13",
        "utf-7",
        "unicode_escape",
        "idna",
        "x-klingon",
        "base64",
    ],
)
def test_a_codec_that_is_no_encoding_of_the_web_is_not_run(name: str) -> None:
    text = f'<?xml version="1.0" encoding="{name}"?><t>+ADw-b+AD4- \\u4e2d</t>'
    assert decode(text.encode(), f"text/xml; charset={name}") == text
    assert decode(text.encode() + b"\xe9", f"text/xml; charset={name}") == text + "é"


def test_a_character_cut_in_two_costs_no_other_one() -> None:
    body = "<t>前面的字".encode() + "断".encode()[:2] + "后面的字</t>".encode()
    assert decode(body, "") == "<t>前面的字\ufffd后面的字</t>"


def test_latin_1_that_calls_itself_utf_8_is_read() -> None:
    text = '<?xml version="1.0" encoding="utf-8"?><t>Café “à la crème”</t>'
    assert decode(text.encode("cp1252"), "text/xml; charset=utf-8") == text


NEWS = "人工智能与大模型的新闻，摘要里也说大模型，还有镕字"
TRADITIONAL = "人工智慧與大模型的新聞，摘要裡也說大模型"


@pytest.mark.parametrize(
    "said",
    ["utf-8", "", "iso-8859-1", "windows-1252", "us-ascii", "big5", "gb2312", "shift_jis", "x-klingon"],
)
@pytest.mark.parametrize(("text", "codec"), [(NEWS, "gbk"), (NEWS, "gb18030"), (TRADITIONAL, "big5")])
def test_chinese_under_a_wrong_label_is_told_by_its_bytes(said: str, text: str, codec: str) -> None:
    label = f' encoding="{said}"' if said else ""
    document = f'<?xml version="1.0"{label}?><rss><title>频道</title><item>{text}</item></rss>'
    document = document if codec != "big5" else document.replace("频道", "頻道")
    content_type = f"text/xml; charset={said}" if said else ""
    assert decode(document.encode(codec), content_type) == document


def test_chinese_under_a_wrong_label_with_a_character_cut_in_two_is_told_all_the_same() -> None:
    body = NEWS.encode("gbk") + "断".encode("gbk")[:1] + b"</t>" + NEWS.encode("gbk")
    assert decode(body, "text/xml; charset=utf-8").startswith(NEWS)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Новости искусственного интеллекта", "koi8-r"),
        ("Новости искусственного интеллекта", "windows-1251"),
        ("人工知能のニュース", "euc-jp"),
        ("人工知能のニュース", "shift_jis"),
        ("인공지능 뉴스를 전합니다", "euc-kr"),
        ("ÜBERGRÖSSE ÀÉÎÕÜ été à la française", "iso-8859-1"),
    ],
)
def test_other_scripts_are_not_taken_for_chinese(text: str, codec: str) -> None:
    document = f'<?xml version="1.0" encoding="{codec}"?><t>{text}</t>'
    assert decode(document.encode(codec), "") == document


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("これは人工知能のニュースです", "euc-jp"),
        ("これは人工知能のニュースです", "shift_jis"),
        ("인공지능 뉴스를 전합니다", "euc-kr"),
    ],
)
def test_japanese_and_korean_that_call_themselves_utf_8_are_told_by_their_bytes(
    text: str, codec: str
) -> None:
    document = f'<?xml version="1.0" encoding="utf-8"?><t>{text}</t>'
    assert decode(document.encode(codec), "") == document


def test_utf_8_with_a_cut_character_is_utf_8_whatever_is_declared() -> None:
    body = "<t>前面的字前面的字前面的字".encode() + "断".encode()[:2] + b"</t>"
    assert decode(body, "text/xml; charset=gbk") == "<t>前面的字前面的字前面的字\ufffd</t>"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_document_in_wide_characters_needs_no_mark_and_no_declaration(codec: str) -> None:
    assert decode("<rss>中文</rss>".encode(codec), "text/xml; charset=utf-8") == "<rss>中文</rss>"
