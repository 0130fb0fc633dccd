"""The command that shows what the rules keep out of the next digest: digest --excluded."""

import asyncio
from pathlib import Path

from monitor.cli.preview import chosen
from monitor.cli.terminal import answer, count, say
from monitor.jobs.stored import ExcludedEntry
from monitor.loaded import load
from monitor.queries.answers.work import ExcludedAnswer
from monitor.queries.excluded import excluded_now
from monitor.service.runtime import clock, make_runtime
from monitor.store.database import open_database


def excluded(path: Path, *, only: str | None, json: bool) -> int:
    """What none, ignore, scope and max keep out of what arrived since the last slot."""
    current = load(path)

    async def work() -> list[tuple[str, list[ExcludedEntry]]]:
        db = open_database(current.store_url, migrate=False)
        try:
            context = make_runtime(current).context
            return [
                (one.name, await excluded_now(one, context=context, db=db, now=clock()))
                for one in chosen(current, only)
            ]
        finally:
            await db.close()

    found = asyncio.run(work())
    if json:
        answer([ExcludedAnswer.of(name, kept) for name, kept in found])
        return 0
    for name, kept in found:
        say(f"{name}: {count(len(kept), 'entry')} kept out since the last slot.")
        for one in kept:
            say(
                f"    {one.entry.title or one.entry.id}"
                + (" (in the digest by another rule)" if one.in_digest else "")
            )
            for reason in one.exclusions:
                say(f"        {reason.rule}: {reason.cause} {', '.join(reason.words)}".rstrip())
    return 0
