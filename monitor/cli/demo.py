"""The demo: a feed, the real service, a mail server; and what came of it."""

import asyncio
import tomllib
from contextlib import ExitStack
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

import tomlkit
from rich.panel import Panel
from rich.text import Text

from monitor.assets import DEFAULT_CONFIG
from monitor.cli.terminal import clean, complain, count, out, say, table, write_files
from monitor.demo.feed import documents
from monitor.demo.running import Running, running
from monitor.demo.server import serve_feed
from monitor.demo.smtp_server import Caught, LoopbackSmtpServer
from monitor.errors import MonitorError
from monitor.loaded import load
from monitor.model.rules import Hit, PendingEntry
from monitor.store import entries
from monitor.store.database import open_database

_PATIENCE = 60.0  # seconds without a sign of life from the service
_SUBSCRIPTION = "AI 日报"
_READER = "reader@example.org"


def demo(*, feed: str | None, out: Path) -> int:
    """Run the main job once, from outside; 0 when a digest arrived or rightly none was sent."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="feed-monitor-demo-")))
        url, visits = _feed(feed, stack)
        catcher = stack.enter_context(LoopbackSmtpServer(folder))
        config = folder / "config.toml"
        config.write_text(_config(url, catcher, bundled=feed is None), encoding="utf-8")
        say(f"feed         {url}" + (" (bundled, synthetic)" if feed is None else f" ({feed})"), style="dim")
        say(f"mail server  {catcher.host}:{catcher.port}, STARTTLS", style="dim")
        with running(config) as service:
            delivered = _watch(service, visits)
        if delivered is None:
            return 1
        if not delivered:
            say("No entry matched the default rules, so there is no mail.")
            return 0
        caught = catcher.wait(1, 10)[0]
        _show(caught, asyncio.run(_reasons(config)), out)
    return 0


def _feed(feed: str | None, stack: ExitStack) -> tuple[str, int]:
    """The address to poll, and at which visit the news comes."""
    if feed is None:
        return stack.enter_context(serve_feed(documents(datetime.now(UTC)))), 2
    if "://" in feed:
        return feed, 1
    try:
        return stack.enter_context(serve_feed([Path(feed).read_bytes()])), 1
    except OSError as error:
        raise MonitorError(f"{feed} cannot be read: {error.strerror}") from error


def _config(url: str, catcher: LoopbackSmtpServer, *, bundled: bool) -> str:
    """The default configuration with everything pointed at this machine, and in seconds."""
    config = tomllib.loads(DEFAULT_CONFIG.read_text("utf-8"))
    config["store"]["url"] = "sqlite:///monitor.db"
    config["fetch"] |= {"min_interval": "1s", "allow_private": ["127.0.0.1", "::1"]}
    config["smtp"] |= {"host": catcher.host, "port": catcher.port, "security": "starttls"}
    config["smtp"]["ca_file"] = str(catcher.ca_file)
    # Another feed may be an old file: all of it counts as news.
    first_visit = config["feeds"][0]["first_visit"] if bundled else "36500d"
    config["feeds"] = [{"name": "纽约时报中文网", "url": url, "every": "1s", "first_visit": first_visit}]
    config["subscriptions"] = [{"name": _SUBSCRIPTION, "to": [_READER], "every": "0s"}]
    return tomlkit.dumps(config)


def _watch(service: Running, visits: int) -> bool | None:
    """Tell what the service does until a mail is delivered: True. False: nothing matched. None: it failed."""
    visit = 0
    while (event := service.next_event(_PATIENCE)) is not None:
        match event["event"]:
            case "started":
                say("service      started, in a process of its own")
            case "polled" if not event.get("unchanged"):
                visit += 1
                held_back = event.get("held_back", 0)
                say(
                    f"poll {visit}       {count(event['new'], 'new entry')}, {event['matched']} matched"
                    + (f"; {held_back} too old to mail, remembered" if held_back else "")
                )
                if not event["matched"] and visit >= visits:
                    return False
                if not event["matched"]:
                    say("             nothing to tell, so no mail; the feed brings news in a moment")
            case "composed":
                say(f"digest       {count(event['entries'], 'entry')}: {event['subject']}")
            case "delivered":
                say(f"delivered    {event['reply']}")
                say("")
                return True
            case "polled" | "stopping" | "stopped" | "config-changed" | "rematched":
                pass
            case other:
                complain(f"{other}: " + ", ".join(f"{key}={value}" for key, value in event.items()))
                if other == "poll-failed":
                    return None
    complain(f"The service ended, or said nothing for {_PATIENCE:g} s.")
    return None


async def _reasons(config: Path) -> list[PendingEntry]:
    """The entries the digest tells of, with their matches, as the database remembers them."""
    db = open_database(load(config).store_url)
    try:
        return await db.read(entries.mailed, subscription=_SUBSCRIPTION)
    finally:
        await db.close()


def _show(caught: Caught, mailed: list[PendingEntry], folder: Path) -> None:
    message = message_from_bytes(caught.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)  # what policy.default makes
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None  # our own mail has both parts
    assert html is not None
    words = {
        kind: str(part.get_content()).replace("\r\n", "\n") for kind, part in (("txt", text), ("html", html))
    }
    out.print(
        Panel(
            Text(clean(words["txt"].rstrip())),
            title=Text(clean(str(message["Subject"]))),
            width=84,
            padding=(1, 2),
        )
    )
    say("Why each entry is in it:", style="bold")
    table(
        *("entry", "field", "word", "found"),
        rows=[
            (one.entry.title if first else "", hit.field, hit.word, hit.found)
            for one in mailed
            for first, hit in _distinct(one)
        ],
    )
    contents = {
        "digest.eml": caught.raw,
        "digest.html": words["html"].encode(),
        "digest.txt": words["txt"].encode(),
    }
    say("")
    for file in write_files(folder, contents):
        say(f"wrote {file}")


def _distinct(one: PendingEntry) -> list[tuple[bool, Hit]]:
    """Each word once, at the first place it was found."""
    hits = {(hit.field, hit.word): hit for match in one.matches for hit in reversed(match.hits)}
    return [(number == 0, hit) for number, hit in enumerate(reversed(hits.values()))]
