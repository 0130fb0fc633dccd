import pytest

from monitor.config.options import Rule
from monitor.errors import RuleError
from monitor.rules.match import compile_rules
from monitor.rules.syntax import parse_word
from monitor.rules.words import Spelling
from tests import make
from tests.rules.judging import judged


def spelling(written: str) -> Spelling:
    return parse_word("r", written).spellings[0]


def refused(written: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        parse_word("人工智能", written)
    return caught.value


def test_a_latin_word_is_closed_on_both_sides() -> None:
    assert spelling("AI") == Spelling(text="ai", closed_left=True, closed_right=True)


def test_a_chinese_word_is_open_on_both_sides() -> None:
    assert spelling("模型") == Spelling(text="模型", closed_left=False, closed_right=False)


@pytest.mark.parametrize(
    ("written", "text", "left", "right"),
    [
        ("AI*", "ai", True, False),
        ("*GPT", "gpt", False, True),
        ("*AI*", "ai", False, False),
        ("T恤", "t恤", True, False),
        ("卡拉OK", "卡拉ok", False, True),
        ("C++", "c++", True, False),
        (".NET", ".net", False, True),
        ("GPT-4o", "gpt-4o", True, True),
        ("5", "5", True, True),
        ("5*", "5", True, False),
        ("🤖", "🤖", False, False),
        ("①", "①", False, False),
        ("C*算法", "c*算法", True, False),
        ("한국", "한국", True, True),
        (" ＡＩ ", "ai", True, True),
        ("a=b", "a=b", True, True),
    ],
)
def test_each_side_is_closed_by_a_letter_and_opened_by_a_star(
    written: str, text: str, left: bool, right: bool
) -> None:
    assert spelling(written) == Spelling(text=text, closed_left=left, closed_right=right)


@pytest.mark.parametrize(
    ("written", "exactly", "text"),
    [
        ("=AI", "AI", "ai"),
        ("=ＡＩ", "ＡＩ", "ai"),
        ("=軟體", "軟體", "软体"),
        ("=cafe\u0301", "café", "café"),
        ("=Go*", "Go", "go"),
    ],
)
def test_an_equals_sign_wants_the_word_as_it_stands(written: str, exactly: str, text: str) -> None:
    word = parse_word("r", written)
    assert [(spelling.exact, spelling.text) for spelling in word.spellings] == [(exactly, text)]


@pytest.mark.parametrize(
    ("written", "text", "traditional"),
    [
        ("软件", "软体", "體"),
        ("人工智能", "人工智慧", ""),
        ("軟體", "软件", ""),
        ("AI 软件", "ai软体", "體"),
    ],
)
def test_a_chinese_word_is_spelled_as_on_the_other_side_of_the_strait_too(
    written: str, text: str, traditional: str
) -> None:
    others = parse_word("r", written).spellings[1:]
    assert [(spelling.text, spelling.traditional) for spelling in others] == [(text, traditional)]


@pytest.mark.parametrize("written", ["中国", "模型", "AI", "=软件", "カード"])
def test_a_word_that_is_the_same_there_has_one_spelling(written: str) -> None:
    assert len(parse_word("r", written).spellings) == 1


def test_a_word_keeps_what_the_operator_wrote() -> None:
    assert parse_word("r", " AI* ").written == " AI* "


@pytest.mark.parametrize(
    "written", ["", " ", "*", "**", "=", "=*", "= ", "* *", "\u200b", "=\u200b", "***", "\u3000"]
)
def test_a_word_with_nothing_to_look_for_is_refused(written: str) -> None:
    assert refused(written).what == "there is nothing to look for"


@pytest.mark.parametrize(
    ("written", "named", "column"),
    [
        ("@公司", 'no alias set "公司"', 0),
        (" ＠公司", '"@公司"', 1),
        ("/(a/", "missing )", 3),
        ("/a/z", "each once", 3),
        ("/a/ii", "each once", 4),
        ("英伟达 ~ 出口", "A ~8 B", 4),
        ("A ~8 B ~8 C", "not three", 7),
        ("~8 B ~8 ", "one on each side", 5),
        (" title: 英伟达 ~8", "one on each side", 12),
        ("中\ud83d", "half a character", 1),
        ("AI\x00", "NUL", 2),
    ],
)
def test_a_word_that_says_nothing_clear_is_refused_where_it_goes_wrong(
    written: str, named: str, column: int
) -> None:
    error = refused(written)
    assert named in error.explanation
    assert (error.rule, error.word, error.column) == ("人工智能", written, column)


@pytest.mark.parametrize(
    "written", ["a@b", "A/B", "/a", "1/2/", "title: AI", "GPT-4o", "A - B", "A~B", "-5", "~8", "subtitle:AI"]
)
def test_what_only_looks_like_it_is_a_word(written: str) -> None:
    assert parse_word("r", written).written == written


# --- `@name`: one of many names is enough ---------------------------------------------------------


ALIASES = {
    "英伟达": ["英伟达", "輝達", "NVIDIA"],
    "芯片商": ["@英伟达", "台积电", "link:intel", "Arm -Arm Wrestling"],
}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("輝達財報", ["輝達"]),
        ("辉达财报", ["辉达"]),
        ("Nvidia与台積電", ["Nvidia", "台積電"]),
        ("Envidia", None),
        ("Arm Wrestling", None),
        ("intel", None),
    ],
)
def test_every_name_of_a_set_is_found(title: str, expected: list[str] | None) -> None:
    judgement = judged(title, {"any": ("@芯片商",)}, ALIASES)
    assert ([hit.found for hit in judgement.hits] or None) == expected
    assert {hit.word for hit in judgement.hits} <= {"@芯片商"}


