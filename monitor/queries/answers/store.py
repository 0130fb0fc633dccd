"""Declare the answers about copies of the database: backup, restore, store copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.queries.answers.status import OutboxMail


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupAnswer:
    """A backup was made and checked."""

    file: str  # its path
    size: int  # in bytes
    rows: Mapping[str, int]  # how many rows it has, by table


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAnswer:
    """A backup is in the place of the database."""

    file: str  # the backup
    rows: Mapping[str, int]  # how many rows it has, by table
    kept: str | None  # where the database before it is; null where there was none
    migrated: bool  # true: it was made by an earlier version
    known_until: datetime | None  # what was mailed later may come again; null where nothing has happened
    held: tuple[OutboxMail, ...]  # mails that wait until outbox --release or --cancel, as outbox answers


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyAnswer:
    """A database was copied into another one, and compared."""

    source: str  # its URL, with secrets masked
    target: str  # the URL of the copy, with secrets masked
    rows: Mapping[str, int]  # how many rows both have, by table
