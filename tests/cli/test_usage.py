"""Help and usage errors are in the reader's language, in lines that fit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from wcwidth import wcswidth

from monitor.cli import app
from tests.command import run_command

ENGLISH_WORDS = re.compile(r"[A-Za-z]+[,;:]? [a-z]+[,;:]? [a-z]+")


def _commands(command: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield name
    for word, each in getattr(command, "commands", {}).items():
        yield from _commands(each, (*name, word))


COMMANDS = sorted(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_is_chinese_but_for_names(command: tuple[str, ...]) -> None:
    answer = run_command("--lang", "zh-Hans", *command, "--help")
    assert answer.code == 0
    assert ENGLISH_WORDS.findall(answer.stdout.replace(" ".join(("monitor", *command)), "")) == []


@pytest.mark.parametrize("lang", ["en", "zh-Hans", "zh-Hant"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_fits_into_80_columns_and_nothing_of_it_is_lost(command: tuple[str, ...], lang: str) -> None:
    shown = run_command("--lang", lang, *command, "--help", environ={"COLUMNS": "80"}).stdout
    assert max(map(wcswidth, shown.splitlines())) <= 80
    assert "\u2026" not in shown


def test_texts_stand_below_each_other() -> None:
    shown = run_command("--lang", "zh-Hans", "feeds", "add", "--help").stdout.splitlines()
    options = [line for line in shown if line.startswith("  -")]
    names = [re.match(r"  \S.*?  +(?=\S)", line) for line in options]
    starts = {len(name[0]) for name in names if name}
    assert (len(options), starts) == (7, {17})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("poll --jsn", "没有选项 --jsn。是不是想写“--json”？"),
        ("poll -x", "没有选项 -x。"),
        ("chekc", "没有命令 chekc。是不是想写“check”？"),
        ("feeds tset", "没有命令 tset。是不是想写“test”？"),
        ("feeds add", "缺少 URL_OR_PAGE。"),
        ("rules apply", "缺少 --since。"),
        ("rules show abc", "VERSION：“abc”不是整数。"),
        ("rules show 0", "VERSION：0 小于 1。"),
        ("init --port 70000", "--port：70000 不在 1 到 65535 之间。"),
        ("run --log xml", "--log：“xml”不在可选范围内：text, json。"),
        ("feeds remove a b", "多出了参数：b"),
        ("poll --config", "--config 后面缺少值。"),
        ("poll --all=3", "--all 不带值。"),
        ("rules add r w --to anny", "--to：规则没有“anny”这个列表。是不是想写“any”？"),
        ("digest --to a@b.test", "--to：要与 --again 合用。"),
        ("status --watch --json", "--watch：不能与 --json 合用。"),
        ("service install --user --system", "--user 和 --system 只能选一个。"),
        ("init --to nobody", "--to nobody：应为邮箱地址"),
        ("--nothing", "没有选项 --nothing。"),
        ("--config x", "请写出要运行的命令。"),
        ("--lang xx check", "--lang：“xx”不在可选范围内：zh-Hans, zh-Hant, en。"),
    ],
)
def test_a_mistake_in_the_command_line_is_told_in_the_readers_language(
    arguments: str, told: str, tmp_path: Path
) -> None:
    answer = run_command(*arguments.split(), folder=tmp_path, environ={"LC_ALL": "zh_CN.UTF-8"})
    assert answer.code == 2
    assert told in answer.stderr
    assert answer.stdout == ""


def test_a_mistake_is_told_in_english_with_the_usage_and_where_help_is() -> None:
    answer = run_command("--lang", "en", "feeds", "add")
    assert answer.stderr.splitlines() == [
        "Usage: monitor feeds add [OPTIONS] {URL_OR_PAGE}",
        "URL_OR_PAGE is missing.",
        'See "monitor feeds add --help".',
    ]


def test_the_language_of_an_option_is_spoken_though_the_command_line_cannot_be_read() -> None:
    for arguments in (
        ("--lang", "zh-Hant", "chekc"),
        ("--lang=zh_TW", "--nothing"),
        ("chekc", "--lang", "zh-TW"),
    ):
        assert "沒有" in run_command(*arguments, environ={"LC_ALL": "en_US.UTF-8"}).stderr


def test_without_a_command_the_help_is_shown() -> None:
    for arguments in ((), ("feeds",)):
        answer = run_command(*arguments, environ={"LC_ALL": "zh_CN.UTF-8"})
        assert (answer.code, answer.stderr) == (2, "")
        assert answer.stdout.startswith("用法：monitor")


def test_a_default_and_what_is_required_are_named() -> None:
    assert "显示多少封，新的在前。默认 30。" in run_command("--lang", "zh", "outbox", "--help").stdout
    assert "How far back, as 7d. Required." in run_command("--lang", "en", "rules", "apply", "--help").stdout
