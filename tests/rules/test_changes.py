from typing import Any

import pytest

from monitor.model.rules import Reason
from monitor.rules.changes import compare, describe_changes, describe_sets, summary
from tests import make


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ({"any": ("AI", "大模型", "芯片", "GPU")}, "+2 words"),
        ({"any": ("AI", "大模型", "芯片")}, "+1 word"),
        ({"any": ("AI",)}, "-1 word"),
        ({"any": ("芯片",)}, "+1 word, -2 words"),
        ({"none": ("油价",)}, "+1 word"),
        ({"any": ("AI",), "all": ("大模型",)}, "+1 word, -1 word"),
        ({"fields": ("title",)}, "fields"),
        ({"feeds": ("另一家",), "fields": ("title",)}, "fields, feeds"),
        ({"any": ("AI", "芯片", "大模型"), "feeds": ("另一家",)}, "+1 word, feeds"),
        ({"any": ("大模型", "AI")}, "order"),
    ],
    ids=str,
)
def test_an_edited_rule_is_told_by_what_was_added_and_removed(edit: dict[str, Any], line: str) -> None:
    assert describe_changes([make.rule()], [make.rule(**edit)]) == [f"rule 人工智能: {line}"]


def test_new_rules_are_told_first_then_those_that_are_gone_then_the_edited() -> None:
    old = [make.rule("甲"), make.rule("乙"), make.rule("丙")]
    new = [make.rule("丙", any=("AI",)), make.rule("丁"), make.rule("甲")]
    assert describe_changes(old, new) == ["rule 丁: new", "rule 乙: gone", "rule 丙: -1 word"]


def test_the_same_rules_in_another_order_are_no_change() -> None:
    old = [make.rule("甲"), make.rule("乙")]
    assert describe_changes(old, old[::-1]) == []
    assert describe_changes([], []) == []


def test_alias_sets_come_and_go_and_change() -> None:
    old, new = {"甲": ("a",), "乙": ("b",), "丁": ("d",)}, {"乙": ("b", "c"), "丙": ("c",), "丁": ("d",)}
    assert describe_sets(old, new) == ["alias set 乙: changed", "alias set 丙: new", "alias set 甲: gone"]


def reasons(*rules: str) -> list[Reason]:
    return [Reason(rule=rule, hits=(make.hit(f"{rule}词"),)) for rule in rules]


def test_adds_removes_and_moves_are_told_apart() -> None:
    entry = make.entry()
    changes = [
        compare(1, entry, [], reasons("甲")),
        compare(2, entry, reasons("甲"), [], "none: 丙"),
        compare(3, entry, reasons("甲"), reasons("甲", "乙")),
        compare(4, entry, reasons("甲", "乙"), reasons("甲")),
    ]
    moved = [change for change in changes if change]
    assert [(change.kind, change.words, change.why) for change in moved] == [
        ("added", ("甲词",), ""),
        ("removed", ("甲词",), "none: 丙"),
        ("moved", ("乙词",), ""),
        ("moved", ("乙词",), ""),
    ]
    assert summary(moved) == "adds 1, removes 1, moves 2"


def test_the_same_rules_by_other_words_are_no_change() -> None:
    entry = make.entry()
    by_another_word = [Reason(rule="甲", hits=(make.hit("别的"),))]
    assert compare(1, entry, reasons("甲"), by_another_word) is None
    assert compare(1, entry, [], []) is None
