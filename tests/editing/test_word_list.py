import pytest

from monitor.editing.word_list import read_text
from monitor.errors import MonitorError

WORDS = "# 我的\n[芯片]\n光刻机\n+出口\n!招聘\n@5\n/gpt-\\d{1,}|a very long expression, longer than any word/i => GPT\n"


def refusal(raw: bytes) -> str:
    with pytest.raises(MonitorError) as told:
        read_text(raw, "words.txt")
    return str(told.value)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_list_of_words_is_read_with_and_without_a_mark(mark: bytes) -> None:
    assert read_text(mark + WORDS.encode(), "words.txt") == WORDS


def test_an_empty_file_has_no_words() -> None:
    assert read_text(b"", "words.txt") == ""


@pytest.mark.parametrize(("encoding", "looks"), [("gbk", "GBK"), ("utf-16", "UTF-16"), ("gb18030", "GBK")])
def test_another_encoding_is_named_with_a_way_out(encoding: str, looks: str) -> None:
    told = refusal(WORDS.encode(encoding))
    assert f"it looks like {looks}" in told
    assert "Save it as UTF-8, or write: iconv -f " in told


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\xff\xfe\0", b"AI\0", b"\xff\xff"])
def test_what_is_no_text_at_all_is_refused(raw: bytes) -> None:
    assert "Is it the right file?" in refusal(raw)


@pytest.mark.parametrize(
    "text",
    [
        '[smtp]\nhost = "mail.example.org"\nport = 465\n',
        '[[rules]]\nname = "AI"\nany = [\n"AI", "大模型",\n]\n',
        "platforms:\n  - id: paper\n    name: 日报\n",
        '{\n"words": ["AI"]\n}\n',
        "<html>\n<body>\n<p>AI</p>\n</body>\n</html>\n",
        "今天我去了商店，它却关着门，于是我又走了回家，天又下起雨来，路上一个人也没有，只有一只猫在屋檐下面坐着。\n",
        "- milk\n- bread\n",
    ],
)
def test_a_file_of_another_kind_is_refused(text: str) -> None:
    told = refusal(text.encode())
    assert "does not read like a list of words: line 1 is " in told or "line 2 is " in told
    assert "Wanted is a word on each line" in told


def test_a_sentence_among_words_is_let_pass() -> None:
    text = "AI\n大模型\nhost = 1\n"
    assert read_text(text.encode(), "words.txt") == text
