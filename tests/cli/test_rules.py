"""What an operator does to the rules from the command line, and what stands in the file afterwards."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import monitor

CONFIG = """\
# mine
[store]
url = "sqlite:///news.db"

[[feeds]]
name = "示例"
url = "https://feed.example.org/rss"

# ---- what is looked for ----
[[rules]]
name = "人工智能"
any = [
  "AI",  # the short one
  "大模型",
]

# ---- who gets it ----
[[subscriptions]]
name = "AI 日报"
to = ["reader@example.org"]
at = ["08:00"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    path.chmod(0o640)
    return path


def rules(file: Path, *arguments: str, code: int = 0) -> str:
    return monitor(file.parent, "rules", *arguments, code=code)


def text(file: Path) -> str:
    return file.read_text("utf-8")


def history(file: Path) -> list[dict[str, Any]]:
    versions: list[dict[str, Any]] = json.loads(rules(file, "history", "--json"))
    return versions


def test_a_login_beside_a_word_is_not_shown_with_the_change(file: Path) -> None:
    near = CONFIG.replace("https://", "https://ann:secret@").replace("\n# ---- what is looked for ----\n", "")
    file.write_text(
        near.replace('any = [\n  "AI",  # the short one\n  "大模型",\n]', 'any = ["AI"]'), "utf-8"
    )
    output = rules(file, "add", "人工智能", "算力")
    assert '+any = ["AI", "算力"]' in output.splitlines()
    answered = rules(file, "remove", "人工智能", "算力", "--json")
    assert "feed.example.org" in output
    assert "feed.example.org" in answered
    assert "secret" not in output + answered
    assert "ann:secret@feed" in text(file)


def test_a_word_is_added_and_shown_and_taken_out_again(file: Path) -> None:
    output = rules(file, "add", "人工智能", "算力")
    assert '+  "算力",' in output.splitlines()
    assert text(file) == CONFIG.replace('  "大模型",\n', '  "大模型",\n  "算力",\n')
    rules(file, "remove", "人工智能", "算力")
    assert text(file) == CONFIG
    rules(file, "add", "人工智能", "广告", "--to", "none")
    assert '\n]\nnone = ["广告"]\n\n# ---- who' in text(file)


def test_trying_it_out_changes_nothing(file: Path) -> None:
    assert "Nothing was changed" in rules(file, "add", "人工智能", "算力", "--dry-run")
    assert text(file) == CONFIG


def test_a_word_that_cannot_be_read_is_refused_and_the_file_stays(file: Path) -> None:
    output = rules(file, "add", "人工智能", "/(/", code=2)
    assert "missing )" in output
    assert "Nothing was changed" in output
    assert text(file) == CONFIG


def test_the_last_word_of_a_rule_is_not_taken_out(file: Path) -> None:
    rules(file, "remove", "人工智能", "AI")
    assert "can never match" in rules(file, "remove", "人工智能", "大模型", code=2)
    assert '"大模型"' in text(file)


def test_a_link_and_the_mode_of_the_file_stay(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "real" / "rules.toml"
    real.parent.mkdir()
    file.rename(real)
    file.symlink_to(real)
    rules(file, "add", "人工智能", "算力")
    assert file.is_symlink()
    assert "算力" in text(real)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert [file.name for file in real.parent.iterdir()] == ["rules.toml"]


def test_every_version_is_kept_and_the_file_goes_back_and_forth(file: Path) -> None:
    monitor(file.parent, "deliver")
    rules(file, "add", "人工智能", "算力")
    after = text(file)
    rules(file, "undo")
    assert text(file) == CONFIG
    rules(file, "undo")
    assert text(file) == after
    assert [(version["version"], version["changes"]) for version in history(file)] == [
        (4, ["rule 人工智能: +1 word"]),
        (3, ["rule 人工智能: -1 word"]),
        (2, ["rule 人工智能: +1 word"]),
        (1, ["the first version kept"]),
    ]
    assert rules(file, "show", "1").startswith("# ---- what is looked for ----\n[[rules]]\n")
    assert "subscriptions" not in rules(file, "show", "1")
    rules(file, "undo", "1")
    assert text(file) == CONFIG
    assert "has the rules of version 1 already" in rules(file, "undo", "1", code=1)
    assert "There are 1 to 5" in rules(file, "undo", "9", code=1)


def test_the_only_version_is_told_as_such(file: Path) -> None:
    monitor(file.parent, "deliver")
    assert "There is only version 1" in rules(file, "show", "2", code=1)
    assert "there is nothing to go back to" in rules(file, "undo", code=1)


def test_a_broken_file_is_named_in_status_and_undone(file: Path) -> None:
    monitor(file.parent, "deliver")
    file.write_text(CONFIG.replace('  "大模型",\n]', '  "大模型",'), encoding="utf-8")
    output = monitor(file.parent, "status", code=2)
    assert "is refused" in output
    assert "rules: version 1, in force since today" in output
    assert "monitor rules undo" in output
    assert "0 waiting" in output
    values = json.loads(monitor(file.parent, "status", "--json", code=2))
    assert values["config"]["ok"] is False
    assert values["config"]["rules"]["version"] == 1
    assert values["config"]["rules_edited"] is True
    assert [row["subscription"] for row in values["subscriptions"]] == ["AI 日报"]
    rules(file, "undo")
    assert text(file) == CONFIG
    assert json.loads(monitor(file.parent, "status", "--json"))["config"]["ok"] is True


def test_what_is_wrong_elsewhere_is_not_put_on_the_rules(file: Path) -> None:
    monitor(file.parent, "deliver")
    file.write_text(CONFIG.replace('"08:00"', '"8 Uhr"'), encoding="utf-8")
    assert "the problem is elsewhere" in monitor(file.parent, "status", code=2)
    assert "already" in rules(file, "undo", code=1) or "nothing to go back to" in rules(file, "undo", code=1)


def test_with_a_store_that_cannot_be_read_status_says_so(file: Path) -> None:
    file.write_text(
        CONFIG.replace("sqlite:///news.db", "").replace("[store]", "[store]\nx = 1"), encoding="utf-8"
    )
    output = monitor(file.parent, "status", code=2)
    assert "The database was not read: [store] cannot be read either." in output
    file.write_text(CONFIG.replace("any =", "ayn ="), encoding="utf-8")
    assert "there is no such file yet" in monitor(file.parent, "status", code=2)
    assert json.loads(monitor(file.parent, "status", "--json", code=2))["config"]["rules"] is None


def test_words_of_trendradar_become_rules_behind_the_others(file: Path) -> None:
    words = file.parent / "frequency_words.txt"
    words.write_text("[GLOBAL_FILTER]\n震惊\n\n[WORD_GROUPS]\n\n[芯片]\n光刻机\nasml\n@5\n", encoding="utf-8")
    output = rules(file, "import", str(words))
    assert "frequency_words.txt, line 8: asml: is a whole word here" in output
    assert text(file) == CONFIG
    rules(file, "import", str(words), "--write")
    assert text(file) == CONFIG.replace(
        "# ---- who",
        '[aliases]\n"不要" = ["震惊"]\n\n[[rules]]\nname = "芯片"\nany = ["光刻机", "asml"]\nnone = ["@不要"]\n'
        'fields = ["title"]\nmax = 5\n\n# ---- who',
    )
    rules(file, "import", str(words), "--write")
    assert 'name = "芯片 2"' in text(file)
    assert '"不要 2" = ["震惊"]' in text(file)


def test_a_file_that_has_no_words_makes_no_rule(file: Path) -> None:
    empty = file.parent / "empty.txt"
    empty.write_text("# nothing\n", encoding="utf-8")
    assert "no group of words" in rules(file, "import", str(empty), code=1)
    assert "No such file" in rules(file, "import", "absent.txt", code=1)


def test_lint_mends_what_needs_no_question_and_keeps_comments(file: Path) -> None:
    odd = CONFIG.replace('  "大模型",\n', '  "大模型、算力",  # two\n  "AI",\n  "/(i?)gpt/",\n')
    file.write_text(odd, encoding="utf-8")
    rules(file, "lint", "--fix", "--dry-run")
    assert text(file) == odd
    output = rules(file, "lint", "--fix")
    assert '"大模型、算力" becomes "大模型" and "算力"' in output
    assert '  "AI",  # the short one\n  "大模型",' in text(file)
    assert "# two" in text(file)
    assert text(file).count('"AI"') == 1
    assert '"/(?i)gpt/"' in text(file)
    assert "nothing that --fix can fix" in rules(file, "lint", "--fix")


@pytest.mark.parametrize(
    ("threshold", "message"),
    [
        ("1.5", "enough only in the title or summary."),
        ("2.0", "enough only in the title."),
        ("3.0", "nowhere."),
    ],
)
def test_where_a_new_word_is_not_enough_is_said(file: Path, threshold: str, message: str) -> None:
    file.write_text(
        text(file).replace('name = "人工智能"\n', f'name = "人工智能"\nthreshold = {threshold}\n'), "utf-8"
    )
    assert message in rules(file, "add", "人工智能", "算力")
    assert "threshold" not in rules(file, "add", "人工智能", "挖矿", "--to", "none").splitlines()[-2]
