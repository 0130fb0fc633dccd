"""Every event of the log stands in the guide's table, and nothing else does."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import monitor
from monitor.model.mail import DeliveryStatus

ROOT = Path(monitor.__file__).parent
GUIDE = ROOT.parent / "docs" / "guide"
# Written from a variable, in service/events.py: what became of a mail that is not sent.
OF_MAILS = {"deferred", "overtaken"} | {
    status.value
    for status in set(DeliveryStatus)
    - {DeliveryStatus.SENT, DeliveryStatus.WAITING, DeliveryStatus.SENDING, DeliveryStatus.HELD}
}


@cache
def events_in_the_code() -> set[str]:
    """Return the names of all events that are logged by a literal name."""
    found = {"library"}  # handed over from the libraries' own logs
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log"), attr="info" | "warning" | "failure"),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    found.add(event)
                case ast.Call(func=ast.Name(id="info"), args=[ast.Constant(value=str(event)), *_]):
                    found.add(event)
    return found


def events_in_the_guide(page: str) -> set[str]:
    """Return the names in the first column of the table of events."""
    lines = (GUIDE / page).read_text("utf-8").splitlines()
    head = next(number for number, line in enumerate(lines) if re.match(r"\| (event|事件) \|", line))
    rows = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1])
    return set(re.findall(r"`([a-z-]+)`", " ".join(rows)))


@pytest.mark.parametrize("page", ["log.md", "log.zh-CN.md"])
def test_the_table_of_events_has_every_event_and_no_other(page: str) -> None:
    assert events_in_the_guide(page) == events_in_the_code() | OF_MAILS
