"""The archive: a page for each digest, indexes and Atom feeds, made of what the database holds."""

import shutil
import stat
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path

import feedparser
import pytest
from lxml import etree
from sqlalchemy import update

from monitor.config.options import Config
from monitor.digests.archive import folder_of
from monitor.digests.render import archive_renderer
from monitor.errors import SendCause, SendKind
from monitor.jobs.archive import Archived, ArchivePlace, archive
from monitor.jobs.compose import Composed
from monitor.jobs.repair import repair
from monitor.model.digests import Slot
from monitor.model.feeds import Entry
from monitor.model.notices import NoticeKind
from monitor.model.rules import Match
from monitor.rules.match import match_entry
from monitor.store import archive as store
from monitor.store import entries, matches, notices, owed, rulesets, subscriptions, tables
from monitor.store.database import Connection
from tests import make
from tests.disk import full_disk
from tests.jobs.desk import Desk
from tests.make import NOW

DAILY = make.subscription(every=None, at=(time(8),))
ATOM = "{http://www.w3.org/2005/Atom}"
_PRIVATE = (0o700, 0o600)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def place(
    desk: Desk, root: Path, *, url: str = "", templates: str = "", archived: bool = True
) -> ArchivePlace:
    return ArchivePlace(
        directory=root,
        url=url,
        subscriptions=(desk.subscription,) if archived else (),
        render=archive_renderer(templates),
        context=desk.context,
    )


async def write(desk: Desk, root: Path, *, anew: bool = False, **differ: str) -> Archived:
    return await archive(place(desk, root, **differ), db=desk.db, now=desk.clock(), anew=anew)  # type: ignore[arg-type]


async def issue(desk: Desk, *titles: str, name: str = "", **differ: object) -> Composed:
    """Let entries arrive, and queue a digest of them; its slot is by hand, or has this name."""
    await desk.register()
    candidates = [
        make.entry(title, **{"id": title, "story": title, "first_seen": desk.clock(), **differ})
        for title in titles
    ]

    def arrive(tx: Connection) -> None:
        entries.insert_new(tx, [(entry, True) for entry in candidates], desk.ruleset.fingerprint)
        new = entries.of(tx, range(1, 10_000))
        known = matches.of_entries(tx, [seq for seq, _ in new])
        matches.insert(
            tx, [(seq, match) for seq, entry in new for match in _matches(desk, entry) if seq not in known]
        )

    await desk.db.write(arrive)
    composed = await desk.compose(Slot.named(name, desk.clock()) if name else None)
    assert isinstance(composed, Composed)
    desk.clock.forward(minutes=1)
    return composed


def _matches(desk: Desk, entry: Entry) -> Sequence[Match]:
    return match_entry(entry, desk.ruleset)


def files(root: Path) -> list[str]:
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file())


def issue_files(root: Path) -> list[Path]:
    return sorted(root.rglob("20*.html"))


def modes(root: Path) -> set[tuple[int, int]]:
    folders = {root, *(each for each in root.rglob("*") if each.is_dir())}
    return {
        (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode))
        for folder in folders
        for file in folder.iterdir()
        if file.is_file()
    }


async def told(desk: Desk) -> list[str]:
    known = await desk.db.read(notices.open_troubles, (NoticeKind.ARCHIVE_FAILED,))
    return [each.trouble.details for each in known if not each.is_over]


def check_atom(raw: bytes) -> etree._Element:
    """Check what RFC 4287 requires of a feed, section by section, and return it."""
    feed = etree.fromstring(raw)
    assert feed.tag == f"{ATOM}feed"
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):  # 4.1.1 and 4.1.2: exactly one
            (child,) = element.findall(f"{ATOM}{name}")
            assert child.text
        (updated,) = element.findall(f"{ATOM}updated")
        assert datetime.fromisoformat(updated.text or "").tzinfo  # RFC 3339, with a zone
        links = [
            (link.get("rel"), link.get("type"), link.get("hreflang"))
            for link in element.findall(f"{ATOM}link")
        ]
        assert len(links) == len(set(links)), "4.1.1: no two alternates of one type"
        assert (element.findtext(f"{ATOM}id") or "").startswith("urn:uuid:")  # 4.2.6: an absolute IRI
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None  # 4.1.1: else each entry has one
    for entry in feed.findall(f"{ATOM}entry"):
        assert len(entry.findall(f"{ATOM}content")) == 1
        assert entry.find(f"{ATOM}content").get("type") == "html"  # type: ignore[union-attr]
        assert not len(entry.find(f"{ATOM}content")), "4.1.3.3: escaped, no elements"  # type: ignore[arg-type]
    ids = [each.text for each in feed.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids))
    parsed = feedparser.parse(raw)
    assert not parsed.bozo, parsed.bozo_exception
    assert parsed.version == "atom10"
    return feed


