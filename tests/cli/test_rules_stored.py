"""A person's look at the rules, by the commands."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select, update

from monitor.store import pruned, tables
from monitor.store.database import Connection, open_database
from tests import make
from tests.command import run_command
from tests.site import open_site

TITLES = ("大模型降价", "芯片出口新规", "AI广告")


def test_the_commands_about_rules_answer_from_what_is_stored(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss(*TITLES)) as site:
        # Of a digest at a time of day: with "every", a new word reaches the last day by itself.
        site.write(
            ('any = ["AI", "大模型"]', 'any = ["AI", "大模型"]\nnone = ["广告"]'),
            ('every = "0s"', 'at = ["08:00"]'),
        )
        site.json("poll", "--all")
        output = site.monitor("rules", "explain", "AI广告")
        assert "«AI»«广告»" in output
        assert "any: AI: 1 x 2 (title) = 2" in output
        assert "none: 广告" in output
        assert "no stored entry" in site.monitor("rules", "explain", "x", code=1)
        (kept,) = site.json("digest", "--excluded")
        assert [entry["rules"][0]["words"] for entry in kept["entries"]] == [["广告"]]
        assert "1 entry excluded" in site.monitor("digest", "--excluded")
        site.json("digest", "--now")

        new = tmp_path / "new.toml"
        new.write_text(site.write(('any = ["AI", "大模型"]', 'any = ["大模型", "芯片"]')), "utf-8")
        for arguments in ((), (str(new),)):
            if arguments:
                site.write(('any = ["AI", "大模型"]', 'any = ["AI", "大模型"]\nnone = ["广告"]'))
            diff = site.json("rules", "diff", *arguments)
            assert diff["summary"] == "adds 1, removes 0, moves 0"
            assert [change["words"] for change in diff["changes"]] == [["芯片"]]
        assert "+ 芯片出口新规" in site.monitor("rules", "diff", str(new))

        days = [(datetime.now(UTC) + timedelta(days=shift)).date().isoformat() for shift in (-1, 1)]
        period = ("replay", "--from", days[0], "--to", days[1], "--out", str(tmp_path / "played"))
        (played,) = site.json(*period)
        bytes_then = [Path(file).read_bytes() for file in played["files"]]
        assert site.json(*period) == [played]
        assert [Path(file).read_bytes() for file in played["files"]] == bytes_then
        (replayed_by_new,) = site.json(*period, "--config", str(new))
        assert (played["entries"], replayed_by_new["entries"]) == (1, 2)
        assert "is before" in site.monitor("replay", "--from", days[1], "--to", days[0], code=1)
        assert "is not a day" in site.monitor("replay", "--from", "x", "--to", days[0], code=1)

        site.config.write_bytes(new.read_bytes())
        assert "would bring 1" in site.monitor("rules", "apply", "--since", "7d", "--dry-run")
        assert "there is no rule" in site.monitor("rules", "apply", "--since", "7d", "--rule", "x", code=1)
        assert "--since x" in site.monitor("rules", "apply", "--since", "x", code=1)
        (offered,) = site.json("rules", "apply", "--since", "7d", "--rule", "人工智能")
        assert [entry["title"] for entry in offered["entries"]] == ["芯片出口新规"]
        (composed,) = site.json("digest", "--now")
        assert composed["entries"] == 1


def test_a_digest_in_several_parts_is_previewed_replayed_and_mailed_in_as_many(tmp_path: Path) -> None:
    titles = [f"大模型第{number}条" + "，很长的一段标题" * 6 for number in range(230)]
    with open_site(tmp_path, lambda: make.rss(*titles)) as site:
        site.json("poll", "--all")
        (previewed,) = site.json("preview", "--out", str(tmp_path / "seen"))
        names = [Path(file).name for file in previewed["files"]]
        assert names == [
            f"AI-日报{part}.{kind}" for part in ("", "-2", "-3") for kind in ("html", "txt", "eml")
        ]
        texts = [Path(file).read_text("utf-8") for file in previewed["files"] if file.endswith(".txt")]
        assert all(any(f"{title[:9]}" in text for text in texts) for title in titles)
        assert " · 1/3 · " in previewed["subject"].replace("\N{NO-BREAK SPACE}", " ")
        days = [(datetime.now(UTC) + timedelta(days=shift)).date().isoformat() for shift in (-1, 1)]
        (played,) = site.json("replay", "--from", days[0], "--to", days[1], "--out", str(tmp_path / "played"))
        assert len(played["files"]) == 9
        (composed,) = site.json("digest", "--now")
        assert (composed["entries"], composed["left"]) == (230, 0)
        assert composed["to"] == ["reader@example.org"]
        assert len(site.json("outbox")) == 3


def test_what_is_folded_into_what_is_said_before_and_after_it_is_mailed(tmp_path: Path) -> None:
    said, otherwise = (
        "澄湖科技发布「星槎」大模型，训练只用三百块芯片",
        "只用三百块芯片：澄湖科技推出星槎大模型",
    )
    later = "澄湖星槎大模型问世 训练只用三百块芯片"
    served = [said, otherwise, "AI广告"]
    with open_site(tmp_path, lambda: make.rss(*served)) as site:
        site.json("poll", "--all")
        out = ("--out", str(tmp_path / "seen"))
        (previewed,) = site.json("preview", *out)
        (folded,) = previewed["folded"]
        assert (folded["seq"], folded["into"], folded["into_title"]) == (2, 1, said)
        assert f"{otherwise}: folded into {said}" in site.monitor("preview", *out)
        site.json("digest", "--now")
        (explained,) = site.json("rules", "explain", otherwise)
        assert [mailing["folded_into"] for mailing in explained["mailed"]] == [1]
        assert f"folded into: {said}" in site.monitor("rules", "explain", otherwise)
        assert "folded" not in site.monitor("rules", "explain", said)

        served[:] = [later, "AI新规"]
        site.json("poll", "--all")
        (previewed,) = site.json("preview", *out)
        (folded,) = previewed["folded"]
        assert (folded["title"], folded["into"]) == (later, None)
        assert folded["sent_before"]
        assert f"{later}: one more source of a story that was sent before" in site.monitor("preview", *out)
        days = [(datetime.now(UTC) + timedelta(days=shift)).date().isoformat() for shift in (-1, 1)]
        period = ("replay", "--from", days[0], "--to", days[1], "--out", str(tmp_path / "played"))
        assert f"{otherwise}: folded into {said}" in site.monitor(*period)


def test_what_was_held_back_at_the_first_visit_is_told_and_can_be_mailed(tmp_path: Path) -> None:
    # The document is of 2026-11-24, and the clock is today's.
    hours = 24 * 10 + (make.NOW - datetime.now(UTC)) / timedelta(hours=1)
    with open_site(tmp_path, lambda: make.rss("AI新规", "大模型降价", "天气", hours_old=hours)) as site:
        site.write(('first_visit = "36500d"', 'first_visit = "3d"'))
        told = "3 entries are older than first_visit (3d), so they are stored, but not mailed."
        assert told in site.monitor("poll", "--all")
        assert told in site.monitor("preview", "--out", str(tmp_path / "seen"))
        (previewed,) = site.json("preview", "--out", str(tmp_path / "seen"))
        assert (previewed["subject"], previewed["held_back"]) == (None, 3)
        assert told in site.monitor("rules", "apply", "--since", "30d")
        held_back = ("rules", "apply", "--held-back", "--since", "30d")
        shown = site.monitor(*held_back, "--dry-run", "--limit", "1")
        assert "would bring 1 earlier entry" in shown
        assert "and 1 more match; --limit 2 takes them along." in shown
        assert "would bring 0" in site.monitor("rules", "apply", "--held-back", "--since", "5d", "--dry-run")
        (offered,) = site.json(*held_back)
        assert (len(offered["entries"]), offered["beyond"], offered["held_back"]) == (2, 0, 3)
        (composed,) = site.json("digest", "--now")
        assert composed["entries"] == 2
        assert "1 entry is older than first_visit (3d)" in site.monitor(
            "preview", "--out", str(tmp_path / "seen")
        )


def _age(store_url: str, days: int) -> None:
    """Let all that is stored have arrived so long ago, and have its texts dropped."""

    def age(tx: Connection) -> int:
        entries = tables.entries
        for seq, first_seen in tx.execute(select(entries.c.seq, entries.c.first_seen)).all():
            aged = {"first_seen": first_seen - timedelta(days=days)}
            tx.execute(update(entries).where(entries.c.seq == seq).values(aged))
        return pruned.drop_texts(tx, datetime.now(UTC) - timedelta(days=days - 1), 1000)

    async def work() -> None:
        db = open_database(store_url)
        assert await db.write(age) == len(TITLES)
        await db.close()

    asyncio.run(work())


def test_the_commands_say_what_is_judged_by_its_title_alone(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss(*TITLES)) as site:
        site.write(('every = "0s"', 'at = ["08:00"]'))
        site.json("poll", "--all")
        site.json("digest", "--now")
        (explained,) = site.json("rules", "explain", "AI广告")
        assert not explained["pruned"]
        assert site.json("rules", "diff")["pruned"] == 0
        site.json("deliver", "--now")
        _age(f"sqlite:///{tmp_path}/monitor.db", 500)

        (explained,) = site.json("rules", "explain", "AI广告")
        assert explained["pruned"]
        assert "the rules see its title alone" in site.monitor("rules", "explain", "AI广告")
        note = "3 entries of that time are older than [store] keep: judged by their titles alone."
        config = ("--config", str(site.config))
        assert site.json("rules", "diff", "--days", "600")["pruned"] == 3
        assert run_command(*config, "rules", "diff", "--days", "600").stderr.strip() == note
        assert run_command(*config, "rules", "diff").stderr == ""
        (offered,) = site.json("rules", "apply", "--since", "600d", "--dry-run")
        assert offered["pruned"] == 3
        assert note in run_command(*config, "rules", "apply", "--since", "600d", "--dry-run").stderr
        day = (datetime.now(UTC) - timedelta(days=500)).date()
        days = ("--from", f"{day - timedelta(days=1)}", "--to", f"{day + timedelta(days=1)}")
        played = run_command(*config, "replay", *days, "--out", str(tmp_path / "played"), "--json")
        assert played.stderr.strip() == note
        assert [digest["entries"] for digest in json.loads(played.stdout)] == [2]
