"""Print what a command answers: lines, tables, diffs and JSON; show progress; write files.

Rich is loaded only for what needs it: a plain line, or any line in a pipe, is printed without it.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, NamedTuple, TextIO

from monitor.config.values import in_words
from monitor.errors import MonitorError
from monitor.queries.answers import as_json
from monitor.reasons import reason_of
from monitor.texts import Text, listed, masked, sentence, shown
from monitor.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

    from monitor.config.options import Feed

# The ideographic space: carets stand behind it under Chinese text. The joiners: what they join is one picture.
_PRINTED_AS_IS = "\n\u00a0\u3000\u200c\u200d"
_WIDTH_IN_PIPE = 200  # columns: a row of a table stays on one line


class Styled(NamedTuple):
    """A cell of a table in a colour."""

    text: str
    style: str


def answer(values: object) -> None:
    """Print an answer as one JSON document."""
    print(json_text(values, indent=2))


def json_text(values: object, indent: int | None = None) -> str:
    """Return an answer as JSON, in ASCII where standard output does not take every character."""
    is_utf = (sys.stdout.encoding or "").lower().startswith("utf")
    return json.dumps(as_json(values), ensure_ascii=not is_utf, indent=indent)


def put(document: str) -> None:
    """Write a document to standard output as it is; in UTF-8 where that has not all of its characters."""
    sys.stdout.flush()
    try:
        raw = document.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        raw = document.encode()
    sys.stdout.buffer.write(raw)
    sys.stdout.flush()


def say(line: str, style: str = "") -> None:
    """Print a line on standard output, in the reader's language; control characters in it are escaped."""
    _print_line(line, style, sys.stdout)


def complain(line: str) -> None:
    """Print a line about what failed on standard error, secrets masked."""
    _print_line(masked(line), "red", sys.stderr)


def complain_each(lines: Iterable[str]) -> None:
    """Print each line on standard error."""
    for line in lines:
        complain(line)


