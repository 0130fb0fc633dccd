"""The command that shows a digest before it goes out."""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from monitor.cli.terminal import answer, say, write_files
from monitor.config.options import Subscription
from monitor.digests.due import slot_now
from monitor.errors import ConfigError, Problem, suggestion
from monitor.jobs.compose import mails_of
from monitor.jobs.draft import NothingPending, draft_digest
from monitor.loaded import LoadedConfig, load
from monitor.queries.answers.work import PreviewedDigest
from monitor.service.runtime import Runtime, clock, make_runtime
from monitor.store.database import Database, open_database


def preview(path: Path, *, only: str | None, out: Path, json: bool) -> int:
    """Write what would go out; nothing in the database changes."""

    async def work() -> list[PreviewedDigest]:
        current = load(path)
        db = open_database(current.store_url, migrate=False)
        try:
            runtime = make_runtime(current)
            return [await _preview(one, runtime, db, clock(), out) for one in chosen(current, only)]
        finally:
            await db.close()

    previews = asyncio.run(work())
    if json:
        answer(previews)
        return 0
    for one in previews:
        if one.files:
            say(f"{one.subscription}: {one.subject}")
            for file in one.files:
                say(f"  {file}")
        else:
            say(f"{one.subscription}: nothing new waits, so there would be no mail.")
    return 0


async def _preview(
    subscription: Subscription, runtime: Runtime, db: Database, now: datetime, out: Path
) -> PreviewedDigest:
    slot = slot_now(now)
    draft = await draft_digest(
        subscription, slot, context=runtime.context, render=runtime.render, db=db, now=now
    )
    if isinstance(draft, NothingPending):
        return PreviewedDigest(subscription=subscription.name, subject=None, files=())
    mail = mails_of(draft.digest, draft.rendered, sender=runtime.context.sender)[0]
    stem = file_stem(subscription.name)
    contents = {
        f"{stem}.html": draft.rendered.html.encode(),
        f"{stem}.txt": draft.rendered.text.encode(),
        f"{stem}.eml": mail.raw,
    }
    return PreviewedDigest(
        subscription=subscription.name,
        subject=draft.rendered.subject,
        files=tuple(str(file) for file in write_files(out, contents)),
    )


def file_stem(name: str) -> str:
    """A file name made of the letters and digits of a subscription's name."""
    return re.sub(r"[\W_]+", "-", name).strip("-")[:80] or "digest"


def chosen(current: LoadedConfig, only: str | None) -> Sequence[Subscription]:
    """The subscription of that name, or all. Raises ConfigError."""
    found = [one for one in current.config.subscriptions if only in (None, one.name)]
    if only is not None and not found:
        what = f'there is no subscription named "{only}".'
        instead = suggestion(only, [subscription.name for subscription in current.config.subscriptions])
        problem = Problem(where="[[subscriptions]]", key="", line=None, what=what, instead=instead)
        raise ConfigError(current.path.name, [problem])
    return found
