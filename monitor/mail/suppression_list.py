"""Read and write a list of suppressions as CSV (RFC 4180): address, reason, date, by, subscription."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.config.addresses import parse_mailbox
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.texts import Text, said, sentence

COLUMNS = ("address", "reason", "date", "by", "subscription")
_FORMULA = ("=", "+", "-", "@")  # a cell that begins so is computed by a spreadsheet: servers' words are not


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A line of a list that cannot be read."""

    line: int  # counted from 1
    why: Text


def read_list(
    text: str, *, now: datetime, key_of: Mapping[str, str], step: Callable[[int], object] = lambda _: None
) -> tuple[list[Suppression], list[BadLine]]:
    """Return the suppressions of a list, and its lines that cannot be read.

    The first line may name the columns, in any order; without it they are those of COLUMNS, of which all but the
    address may be missing or empty. `key_of` are the keys of the subscriptions by their names; `step` is called with
    the number of lines read.
    """
    listed: list[Suppression] = []
    bad: list[BadLine] = []
    columns: tuple[str, ...] = COLUMNS
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    is_first = True
    while True:
        is_header = False
        try:
            row = next(rows, None)
            if row is None:
                return listed, bad
            cells = [cell.strip() for cell in row]
            is_header = is_first and "address" in map(str.lower, cells)
            if is_header:
                columns = _named(cells)
            elif any(cells):
                listed.append(_suppression(columns, cells, now, key_of))
        except (ValueError, csv.Error) as error:
            bad.append(BadLine(line=rows.line_num, why=_why(error)))
            # An unknown column, or a quotation mark that stays open, makes nonsense of the lines that follow.
            if is_header or isinstance(error, csv.Error):
                return [], bad
        is_first = False
        step(rows.line_num)


def write_list(listed: Iterable[Suppression], name_of: Mapping[str, str]) -> str:
    """Return suppressions as a list that `read_list` reads; `name_of` are the subscriptions' names by their keys."""
    written = io.StringIO(newline="")
    rows = csv.writer(written)
    rows.writerow(COLUMNS)
    for each in listed:
        subscription = name_of.get(each.subscription, each.subscription)
        rows.writerow(
            [each.address, _as_words(each.reason), each.at.isoformat(), each.by.value, subscription]
        )
    return written.getvalue()


def _named(cells: list[str]) -> tuple[str, ...]:
    columns = tuple(map(str.lower, cells))
    for column in columns:
        if column not in COLUMNS:
            raise ValueError(
                sentence(
                    'there is no column "{column}". The columns are: {columns}.',
                    column=column,
                    columns=", ".join(COLUMNS),
                )
            )
    return columns


def _suppression(
    columns: tuple[str, ...], cells: list[str], now: datetime, key_of: Mapping[str, str]
) -> Suppression:
    if len(cells) > len(columns):
        raise ValueError(
            sentence("{count} columns, where {most} are expected", count=len(cells), most=len(columns))
        )
    values = dict(zip(columns, cells, strict=False))
    address = parse_mailbox(values.get("address", "")).key
    at = _instant(values.get("date", ""), now)
    by, name = values.get("by", "").lower(), values.get("subscription", "")
    if by and by not in list(SuppressedBy):
        raise ValueError(
            sentence(
                'by "{by}" is none of: {known}', by=by, known=", ".join(each.value for each in SuppressedBy)
            )
        )
    if name and name not in key_of:
        raise ValueError(sentence('there is no subscription named "{name}".', name=name))
    reason = values.get("reason", "")
    return Suppression(
        address=address,
        subscription=key_of[name] if name else "",
        at=at,
        by=SuppressedBy(by or SuppressedBy.IMPORT),
        reason=reason.removeprefix("'") if reason[1:].startswith(_FORMULA) else reason,
    )


def _instant(date: str, now: datetime) -> datetime:
    if not date:
        return now
    try:
        at = datetime.fromisoformat(date)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            sentence('date "{date}" is not one like 2026-11-24 or 2026-11-24T08:00:00+08:00', date=date)
        ) from None
    if at > now:
        raise ValueError(sentence('date "{date}" is still to come', date=date))
    return at


def _as_words(reason: str) -> str:
    return f"'{reason}" if reason.startswith(_FORMULA) else reason


def _why(error: Exception) -> Text:
    words = said(error)
    return words if isinstance(words, Text) else sentence("no CSV ({why})", why=words)
