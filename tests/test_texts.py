"""Sentences for people are English where they arise, and in the reader's language where they are shown."""

import ast
import pickle
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from babel.messages.pofile import read_po

import monitor
from docs.make_texts import make_texts
from monitor.assets import TEMPLATES
from monitor.cli import app
from monitor.errors import MonitorError, Problem
from monitor.texts import (
    OF_READERS,
    SHOWN_IN,
    Text,
    asks_for_language,
    in_language,
    joined,
    kept,
    listed,
    locale_of,
    masked,
    revived,
    sentence,
    shown,
)

ROOT = Path(monitor.__file__).parent
# The languages in which operators are spoken to, English aside.
TRANSLATED = ("zh_Hans", "zh_Hant")


@cache
def _templates_in_the_code() -> dict[str, str]:
    """Return every template that is written in the code, with the file in which it stands."""
    found = {}
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sentence":
                template = node.args[0]
                assert isinstance(template, ast.Constant), f"{file.name}:{node.lineno}: not a literal"
                found[str(template.value)] = file.name
    return found | dict(_help_texts(typer.main.get_command(app), "monitor"))


def _help_texts(command: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield what a command and its commands, options and arguments say of themselves, with the name of each."""
    yield command.help, name
    yield from ((parameter.help, f"{name} {parameter.opts[0]}") for parameter in command.params)
    for word, each in getattr(command, "commands", {}).items():
        yield from _help_texts(each, f"{name} {word}")


@cache
def _translations(locale: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in (TEMPLATES / "locale" / locale / "LC_MESSAGES").glob("*.po"):
        if path.name not in OF_READERS:
            with path.open("rb") as source:
                messages = [message for message in read_po(source) if message.id]
            twice = [message.id for message in messages if message.id in found]
            assert twice == [], f"{path.name}: translated elsewhere too"
            found |= {str(message.id): str(message.string) for message in messages}
    return found


def _names_in(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_of_the_code_is_translated(locale: str) -> None:
    translations = _translations(locale)
    missing = {
        template: file
        for template, file in _templates_in_the_code().items()
        if not translations.get(template)
    }
    assert missing == {}


def test_every_command_option_and_argument_says_what_it_is() -> None:
    assert [name for text, name in _help_texts(typer.main.get_command(app), "monitor") if not text] == []


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_translation_is_left_of_a_sentence_that_is_gone(locale: str) -> None:
    assert set(_translations(locale)) - set(_templates_in_the_code()) == set()


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_has_the_values_of_its_sentence(locale: str) -> None:
    for template, translation in _translations(locale).items():
        assert _names_in(translation) <= _names_in(template), translation


def test_the_traditional_texts_are_made_from_the_simplified_ones() -> None:
    for path, text in make_texts().items():
        assert path.read_text("utf-8") == text, "run: make docs"


def test_a_sentence_reads_in_english_by_itself() -> None:
    assert sentence("There are: {names}.", names="a, b") == "There are: a, b."


def test_a_sentence_is_shown_in_the_readers_language_with_the_sentences_inside_it() -> None:
    suggestion = sentence('Did you mean "{name}"?', name="smtp")
    problem = Problem(where="[smpt]", key="", line=3, what="unknown table.", instead=suggestion)
    assert in_language(problem.text, "zh-Hans") == "第 3 行，[smpt]：unknown table.是不是想写“smtp”？"
    assert str(problem) == 'line 3, [smpt]: unknown table. Did you mean "smtp"?'


def test_text_that_stands_in_no_catalogue_stays_as_it_is() -> None:
    assert in_language("said by a server", "zh-Hans") == "said by a server"
    assert in_language(Text("in no catalogue: {what}", {"what": 1}), "zh-Hans") == "in no catalogue: 1"


def test_texts_are_joined_in_the_readers_language() -> None:
    both = joined("; ", [sentence("There are: {names}.", names="a"), "{as it is}"])
    assert both == "There are: a.; {as it is}"
    assert in_language(both, "zh-Hans") == "可选：a。; {as it is}"


def test_secrets_in_the_values_of_a_sentence_are_masked() -> None:
    error = MonitorError(sentence("There are: {names}.", names="https://me:secret@example.org/"))
    assert str(error) == "There are: https://***@example.org/."
    assert in_language(error.text, "zh-Hans") == "可选：https://***@example.org/。"


def test_a_secret_that_the_template_and_a_value_make_together_is_masked_in_plain_text() -> None:
    made = masked(Text("password = {value}", {"value": "hunter2"}))
    assert made == "password = ***"
    assert not isinstance(made, Text)


def test_a_sentence_survives_the_way_from_a_process_to_another() -> None:
    sent = pickle.loads(pickle.dumps(sentence("There are: {names}.", names="a")))
    assert in_language(sent, "zh-Hans") == "可选：a。"


def test_what_is_shown_is_in_the_language_of_the_process() -> None:
    token = SHOWN_IN.set("zh-Hans")
    assert shown(sentence("There are: {names}.", names="a")) == "可选：a。"
    SHOWN_IN.reset(token)
    assert shown(sentence("There are: {names}.", names="a")) == "There are: a."


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh-Hans"),
        ({"LANG": "zh_TW.UTF-8"}, "zh-Hant"),
        ({"LANG": "zh_Hant_HK"}, "zh-Hant"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_SG"}, "zh-Hans"),
        ({"LANG": "C"}, "en"),
        ({}, "en"),
    ],
)
def test_the_language_is_that_of_the_environment(environment: dict[str, str], locale: str) -> None:
    assert locale_of(environment) == locale


@pytest.mark.parametrize(
    ("environment", "asks"),
    [
        ({}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "en_US"}, True),
    ],
)
def test_c_and_posix_ask_for_no_language(environment: dict[str, str], asks: bool) -> None:
    assert asks_for_language(environment) is asks


def test_the_database_keeps_a_sentence_so_that_another_reader_can_have_it_in_another_language() -> None:
    inner = sentence('Did you mean "{name}"?', name="smtp")
    both = joined("; ", [inner, "as a server said it"])
    back = revived(kept(both))
    assert back == both
    assert in_language(back, "zh-Hans") == "是不是想写“smtp”？; as a server said it"


@pytest.mark.parametrize(
    "said", ["", "plain", '{"sentence": ', '{"sentence": 1}', '{"sentence": "{a}", "values": {}}']
)
def test_what_only_looks_like_a_kept_sentence_stays_as_it_is(said: str) -> None:
    assert revived(said) == said
    assert revived(kept(said)) == said


def test_what_somebody_said_is_never_a_template_of_ours() -> None:
    said = '{"sentence": "{a:>99}", "values": {"a": "x"}}'
    assert revived(kept(said)) == said
    assert kept("plain") == "plain"


def test_a_sentence_whose_value_has_no_form_in_json_is_kept_in_english() -> None:
    since = Text("since {at:%Y-%m-%d}", {"at": datetime(2026, 11, 24, tzinfo=UTC)})
    assert revived(kept(since)) == "since 2026-11-24"


def test_a_list_has_the_separators_of_the_language() -> None:
    words = listed(["a", "b", 3])
    assert words == "a, b, 3"
    assert in_language(words, "zh-Hans") == "a、b、3"
    assert (listed([]), listed(["a"])) == ("", "a")
    assert in_language(listed(range(1000)), "zh-Hant").count("、") == 999
