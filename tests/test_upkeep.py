"""The guide to upkeep: both languages show the same commands, and each of them is one that there is."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from monitor.cli import app

GUIDE = Path(__file__).parent.parent / "docs" / "guide"
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("upkeep.md", "upkeep.zh-CN.md")


def commands(page: str) -> list[str]:
    return [
        line for block in BLOCKS.findall((GUIDE / page).read_text("utf-8")) for line in block.splitlines()
    ]


def test_both_languages_have_the_same_commands() -> None:
    english, chinese = map(commands, PAGES)
    assert english == chinese
    assert len(english) > 15


def test_both_languages_have_the_same_sections() -> None:
    english, chinese = ((GUIDE / page).read_text("utf-8") for page in PAGES)
    assert english.count("\n## ") == chinese.count("\n## ")
    assert english.count("\n- ") == chinese.count("\n- ")


@pytest.mark.parametrize("line", [line for line in commands(PAGES[0]) if line.startswith("monitor ")])
def test_a_command_of_the_guide_is_one_that_there_is(line: str) -> None:
    _, *arguments = shlex.split(line.partition(" && ")[0])
    command: Any = typer.main.get_command(app)
    while subcommands := getattr(command, "commands", None):
        if command.invoke_without_command and not (arguments and arguments[0] in subcommands):
            break
        command = subcommands[arguments.pop(0)]
    command.make_context("monitor", arguments).close()
