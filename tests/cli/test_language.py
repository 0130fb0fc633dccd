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
