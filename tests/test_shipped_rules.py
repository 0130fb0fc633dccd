"""The shipped rules on invented headlines, news and look-alikes: tests/data/rules/headlines.jsonl, written by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.loaded import load
from monitor.rules.lint import lint
from monitor.rules.match import match_entry
from tests import make

_FILE = Path(__file__).parent / "data" / "rules" / "headlines.jsonl"
CONFIG = load(DEFAULT_CONFIG)
HEADLINES = [json.loads(line) for line in _FILE.read_text("utf-8").splitlines()]
MOST_WORDS = 250  # no list is longer than a person would maintain


@pytest.mark.parametrize("case", HEADLINES, ids=lambda case: ascii(case["title"]))
def test_ai_news_is_told_from_what_only_looks_like_it(case: dict[str, Any]) -> None:
    entry = make.entry(title=case["title"], summary=case["summary"], text="")
    words = [hit.word for match in match_entry(entry, CONFIG.rules) for hit in match.hits]
    assert bool(words) is case["news"], f"{case['about']}: {words}"


def test_a_single_mention_in_a_long_text_is_not_enough_but_two_words_are() -> None:
    once = make.entry(title="一座小城的秋天", summary="", text="他说，AI不会种菜。")
    twice = make.entry(title="一座小城的秋天", summary="", text="他说，AI不会种菜。人工智能也许会。")
    assert not match_entry(once, CONFIG.rules)
    assert match_entry(twice, CONFIG.rules)


def test_no_shipped_word_finds_more_than_itself_in_a_long_summary() -> None:
    twice = "AI" + "，还有很多别的事情" * 500 + "，人工智慧"
    (match,) = match_entry(make.entry(title="一座小城的秋天", summary=twice, text=""), CONFIG.rules)
    assert {hit.found for hit in match.hits} == {"AI", "人工智慧"}


def test_the_shipped_rules_are_no_longer_than_a_person_would_maintain_and_nothing_in_them_is_odd() -> None:
    config = CONFIG.config
    lists = [
        words for rule in config.rules for words in (rule.any, rule.all, rule.none, rule.hints, rule.ignore)
    ]
    assert sum(map(len, [*lists, *config.aliases.values()])) <= MOST_WORDS
    assert lint(config.rules, config.aliases, config.matching.ignore) == ()
