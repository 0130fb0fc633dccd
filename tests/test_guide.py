"""The rule guide: every rule, headline and command in it is run, in both languages."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from monitor.errors import ConfigError
from monitor.loaded import check_bytes
from monitor.model.feeds import Entry
from monitor.rules.match import Judgement, judge_entry, match_entry
from tests import make
from tests.afternoon import stored
from tests.command import run_command

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
PAGES = ("rules.md", "rules.zh-CN.md")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"(?P<mark>[✓✗]) (?P<title>.+?)(?: \| (?P<text>.+?))?\s*(?:→ (?P<why>.+))?")
AROUND = """
[[feeds]]
name = "示例"
url = "https://feed.example.org/rss"
first_visit = "36500d"

[[subscriptions]]
name = "AI 日报"
to = ["you@example.org"]
at = ["08:00"]
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A block of rules, and the headlines and commands under it."""

    rules: str
    news: tuple[str, ...]
    commands: tuple[str, ...]  # each with the answer it shows
    edited: str = ""  # another file of rules, beside the first


def examples(page: str) -> list[Example]:
    """The examples of a page, in order."""
    blocks: list[Example] = []
    for kind, body in FENCE.findall((GUIDE / page).read_text("utf-8")):
        if kind == "toml" and not body.startswith("# new.toml"):
            blocks.append(Example(body, (), ()))
            continue
        last = blocks.pop()
        if kind == "toml":
            blocks.append(replace(last, edited=body))
        elif kind == "news":
            blocks.append(replace(last, news=(*last.news, *body.splitlines())))
        else:
            assert kind == "console", f"a block of {kind} is run by nobody"
            blocks.append(replace(last, commands=(*last.commands, body)))
    return blocks


def headlines() -> Iterator[Any]:
    for example in examples(PAGES[0]):
        for line in example.news:
            yield pytest.param(example.rules, line, id=line)


@pytest.mark.parametrize(("rules", "line"), list(headlines()))
def test_a_headline_comes_or_not_and_for_the_reason_the_guide_gives(rules: str, line: str) -> None:
    headline = LINE.fullmatch(line)
    assert headline, f"not a line of news: {line}"
    compiled = check_bytes(Path("config.toml"), (rules + AROUND).encode()).rules
    entry = entry_of(headline)
    assert bool(match_entry(entry, compiled)) is (headline["mark"] == "✓")
    if headline["why"]:
        assert headline["why"] in [reason(judgement) for judgement in judge_entry(entry, compiled)]


def entry_of(headline: re.Match[str]) -> Entry:
    return make.entry(headline["title"], text=headline["text"] or "")


def reason(judgement: Judgement) -> str:
    """What the guide says behind an arrow: the words found, or why not."""
    if judgement.match:
        return ", ".join(dict.fromkeys(hit.word for hit in judgement.hits))
    return judgement.why_not


def conversations() -> Iterator[Any]:
    for number, example in enumerate(examples(PAGES[0])):
        if example.commands:
            yield pytest.param(example, id=str(number))


@pytest.mark.parametrize("example", list(conversations()))
def test_a_command_answers_as_the_guide_shows(example: Example, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(example.rules + AROUND, "utf-8")
    if example.news:
        stored(config, [line[2:].strip() for line in example.news])
    (tmp_path / "new.toml").write_text(example.edited + AROUND, "utf-8")
    for body in example.commands:
        command, *shown = body.splitlines()
        prompt, program, *arguments = shlex.split(command)
        assert (prompt, program) == ("$", "monitor")
        output = run_command(*arguments, folder=tmp_path).output
        assert shown, f"{command}: the guide shows no answer, it is: {output}"
        answer = "\n".join(line.rstrip() for line in output.splitlines())
        assert as_shown(shown).fullmatch(answer), answer


def as_shown(lines: list[str]) -> re.Pattern[str]:
    """An answer of these lines, where … stands for what is different each time."""
    return re.compile("\n".join(re.escape(line.rstrip()).replace("…", r"\S+") for line in lines))


def test_both_languages_have_the_same_examples() -> None:
    english, chinese = ([replace(example, rules="") for example in examples(page)] for page in PAGES)
    assert english == chinese
    english_rules, chinese_rules = ([read(example.rules) for example in examples(page)] for page in PAGES)
    assert english_rules == chinese_rules


def read(rules: str) -> object:
    """What a block says without its remarks; of one that is wrong on purpose, its text."""
    try:
        check_bytes(Path("config.toml"), (rules + AROUND).encode())
    except ConfigError:
        return rules
    return tomllib.loads(rules)


@pytest.mark.parametrize("page", PAGES)
def test_every_sign_of_the_table_is_used_below_it(page: str) -> None:
    rows = re.findall(r"^\| (`.+`) \|", (GUIDE / page).read_text("utf-8"), re.MULTILINE)
    rules = next(example.rules for example in examples(page) if "syntax" in example.rules)
    assert len(rows) >= 10
    assert [form for form in re.findall("`(.+?)`", " ".join(rows)) if form not in rules] == []
