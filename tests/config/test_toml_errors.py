import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.positions import caret
from monitor.config.toml_errors import describe_toml_error
from tests.cost import cpu_seconds


def told(text: str) -> tuple[int | None, str]:
    with pytest.raises(tomllib.TOMLDecodeError) as refused:
        tomllib.loads(text)
    return describe_toml_error(refused.value, text)


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ('a = 1\nany = ["AI]\n', 2, "a quotation mark is missing on this line."),
        ('any = [\n  "AI", "量子, "生成式",\n]\n', 2, "a comma, a quotation mark or a bracket is missing"),
        ('any = ["/gpt-\\d/"]\n', 1, "Write \\\\ for each \\"),
        ("[a]\nb = 1\n[c]\nb = 1\nb = 2\n", 5, "b stands in the table twice, first in line 4"),
        ("a.b = 1\na.b = 2\n", 2, "a.b stands in the table twice, first in line 1"),
        ("a = {b = 1, b = 2}\n", 1, "this name stands in the table twice"),
        ("[smtp]\nport = 1\n[feeds]\n[smtp]\n", 4, "[smtp] stands twice, first in line 1."),
        ("[feeds]\nname = 1\n[feeds]\n", 3, "(the first: line 1). Write [[feeds]] in both places."),
        ("[[feeds]\n", 1, "a bracket is missing at the head of a table. Write: [[feeds]]"),
        ("[feeds\n", 1, "Write: [[feeds]]"),
        ("[smtp\n", 1, "Write: [smtp]"),
        ("a = [\n", 1, "a comma, a quotation mark or a bracket is missing"),
        ('a = """\nb\n', 1, "a text begins here and never ends"),
        ('[x]\nany = ["AI",\n"大模型"\n[y]\n', 2, '"]" is missing before line 4.'),
        ('any = ["AI"\nall = ["大模型"]\n', 1, '"]" is missing before line 2.'),
        (
            'any = ["AI" "大模型"]\n',
            1,
            'a comma is missing between two values. Write: any = ["AI", "大模型"]',
        ),
        ('host = "smtp.qq.com\nport = 1\n', 1, 'Write: host = "smtp.qq.com"'),
        ('host = smtp.qq.com"\nport = 1\n', 1, 'Write: host = "smtp.qq.com"'),
        ('to = "me@qq.com"]\n', 1, 'a bracket is missing on this line. Write: to = ["me@qq.com"]'),
        ("enabled = True\n", 1, "True is written true here, in small letters. Write: enabled = true"),
        ("enabled = FALSE # c\n", 1, "Write: enabled = false # c"),
        ("enabled = 是\n", 1, "Write: enabled = true"),
        ("when = None\n", 1, "TOML has no None"),
        ("port =\n", 1, 'there is no value behind the "="'),
        ("port = # 465\n", 1, 'there is no value behind the "="'),
        ("port = 0465\n", 1, "Write: port = 465"),
        ("port = 465;\n", 1, "a line ends without a comma or semicolon. Write: port = 465"),
        ("port: 465\n", 1, 'joined by "=". Write: port = 465'),
        ("host: smtp.qq.com\n", 1, 'Write: host = "smtp.qq.com"'),
        ("port 465\n", 1, "Write: port = 465"),
        ("smtp:\n  port: 465\n", 1, "this looks like YAML. A table is written in brackets"),
        ("feeds:\n", 1, "Write: [[feeds]]"),
        ('{"smtp": 1}\n', 1, "this looks like JSON."),
        ("// port\n", 1, "a comment begins with #. Write: # port"),
        ("host = smtp.qq.com\n", 1, 'Write: host = "smtp.qq.com"'),
        ("name = 示例，新闻\n", 1, 'a text stands in quotation marks. Write: name = "示例，新闻"'),
        ("to = me@qq.com\n", 1, 'Write: to = ["me@qq.com"]'),
        ("at = 08:00, 18:00\n", 1, 'Write: at = ["08:00", "18:00"]'),
        ("to = [me@qq.com]\n", 1, 'Write: to = ["me@qq.com"]'),
        ('to = "a@qq.com", "b@qq.com"\n', 1, 'stand in brackets. Write: to = ["a@qq.com", "b@qq.com"]'),
        ('file = "C:\\Users\\me"\n', 1, "A path goes into single ones. Write: file = 'C:\\Users\\me'"),
        ('file = "\\\\nas\\data"\n', 1, "Write: file = '\\\\nas\\data'"),
        ('芯片 = ["光刻机"]\n', 1, 'Write: "芯片" = ["光刻机"]'),
        ('a = "x" y\n', 1, "something is left over behind the value."),
        ("= 1\n", 1, "neither a key with its value"),
        ("a b c\n", 1, 'a "=" is missing between a key and its value.'),
        ('a = "\x01"\n', 1, "Illegal character '\\x01'."),
        (f"a = {'x' * 5000}\n", 1, "a text stands in quotation marks, a list in brackets."),
        ("a = 1\rb = 2\r", None, "its lines end in CR alone"),
    ],
)
def test_a_slip_is_told_with_its_line_and_a_way_out(text: str, line: int | None, advice: str) -> None:
    number, what = told(text)
    assert number == line
    assert what.startswith("this is not TOML: ")
    assert advice in what
    assert "(at line" not in what, "the line is told once"


def test_a_caret_stands_under_the_place() -> None:
    _, what = told('any = [\n  "AI", "量子, "生成式",\n]\r\n')
    assert what.splitlines()[1:] == ['    "AI", "量子, "生成式",', "           \u3000\u3000   ^"]