async def test_a_digest_has_a_page_an_index_and_an_entry_of_the_feed(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价", "大模型开源", name="at:2026-11-24T08:00")
    assert await write(desk, root) == Archived(written=1)
    (page,) = issue_files(root)
    folder = page.parent.name
    assert files(root) == [
        f"{folder}/2026-11-24-0800-1.html",
        f"{folder}/feed.xml",
        f"{folder}/index.html",
        "index.html",
    ]
    text = page.read_text("utf-8")
    for expected in (
        "大模型</strong>降价",
        "大模型</strong>开源",
        "AI 日报",
        "2026年11月24日",
        "人工智能&nbsp;2",
    ):
        assert expected in text
    assert 'href="2026' not in text
    index = (root / folder / "index.html").read_text("utf-8")
    assert f'href="../{folder}/2026-11-24-0800-1.html"' in index
    assert 'class="topic">2026年11月' in index
    assert f'href="{folder}/index.html"' in (root / "index.html").read_text("utf-8")
    feed = check_atom((root / folder / "feed.xml").read_bytes())
    (entry,) = feed.findall(f"{ATOM}entry")
    assert "大模型" in (entry.findtext(f"{ATOM}content") or "")
    assert entry.findtext(f"{ATOM}updated") == "2026-11-24T00:00:00.000000Z"
    assert await write(desk, root) == Archived(written=0), "nothing is left to do"


async def test_a_page_needs_nothing_but_itself_and_names_nobody(desk: Desk, root: Path) -> None:
    desk.subscription = replace(DAILY, to=("Ann <ann@example.org>",))
    await issue(desk, "大模型<script>alert(1)</script>")
    await write(desk, root, url="https://news.example.org/archive/")
    for file in files(root):
        text = (root / file).read_text("utf-8")
        assert "ann@" not in text
        assert "digest@example.org" not in text
        if file.endswith(".html"):
            assert "Content-Security-Policy" in text
            for unwanted in ("<script", "<img", "<form", " src=", "@import", "url("):
                assert unwanted not in text, (file, unwanted)
            assert "prefers-color-scheme: dark" in text
            assert "You get this mail" not in text
            assert "你收到这封邮件" not in text
    feed = check_atom(next(root.rglob("feed.xml")).read_bytes())
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    folder = issue_files(root)[0].parent.name
    assert links["self"] == f"https://news.example.org/archive/{folder}/feed.xml"


async def test_what_single_recipients_were_owed_is_on_no_page(desk: Desk, root: Path) -> None:
    desk.subscription = make.subscription(to=("ann@example.org", "bo@example.org"))
    await issue(desk, "大模型降价")
    desk.mailbox.refuses(SendKind.REFUSED, cause=SendCause.CONTENT)
    desk.mailbox.refuses(SendKind.LATER, times=0)
    await desk.deliver()
    await desk.db.write(_owe, desk)
    await issue(desk, "大模型开源")
    assert (await write(desk, root)).written == 2
    first, second = (file.read_text("utf-8") for file in issue_files(root))
    assert "降价" in first
    assert "开源" in second
    assert "降价" not in second, "one of them was owed it"


def _owe(tx: Connection, desk: Desk) -> None:
    owed.add(tx, desk.subscription.name, "bo@example.org", {1: 1}, desk.clock())


async def test_what_did_not_fit_the_mails_stands_on_the_page(desk: Desk, root: Path) -> None:
    titles = [f"大模型 {number:04d} {'长' * 150}" for number in range(500)]
    composed = await issue(desk, *titles)
    assert composed.left > 0, "three mails do not hold it"
    assert (await write(desk, root)).written == 1
    (page,) = issue_files(root)
    text = page.read_text("utf-8")
    assert [number for number in range(500) if f" {number:04d} " not in text] == []


async def test_a_copy_from_another_feed_is_named_with_its_story(desk: Desk, root: Path) -> None:
    desk.feeds = (make.feed(), make.feed("示例财经", url="https://other.example.org/rss"))
    await issue(desk, "大模型降价")
    desk.clock.now = NOW
    await desk.db.write(lambda tx: tx.execute(update(tables.mailed).values(story="大模型降价")) and None)
    copy = make.entry("大模型降价", id="other", story="大模型降价", feed_url="https://other.example.org/rss")
    await desk.db.write(entries.insert_new, [(copy, True)], desk.ruleset.fingerprint)
    await write(desk, root)
    assert "示例财经" in issue_files(root)[0].read_text("utf-8")


async def test_copies_and_updates_are_told_as_in_the_mail(desk: Desk, root: Path) -> None:
    desk.feeds = (make.feed(), make.feed("示例财经", url="https://other.example.org/rss"))
    await issue(desk, "大模型公司示例科技宣布降价三成")
    await write(desk, root)
    first = issue_files(root)[0].read_bytes()
    desk.clock.forward(hours=3)

    def retitle(tx: Connection) -> None:
        (seq, known), *_ = entries.of(tx, [1])
        later = replace(known, title="大模型公司示例科技宣布降价五成", first_seen=desk.clock())
        new = entries.insert_editions(tx, {seq: later}, desk.ruleset.fingerprint)
        matches.insert(tx, [(seq, match) for seq, entry in new for match in match_entry(entry, desk.ruleset)])

    await desk.db.write(retitle)
    assert isinstance(await desk.compose(), Composed)
    assert await write(desk, root, anew=True) == Archived(written=2)
    older, newer = (file.read_bytes() for file in issue_files(root))
    assert older == first, "what it brought is known, although a later digest brought it again"
    assert "更新" in newer.decode()


async def test_the_rules_of_then_are_those_of_the_page(desk: Desk, root: Path) -> None:
    desk.rules = (make.rule("旧规则", any=("降价",)),)
    text = '[[rules]]\nname = "旧规则"\nany = ["降价"]\n'
    await desk.db.write(
        lambda tx: rulesets.record(tx, fingerprint=desk.ruleset.fingerprint, text=text, now=desk.clock())
    )
    await issue(desk, "大模型降价")
    desk.rules = (make.rule("新规则", any=("开源",)),)
    await write(desk, root)
    page = issue_files(root)[0].read_text("utf-8")
    assert "旧规则" in page
    assert "<strong" in page


@pytest.mark.parametrize("text", ["", "[[rules]]\nname = 1\n", '[[rules]]\nname = "a"\nany = ["A ~"]\n'])
async def test_without_the_rules_of_then_the_entries_are_shown_all_the_same(
    desk: Desk, root: Path, text: str
) -> None:
    desk.rules = (make.rule("旧规则", any=("降价",)),)
    if text:
        await desk.db.write(
            lambda tx: rulesets.record(tx, fingerprint=desk.ruleset.fingerprint, text=text, now=desk.clock())
        )
    await issue(desk, "大模型降价")
    desk.rules = (make.rule("新规则", any=("开源",)),)
    assert (await write(desk, root)).written == 1
    assert "降价" in issue_files(root)[0].read_text("utf-8")


async def test_a_mail_at_once_has_a_page_of_its_own(desk: Desk, root: Path) -> None:
    desk.rules = (make.rule(pace="at once"),)
    await issue(desk, "大模型降价", name=f"at once:{NOW.isoformat()}")
    await write(desk, root)
    assert "即时" in issue_files(root)[0].read_text("utf-8")


# --- failures -----------------------------------------------------------------------------------------


async def test_killed_between_the_file_and_its_row_the_same_file_is_written_again(
    desk: Desk, root: Path
) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    before = {file: (root / file).read_bytes() for file in files(root)}
    # As if the row had never been committed.
    await desk.db.write(lambda tx: None)
    await write(desk, root)
    assert {file: (root / file).read_bytes() for file in files(root)} == before


async def test_killed_before_the_index_it_is_written_at_the_next_call(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    folder = issue_files(root)[0].parent
    for name in ("index.html", "feed.xml"):
        (folder / name).unlink()
    (folder / ".writing-1.part").write_bytes(b"half")
    await desk.db.write(lambda tx: tx.execute(update(tables.archive).values(listed=False)) and None)
    assert await write(desk, root) == Archived(written=0)
    assert sorted(file.name for file in folder.iterdir())[1:] == ["feed.xml", "index.html"]


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)  # the limit would hold for a SQLite file too
async def test_a_full_disk_leaves_no_half_page_holds_no_mail_and_is_told(desk: Desk, root: Path) -> None:
    root.mkdir(mode=0o700)
    await issue(desk, "大模型降价")
    place_ = place(desk, root)
    rendered = (await archive(replace(place_, directory=root.parent / "other"), db=desk.db, now=NOW)).written
    assert rendered == 1
    await desk.db.write(lambda tx: tx.execute(tables.archive.delete()) and None)
    await desk.db.write(lambda tx: tx.execute(update(tables.digests).values(archived=False)) and None)
    with full_disk(1000):
        failed = await archive(place_, db=desk.db, now=desk.clock())
    assert failed.written == 0
    assert "cannot be written" in failed.failed
    assert files(root) == []
    assert len(await told(desk)) == 1
    assert await desk.deliver() is not None
    assert (await write(desk, root)).written == 1
    assert await told(desk) == []


async def test_a_directory_that_may_not_be_written_is_told_and_made_up_for(
    desk: Desk, tmp_path: Path
) -> None:
    root = tmp_path / "closed" / "archive"
    await issue(desk, "大模型降价")
    assert "No such file" in (await write(desk, root)).failed, "only the last directory is made"
    assert len(await told(desk)) == 1
    await issue(desk, "大模型开源")
    root.parent.mkdir()
    assert await write(desk, root) == Archived(written=2)
    assert await told(desk) == []


async def test_a_file_that_is_in_the_way_is_named(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    (page,) = root.rglob("20*.html")
    page.unlink()
    page.mkdir()
    (page / "somebody's").write_text("")
    failed = (await write(desk, root, anew=True)).failed
    assert failed == f"{page} cannot be written: Is a directory"


async def test_a_template_that_fails_holds_up_the_archive_alone(
    desk: Desk, root: Path, tmp_path: Path
) -> None:
    own = tmp_path / "templates" / "archive"
    own.mkdir(parents=True)
    (own / "issue.html.j2").write_text("{{ digest.nothing }}")
    await issue(desk, "大模型降价")
    failed = await write(desk, root, templates=str(own.parent))
    assert "archive/issue.html.j2" in failed.failed
    assert "The archive waits" in failed.failed
    (own / "issue.html.j2").write_text("<p>{{ digest.name }}</p>")
    assert (await write(desk, root, templates=str(own.parent))).written == 1
    assert issue_files(root)[0].read_text("utf-8") == "<p>AI 日报</p>\n"
    await desk.deliver()
    assert len(desk.mailbox.mails) == 1


# --- who may read it ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(None, _PRIVATE), (0o700, _PRIVATE), (0o755, (0o755, 0o644)), (0o750, (0o750, 0o640))],
)
async def test_who_may_enter_the_directory_may_read_the_pages(
    desk: Desk, root: Path, mode: int | None, expected: tuple[int, int]
) -> None:
    if mode is not None:
        root.mkdir()
        root.chmod(mode)
    await issue(desk, "大模型降价")
    await write(desk, root)
    assert modes(root) == {expected}


async def test_a_subscription_may_stay_out_of_the_archive(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价")
    assert await archive(place(desk, root, archived=False), db=desk.db, now=NOW) == Archived(written=0)
    assert not root.exists()
    assert (await write(desk, root)).written == 1, "and come in later"


# --- what stays -------------------------------------------------------------------------------------


async def test_ids_and_instants_stay_whatever_happens_to_the_rows(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价", name="at:2026-11-24T08:00")
    await write(desk, root)
    before = {file: (root / file).read_bytes() for file in files(root)}
    await desk.db.write(subscriptions.rename, desk.subscription.name, "新名字")
    desk.subscription = replace(desk.subscription, name="新名字")
    desk.clock.now = NOW - timedelta(days=300)
    await repair(Config(), db=desk.db, now=desk.clock())
    await write(desk, root, anew=True)
    after = {file: (root / file).read_bytes() for file in files(root)}
    assert before.keys() == after.keys()
    (feed,) = (name for name in before if name.endswith("feed.xml"))
    old, new = check_atom(before[feed]), check_atom(after[feed])
    for name in ("id", "updated"):
        assert [each.text for each in old.iter(f"{ATOM}{name}")] == [
            each.text for each in new.iter(f"{ATOM}{name}")
        ]


async def test_a_subscription_that_goes_on_under_another_name_takes_its_pages_along(
    desk: Desk, root: Path
) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    (old,) = issue_files(root)
    desk.subscription = replace(desk.subscription, name="另一份")
    await issue(desk, "大模型开源")
    await desk.db.write(subscriptions.merge, "AI 日报", "另一份")
    await write(desk, root)
    folder = root / folder_of("另一份")
    index = (folder / "index.html").read_text("utf-8")
    assert f'href="../{old.parent.name}/{old.name}"' in index
    feed = check_atom((folder / "feed.xml").read_bytes())
    assert len(feed.findall(f"{ATOM}entry")) == 2


async def test_the_feed_has_the_newest_thirty_and_keeps_the_content_of_no_more(
    desk: Desk, root: Path
) -> None:
    for number in range(51):  # more than are recorded together
        await issue(desk, f"大模型 {number}")
    await write(desk, root)
    feed = check_atom(next(root.rglob("feed.xml")).read_bytes())
    titles = [entry.findtext(f"{ATOM}title") for entry in feed.findall(f"{ATOM}entry")]
    assert titles == [f"大模型 {number}" for number in range(50, 20, -1)]
    pages = await desk.db.read(store.pages, desk.subscription.name)
    assert [bool(page.content) for page in pages] == [True] * 30 + [False] * 21
    oldest = next(each.text for each in feed.iter(f"{ATOM}id"))
    await issue(desk, "大模型 51")
    await write(desk, root)
    feed = check_atom(next(root.rglob("feed.xml")).read_bytes())
    assert next(each.text for each in feed.iter(f"{ATOM}id")) == oldest


async def test_a_page_that_cannot_be_made_any_more_stays_as_it_is(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    await issue(desk, "大模型开源")
    await desk.db.write(lambda tx: tx.execute(update(tables.entries).values(pruned=True)) and None)
    await issue(desk, "大模型竞赛")
    before = issue_files(root)[0].read_bytes()
    assert await write(desk, root, anew=True) == Archived(written=1, kept=1, lost=1)
    assert issue_files(root)[0].read_bytes() == before
    issue_files(root)[0].unlink()
    assert await write(desk, root, anew=True) == Archived(written=1, lost=2)
    index = next(root.rglob("*/index.html")).read_text("utf-8")
    assert index.count("class=more") + index.count('class="more"') == 1, "no link to what is not there"


async def test_hostile_text_is_only_text(desk: Desk, root: Path) -> None:
    await issue(
        desk,
        "大模型\x0b\x1f]]>&lt;&amp; \ufffe </title><img src=x onerror=alert(1)>",
        link="javascript:alert(1)",
    )
    await write(desk, root)
    for file in root.rglob("*.html"):
        text = file.read_text("utf-8")
        assert "<img" not in text
        assert 'href="javascript' not in text
    check_atom(next(root.rglob("feed.xml")).read_bytes())


def test_names_of_subscriptions_never_leave_the_archive_nor_meet() -> None:
    names = ["../../etc", "a/b", "a b", "A B", "日报", "日報", "", ".", "x" * 300, "-"]
    folders = [folder_of(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(
        folder.replace("-", "").isalnum() and folder.isascii() and len(folder) < 60 for folder in folders
    )


async def test_no_subscription_no_archive(desk: Desk, root: Path) -> None:
    assert await write(desk, root, anew=True) == Archived(written=0)
    assert not root.exists()


async def test_what_has_lost_its_texts_before_it_was_archived_is_not_asked_for_again(
    desk: Desk, root: Path
) -> None:
    await issue(desk, "大模型降价")
    await desk.db.write(lambda tx: tx.execute(update(tables.entries).values(pruned=True)) and None)
    assert await write(desk, root) == Archived(written=0, lost=1)
    assert not root.exists()
    assert await write(desk, root) == Archived(written=0), "that is known now"
    assert not Archived(written=0, lost=1), "there is nothing to report"
    assert Archived(written=1)
    assert Archived(written=0, failed="full")


async def test_an_archive_that_is_gone_for_good_has_no_index(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    await desk.db.write(lambda tx: tx.execute(update(tables.entries).values(pruned=True)) and None)
    shutil.rmtree(root)
    assert await write(desk, root, anew=True) == Archived(written=0, lost=1)
    assert not root.exists()


async def test_two_subscriptions_stand_in_one_index(desk: Desk, root: Path) -> None:
    await issue(desk, "大模型降价")
    await write(desk, root)
    first = desk.subscription
    desk.subscription = replace(first, name="周报", locale="en")
    await issue(desk, "大模型开源")
    both = replace(place(desk, root), subscriptions=(first, desk.subscription))
    before = {file: (root / file).stat().st_mtime_ns for file in files(root)}
    assert (await archive(both, db=desk.db, now=desk.clock())).written == 1
    index = (root / "index.html").read_text("utf-8")
    assert ("AI 日报" in index, "周报" in index) == (True, True)
    folder = folder_of(first.name)
    unchanged = [file for file in before if file.startswith(folder)]
    assert {file: (root / file).stat().st_mtime_ns for file in unchanged} == {
        file: before[file] for file in unchanged
    }
