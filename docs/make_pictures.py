"""Photograph the digest as mail programs show it: `make pictures` for the README, with a folder for all there is.

With a folder, the demo's digest and those of tests/golden are photographed in each language at the width of a phone and
of a desk, in light, dark, forced dark, grey and without styles: to look at, not to keep.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

from monitor.assets import DEFAULT_CONFIG
from monitor.config.options import Feed
from monitor.demo.feed import documents
from monitor.digests.build import build
from monitor.digests.render import digest_renderer
from monitor.feeds.parse import parse
from monitor.loaded import load
from monitor.model.digests import Slot, SlotKind, Watched
from monitor.model.feeds import FeedHealth
from monitor.model.recipients import Contact
from monitor.model.rules import PendingEntry
from monitor.rules.match import match_entry
from tests.golden.mails import LOCALES, golden_mails
from tests.make import subscription

HERE = Path(__file__).parent
PHONE, DESK = 375, 700
NOW = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)


class Light(NamedTuple):
    """How a page is lit: the reader's scheme, whether a mail program inverts it, or shows it grey or unstyled."""

    name: str
    scheme: str = "light"
    forced: bool = False
    grey: bool = False
    plain: bool = False


LIGHTS = (
    Light("light"),
    Light("dark", scheme="dark"),
    Light("forced-dark", forced=True),
    Light("grey", grey=True),
    Light("plain", plain=True),
)


def demo_digest(locale: str) -> str:
    """Return the HTML of the digest that the demo's feed and the shipped rules make."""
    rules = load(DEFAULT_CONFIG).rules
    feed = Feed(name="纽约时报中文网", url="https://cn.nytimes.com/rss/")
    entries = [
        feed_entry
        for document in reversed(documents(NOW))
        for feed_entry in parse(document, feed=feed, now=NOW).entries
    ]
    fresh = {entry.story: entry for entry in entries if entry.when > NOW - timedelta(days=3)}
    pending = [
        PendingEntry(seq=seq, entry=entry, matches=matches)
        for seq, entry in enumerate(fresh.values())
        if (matches := match_entry(entry, rules))
    ]
    digest = build(
        subscription("AI Daily" if locale == "en" else "AI 日报", locale=locale, timezone="Asia/Shanghai"),
        Slot(kind=SlotKind.AT, key="2026-11-24T08:00", at=NOW),
        pending,
        rules=[(compiled.rule, compiled.fingerprint) for compiled in rules.rules],
        feeds={feed.url: feed.name},
        watched=Watched(feeds=((feed.name, FeedHealth.OK),), entries=len(fresh)),
        since=NOW - timedelta(days=1),
        now=NOW,
        next_at=NOW + timedelta(days=1),
    )
    contact = Contact(public_url="https://news.example.org", answers="editor@example.org")
    return digest_renderer()(replace(digest, contact=contact)).html


def photograph(
    browser: Browser, html: str, picture: Path, *, width: int, light: Light, height: int = 0
) -> None:
    """Write a picture of a page, of the top `height` pixels or of the whole."""
    page = browser.new_page(viewport={"width": width, "height": height or 400})
    page.emulate_media(color_scheme="dark" if light.scheme == "dark" else "light")
    if light.forced:
        page.context.new_cdp_session(page).send("Emulation.setAutoDarkModeOverride", {"enabled": True})
    if light.plain:
        html = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)
    if light.grey:
        html = html.replace("</head>", "<style>html { filter: grayscale(1) }</style></head>")
    page.set_content(html)
    page.screenshot(path=picture, full_page=not height)
    page.close()


def _all(browser: Browser, folder: Path) -> Iterator[str]:
    pages = {f"demo-{locale}": demo_digest(locale) for locale in LOCALES}
    pages |= {
        golden.name: golden.rendered.html
        for golden in golden_mails()
        if golden.name.startswith(("1-", "8-", "hostile-"))
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in pages.items():
        for width in (PHONE, DESK):
            for light in LIGHTS:
                picture = folder / f"{name}-{width}-{light.name}.png"
                photograph(browser, html, picture, width=width, light=light)
                yield picture.name


if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        if len(sys.argv) > 1:
            for name in _all(chromium, Path(sys.argv[1])):
                print(name)
        else:
            page = demo_digest("zh-Hans")
            photograph(chromium, page, HERE / "digest.png", width=DESK, light=LIGHTS[0])
            photograph(chromium, page, HERE / "digest-phone.png", width=PHONE, light=LIGHTS[0], height=736)
            photograph(
                chromium, page, HERE / "digest-phone-dark.png", width=PHONE, light=LIGHTS[1], height=736
            )
        chromium.close()
