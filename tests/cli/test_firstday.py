"""The first day: entries that are too old are told, samples show what a digest looks like, a digest goes once more."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from sqlalchemy import delete

from monitor.store.database import open_database
from monitor.store.tables import outbox
from tests import make
from tests.cli.test_cli import monitor
from tests.site import Site, open_site

OLD = 24 * 10 + (make.NOW - datetime.now(UTC)) / timedelta(hours=1)  # hours: ten days, by today's clock
OPERATOR = ("[[feeds]]", '[operator]\nto = ["Op <operator@example.org>"]\n[[feeds]]')


def titles() -> bytes:
    return make.rss("AI新规", "大模型降价", "天气", hours_old=OLD)


def messages(site: Site) -> list[Message]:
    return [message_from_bytes(mail.raw) for mail in site.smtp_server.received]


def preview(site: Site, tmp_path: Path, *arguments: str) -> str:
    return site.monitor("preview", "--out", str(tmp_path / "seen"), *arguments)


def test_a_first_poll_of_old_entries_says_so_and_what_to_do_in_every_command(tmp_path: Path) -> None:
    with open_site(tmp_path, titles) as site:
        site.write(('first_visit = "36500d"', 'first_visit = "3d"'))
        told = "3 entries are older than first_visit (3d), so they are stored, but not mailed.\n"
        once = site.monitor("once", "--now")
        assert once.count(told) == 1
        assert '"monitor rules apply --held-back --since 30d"' in once
        assert '"monitor preview --sample"' in once
        assert told in site.monitor("digest", "--now")
        (nothing,) = site.json("digest", "--now")
        assert (nothing["outcome"], nothing["held_back"]) == ("nothing new", 3)
        assert told in preview(site, tmp_path)
        assert told not in preview(site, tmp_path, "--sample")
        chinese = site.monitor("--lang", "zh-Hans", "digest", "--now")
        assert "有 3 条早于 first_visit（3d）：已保存，但不会发送。" in chinese


def test_a_round_that_polls_nothing_says_so_at_the_digest(tmp_path: Path) -> None:
    with open_site(tmp_path, titles) as site:
        site.write(('first_visit = "36500d"', 'first_visit = "3d"'), ('every = "1s"', 'every = "1h"'))
        site.monitor("poll", "--all")
        output = site.monitor("once", "--now")
        assert "No feed is due." in output
        assert output.count("older than first_visit (3d)") == 1


def test_a_sample_is_made_of_what_was_held_back_or_mailed_and_changes_nothing(tmp_path: Path) -> None:
    with open_site(tmp_path, titles) as site:
        site.write(('first_visit = "36500d"', 'first_visit = "3d"'))
        site.monitor("poll", "--all")
        (sample,) = json.loads(preview(site, tmp_path, "--sample", "--json"))
        assert sample["sample"] == "stored"
        assert [Path(file).name for file in sample["files"]] == [
            f"AI-日报-sample.{kind}" for kind in ("html", "txt", "eml")
        ]
        text = Path(sample["files"][1]).read_text("utf-8")
        assert "AI 日报（样例）" in text
        assert "AI新规" in text
        assert "天气" not in text
        assert "A sample of the newest stored entries that match: " in preview(site, tmp_path, "--sample")
        site.monitor("rules", "apply", "--held-back", "--since", "30d")
        (real,) = json.loads(preview(site, tmp_path, "--sample", "--json"))
        assert real["sample"] == ""
        assert "-sample" not in real["files"][0]
        (composed,) = site.json("digest", "--now")
        assert composed["entries"] == 2
        (mailed,) = json.loads(preview(site, tmp_path, "--sample", "--json"))
        assert mailed["sample"] == "stored"


def test_a_sample_is_of_made_up_news_where_nothing_is_stored_that_matches(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("天气")) as site:
        (tmp_path / "monitor.db").unlink()
        (sample,) = json.loads(preview(site, tmp_path, "--sample", "--json"))
        assert sample["sample"] == "made up"
        assert not (tmp_path / "monitor.db").exists()
        site.monitor("poll", "--all")
        assert "nothing is stored that matches. A sample of made-up news: " in preview(
            site, tmp_path, "--sample"
        )
        assert "大模型" in Path(sample["files"][0]).read_text("utf-8")
        assert "（样例）" in Path(sample["files"][0]).read_text("utf-8")


def test_a_digest_goes_again_by_the_outbox_to_a_recipient_or_the_operator(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(OPERATOR)
        site.monitor("once")
        assert len(messages(site)) == 1
        slot = site.json("outbox")[0]["slot"]
        output = site.monitor("digest", "--again", slot)
        assert "(AI 日报) goes again to reader@example.org. A running service sends it at once" in output
        assert output.startswith("The digest of today ")
        assert "times: those of Asia/Shanghai" in output
        site.monitor("deliver")
        answer = site.json("digest", "--again", "last", "--to", "operator@example.org")
        assert (answer["to"], answer["slot"], answer["refused"]) == (["operator@example.org"], slot, [])
        site.monitor("deliver")
        first, second, third = messages(site)
        assert len({mail["Message-ID"] for mail in (first, second, third)}) == 3
        assert [mail["To"] for mail in (first, second)] == ["<reader@example.org>"] * 2
        assert third["To"] == "Op <operator@example.org>"
        assert first["Subject"] == second["Subject"] == third["Subject"]
        refused = site.monitor("digest", "--again", "last", "--to", "stranger@example.org", code=1)
        assert "stranger@example.org may not get" in refused
        assert "(reader@example.org), and to [operator] to" in refused
        assert "--to" in site.monitor("digest", "--to", "reader@example.org", code=2)


@pytest.mark.parametrize("to", [(), ("--to", "reader@example.org")])
def test_who_has_left_gets_no_digest_again(tmp_path: Path, to: tuple[str, ...]) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.monitor("once")
        site.write(('"reader@example.org"', '"other@example.org"'))
        output = site.monitor("digest", "--again", "last", *to, code=1)
        assert "reader@example.org does not receive AI 日报 any more." in output
        assert len(site.json("outbox")) == 1


def test_mails_that_were_deleted_are_told(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        assert "no digest has been composed yet" in site.monitor("digest", "--again", "last", code=1)
        site.monitor("once")

        async def prune() -> None:
            db = open_database(f"sqlite:///{tmp_path}/monitor.db")
            await db.write(lambda tx: tx.execute(delete(outbox)) and None)
            await db.close()

        asyncio.run(prune())
        assert "its mails were deleted after [outbox] keep" in site.monitor(
            "digest", "--again", "last", code=1
        )


def test_a_digest_again_makes_no_database(tmp_path: Path) -> None:
    monitor(tmp_path, "init", "--to", "me@mail.test")
    before = sorted(tmp_path.iterdir())
    output = monitor(tmp_path, "digest", "--again", "last", code=1)
    assert "no digest has been composed yet" in output
    assert sorted(tmp_path.iterdir()) == before
