"""How a command speaks: tables, lines, JSON for programs, files to look at."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from monitor.errors import MonitorError
from monitor.queries.answers import as_json

_SHOWN = "\n\u3000"  # the latter is a space as wide as a Chinese character; carets stand behind it
_PIPED = 200  # columns where nobody looks: a line of a table stays one line

out = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED)
err = Console(stderr=True, highlight=False)


def answer(values: object) -> None:
    """Print an answer as one JSON document."""
    print(json.dumps(as_json(values), ensure_ascii=False, indent=2))


def say(line: str, style: str = "") -> None:
    """A line of text. What a feed said in it cannot colour or move anything."""
    out.print(Text(clean(line), style=style), soft_wrap=True)


def complain(line: str) -> None:
    """A line about what failed, on standard error."""
    err.print(Text(clean(line), style="red"), soft_wrap=True)


def count(number: int, noun: str) -> str:
    """`1 feed`, `2 feeds`, `2 entries`, `2 days`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def clean(text: str) -> str:
    """Text without control characters: an escape sequence from a feed is shown, not obeyed."""
    return "".join(sign if sign.isprintable() or sign in _SHOWN else repr(sign)[1:-1] for sign in text)


def table(*columns: str, rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """A table with hairlines, numbers to the right."""
    made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(value if isinstance(value, Text) else Text(clean(str(value))) for value in row))
    out.print(made)


def local(moment: datetime | None) -> str:
    """An instant in this machine's zone, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else "-"


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], object]]:
    """A bar on a terminal, nothing in a pipe; yields the function to call at each step."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal or total < 2,
    )
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def write_files(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write some files into a folder, made when it is missing. Raises MonitorError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise MonitorError(f"{folder} cannot be written to: {error.strerror}") from error
    return [folder / name for name in contents]


def show_diff(lines: Iterable[str]) -> None:
    """The lines of a diff; on a terminal, what comes is green and what goes is red."""
    for line in lines:
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        say(line, style="bold" if line.startswith(("+++", "---", "@@")) else style)
