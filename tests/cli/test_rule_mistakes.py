"""What people do wrong at the rule commands, and whether they are told who, what, and what next."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import monitor
from tests.cli.test_rules import CONFIG, file, history, rules, text

__all__ = ["file"]  # the fixture


def answer(file: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(rules(file, *arguments, "--json", code=code))
    return values


def test_before_anything_was_kept_the_history_is_empty_and_says_so(file: Path) -> None:
    for command in (("history",), ("show", "1")):
        assert 'Start the service or run "monitor once"' in rules(file, *command, code=1)
        assert not (file.parent / "news.db").exists()
    rules(file, "undo", "--dry-run", code=1)  # makes the database, and keeps nothing
    assert "No rules were kept yet." in rules(file, "history")
    assert history(file) == []
    assert "there is no version 1 of the rules. No rules were kept yet" in rules(file, "show", "1", code=1)


def test_with_nothing_to_go_back_to_undo_says_when_there_will_be(file: Path) -> None:
    for _ in range(2):
        output = rules(file, "undo", code=1)
        assert "there is nothing to go back to" in output
        assert "before each edit by a command" in output
    assert text(file) == CONFIG


@pytest.mark.parametrize(
    "edit",
    [
        ("add", "人工智能", "算力"),
        ("remove", "人工智能", "AI"),
        ("import", "words.txt", "--write"),
    ],
)
def test_the_first_edit_ever_can_be_undone_and_the_undoing_too(file: Path, edit: tuple[str, ...]) -> None:
    (file.parent / "words.txt").write_text("光刻机\n", encoding="utf-8")
    rules(file, *edit)
    edited = text(file)
    assert edited != CONFIG
    rules(file, "undo")
    assert text(file) == CONFIG
    rules(file, "undo")
    assert text(file) == edited


def test_what_lint_mended_can_be_undone(file: Path) -> None:
    odd = CONFIG.replace('"大模型"', '"大模型、算力"')
    file.write_text(odd, encoding="utf-8")
    rules(file, "lint", "--fix")
    rules(file, "undo")
    assert text(file) == odd


def test_undo_goes_back_one_edit_at_a_time(file: Path) -> None:
    rules(file, "add", "人工智能", "算力")
    once = text(file)
    rules(file, "add", "人工智能", "芯片")
    rules(file, "undo")
    assert text(file) == once
    rules(file, "undo", "1")
    assert text(file) == CONFIG


def test_an_edit_that_cannot_be_kept_is_made_and_said_to_be_for_good(file: Path) -> None:
    (file.parent / "news.db").write_bytes(b"no database, for certain" * 100)
    output = rules(file, "add", "人工智能", "算力")
    assert "It cannot be undone by a command: " in output
    assert "news.db" in output
    assert '"算力"' in text(file)


def test_rules_that_were_never_right_are_mended_but_not_kept(file: Path) -> None:
    alias = CONFIG.replace("[[rules]]", '[aliases]\n"英伟达" = ["NVIDIA"]\n[[rules]]')
    file.write_text(alias.replace('"大模型"', '"＠英伟达"'), encoding="utf-8")
    assert "the file was refused before, so its rules were never in force." in rules(file, "lint", "--fix")
    assert "no such file yet" in rules(file, "history", code=1)
    assert '"@英伟达"' in text(file)


def test_what_cannot_be_mended_into_something_right_is_left_alone(file: Path) -> None:
    odd = CONFIG.replace('"大模型"', '"@芯片、大模型"')
    file.write_text(odd, encoding="utf-8")
    output = rules(file, "lint", "--fix", code=2)
    assert "there is no alias set" in output
    assert "Nothing was changed" in output
    assert text(file) == odd


def test_a_word_that_is_there_in_another_spelling_is_named(file: Path) -> None:
    output = rules(file, "add", "人工智能", "ＡＩ")
    assert (
        'config.toml, line 15, [[rules]] "人工智能", any: "ＡＩ" means the same as "AI". Fix: take it out.'
        in output
    )
    assert answer(file, "lint", "--fix")["fixed"] == [
        'rule "人工智能", any: "ＡＩ" is taken out: means the same as "AI"'
    ]
    assert text(file) == CONFIG


def test_a_regular_expression_is_shown_as_it_may_stand_in_the_file(file: Path) -> None:
    odd = CONFIG.replace('  "大模型",\n', '  "大模型",\n  "/(i?)gpt-\\\\d/",\n')
    file.write_text(odd, encoding="utf-8")
    output = rules(file, "lint", code=1)
    assert 'line 15, [[rules]] "人工智能", any: "/(i?)gpt-\\\\d/"' in output
    assert 'Fix: write "/(?i)gpt-\\\\d/".' in output
    assert '"monitor rules lint --fix" fixes 1 of 1' in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "人工", "算力"), 'there is no rule "人工". Did you mean "人工智能"?'),
        (("add", "人工智能", "AI"), '"AI" is in any of rule "人工智能" already'),
        (("remove", "人工智能", "大模形"), 'Did you mean "大模型"?'),
        (("import", "absent.txt"), "absent.txt cannot be read: No such file"),
        (("import", "config.toml"), "config.toml does not read like a list of words: line 3 is "),
        (("show", "3"), "there is no version 3 of the rules"),
    ],
)
def test_a_slip_is_named_and_nothing_changes(file: Path, arguments: tuple[str, ...], message: str) -> None:
    monitor(file.parent, "deliver")
    assert message in rules(file, *arguments, code=1)
    assert text(file) == CONFIG


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "人工智能", "@英伟达"), 'there is no alias set "英伟达"'),
        (("diff", "--days", "0"), "--days"),
        (("diff", "--days", "99999999"), "--days"),
        (("diff", "absent.toml"), 'Is the name right? "monitor init" makes a config.toml.'),
        (("lint", "--config", "absent.toml"), "absent.toml, the file: there is no such file."),
        (("history", "--config", "absent.toml"), "\nabsent.toml, the file: there is no such file."),
    ],
)
def test_what_cannot_be_meant_is_refused(file: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in "\n" + rules(file, *arguments, code=2)


@pytest.mark.parametrize("encoding", ["gbk", "utf-16", "utf-8-sig"])
def test_words_from_another_editor_are_read_or_their_encoding_named(file: Path, encoding: str) -> None:
    (file.parent / "words.txt").write_bytes("[芯片]\n光刻机\n".encode(encoding))
    if encoding == "utf-8-sig":
        assert 'any = ["光刻机"]' in rules(file, "import", "words.txt")
    else:
        assert "Save it as UTF-8" in rules(file, "import", "words.txt", code=1)


def test_an_import_that_is_only_looked_at_says_what_comes_next(file: Path) -> None:
    (file.parent / "words.txt").write_text("光刻机\n", encoding="utf-8")
    output = rules(file, "import", "words.txt")
    assert "1 rule read, nothing was changed. With --write they are put into config.toml." in output
    output = rules(file, "import", "words.txt", "--write")
    assert "config.toml has 1 rule more." in output
    assert 'Next: "monitor rules lint"' in output


def test_an_imported_rule_that_nobody_gets_is_found_by_lint(file: Path) -> None:
    file.write_text(CONFIG.replace("at = [", 'rules = ["人工智能"]\nat = ['), encoding="utf-8")
    (file.parent / "words.txt").write_text("光刻机\n", encoding="utf-8")
    rules(file, "import", "words.txt", "--write")
    output = rules(file, "lint", code=1)
    assert '[[rules]] "光刻机", name: "光刻机" is in the rules of no subscription' in output


def test_every_command_that_edits_answers_programs(file: Path) -> None:
    (file.parent / "words.txt").write_text("[芯片]\n光刻机\n@5\n", encoding="utf-8")
    added = answer(file, "add", "人工智能", "算力")
    assert (added["written"], added["findings"]) == (True, [])
    assert '+  "算力",' in added["diff"]
    tried = answer(file, "remove", "人工智能", "算力", "--dry-run")
    assert (tried["written"], '-  "算力",' in tried["diff"]) == (False, True)
    looked = answer(file, "import", "words.txt")
    assert (looked["written"], looked["rules"]) == (False, ["芯片"])
    assert 'name = "芯片"' in looked["toml"]
    assert answer(file, "import", "words.txt", "--write")["written"] is True
    mended = answer(file, "lint", "--fix")
    assert (mended["written"], mended["fixed"], mended["left"]) == (False, [], 0)
    undone = answer(file, "undo")
    assert (undone["written"], undone["version"]) == (True, 2)


def test_a_diff_of_what_is_in_force_says_how_to_try_an_edit(file: Path) -> None:
    rules(file, "undo", code=1)
    output = rules(file, "diff", "--days", "1")
    assert "config.toml against version 1, 0 entries of 1 day: adds 0, removes 0, moves 0." in output
    assert "Nothing is stored from that time" in output
    assert "0 entries of 30 days" in rules(file, "diff")


def test_a_caret_stands_below_its_place_behind_chinese_signs(file: Path) -> None:
    rules(file, "undo", code=1)
    file.write_text(CONFIG.replace('"大模型"', '"大模型'), encoding="utf-8")
    for command in ("status", "check"):
        output = monitor(file.parent, command, code=2)
        assert "a quotation mark is missing on this line." in output
        assert '    "大模型,\n     \u3000\u3000\u3000 ^' in output
