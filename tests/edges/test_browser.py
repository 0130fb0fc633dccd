"""The mail in a real browser, at the widths people read it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from monitor.digests.build import build
from monitor.digests.parts import split
from monitor.digests.render import digest_renderer
from monitor.model.digests import Watched
from monitor.model.feeds import Entry, FeedHealth
from monitor.model.rules import PendingEntry
from tests import make

CHROMIUM = shutil.which("chromium")
LONG = "https://very-long.example.org/" + "abcdefghij" * 30


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing: .ci/run installs it")
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["one mail", "second of several", "with debts"])
def html(request: pytest.FixtureRequest) -> str:
    if request.param == "second of several":
        titles = [f"第{number}条，一个六十个字的标题会不会把手机上的版面撑破" * 2 for number in range(300)]
        return _parts([make.entry(title, number=number) for number, title in enumerate(titles)])[1]
    entries = [
        make.entry(
            "开源大模型的重心正在转移：两千块芯片如何追上一万六千块",
            number=1,
            summary="研究者说，算力不够。" * 8,
        ),
        make.entry("一个六十个字的标题会不会把手机上的版面撑破" * 3 + "大模型", number=2, summary=LONG),
    ]
    owed = [make.entry("规则改了以后的旧闻" * 9, number=3)] if request.param == "with debts" else []
    (page,) = _parts(entries, owed)
    return page


def _parts(entries: Sequence[Entry], owed: Sequence[Entry] = ()) -> list[str]:
    """The HTML of each mail of a digest; no rule matches what is owed any more."""
    pending = [
        PendingEntry(seq=number, entry=entry, matches=(make.match(),)) for number, entry in enumerate(entries)
    ]
    digest = build(
        make.subscription(),
        make.slot(),
        pending,
        rules=[(make.rule(), "f1")],
        feeds={entry.feed_url: "纽约时报中文网" for entry in entries},
        watched=Watched(feeds=(("纽约时报中文网", FeedHealth.OK),), entries=41),
        since=None,
        now=make.NOW,
        next_at=datetime(2026, 11, 25, tzinfo=UTC),
        owed=[PendingEntry(seq=1000, entry=entry, matches=()) for entry in owed],
    )
    parts = split(replace(digest, left=7 * len(owed)), digest_renderer()).parts
    return [part.rendered.html for part in parts]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 700])
def test_nothing_is_cut_off_and_nothing_is_too_small(
    browser: Browser, html: str, tmp_path: Path, width: int, scheme: str
) -> None:
    file = tmp_path / "digest.html"
    file.write_text(html, "utf-8")
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    sizes = page.evaluate(
        "[...document.querySelectorAll('p, a, h1, h2, h3')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    paper, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
    )
    dark_paper, light_ink = (sum(map(int, colour[4:-1].split(", "))) for colour in (paper, ink))
    assert (dark_paper < 150, light_ink > 600) == ((True, True) if scheme == "dark" else (False, False))
    page.close()
