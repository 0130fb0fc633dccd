"""The demo command: run the service between a local feed and a local mail server, and show the digest it sends."""

import asyncio
import tomllib
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tomlkit

from monitor.assets import DEFAULT_CONFIG
from monitor.cli.terminal import complain, count, panel, say, table, write_files
from monitor.demo.feed import documents, serve_feed
from monitor.demo.running import Running, running
from monitor.demo.smtp_server import LoopbackSmtpServer, ReceivedMail
from monitor.digests.wrap import WIDTH
from monitor.errors import MonitorError
from monitor.loaded import load
from monitor.model.rules import Hit, PendingEntry
from monitor.reasons import reason_of
from monitor.store import entries
from monitor.store.database import open_database
from monitor.texts import sentence

_PATIENCE = 60.0  # seconds without an event from the service
_SUBSCRIPTION = "AI 日报"
_READER = "reader@example.org"


class _Outcome(Enum):
    DELIVERED = "a mail was delivered"
    NO_MATCH = "no entry matched"
    FAILED = "the service failed, or logged nothing for too long"


def demo(*, feed: str | None, out: Path) -> int:
    """Run the service until it has sent a digest, print it, and write it to `out`.

    Return the exit code: 0 when a digest arrived or no entry matched, 1 when the service failed.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="feed-monitor-demo-")))
        url, visits = _feed(feed, stack)
        smtp_server = stack.enter_context(LoopbackSmtpServer(folder))
        config = folder / "config.toml"
        config.write_text(_config(url, smtp_server, bundled=feed is None), encoding="utf-8")
        if feed is None:
            say(sentence("feed         {url} (bundled, synthetic)", url=url), style="dim")
        else:
            say(sentence("feed         {url} ({feed})", url=url, feed=feed), style="dim")
        say(
            sentence("mail server  {host}:{port}, STARTTLS", host=smtp_server.host, port=smtp_server.port),
            style="dim",
        )
        with running(config) as service:
            outcome = _watch(service, visits)
        if outcome is _Outcome.FAILED:
            return 1
        if outcome is _Outcome.NO_MATCH:
            say(sentence("No entry matched the default rules, so there is no mail."))
            return 0
        received = smtp_server.wait(1, 10)[0]
        _show(received, asyncio.run(_reasons(config)), out)
    return 0


def _feed(feed: str | None, stack: ExitStack) -> tuple[str, int]:
    """Return the feed's URL, and at which visit it brings news: the bundled feed's second, any other's first."""
    if feed is None:
        return stack.enter_context(serve_feed(documents(datetime.now(UTC)))), 2
    if "://" in feed:
        return feed, 1
    try:
        return stack.enter_context(serve_feed([Path(feed).read_bytes()])), 1
    except OSError as error:
        why = {"path": feed, "why": reason_of(error)}
        raise MonitorError(sentence("{path} cannot be read: {why}", **why)) from error


def _config(url: str, smtp_server: LoopbackSmtpServer, *, bundled: bool) -> str:
    """Return the default configuration with this machine's feed and mail server, and waits of seconds."""
    config = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))
    config["store"]["url"] = "sqlite:///monitor.db"
    config["fetch"] |= {"min_interval": "1s", "allow_private": ["127.0.0.1", "::1"]}
    config["smtp"] |= {"host": smtp_server.host, "port": smtp_server.port, "security": "starttls"}
    config["smtp"]["ca_file"] = str(smtp_server.ca_file)
    # Another feed may be an old file: all of it counts as news.
    first_visit = config["feeds"][0]["first_visit"] if bundled else "36500d"
    config["feeds"] = [{"name": "纽约时报中文网", "url": url, "every": "1s", "first_visit": first_visit}]
    config["subscriptions"] = [{"name": _SUBSCRIPTION, "to": [_READER], "every": "0s"}]
    return tomlkit.dumps(config)


def _watch(service: Running, visits: int) -> _Outcome:
    """Print what the service does until a mail is delivered, or until so many visits have brought no match."""
    visit = 0
    while (event := service.next_event(_PATIENCE)) is not None:
        match event["event"]:
            case "started":
                say(sentence("service      started, in a process of its own"))
            case "polled" if not event.get("unchanged"):
                visit += 1
                say(_polled(visit, event))
                if not event["matched"] and visit >= visits:
                    return _Outcome.NO_MATCH
                if not event["matched"]:
                    say(
                        sentence("             nothing to tell, so no mail; the feed brings news in a moment")
                    )
            case "composed":
                values = {"entries": count(event["entries"], "entry"), "subject": event["subject"]}
                say(sentence("digest       {entries}: {subject}", **values))
            case "delivered":
                say(sentence("delivered    {reply}", reply=event["reply"]))
                say("")
                return _Outcome.DELIVERED
            case "polled" | "stopping" | "stopped" | "config-changed" | "rematched":
                pass
            case unexpected:
                complain(f"{unexpected}: " + ", ".join(f"{key}={value}" for key, value in event.items()))
                if unexpected == "poll-failed":
                    return _Outcome.FAILED
    complain(sentence("The service ended, or logged nothing for {seconds:g} s.", seconds=_PATIENCE))
    return _Outcome.FAILED


def _polled(visit: int, event: Mapping[str, Any]) -> str:
    values = {
        "visit": visit,
        "new": count(event["new"], "new entry"),
        "matched": event["matched"],
        "held_back": event.get("held_back", 0),
    }
    if values["held_back"]:
        return sentence(
            "poll {visit}       {new}, {matched} matched; {held_back} too old to mail, remembered", **values
        )
    return sentence("poll {visit}       {new}, {matched} matched", **values)


async def _reasons(config: Path) -> list[PendingEntry]:
    """Return the mailed entries with their matches, from the service's database."""
    db = open_database(load(config).store_url)
    try:
        return await db.read(entries.mailed, subscription=_SUBSCRIPTION)
    finally:
        await db.close()


def _show(received: ReceivedMail, mailed: list[PendingEntry], folder: Path) -> None:
    message = message_from_bytes(received.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)  # what policy.default makes
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None  # our own mail has both parts
    assert html is not None
    contents = {
        kind: str(part.get_content()).replace("\r\n", "\n") for kind, part in (("txt", text), ("html", html))
    }
    panel(str(message["Subject"]), contents["txt"].rstrip(), width=WIDTH + 4)
    say(sentence("Why each entry is in it:"), style="bold")
    table(
        *(sentence("entry"), sentence("field"), sentence("word"), sentence("found")),
        rows=[
            (pending.entry.title if first else "", hit.field, hit.word, hit.found)
            for pending in mailed
            for first, hit in _distinct_hits(pending)
        ],
    )
    files = {
        "digest.eml": received.raw,
        "digest.html": contents["html"].encode(),
        "digest.txt": contents["txt"].encode(),
    }
    say("")
    for file in write_files(folder, files):
        say(sentence("wrote {path}", path=str(file)))


def _distinct_hits(pending: PendingEntry) -> list[tuple[bool, Hit]]:
    """Return each word's first hit in a field, and whether it is the entry's first row."""
    hits = {(hit.field, hit.word): hit for match in pending.matches for hit in reversed(match.hits)}
    return [(number == 0, hit) for number, hit in enumerate(reversed(hits.values()))]
