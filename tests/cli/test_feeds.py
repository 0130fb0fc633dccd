"""What an operator does to the feeds from the command line, and what stands in the file afterwards."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests import make
from tests.cli.pages import page, web
from tests.cli.test_cli import monitor
from tests.command import run_command
from tests.disk import full_disk, unprivileged

CONFIG = """\
# mine
[store]
url = "sqlite:///news.db"

[fetch]
allow_private = ["127.0.0.1"]

# ---- which feeds ----

# the morning paper
[[feeds]]
name = "晨报"
url = "https://morning.example.org/rss"  # slow
[feeds.headers]
Accept-Language = "zh-CN"

[[feeds]]
name = "晚报"
url = "https://evening.example.org/rss"
every = "30m"
# every = "1h"

# ---- what is looked for ----
[[rules]]
name = "人工智能"
any = ["大模型"]

[[subscriptions]]
name = "AI 日报"
to = ["reader@example.org"]
at = ["08:00"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    path.chmod(0o640)
    return path


def document() -> bytes:
    old, new = datetime.now(UTC) - timedelta(days=30), datetime.now(UTC) - timedelta(hours=3)
    items = [
        make.item("大模型降价", id="1", link="https://news.example.org/1/", published=new),
        make.item("天气转凉", id="2", link="https://news.example.org/2/", published=new),
        make.item("从前的大模型", id="3", link="https://news.example.org/3/", published=old),
    ]
    return make.document(*items)


@pytest.fixture
def site() -> Iterator[str]:
    documents: dict[str, bytes | str] = {
        "/rss": document(),
        "/": page("/rss", "/comments"),
        "/one": page("/rss"),
        "/without": page(),
        "/dead": page("/nothing"),
        "/moved": "/rss",
    }
    with web(documents) as address:
        yield address


def feeds(file: Path, *arguments: str, code: int = 0, **environ: str) -> str:
    return monitor(file.parent, "feeds", *arguments, code=code, **environ)


def answer(file: Path, *arguments: str, code: int = 0) -> Any:
    return json.loads(feeds(file, *arguments, "--json", code=code))


def text(file: Path) -> str:
    return file.read_text("utf-8")


# --- test ---------------------------------------------------------------------------------------


def test_a_feed_is_tested_by_its_address_and_nothing_is_stored(file: Path, site: str) -> None:
    output = feeds(file, "test", f"{site}/rss")
    assert "It has 3 entries." in output
    assert "A new one comes about every 15 days." in output
    assert "大模型降价  [人工智能]" in output
    assert 'Of 3 entries 2 match ("人工智能" 2).' in output
    assert "first_visit (3d), and so not mailed when the feed is new: 1." in output
    assert f'"monitor feeds add {site}/rss" adds it' in output
    assert not (file.parent / "news.db").exists()
    assert text(file) == CONFIG


def test_http_is_named_where_https_was_guessed_and_is_not_spoken(file: Path, site: str) -> None:
    output = feeds(file, "test", f"{site.removeprefix('http://')}/rss", code=1)
    assert f"monitor feeds test {site}/rss" in output


def test_the_interval_that_is_kept_is_shown(file: Path) -> None:
    file.write_text(CONFIG.replace('"30m"', '"1m"'), "utf-8")
    assert answer(file, "list")[1]["every"] == "15m"


def test_what_is_no_web_address_is_refused_for_that(file: Path) -> None:
    assert "http or https only" in feeds(file, "test", "ftp://news.example.org/rss", code=1)
    assert "只能是 http 或 https" in feeds(file, "test", "ftp://a.test/x", code=1, LANG="zh_CN.UTF-8")


def test_a_single_entry_that_matches_is_told_as_one(file: Path) -> None:
    with web({"/rss": make.rss("大模型降价")}) as address:
        assert 'The one entry matches ("人工智能" 1).' in feeds(file, "test", f"{address}/rss")


def test_the_answer_for_programs_says_the_same(file: Path, site: str) -> None:
    tested = answer(file, "test", f"{site}/rss")
    assert (tested["ok"], tested["entries"], tested["matched"], tested["too_old"]) == (True, 3, 2, 1)
    assert tested["by_rule"] == {"人工智能": 2}
    assert [entry["title"] for entry in tested["newest"]] == ["大模型降价", "天气转凉", "从前的大模型"]


def test_of_a_home_page_the_feeds_are_named_and_the_first_is_tested(file: Path, site: str) -> None:
    output = feeds(file, "test", site + "/")
    assert "links to 2 feeds; this is the first" in output
    assert f"another one: {site}/comments" in output
    assert "It has 3 entries." in output
    assert "It links to this feed:" in feeds(file, "test", f"{site}/one")


def test_what_brings_no_feed_is_said_with_the_reason(file: Path, site: str) -> None:
    assert "is a web page, not a feed" in feeds(file, "test", f"{site}/without", code=1)
    assert f"{site}/nothing; the first of them is no feed: " in feeds(file, "test", f"{site}/dead", code=1)
    assert "404" in answer(file, "test", f"{site}/nothing", code=1)["error"]


def test_a_feed_of_the_file_is_tested_by_its_name_with_its_own_options(file: Path, site: str) -> None:
    file.write_text(CONFIG.replace("https://evening.example.org", site), "utf-8")
    assert 'It stands in config.toml as "晚报"' in feeds(file, "test", "晚报")


def test_an_unknown_name_gets_a_suggestion(file: Path) -> None:
    assert 'there is no feed "晚版". Did you mean "晚报"?' in feeds(file, "test", "晚版", code=1)
    assert "没有名为“晚版”的源。是不是想写“晚报”？" in feeds(
        file, "pause", "晚版", code=1, LANG="zh_CN.UTF-8"
    )


# --- add ----------------------------------------------------------------------------------------


def test_a_feed_is_added_behind_the_others_and_all_else_stays(file: Path, site: str) -> None:
    output = feeds(file, "add", f"{site}/rss", "--name", "科技", "--every", "30m")
    table = f'[[feeds]]\nname = "科技"\nurl = "{site}/rss"\nevery = "30m"\n'
    assert text(file) == CONFIG.replace('# every = "1h"\n', f'# every = "1h"\n\n{table}')
    assert '"科技" is added.' in output
    assert "At its first visit 2 entries will be news" in output
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_feed_is_added_by_its_home_page_under_its_own_title(file: Path, site: str) -> None:
    added = answer(file, "add", site + "/")
    assert (added["feed"], added["url"], added["written"]) == ("示例", f"{site}/rss", True)
    assert f'name = "示例"\nurl = "{site}/rss"\n' in text(file)


def test_a_feed_that_has_moved_for_good_is_added_where_it_is(file: Path, site: str) -> None:
    assert f"moved for good to {site}/rss" in feeds(file, "add", f"{site}/moved")
    assert f'url = "{site}/rss"' in text(file)


def test_a_feed_is_not_added_twice(file: Path, site: str) -> None:
    feeds(file, "add", f"{site}/rss")
    assert 'this feed is there already, as "示例"' in feeds(file, "add", f"{site}/rss/", code=1)
    assert 'there already, as "示例"' in feeds(file, "add", site + "/", code=1)
    assert 'there is a feed "晚报" already' in feeds(file, "add", f"{site}/x", "--name", "晚报", code=1)
    feeds(file, "pause", "示例")
    assert 'paused: monitor feeds resume "示例"' in feeds(file, "add", f"{site}/rss", code=1)


def test_what_is_no_feed_is_added_only_by_force(file: Path, site: str) -> None:
    assert "--force adds it all the same" in feeds(file, "add", f"{site}/without", code=1)
    assert text(file) == CONFIG
    assert "brings no feed now" in feeds(file, "add", f"{site}/without", "--force")
    assert f'name = "127.0.0.1"\nurl = "{site}/without"\n' in text(file)


def test_what_would_spoil_the_file_is_refused(file: Path, site: str) -> None:
    assert "Nothing was changed" in feeds(file, "add", f"{site}/rss", "--every", "soon", code=2)
    assert '"两个 词" is no address' in feeds(file, "add", "两个 词", code=1)
    assert text(file) == CONFIG


def test_a_dry_run_changes_nothing(file: Path, site: str) -> None:
    for arguments in (("add", f"{site}/rss"), ("remove", "晚报"), ("pause", "晚报")):
        output = feeds(file, *arguments, "--dry-run")
        assert "nothing was changed" in output
        assert "+++ config.toml" in output
    assert text(file) == CONFIG


def test_a_login_in_an_address_is_kept_in_the_file_and_shown_nowhere(file: Path, site: str) -> None:
    url = f"{site.replace('//', '//ann:secret@')}/rss"
    output = feeds(file, "add", url) + feeds(file, "list") + feeds(file, "add", url, code=1)
    assert "secret" not in output
    assert f'url = "{url}"' in text(file)


# --- remove, pause, resume ----------------------------------------------------------------------


def test_a_feed_is_removed_with_its_own_comment_and_tables_and_all_else_stays(file: Path) -> None:
    feeds(file, "remove", "晨报")
    start, end = CONFIG.index("# the morning paper"), CONFIG.index('[[feeds]]\nname = "晚报"')
    assert text(file) == CONFIG[:start] + CONFIG[end:]


def test_the_last_of_the_feeds_is_removed_and_the_next_section_stays(file: Path) -> None:
    feeds(file, "remove", "https://evening.example.org/rss")
    start, end = CONFIG.index('\n[[feeds]]\nname = "晚报"'), CONFIG.index("\n# ---- what is looked")
    assert text(file) == CONFIG[:start] + CONFIG[end:]


def test_the_only_feed_is_not_removed(file: Path) -> None:
    feeds(file, "remove", "晨报")
    before = text(file)
    assert "is the only feed" in feeds(file, "remove", "晚报", code=1)
    assert text(file) == before


def test_a_feed_that_a_rule_names_is_not_removed(file: Path) -> None:
    file.write_text(CONFIG.replace('["大模型"]', '["大模型"]\nfeeds = ["晚报"]'), "utf-8")
    assert 'rule "人工智能" is for "晚报"' in feeds(file, "remove", "晚报", code=1)


def test_a_feed_is_paused_and_resumed(file: Path) -> None:
    assert 'monitor feeds resume "晨报"' in feeds(file, "pause", "晨报")
    assert '/rss"  # slow\nenabled = false\n[feeds.headers]' in text(file)
    assert "is paused already" in feeds(file, "pause", "晨报")
    assert [feed["state"] for feed in answer(file, "list")] == ["paused", ""]
    assert "is polled again" in feeds(file, "resume", "晨报")
    assert '/rss"  # slow\nenabled = true\n[feeds.headers]' in text(file)
    assert "is not paused" in feeds(file, "resume", "晨报")
    assert answer(file, "pause", "晨报", "--json")["written"] is True


def test_a_file_with_mistakes_is_not_edited(file: Path) -> None:
    file.write_text(CONFIG.replace("every", "evry"), "utf-8")
    for arguments in (("remove", "晚报"), ("pause", "晚报"), ("add", "https://a.example.org/")):
        feeds(file, *arguments, code=2)


def test_feeds_in_one_line_are_not_edited_in_place(file: Path) -> None:
    start, end = CONFIG.index("# ---- which feeds"), CONFIG.index("# ---- what is")
    inline = 'feeds = [{name = "甲", url = "https://a.example.org/"}, {name = "乙", url = "https://b.example.org/"}]\n'
    file.write_text(inline + CONFIG[:start] + CONFIG[end:], "utf-8")
    for command in ("pause", "remove"):
        assert "edit the file yourself" in feeds(file, command, "甲", code=1)


def test_a_folder_that_cannot_be_written_to_is_named(file: Path, tmp_path: Path) -> None:
    feeds(file, "pause", "晚报", "--dry-run")  # loads what the command needs: another user may not read it
    with unprivileged(), TemporaryDirectory() as folder:
        config = Path(folder) / "config.toml"
        config.write_text(CONFIG, encoding="utf-8")
        Path(folder).chmod(0o500)
        output = feeds(config, "pause", "晚报", code=1)
        Path(folder).chmod(0o700)
        assert "cannot be written: Permission denied. Nothing was changed" in output
        assert text(config) == CONFIG


def test_a_disk_that_is_full_leaves_the_file_as_it_is(file: Path) -> None:
    with full_disk(200):
        output = feeds(file, "pause", "晚报", code=1)
    assert "Nothing was changed" in output
    assert text(file) == CONFIG
    assert [path.name for path in file.parent.iterdir()] == ["config.toml"]


# --- list ---------------------------------------------------------------------------------------


def test_feeds_are_listed_with_what_is_known_of_them(file: Path, site: str) -> None:
    file.write_text(CONFIG.replace("https://evening.example.org", site), "utf-8")
    assert "only the file is shown" in feeds(file, "list")
    feeds(file, "pause", "晨报")
    monitor(file.parent, "poll")
    listed = {feed["feed"]: feed for feed in answer(file, "list")}
    assert (listed["晨报"]["state"], listed["晨报"]["visited"]) == ("paused", None)
    assert (listed["晚报"]["state"], listed["晚报"]["every"]) == ("ok", "30m")
    assert listed["晚报"]["visited"] is not None
    assert "暂停" in feeds(file, "list", LANG="zh_CN.UTF-8")
    rows = feeds(file, "list").splitlines()
    status = run_command("status", folder=file.parent).stdout
    heads = next(row for row in status.splitlines() if "last answer" in row)
    assert rows[0].split() == heads.split()
    assert "晨报: https://morning.example.org/rss" in rows


def test_a_feed_is_polled_by_its_name(file: Path, site: str) -> None:
    file.write_text(CONFIG.replace("https://evening.example.org", site), "utf-8")
    for _ in range(2):  # due or not
        assert [poll["feed"] for poll in json.loads(monitor(file.parent, "poll", "晚报", "--json"))] == [
            "晚报"
        ]
    assert 'Did you mean "晚报"?' in monitor(file.parent, "poll", "晚报纸", code=1)
    feeds(file, "pause", "晨报")
    assert "is paused" in monitor(file.parent, "poll", "晨报", code=1)


# --- OPML ---------------------------------------------------------------------------------------

OPML = """\
<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>我的订阅</title></head><body>
<outline text="科技"><outline text="芯片">
  <outline type="rss" text="半导体 &amp; 芯片" xmlUrl="https://chips.example.org/rss?a=1&b=2"/>
</outline></outline>
<outline title="晚报" xmlUrl="https://late.example.org/feed"/>
<outline title="晚报" xmlUrl="http://www.evening.example.org/rss/?utm_source=x"/>
<outline xmlUrl="https://www.untitled.example.org/"/>
<outline text="芯片" xmlUrl="https://chips.example.org/rss?b=2&amp;a=1"/>
<outline text="本地" xmlUrl="file:///etc/passwd"/>
<outline text="没有地址"/>
</body></opml>
"""


def test_the_feeds_of_an_opml_file_are_added_but_those_that_are_there(file: Path) -> None:
    opml = file.parent / "mine.opml"
    opml.write_text(OPML, "utf-8")
    tried = answer(file, "import", str(opml), "--dry-run")
    assert text(file) == CONFIG
    assert '+name = "晚报 2"' in tried["diff"]
    output = feeds(file, "import", str(opml))
    assert "config.toml has 3 feeds more." in output
    assert text(file) == CONFIG.replace(
        '# every = "1h"\n',
        '# every = "1h"\n\n[[feeds]]\nname = "半导体 & 芯片"\nurl = "https://chips.example.org/rss?a=1&b=2"\n\n'
        '[[feeds]]\nname = "晚报 2"\nurl = "https://late.example.org/feed"\n\n'
        '[[feeds]]\nname = "untitled.example.org"\nurl = "https://www.untitled.example.org/"\n',
    )
    assert 'evening.example.org/rss/?utm_source=x is left out: it is there already, as "晚报"' in output
    assert 'it is there already, as "半导体 & 芯片"' in output
    assert "file:///etc/passwd is left out: this is no http or https address" in output
    assert "Nothing was changed" in feeds(file, "import", str(opml))
    result = run_command("feeds", "import", "-", folder=file.parent, stdin=OPML.encode())
    assert "- has no feed that is not there yet" in result.stdout


def test_an_odd_address_in_an_opml_file_is_left_out_with_its_line(file: Path) -> None:
    opml = file.parent / "mine.opml"
    odd = ("http://127.0.0.1:99999/", "http://@/", "http://:80/")
    outlines = "\n".join(f'<outline xmlUrl="{url}"/>' for url in (*odd, "https://new.example.org/rss"))
    opml.write_text(f"<opml>\n{outlines}\n</opml>", "utf-8")
    output = feeds(file, "import", str(opml))
    for line, url in enumerate(odd, 2):
        assert f"line {line}: {url} is left out: this is no http or https address" in output
    assert "config.toml has 1 feed more." in output


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<opml><body><outline xmlUrl='https://a.example.org/'></body></opml>", "line 1: mismatched tag"),
        ("<rss version='2.0'/>", "it begins with <rss>"),
        ("", "no element found"),
        ("这不是 XML", "line 1"),
        ('<!DOCTYPE opml [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><opml>&b;</opml>', "declares entities"),
        ('<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]><opml>&x;</opml>', "declares entities"),
        ("<opml>" + "<outline>" * 300, "too deep"),
    ],
)
def test_what_is_no_opml_is_refused_with_the_reason(file: Path, content: str, reason: str) -> None:
    opml = file.parent / "broken.opml"
    opml.write_text(content, "utf-8")
    assert reason in feeds(file, "import", str(opml), code=1)
    assert text(file) == CONFIG
    assert "cannot be read: No such file" in feeds(file, "import", "missing.opml", code=1)


