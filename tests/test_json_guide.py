"""The guide to --json says what the commands answer."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from docs.make_json import (
    ANSWERS,
    CHINESE_GUIDE,
    GUIDE,
    chinese_words,
    make_chinese_guide,
    make_guide,
    make_json_guide,
)
from monitor.cli import app
from monitor.queries.answers import as_json

PRINTS_OPTIONS = {"config"}  # answers in the form of config.toml
ANSWERS_ALWAYS = {"match"}  # has no --json, each line is JSON


def test_the_guide_is_made_from_the_answers() -> None:
    assert GUIDE.read_text("utf-8") == make_json_guide(), "run: make docs"


def test_the_chinese_guide_is_made_from_the_same_answers() -> None:
    assert CHINESE_GUIDE.read_text("utf-8") == make_chinese_guide(), "run: make docs"


def test_the_chinese_guide_has_the_same_commands_and_fields() -> None:
    named = re.compile(r"^## .+|^\| `\w+` \||\(#\w+\)", re.MULTILINE)
    assert named.findall(make_chinese_guide()) == named.findall(make_json_guide())


def test_no_chinese_is_left_of_what_is_said_no_more() -> None:
    said = set()

    def say(words: str) -> str:
        said.add(words)
        return words

    make_guide("", say)
    assert set(chinese_words()) == said


def test_every_field_has_a_meaning() -> None:
    assert "|  |" not in make_json_guide() + make_chinese_guide()


def test_every_command_that_answers_in_json_stands_in_the_guide() -> None:
    commands = set(_with_json(typer.main.get_command(app), ()))
    described = {name.partition(" --")[0] for name in ANSWERS}
    assert commands - PRINTS_OPTIONS == described - ANSWERS_ALWAYS


def _with_json(command: Any, name: tuple[str, ...]) -> Iterator[str]:
    for word, each in getattr(command, "commands", {}).items():
        yield from _with_json(each, (*name, word))
    if any("--json" in parameter.opts for parameter in command.params):
        yield " ".join(name)


def test_what_has_no_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match="bytes has no form in JSON"):
        as_json([b"x"])
