"""In which language commands answer: --lang, else that of the environment, else [operator] locale."""

from pathlib import Path

import pytest

from monitor.texts import ENGLISH, SHOWN_IN
from tests.command import run_command

CONFIG = """
[operator]
locale = "zh-Hans"
[[feeds]]
name = "示例"
url = "https://news.example.org/rss"
[[rules]]
name = "人工智能"
any = ["AI"]
[[subscriptions]]
name = "日报"
to = ["you@mail.test"]
at = ["08:00"]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    return tmp_path / "config.toml"


@pytest.fixture(autouse=True)
def _as_before() -> object:
    token = SHOWN_IN.set(ENGLISH)
    yield
    SHOWN_IN.reset(token)


def test_without_a_language_in_the_environment_that_of_the_file_is_spoken(config: Path) -> None:
    answer = run_command("--config", str(config), "check")
    assert "没有问题：1 个源、1 条规则、1 个订阅" in answer.stdout


def test_the_environment_goes_before_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert "is good: 1 feed, 1 rule" in run_command("--config", str(config), "check").stdout
    monkeypatch.setenv("LANG", "zh_TW.UTF-8")
    assert "沒有問題：1 個源" in run_command("--config", str(config), "check").stdout


def test_the_option_goes_before_all(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "is good" in run_command("--lang", "en", "--config", str(config), "check").stdout


def test_a_file_that_is_refused_is_told_in_its_own_language(config: Path) -> None:
    config.write_text(CONFIG.replace('"you@mail.test"', "“you@mail.test”"), encoding="utf-8")
    answer = run_command("--config", str(config), "check")
    assert answer.code == 2
    assert "第 12 行" in answer.stderr
    assert "“ 是中文引号，请改用英文引号" in answer.stderr


def test_a_file_that_is_not_there_is_told_in_english(config: Path) -> None:
    answer = run_command("--config", str(config.with_name("nothing.toml")), "check")
    assert "there is no such file" in answer.stderr


def test_an_unknown_language_of_the_operator_is_refused_with_what_is_meant(config: Path) -> None:
    config.write_text(CONFIG.replace("zh-Hans", "zh_CN"), encoding="utf-8")
    assert 'Did you mean "zh-Hans"?' in run_command("--config", str(config), "check").stderr


def test_a_word_that_cannot_be_read_is_told_with_its_caret(config: Path) -> None:
    config.write_text(CONFIG.replace('any = ["AI"]', 'when = "AI AND"'), encoding="utf-8")
    answer = run_command("--config", str(config), "check")
    assert '第 9 行，[[rules]] "人工智能"，when：末尾少了一个词' in answer.stderr
    assert answer.stderr.splitlines()[1:] == ["    AI AND", "          ^"]


def test_findings_in_the_rules_and_warnings_are_told(config: Path) -> None:
    text = CONFIG.replace('any = ["AI"]', 'any = ["AI、芯片", "车"]') + '[smtp]\nport = "465"\n'
    config.write_text(text, encoding="utf-8")
    answer = run_command("--config", str(config), "check")
    assert "[smtp]，port：这里不用加引号。请写成 port = 465" in answer.stdout
    assert '第 9 行，[[rules]] "人工智能"，any："车" 单个汉字会出现在很多词里。' in answer.stdout
    assert '改法：请写 "AI", "芯片"。' in answer.stdout
    assert "规则里有 2 处可能与看上去的意思不同：" in answer.stdout


def test_a_name_that_is_not_there_is_told_with_what_may_be_meant(config: Path) -> None:
    for command, told in (
        (("rules", "add", "人工智慧", "AGI"), "没有规则“人工智慧”。是不是想写“人工智能”？"),
        (("rules", "remove", "人工智能", "Al"), "规则“人工智能”的列表里没有“Al”。是不是想写“AI”？"),
        (
            ("rules", "apply", "--since", "7d", "--rule", "人工智慧"),
            "没有规则“人工智慧”。是不是想写“人工智能”？",
        ),
        (("match", "-", "--rule", "人工智慧"), "没有名为“人工智慧”的 [[rules]]。是不是想写“人工智能”？"),
        (("preview", "--subscription", "日報"), "没有名为“日報”的订阅。是不是想写“日报”？"),
        (("digest", "--subscription", "日報"), "没有名为“日報”的订阅。是不是想写“日报”？"),
    ):
        assert told in run_command("--config", str(config), *command).stderr, command


def test_what_due_work_has_done_is_told(config: Path) -> None:
    config.write_text(CONFIG.replace("news.example.org", "127.0.0.1:9"), encoding="utf-8")
    answer = run_command("--config", str(config), "poll")
    assert "示例：抓取失败：127.0.0.1 是内网地址。如果是你自己的源" in answer.stderr
    assert "1 个源：读取 0 个，无变化 0 个，失败 1 个。" in answer.stdout
    assert "没有新的待发条目，现在不会发邮件。" in run_command("--config", str(config), "preview").stdout


def test_json_answers_and_their_messages_stay_english(config: Path) -> None:
    config.write_text(CONFIG.replace('at = ["08:00"]', 'at = "08:00"'), encoding="utf-8")
    assert "expected a list, in brackets" in run_command("--config", str(config), "check", "--json").stdout


def test_what_the_system_and_libraries_say_is_told(config: Path) -> None:
    lines = config.with_name("lines.jsonl")
    lines.write_text('{"id": 1\n', encoding="utf-8")
    for command, told in (
        (("match", "absent.jsonl"), "没有这个文件或目录"),
        (("match", str(lines)), "第 1 行：这不是 JSON：缺少 , 或 :，第 "),
        (("feeds", "import", "absent.opml"), "没有这个文件或目录"),
        (("send-test", "nobody"), "nobody 不是邮箱地址：应为邮箱地址"),
        (("--lang", "zh", "store", "copy", "mysql://x", "sqlite:///x.db"), "不支持“mysql”。请写 url = "),
    ):
        assert told in run_command("--config", str(config), *command).stderr, command