def test_an_opml_file_in_another_encoding_is_read(file: Path) -> None:
    opml = file.parent / "gbk.opml"
    opml.write_bytes(OPML.replace("UTF-8", "gbk").encode("gbk"))
    assert "半导体 & 芯片" in answer(file, "import", str(opml))["feeds"]


def test_what_is_exported_can_be_imported(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.opml"
    assert "has 2 feeds" in feeds(file, "export", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "is there already" in feeds(file, "export", str(out), code=1)
    assert feeds(file, "export") == feeds(file, "export", "-") == out.read_text("utf-8")
    assert not (file.parent / "-").exists()
    file.write_text(
        CONFIG.replace("晨报", "甲").replace("晚报", "乙").replace("example.org", "example.com"), "utf-8"
    )
    assert answer(file, "import", str(out))["feeds"] == ["晨报", "晚报"]


def test_an_export_warns_of_logins_in_it(file: Path, tmp_path: Path) -> None:
    file.write_text(CONFIG.replace("https://evening", "https://ann:secret@evening"), "utf-8")
    output = feeds(file, "export", str(tmp_path / "out.opml"))
    assert "A login or key stands in the address of 晚报" in output
    assert "secret" not in output
    assert "ann:secret@evening" in (tmp_path / "out.opml").read_text("utf-8")


def test_an_export_that_cannot_be_written_leaves_no_file(file: Path) -> None:
    assert "No such file or directory" in feeds(file, "export", "missing/out.opml", code=1)


def test_why_there_is_no_feed_is_said_in_the_readers_language(file: Path, site: str) -> None:
    output = feeds(file, "test", f"{site}/without", code=1, LANG="zh_CN.UTF-8")
    assert output.startswith(f"{site}/without 没有取到源：")
    broken = file.parent / "broken.opml"
    broken.write_text("<rss/>", "utf-8")
    output = feeds(file, "import", str(broken), code=1, LANG="zh_CN.UTF-8")
    assert output == f"monitor: 没有导入 {broken}：这不是 OPML：它以 <rss> 开头\n"


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (1, "New ones come every few minutes."),
        (30, "A new one comes about every 30 minutes."),
        (300, "A new one comes about every 5 hours."),
        (30_000, "A new one comes about every 21 days."),
    ],
)
def test_how_often_a_new_entry_comes_is_said(file: Path, minutes: int, said: str) -> None:
    start = datetime.now(UTC)
    items = [
        make.item(f"{number}", id=f"{number}", published=start - number * timedelta(minutes=minutes))
        for number in range(4)
    ]
    with web({"/rss": make.document(*items)}) as address:
        assert said in feeds(file, "test", f"{address}/rss")
