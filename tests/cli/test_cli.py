"""Commands that need no feed and no mail."""

import json
import tomllib
from pathlib import Path

import pytest

from monitor import __version__
from monitor.assets import DEFAULT_CONFIG
from tests.command import run_command


def monitor(folder: Path, *arguments: str, code: int = 0, **environ: str) -> str:
    """Run a command in a folder and return its output."""
    result = run_command(*arguments, folder=folder, environ={"HOME": str(folder), **environ})
    assert result.code == code, f"exit {result.code}: {result.stdout}{result.stderr}"
    assert "Traceback" not in result.stderr
    return result.stdout + result.stderr


COMMANDS = [
    "init",
    "check",
    "config",
    "run",
    "poll",
    "digest",
    "deliver",
    "once",
    "preview",
    "status",
    "outbox",
    "demo",
    "match",
    "replay",
    "feeds",
    "rules",
    "subscriptions",
    "store",
    "backup",
    "restore",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    assert "Usage: monitor" in monitor(tmp_path, command, "--help", COLUMNS="100")


def test_the_help_names_every_command(tmp_path: Path) -> None:
    output = monitor(tmp_path, "--help")
    assert [command for command in COMMANDS if command not in output] == []
    assert "else [operator]" in output, "brackets in a help text are no markup"


def test_the_version_is_said(tmp_path: Path) -> None:
    assert monitor(tmp_path, "--version").strip() == f"feed-monitor {__version__}"


def test_the_default_is_good(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    assert json.loads(monitor(tmp_path, "check", "--json"))["ok"] is True
    assert "Maildir" in monitor(tmp_path, "check")


def test_without_a_file_the_way_out_is_named(tmp_path: Path) -> None:
    assert 'Make one with "monitor init"' in monitor(tmp_path, "check", code=2)


def test_the_file_is_found_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_bytes(DEFAULT_CONFIG.read_bytes())
    monitor(tmp_path, "check", "--config", "other.toml")
    monitor(tmp_path, "--config", "other.toml", "check")
    monitor(tmp_path, "check", MONITOR_CONFIG="other.toml")


def test_every_problem_is_told_with_exit_code_2(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[smpt]\nhost = "x"\n[fetch]\ntimeout = 3\n')
    output = monitor(tmp_path, "check", code=2)
    assert output.count("config.toml, line") == 2
    problems = json.loads(monitor(tmp_path, "check", "--json", code=2))["problems"]
    assert [problem["line"] for problem in problems] == [1, 4]
    for command in ("poll", "status", "preview"):  # run reads the file again for a while: tests/service
        assert "smpt" in monitor(tmp_path, command, code=2)


def test_a_file_without_feeds_or_subscriptions_is_refused_by_what_works_by_it(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    for command in ("once", "poll", "digest", "deliver", "rules apply --since 7d", "status"):
        output = monitor(tmp_path, *command.split(), code=2)
        assert "[[feeds]]" in output, command
        assert "[[subscriptions]]" in output, command
    assert "It may be empty or cut off." in monitor(tmp_path, "check")
    assert not (tmp_path / "data").exists()


def test_a_check_names_what_is_odd_in_the_rules_and_is_no_failure(tmp_path: Path) -> None:
    text = DEFAULT_CONFIG.read_text("utf-8").replace('"AGI", ', '"AGI", "ＡＧＩ", ')
    (tmp_path / "config.toml").write_text(text, "utf-8")
    output = monitor(tmp_path, "check")
    assert "config.toml is good" in output
    assert '"ＡＧＩ" means the same as "AGI"' in output
    (finding,) = json.loads(monitor(tmp_path, "check", "--json"))["findings"]
    assert (finding["kind"], finding["word"]) == ("duplicate", "ＡＧＩ")


def test_a_check_warns_and_is_no_failure(tmp_path: Path) -> None:
    text = DEFAULT_CONFIG.read_text("utf-8").replace('host = "" ', 'host = "mail.test" ')
    (tmp_path / "config.toml").write_text(text, "utf-8")
    output = monitor(tmp_path, "check")
    assert "config.toml is good" in output
    assert "[smtp], sender: example.org is a domain for examples" in output
    warnings = json.loads(monitor(tmp_path, "check", "--json"))["warnings"]
    assert [warning["key"] for warning in warnings] == ["sender", "to"]


def test_a_check_finds_templates_that_fail(tmp_path: Path) -> None:
    (tmp_path / "digest.txt.j2").write_text("{{ digest.nothing_of_this_name }}")
    text = DEFAULT_CONFIG.read_text("utf-8").replace('templates = "" ', 'templates = "." ')
    (tmp_path / "config.toml").write_text(text, "utf-8")
    assert "template digest.txt.j2, line 1" in monitor(tmp_path, "check", code=2)
    (problem,) = json.loads(monitor(tmp_path, "check", "--json", code=2))["problems"]
    assert problem["key"] == "templates"


def test_config_shows_what_is_in_force_without_secrets(tmp_path: Path) -> None:
    text = DEFAULT_CONFIG.read_text("utf-8")
    text = text.replace('proxy = ""', 'proxy = "socks5://me:hunter2@127.0.0.1:1080"')
    text = text.replace('host = "" ', 'host = "mail.example.org" ').replace(
        'username = ""', 'username = "me"', 1
    )
    (tmp_path / "config.toml").write_text(text, "utf-8")
    output = monitor(tmp_path, "config", MONITOR_SMTP__PASSWORD="hunter2")
    shown = tomllib.loads(output)
    assert shown["fetch"]["timeout"] == "30s"
    assert shown["feeds"][0]["proxy"] == "socks5://***@127.0.0.1:1080"
    assert shown["subscriptions"][0]["at"] == ["08:00"]
    assert "hunter2" not in output
    assert "hunter2" not in monitor(tmp_path, "config", "--json", MONITOR_SMTP__PASSWORD="hunter2")


def test_config_names_where_each_value_comes_from(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    output = monitor(tmp_path, "config", MONITOR_SMTP__PORT="587")
    assert "port = 587 # $MONITOR_SMTP__PORT" in output
    assert "languages = [] # default" in output
    sources = json.loads(monitor(tmp_path, "config", "--json", MONITOR_SMTP__PORT="587"))["sources"]
    assert sources["smtp"]["port"] == "$MONITOR_SMTP__PORT"
    assert sources["rules"][1]["languages"] == "default"
    assert sources["feeds"][0]["url"].startswith("line ")


def test_config_without_the_defaults_is_a_configuration_that_says_the_same(tmp_path: Path) -> None:
    fetch = '[fetch]\ntimeout = "9s"\nbackoff = "5m"\n'
    text = f'{fetch}[[feeds]]\nname = "f"\nurl = "https://example.org/f"\nheaders = {{Accept = "a"}}\n'
    (tmp_path / "config.toml").write_text(text, "utf-8")
    output = monitor(tmp_path, "config", "--changed")
    assert tomllib.loads(output) == {
        "fetch": {"timeout": "9s"},
        "feeds": [{"name": "f", "url": "https://example.org/f", "headers": {"Accept": "a"}}],
    }


def test_a_preview_before_the_first_poll_says_what_to_do(tmp_path: Path) -> None:
    monitor(tmp_path, "init")
    output = monitor(tmp_path, "preview", code=1)
    assert "monitor" in output
    assert not (tmp_path / "data").exists(), "nothing was made"
