"""`@name`: one of many names is enough."""

import pytest

from monitor.config.options import Rule
from monitor.errors import RuleError
from monitor.rules.match import compile_rules
from tests import make
from tests.rules.ask import judged

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
