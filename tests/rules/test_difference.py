from monitor.model.rules import Reason
from monitor.rules.difference import compare, summary
from tests import make


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
    found = [change for change in changes if change]
    assert [(one.kind, one.words, one.why) for one in found] == [
        ("added", ("甲词",), ""),
        ("removed", ("甲词",), "none: 丙"),
        ("moved", ("乙词",), ""),
        ("moved", ("乙词",), ""),
    ]
    assert summary(found) == "adds 1, removes 1, moves 2"


def test_the_same_rules_by_other_words_are_no_change() -> None:
    entry = make.entry()
    other = [Reason(rule="甲", hits=(make.hit("别的"),))]
    assert compare(1, entry, reasons("甲"), other) is None
    assert compare(1, entry, [], []) is None
