"""What the operator is told about an edit of config.toml that is refused, or that waits because it drops most of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from monitor.errors import MonitorError, Problem
from monitor.loaded import LoadedConfig
from monitor.model.notices import NoticeKind, Trouble
from monitor.store import notices, rulesets
from monitor.store.database import Connection
from monitor.texts import ENGLISH, clauses, in_language, sentence

_PROBLEMS_TOLD = 20  # of a refused edit


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the file as it stands is not in force."""

    path: Path
    problems: Sequence[Problem | MonitorError]
    at: datetime
    locale: str = ENGLISH  # of the operator, who is told of it

    @property
    def content(self) -> str:
        """A hash of the mistakes without their lines: a line added above one makes no other of it."""
        mistakes = sorted(
            str(replace(problem, line=None) if isinstance(problem, Problem) else problem)
            for problem in self.problems
        )
        return sha256("\n".join(mistakes).encode("utf-8", "replace")).hexdigest()


def shrunk(loaded: LoadedConfig, losses: Sequence[str], now: datetime, locale: str = ENGLISH) -> Trouble:
    """Return the trouble of an edit that waits; `losses` say what it drops."""
    return Trouble(
        kind=NoticeKind.CONFIG_SHRUNK,
        content=loaded.content_hash,
        details=in_language(
            sentence("{path}: {losses}.", path=str(loaded.path), losses=clauses(losses)), locale
        ),
        since=now,
    )


def record_refusal(tx: Connection, refusal: Refusal | None, waits: Trouble | None, now: datetime) -> None:
    """Record that the file is refused and which rules are in force meanwhile, or that it waits, or neither."""
    if waits is None:
        notices.clear(tx, NoticeKind.CONFIG_SHRUNK, "", now)
    else:
        notices.report(tx, waits, now)
    if refusal is None:
        notices.clear(tx, NoticeKind.CONFIG_REFUSED, "", now)
        return
    rules = rulesets.newest(tx)
    head: str = str(refusal.path)
    if rules:
        values = {"path": head, "version": rules.version, "at": rules.at}
        head = sentence("{path} Rules version {version}, of {at:%Y-%m-%d %H:%M} UTC, is in force.", **values)
    told = (head, *(problem.text for problem in refusal.problems[:_PROBLEMS_TOLD]))
    trouble = Trouble(
        kind=NoticeKind.CONFIG_REFUSED,
        content=refusal.content,
        details="\n".join(in_language(line, refusal.locale) for line in told),
        since=refusal.at,
    )
    notices.report(tx, trouble, now)