def test_a_set_may_ask_a_field_that_the_rule_does_not() -> None:
    judgement = judged("天气", {"any": ("@芯片商",)}, ALIASES, link="https://x.example.org/intel/1")
    assert [(hit.field, hit.found) for hit in judgement.hits] == [("link", "intel")]
    assert not judged("天气", {"any": ("@芯片商",)}, ALIASES, link="https://x.example.org/arm/1").match


def test_a_set_is_found_by_any_spelling_of_its_name_and_counts_once() -> None:
    judgement = judged("英伟达即NVIDIA", {"any": ("@英偉達",)}, ALIASES)
    assert judgement.score == 2.0


@pytest.mark.parametrize(
    ("aliases", "word", "where"),
    [
        ({"甲": ["@乙"], "乙": ["丙", "@甲"]}, "@甲", ("aliases", "乙", "@甲")),
        ({"甲": ["@甲"]}, "@甲", ("aliases", "甲", "@甲")),
        ({"甲": ["好"]}, "@乙", ("rules", "r", "@乙")),
        ({"甲": ["@丙"]}, "@甲", ("aliases", "甲", "@丙")),
    ],
)
def test_circles_and_unknown_names_are_refused(
    aliases: dict[str, list[str]], word: str, where: tuple[str, str, str]
) -> None:
    with pytest.raises(RuleError) as caught:
        compile_rules([Rule(name="r", any=(word,))], [], aliases)
    assert (caught.value.table, caught.value.rule, caught.value.word) == where


def test_what_a_set_holds_is_part_of_the_fingerprint_and_its_order_is_not() -> None:
    def fingerprint(words: list[str]) -> str:
        return compile_rules([make.rule(any=("@甲",))], [], {"甲": words}).fingerprint

    assert fingerprint(["a", "b"]) == fingerprint(["b", "a"]) != fingerprint(["a"])


def test_sets_within_sets_are_read_once_each() -> None:
    sets = {
        f"a{number}": [f"@a{number + 1}", f"@a{number + 1}"] for number in range(8)
    }  # 2 to the 8th, if not
    judgement = judged("AI", {"any": ("@a0",)}, sets | {"a8": ["AI"]})
    assert [(hit.word, hit.found) for hit in judgement.hits] == [("@a0", "AI")]


def test_sets_within_sets_without_end_are_refused() -> None:
    sets = {f"a{number}": [f"@a{number + 1}"] for number in range(900)} | {"a900": ["AI"]}
    with pytest.raises(RuleError, match=r'^alias set "a9": there are more than 10 sets within each other'):
        judged("AI", {"any": ("@a0",)}, sets)
