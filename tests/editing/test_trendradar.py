"""A file of TrendRadar's, in our own words, and what becomes of each line."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.editing.trendradar import ImportedRules, decode_words, read_words
from monitor.errors import MonitorError
from monitor.rules.match import compile_rules, match_entry
from monitor.rules.syntax import parse_word
from tests import make


def notes(text: str) -> dict[int, list[str]]:
    by_line: dict[int, list[str]] = {}
    for note in read_words(text).notes:
        by_line.setdefault(note.line, []).append(note.what)
    return by_line


def words(text: str) -> tuple[tuple[str, ...], ...]:
    (rule,) = read_words(text).rules
    return rule.any, rule.all, rule.none


def matched(imported: ImportedRules, title: str) -> list[str]:
    rules = compile_rules(imported.rules, [make.feed()])
    names = {fingerprint: name for name, fingerprint in rules.fingerprints.items()}
    return [names[match.fingerprint] for match in match_entry(make.entry(title), rules)]


def test_groups_become_rules_with_their_words_and_limits() -> None:
    imported = read_words("# 我的词\n[芯片]\n光刻机\n+国产\n!广告\n@5\n\n\n量子\n\n量子\n")
    first, second, third = imported.rules
    assert (first.name, first.any, first.all, first.none, first.max) == (
        "芯片",
        ("光刻机",),
        ("国产",),
        ("广告",),
        5,
    )
    assert first.fields == ("title",)
    assert (second.name, third.name) == ("量子", "量子 2")


def test_an_exclusion_counts_in_its_own_group_and_that_is_told() -> None:
    imported = read_words("机器人\n!玩具\n\n芯片\n")
    assert matched(imported, "玩具芯片机器人") == ["芯片"]
    assert notes("机器人\n!玩具\n\n芯片\n") == {
        2: ["is kept out of its own group only; TrendRadar kept it out of every group"]
    }
    assert notes("机器人\n!玩具\n") == {}


def test_a_group_of_exclusions_alone_counts_everywhere() -> None:
    imported = read_words("!日电\n\n芯片\n")
    assert imported.excluded == ("日电",)
    assert [rule.name for rule in imported.rules] == ["芯片"]
    assert "kept out of every rule" in notes("!日电\n\n芯片\n")[1][0]


def test_the_global_part_takes_words_expressions_and_exclusions() -> None:
    text = "[GLOBAL_FILTER]\n震惊\n/标题.党/\n!速看\n+不懂\n@3\n\n[WORD_GROUPS]\n[芯片]\n光刻机\n"
    imported = read_words(text)
    assert imported.excluded == ("震惊", "/标题.党/", "速看")
    assert [rule.name for rule in imported.rules] == ["芯片"]
    assert sorted(notes(text)) == [3, 4, 5, 6]


def test_a_name_ends_the_global_part() -> None:
    text = "[GLOBAL_FILTER]\n震惊\n\n[芯片]\n光刻机\n"
    assert [rule.name for rule in read_words(text).rules] == ["芯片"]
    assert "global part ends here" in notes(text)[4][0]


def test_a_head_without_an_empty_line_before_it_begins_all_the_same() -> None:
    text = "量子\n[芯片]\n光刻机\n"
    assert [rule.name for rule in read_words(text).rules] == ["量子", "芯片"]
    assert "begins anew" in notes(text)[2][0]


def test_a_latin_word_is_a_whole_word_and_that_is_told() -> None:
    imported = read_words("mac\n")
    assert matched(imported, "新的Mac发布") == ["mac"]
    assert matched(imported, "machine learning") == []
    assert '"mac*" opens it' in notes("mac\n")[1][0]
    assert '"*C++" opens it' in notes("C++\n")[1][0]
    assert '".NET*" opens it' in notes(".NET\n")[1][0]


def test_an_expression_keeps_its_flags_and_its_name_goes_to_the_rule() -> None:
    imported = read_words("/gpt-\\d/i => GPT\n/Sora/\n")
    assert imported.rules[0].name == "GPT / Sora"
    assert words("/gpt-\\d/i => GPT\n/Sora/\n")[0] == ("/gpt-\\d/i", "/Sora/")
    assert matched(imported, "GPT-5 来了") == ["GPT / Sora"]
    assert matched(imported, "sora 来了") == []
    assert "case" in notes("/Sora/\n")[1][0]
    assert notes("/(?i)Sora/\n/芯.片/\n/\\d+纳米/\n") == {}


def test_a_flag_written_backwards_is_named_with_its_cure() -> None:
    assert notes("/(i?)sora/\n")[1] == [
        '"(i?)" is the letter i, or nothing; "monitor rules lint --fix" makes it (?i)'
    ]


def test_flags_of_other_languages_are_left_out() -> None:
    assert words("/芯片/gu\n")[0] == ("/芯片/",)
    assert '"gu"' in notes("/芯片/gu\n")[1][0]
    assert "did not heed" in notes("/芯.片/s\n")[1][0]


def test_an_expression_that_cannot_be_read_is_looked_for_as_it_stands() -> None:
    imported = read_words("/(芯片/\n")
    assert matched(imported, "见 /(芯片/ 一词") == ["(芯片"]
    assert "plain text" in notes("/(芯片/\n")[1][0]


def test_an_edge_beside_chinese_is_warned_of() -> None:
    assert "no edge" in notes("/\\bai\\b/i\n")[1][0]


@pytest.mark.parametrize("written", ["=x", "@家", "title:芯片", "甲 ~8 乙", "芯片 -广告", "*甲", "甲*"])
def test_characters_of_the_rule_language_are_taken_for_themselves(written: str) -> None:
    text = f"芯\n+{written}\n"
    assert matched(read_words(text), f"芯 {written} 尾") == ["芯"]
    assert matched(read_words(text), "芯") == []
    assert "rule language" in notes(text)[2][0]


CHARACTERS = st.sampled_from(
    ["芯", "é", "a", "Z", "7", " ", "\u3000", "\u0301", "😀", *"/\\[](){}|^$.*+?=@＠:~-!#,'\"_&<>％"]
)


@settings(max_examples=300, derandomize=True)
@given(st.text(CHARACTERS, min_size=1, max_size=12).map(str.strip).filter(bool))
def test_every_line_becomes_words_that_can_be_read(line: str) -> None:
    """Under python -O as well: nothing depends on an assertion."""
    imported = read_words(f"芯片\n{line}\n\n+/({line}/\n")
    for rule in imported.rules:
        for word in (*rule.any, *rule.all, *rule.none):
            parse_word(rule.name, word)
    for word in imported.excluded:
        parse_word("", word)
    assert parse_word("", imported.rules[-1].all[-1]).term is not None


@settings(max_examples=300, derandomize=True)
@given(st.text(CHARACTERS, min_size=1, max_size=12).map(str.strip).filter(bool))
def test_a_word_that_must_be_there_finds_itself(line: str) -> None:
    if "=>" in line or re.fullmatch("/.+/[A-Za-z]*", line):
        return
    imported = read_words(f"+{line}\n")
    (rule,) = imported.rules
    assert matched(imported, f"尾 {line} 尾") == [rule.name]


def test_full_width_characters_are_read_as_meant() -> None:
    text = "［芯片］\n光刻机\n＋国产\n！广告\n＠3\n"
    (rule,) = read_words(text).rules
    assert (rule.name, rule.all, rule.none, rule.max) == ("芯片", ("国产",), ("广告",), 3)
    assert sorted(notes(text)) == [1, 3, 4, 5]


def test_two_words_on_a_line_are_told() -> None:
    assert "each on its own line" in notes("芯片 算力\n")[1][0]


def test_a_line_of_spaces_ends_a_group() -> None:
    text = "芯片\n  \n量子\n"
    assert len(read_words(text).rules) == 2
    assert "spaces" in notes(text)[2][0]
    assert notes("  \n芯片\n") == {}


@pytest.mark.parametrize(
    ("line", "what"), [("@0", "no number"), ("@x", "no number"), ("+", "no word"), ("=> 甲", "no word")]
)
def test_lines_that_say_nothing_are_left_out(line: str, what: str) -> None:
    assert words(f"芯片\n{line}\n") == (("芯片",), (), ())
    assert what in notes(f"芯片\n{line}\n")[2][0]


def test_a_group_that_has_only_a_name_is_left_out() -> None:
    assert read_words("[空]\n\n芯片\n").rules[0].name == "芯片"
    assert "without words" in notes("[空]\n\n芯片\n")[1][0]
    assert "without words" in notes("@3\n")[1][0]


def test_a_name_of_a_line_in_a_named_group_is_told_as_left_out() -> None:
    assert "named after the group" in notes("[芯片]\n光刻机 => 机器\n")[2][0]


def test_the_name_of_a_long_group_is_cut() -> None:
    (rule,) = read_words("\n".join(f"第{number}个词语" for number in range(30))).rules
    assert len(rule.name) <= 60
    assert rule.name.endswith("…")
    assert read_words("+国产\n").rules[0].name == "国产"


def test_a_lone_character_in_the_global_part_is_left_out_and_named() -> None:
    imported = read_words("[GLOBAL_FILTER]\n!\n芯片\n")
    assert imported.excluded == ("芯片",)
    assert "has no word and was left out" in [note.what for note in imported.notes]


WORDS = "# 我的\n[芯片]\n光刻机\n+出口\n!招聘\n@5\n/gpt-\\d{1,}|a very long expression, longer than any word/i => GPT\n"


def refusal(raw: bytes) -> str:
    with pytest.raises(MonitorError) as refused:
        decode_words(raw, "words.txt")
    return str(refused.value)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_list_of_words_is_read_with_and_without_a_mark(mark: bytes) -> None:
    assert decode_words(mark + WORDS.encode(), "words.txt") == WORDS


def test_an_empty_file_has_no_words() -> None:
    assert decode_words(b"", "words.txt") == ""


@pytest.mark.parametrize(("encoding", "looks"), [("gbk", "GBK"), ("utf-16", "UTF-16"), ("gb18030", "GBK")])
def test_another_encoding_is_named_with_a_way_out(encoding: str, looks: str) -> None:
    message = refusal(WORDS.encode(encoding))
    assert f"it looks like {looks}" in message
    assert "Save it as UTF-8, or write: iconv -f " in message


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
    message = refusal(text.encode())
    assert "does not read like a list of words: line 1 is " in message or "line 2 is " in message
    assert "Expected is a word on each line" in message


def test_a_sentence_among_words_is_let_pass() -> None:
    text = "AI\n大模型\nhost = 1\n"
    assert decode_words(text.encode(), "words.txt") == text