def test_a_caret_stands_under_the_place_behind_a_secret() -> None:
    line = 'a = {proxy = "http://me:secret@proxy:1", b = x}'
    _, what = told(f"{line}\n")
    assert what.splitlines()[1:] == ['    a = {proxy = "http://***@proxy:1", b = x}', " " * 43 + "^"]


def test_a_caret_is_as_far_as_wide_signs_are() -> None:
    assert caret("芯a片", 2) == "\n    芯a片\n    \u3000 ^"


@pytest.mark.parametrize(
    ("line", "character", "meant"),
    [
        (
            "host = “smtp.qq.com”",
            '“ in column 8 is a Chinese quotation mark: type " instead.',
            'host = "smtp.qq.com"',
        ),
        ('host = “smtp.qq.com"', "“ in column 8", 'host = "smtp.qq.com"'),
        ('host = "smtp.qq.com”', "” in column 20", 'host = "smtp.qq.com"'),
        ("host = 「smtp.qq.com」", "「 in column 8", 'host = "smtp.qq.com"'),
        ("host = ＂smtp.qq.com＂", "＂ in column 8", 'host = "smtp.qq.com"'),
        ("host = ‘smtp.qq.com’", "‘ in column 8", 'host = "smtp.qq.com"'),
        ("to = “me@qq.com”", "“ in column 6", 'to = ["me@qq.com"]'),
        ("any = [“AI”, “大模型”]", "“ in column 8", 'any = ["AI", "大模型"]'),
        (
            'any = ["AI"， "大模型"]',
            "， in column 12 is a Chinese comma: type , instead.",
            'any = ["AI", "大模型"]',
        ),
        ('any = ["AI"、"大模型"]', "、 in column 12 is a Chinese comma", 'any = ["AI","大模型"]'),
        ('any = 【"AI"】', "【 in column 7 is a Chinese bracket: type [ instead.", 'any = ["AI"]'),
        ("【【feeds】】", "【 in column 1 is a Chinese bracket", "[[feeds]]"),
        ("［smtp］", "［ in column 1 is a Chinese bracket", "[smtp]"),
        ("port ＝ 465", "＝ in column 6 is a Chinese equals sign: type = instead.", "port = 465"),
        ("端口＝465", "＝ in column 3", ""),
        ("port：465", "： in column 5 is a Chinese colon: type = instead.", "port=465"),
        ("port = ４６５", "４ in column 8 is a full-width character: type 4 instead.", "port = 465"),
        (
            "port = 465 ＃ 端口",
            "＃ in column 12 is a full-width character: type # instead.",
            "port = 465 # 端口",
        ),
        ("port = 465；", "； in column 11 does not belong here: take it out.", "port = 465"),
        ("port　= 465", "the space in column 5 is not an ordinary one (U+3000)", "port = 465"),
        ("port =\xa0465", "the space in column 7 is not an ordinary one (U+00A0)", "port = 465"),
        ("\u200bport = 465", "U+200B in column 1 does not belong here", "port = 465"),
    ],
)
def test_a_chinese_character_is_named_with_its_column_and_the_line_as_it_is_meant(
    line: str, character: str, meant: str
) -> None:
    number, what = told(f"[x]\n{line}\n")
    assert number == 2
    assert character in what
    assert (f"Write: {meant}\n" in what) if meant else ("Write: " not in what)


def test_chinese_characters_in_texts_and_comments_are_nobodys_fault() -> None:
    _, what = told("any = [\"“AI”，芯片\", '：'] = # ，\n")
    assert "Chinese" not in what


def test_the_rows_of_a_list_are_told_as_they_are_meant() -> None:
    number, what = told('any = [\n  "AI"，\n  “大模型”\n]\n')
    assert number == 2
    assert 'Write: "AI",' in what


def test_no_secret_is_shown_in_the_line_as_it_is_meant() -> None:
    _, what = told("proxy = “http://me:hunter2@proxy:1”\n")
    assert "hunter2" not in what
    assert "“ in column 9" in what


SIGNS = [
    *(
        "“",
        "”",
        "，",
        "＝",
        "：",
        "【",
        "】",
        "＃",
        "\u3000",
        "\u200b",
        "；",
        "True",
        "None",
        "é",
        "\r",
        "\x00",
    ),
    *('"', '"""', "'", "'''", "\\", "[", "]", "[[", "]]", "{", "}", "=", ",", ".", "#", ":", ";", " ", "\n"),
    *("to", "a", "1", "[feeds]\n", "[smtp]\n", "k = ", "芯片"),
]


def test_where_a_text_never_ends_is_told_soon_in_a_long_file() -> None:
    def tell(feeds: int) -> None:
        line, _ = told('a = """b\n' + '[[feeds]]\nname = "n"\nurl = "u"\n' * feeds)
        assert line == 1

    calls = ([lambda feeds=feeds: tell(feeds)] * 3 for feeds in (100, 400))
    few, many = (cpu_seconds(*same) for same in calls)
    assert many < 10 * few  # 16 times as much where each line has all that follows parsed


@settings(max_examples=500, derandomize=True)
@given(st.lists(st.sampled_from(SIGNS), max_size=20).map("".join))
def test_whatever_is_wrong_is_told_at_a_line_of_the_text(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        number, what = describe_toml_error(error, text)
        assert number is None or 1 <= number <= text.count("\n") + 1
        assert what.startswith("this is not TOML: ")
