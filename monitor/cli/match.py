"""The command that tests entries of a file against the rules: match."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from monitor.cli.terminal import complain, json_text
from monitor.errors import MonitorError, suggestion, with_advice
from monitor.loaded import LoadedConfig, load
from monitor.model.feeds import Entry
from monitor.queries.answers.rules import MatchAnswer
from monitor.reasons import reason_of, said_by_library
from monitor.rules.match import judge_entry
from monitor.texts import said, sentence

_FIRST_SEEN = datetime(1970, 1, 1, tzinfo=UTC)  # no rule asks for it
_TEXTS = ("title", "summary", "text", "link", "author", "section", "outlet")


def match(path: Path, file: str, *, rule: str | None) -> int:
    """Answer each line of a JSON Lines file, or of standard input for "-", with one line, as they come.

    A line that cannot be read is reported with its number, and the others are answered; then return 1. Return 2 when
    there is no such rule.
    """
    loaded = load(path)
    try:
        rules = _rules_named(loaded, rule)
    except MonitorError as error:
        complain(error.text)
        return 2
    feed_urls = {feed.name: feed.url for feed in loaded.config.feeds}
    all_read = True
    try:
        with _open_lines(file) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    item = _read_item(line)
                except (ValueError, RecursionError) as error:
                    complain(
                        sentence("{file}, line {line}: {what}", file=file, line=number, what=said(error))
                    )
                    all_read = False
                    continue
                judgements = judge_entry(_entry(item, feed_urls), loaded.rules)
                answer = MatchAnswer.of(item["id"], [each for each in judgements if each.rule in rules])
                print(json_text(answer), flush=True)
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, BrokenPipeError):
            raise
        why = reason_of(error) if isinstance(error, OSError) else sentence("it is not UTF-8 text")
        complain(sentence("{path} cannot be read: {why}.", path=file, why=why))
        return 1
    return 0 if all_read else 1


def _rules_named(loaded: LoadedConfig, rule: str | None) -> Sequence[str]:
    """Return the name of the rule with this name, or this number in the file, from 1; all names without one.

    Raises MonitorError when there is none.
    """
    names = [each.name for each in loaded.config.rules]
    if rule is None:
        return names
    if rule in names:
        return [rule]
    if rule.isdecimal() and 1 <= int(rule) <= len(names):
        return [names[int(rule) - 1]]
    what = sentence('there is no [[{table}]] named "{name}".', table="rules", name=rule)
    raise MonitorError(with_advice(what, suggestion(rule, names)))


@contextmanager
def _open_lines(file: str) -> Iterator[TextIO]:
    if file == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig")  # type: ignore[union-attr] # always a TextIOWrapper here
        yield sys.stdin
    else:
        with Path(file).open(encoding="utf-8-sig") as lines:
            yield lines


def _read_item(line: str) -> Mapping[str, object]:
    """Return the object of a line, checked. Raises ValueError."""
    try:
        item = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(
            sentence(
                "this is not JSON: {what}, column {column}",
                what=said_by_library(error.msg),
                column=error.colno,
            )
        ) from None
    if not isinstance(item, dict) or "id" not in item:
        raise ValueError(sentence('an object with "id", "title" and "summary" is expected'))
    for key in _TEXTS:
        if not isinstance(item.get(key) or "", str):
            raise ValueError(sentence('"{key}" must be a string', key=key))
    return item


def _entry(item: Mapping[str, object], feed_urls: Mapping[str, str]) -> Entry:
    """Return the entry of an item as if a feed had brought it; its "outlet" is the name of the feed."""
    texts = {key: str(item.get(key) or "") for key in _TEXTS}
    author, section, outlet = texts["author"], texts["section"], texts["outlet"]
    return Entry(
        feed_url=feed_urls.get(outlet, outlet),
        id=str(item["id"]),
        story=str(item["id"]),
        title=texts["title"],
        summary=texts["summary"],
        text=texts["text"],
        link=texts["link"],
        authors=(author,) if author else (),
        sections=(section,) if section else (),
        first_seen=_FIRST_SEEN,
    )
