"""`python -m monitor` as a process: streams, exit codes, a broken pipe, an interrupt."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor import __version__
from monitor.assets import DEFAULT_CONFIG
from tests.cli.test_match import CONFIG, lines
from tests.command import unmeasured_environ

COMMAND = [sys.executable, "-m", "monitor"]
ENVIRON = {**unmeasured_environ(), "PYTHONUTF8": "1"}


def run_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env=ENVIRON,
    )


@contextmanager
def match_process(folder: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """`monitor match -`, which answers each line it reads, once it has answered one."""
    (folder / "config.toml").write_text(CONFIG, "utf-8")
    with subprocess.Popen(
        [*COMMAND, "match", "-", *options],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=ENVIRON,
    ) as process:
        assert _asked(process, "first")["id"] == "first"
        try:
            yield process
        finally:
            process.kill()


def _asked(process: "subprocess.Popen[str]", name: str) -> dict[str, object]:
    """The answer to one line."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(lines({"id": name, "title": "AI与NVIDIA", "outlet": "示例"}))
    process.stdin.flush()
    answer: dict[str, object] = json.loads(process.stdout.readline())
    return answer


def test_a_command_that_succeeds_ends_with_0(tmp_path: Path) -> None:
    done = run_process(tmp_path, "--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"feed-monitor {__version__}\n", "")


def test_a_command_that_fails_ends_with_1_and_says_why_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(DEFAULT_CONFIG.read_bytes())
    done = run_process(tmp_path, "outbox")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not ready" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"), [(("check",), "monitor init"), (("chekc",), "No such command")]
)
def test_a_wrong_configuration_or_usage_ends_with_2(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    done = run_process(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_terminal_without_chinese_characters_it_says_all_the_same(tmp_path: Path) -> None:
    environ = {**ENVIRON, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    (tmp_path / "config.toml").write_bytes(DEFAULT_CONFIG.read_bytes())
    for command in (["--lang", "zh", "status"], ["--lang", "zh", "feeds", "list"]):
        result = subprocess.run(
            [*COMMAND, *command],
            cwd=tmp_path,
            capture_output=True,
            encoding="ascii",
            timeout=60,
            check=False,
            env=environ,
        )
        assert "\\u" in result.stdout + result.stderr
        assert "Traceback" not in result.stderr
    for command in (["feeds", "list", "--json"], ["feeds", "export"]):
        result = subprocess.run(
            [*COMMAND, *command],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            env=environ,
        )
        document = result.stdout
        assert "纽约时报" in (str(json.loads(document)) if "--json" in command else document)


def test_answers_come_as_the_questions_do(tmp_path: Path) -> None:
    with match_process(tmp_path, "--rule", "2") as process:
        for number in range(3):
            answer = _asked(process, str(number))
            assert answer["id"] == str(number)
            assert isinstance(answer["rules"], list)
            assert [rule["name"] for rule in answer["rules"]] == ["芯片"]
        assert process.stdin
        process.stdin.close()
        assert process.wait(60) == 0


def test_when_nobody_reads_the_answers_it_ends_quietly_with_1(tmp_path: Path) -> None:
    with match_process(tmp_path) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(lines({"id": "second", "title": "AI"}))
        process.stdin.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == ""


def test_interrupted_it_ends_with_130_and_no_traceback(tmp_path: Path) -> None:
    with match_process(tmp_path) as process:
        assert process.stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert "Traceback" not in process.stderr.read()


def test_told_to_reload_before_it_has_started_the_service_goes_on_starting(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    os.mkfifo(config)  # the start waits until somebody writes into it
    with subprocess.Popen(
        [*COMMAND, "run"], cwd=tmp_path, stderr=subprocess.PIPE, encoding="utf-8", env=ENVIRON
    ) as process:
        assert process.stderr
        with config.open("w", encoding="utf-8") as pipe:
            process.send_signal(signal.SIGHUP)
            pipe.write("[smpt]\n")
        assert "config-refused" in process.stderr.readline()
        process.kill()