def _print_line(line: str, style: str, stream: TextIO) -> None:
    line = shown(line)
    if not style or not _is_terminal(stream):
        print(printable(line), file=stream)
        return
    from rich.text import Text as RichText

    _console(stream).print(RichText(printable(line), style=style), soft_wrap=True)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 feed`, `2 feeds`, `2 entries`, `2 days`."""
    if noun in _COUNTED:
        one, many = _COUNTED[noun]
        return one if number == 1 else many(number)
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


# What commands count, in the reader's language.
_COUNTED: Mapping[str, tuple[Text, Callable[[int], Text]]] = {
    "feed": (sentence("1 feed"), lambda number: sentence("{number} feeds", number=number)),
    "rule": (sentence("1 rule"), lambda number: sentence("{number} rules", number=number)),
    "subscription": (
        sentence("1 subscription"),
        lambda number: sentence("{number} subscriptions", number=number),
    ),
    "entry": (sentence("1 entry"), lambda number: sentence("{number} entries", number=number)),
    "new entry": (sentence("1 new entry"), lambda number: sentence("{number} new entries", number=number)),
    "address": (sentence("1 address"), lambda number: sentence("{number} addresses", number=number)),
    "day": (sentence("1 day"), lambda number: sentence("{number} days", number=number)),
}


def say_held_back(kept: int, since: str, feeds: "Iterable[Feed]") -> None:
    """Say how many entries were too old to be mailed when one of these feeds brought them, and what can be done."""
    age = listed(in_words(span) for span in sorted({feed.first_visit for feed in feeds}))
    if kept == 1:
        say(sentence("1 entry is older than first_visit ({age}), so it is stored, but not mailed.", age=age))
    else:
        say(
            sentence(
                "{number} entries are older than first_visit ({age}), so they are stored, but not mailed.",
                number=kept,
                age=age,
            )
        )
    say(
        sentence(
            '"monitor rules apply --held-back --since {since}" puts what matches into the next digest (--dry-run '
            'only lists it); "monitor preview --sample" shows what a digest looks like.',
            since=since,
        )
    )


def say_pruned(pruned: int) -> None:
    """Say on standard error how many of the entries that were judged have lost their texts, if any."""
    if pruned == 1:
        complain(sentence("1 entry of that time is older than [store] keep: judged by its title alone."))
    elif pruned:
        complain(
            sentence(
                "{number} entries of that time are older than [store] keep: judged by their titles alone.",
                number=pruned,
            )
        )


def printable(text: str) -> str:
    """Return the text as a terminal may show it: it does not obey what a feed said.

    Control characters are escaped, and characters that cannot be seen are left out.
    """
    return "".join(
        character if character.isprintable() or character in _PRINTED_AS_IS else repr(character)[1:-1]
        for character in visible(text)
    )


def table(*columns: str, rows: Iterable[Sequence[object]], right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are aligned to the right."""
    if not _is_terminal(sys.stdout):
        _print_lines_of(columns, rows, right)
        return
    from rich.table import Table
    from rich.text import Text as RichText

    drawn = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        drawn.add_column(shown(column), justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        cells = map(_styled, row)
        drawn.add_row(*(RichText(printable(cell.text), style=cell.style) for cell in cells))
    _console(sys.stdout).print(drawn)


def _styled(cell: object) -> Styled:
    """Return a cell as it is shown: its text in the reader's language, in its colour."""
    styled = cell if isinstance(cell, Styled) else Styled(cell if isinstance(cell, str) else str(cell), "")
    return Styled(shown(styled.text), styled.style)


def _print_lines_of(columns: Sequence[str], rows: Iterable[Sequence[object]], right: Sequence[str]) -> None:
    """Print a table into a file or pipe: each row on a line, however long; rich takes half a millisecond for each."""
    from wcwidth import wcswidth

    def width(text: str) -> int:
        return len(text) if text.isascii() else max(wcswidth(text), 0)

    texts = [tuple(map(shown, columns))]
    for row in rows:
        texts.append(tuple(printable(_styled(cell).text).replace("\n", " ") for cell in row))
    widths = [max(map(width, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        padded = []
        for column, cell, most in zip(columns, row, widths, strict=True):
            space = " " * (most - width(cell))
            padded.append(f"{space}{cell}" if column in right else f"{cell}{space}")
        print("  ".join(padded).rstrip())


def panel(title: str, text: str, *, width: int) -> None:
    """Print a text in a frame with a title; the frame takes 4 of `width` columns."""
    from rich.panel import Panel
    from rich.text import Text as RichText

    framed = Panel(RichText(printable(text)), title=RichText(printable(title)), width=width, padding=(1, 1))
    _console(sys.stdout).print(framed)


def show_diff(lines: Iterable[str]) -> None:
    """Print the lines of a diff; on a terminal, added lines are green and removed lines red."""
    for line in lines:
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        say(line, style="bold" if line.startswith(("+++", "---", "@@")) else style)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], object]]:
    """Show a bar while work is done, on a terminal only; yield the function to call at each step."""
    if total < 2 or not _is_terminal(sys.stderr):
        yield lambda: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task(shown(what), total=total)
        yield lambda: bar.advance(task)


@contextmanager
def share(what: str) -> Iterator[Callable[[int, int], object]]:
    """Show a bar while work is done, on a terminal only; yield the function to call with how much is done of what."""
    if not _is_terminal(sys.stderr):
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console(sys.stderr), transient=True) as bar:
        task = bar.add_task(shown(what), total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def size_in_words(size: int) -> str:
    """Return a count of bytes in MB, or in GB where it is many."""
    return f"{size / 1_000_000:.1f} MB" if size < 1_000_000_000 else f"{size / 1_000_000_000:.2f} GB"


def redrawn(draw: Callable[[], object], pause: float) -> None:
    """Draw on the terminal again every so many seconds, until Ctrl-C; where there is no terminal, once.

    `draw` prints with the functions of this module. Raises what it raises.
    """
    if not sys.stdout.isatty():
        draw()
        return
    from rich.live import Live
    from rich.text import Text

    with suppress(KeyboardInterrupt), Live(console=_console(sys.stdout), auto_refresh=False) as live:
        while True:
            live.update(Text.from_ansi(_drawn(draw)), refresh=True)
            sleep(pause)


class _Canvas(io.StringIO):
    """Takes what would be printed on a terminal, colours included."""

    def isatty(self) -> bool:
        return True


def _drawn(draw: Callable[[], object]) -> str:
    canvas = _Canvas()
    with redirect_stdout(canvas), redirect_stderr(canvas):
        draw()
    return canvas.getvalue()


def _is_terminal(stream: TextIO) -> bool:
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _console(stream: TextIO) -> "Console":
    from rich.console import Console

    return Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDTH_IN_PIPE)


def write_files(folder: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write files, which their owner alone can read, into a folder, and return their paths. Raises MonitorError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            number = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(number, "wb") as file:
                os.fchmod(number, 0o600)  # a file of an earlier run may be open to others
                file.write(content)
    except OSError as error:
        why = {"path": str(folder), "why": reason_of(error)}
        raise MonitorError(sentence("{path} cannot be written to: {why}", **why)) from error
    return [folder / name for name in contents]
