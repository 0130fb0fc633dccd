"""The command that holds entries from a file against the rules: match."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from monitor.cli.terminal import complain
from monitor.errors import suggestion
from monitor.loaded import LoadedConfig, load
from monitor.model.feeds import Entry
from monitor.queries.answers import as_json
from monitor.queries.answers.rules import MatchAnswer
from monitor.rules.match import judge_entry

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # no rule asks when an entry was first seen


def match(path: Path, file: str, *, rule: str | None) -> int:
    """Answer each line of a JSON Lines file (or of "-", the standard input) with one line, as they come.

    A line that cannot be read is named with its number, and the others are answered; then 1. 2 when there is no such
    rule.
    """
    current = load(path)
    wanted = _wanted(current, rule)
    if rule is not None and wanted is None:
        return 2
    urls = {feed.name: feed.url for feed in current.config.feeds}
    good = True
    try:
        with _opened(file) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    item = _item(line)
                except (ValueError, RecursionError) as error:
                    complain(f"{file}, line {number}: {error}")
                    good = False
                    continue
                judged = judge_entry(_entry(item, urls), current.rules)
                answer = MatchAnswer.of(item["id"], [one for one in judged if wanted in (None, one.rule)])
                print(json.dumps(as_json(answer), ensure_ascii=False), flush=True)
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        complain(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}.")
        return 1
    return 0 if good else 1


def _wanted(current: LoadedConfig, rule: str | None) -> str | None:
    """The name of a rule that was asked for by name or by its number in the file, from 1."""
    names = [one.name for one in current.config.rules]
    if rule is None or rule in names:
        return rule
    if rule.isdecimal() and 1 <= int(rule) <= len(names):
        return names[int(rule) - 1]
    complain(f'there is no [[rules]] named "{rule}". {suggestion(rule, names)}'.rstrip())
    return None


@contextmanager
def _opened(file: str) -> Iterator[TextIO]:
    if file == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig")  # type: ignore[union-attr] # always a TextIOWrapper here
        yield sys.stdin
    else:
        with Path(file).open(encoding="utf-8-sig") as lines:
            yield lines


def _item(line: str) -> Mapping[str, Any]:
    """A line's object, checked. Raises ValueError."""
    try:
        raw = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"this is not JSON: {error.msg}, column {error.colno}") from None
    if not isinstance(raw, dict) or "id" not in raw:
        raise ValueError('an object with "id", "title" and "summary" is expected')
    for key in ("title", "summary", "text", "link", "author", "section", "outlet"):
        if not isinstance(raw.get(key) or "", str):
            raise ValueError(f'"{key}" is to be a string')
    return raw


def _entry(item: Mapping[str, Any], urls: Mapping[str, str]) -> Entry:
    """An entry as if a feed had brought it; `outlet` names the feed."""

    def said(key: str) -> str:
        return item.get(key) or ""

    return Entry(
        feed_url=urls.get(said("outlet"), said("outlet")),
        id=str(item["id"]),
        story=str(item["id"]),
        title=said("title"),
        summary=said("summary"),
        text=said("text"),
        link=said("link"),
        authors=(said("author"),) if said("author") else (),
        sections=(said("section"),) if said("section") else (),
        first_seen=_NEVER,
    )
