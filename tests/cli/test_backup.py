"""`monitor backup`, `restore`, `store copy`, and what becomes of mails that a restore holds."""

import json
from pathlib import Path

import pytest

from tests import make
from tests.forked import running_service
from tests.postgres import Postgres
from tests.site import Site, open_site, wait_for_event


@pytest.fixture
def store(kind: str, empty_url: str) -> str:
    return empty_url


def install(site: Site, store: str) -> None:
    """Poll and compose: one mail waits."""
    site.write(store=store)
    site.monitor("poll", "--all")
    site.monitor("digest", "--now")


def test_a_site_is_backed_up_restored_and_goes_on(tmp_path: Path, store: str, kind: str) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规", "大模型降价")) as site:
        install(site, store)
        file = str(tmp_path / "backup.db")
        output = site.monitor("backup", file)
        assert f"{file}: 0." in output
        assert "checked (entries: 2, digests: 1, mails: 1)." in output
        assert "config.toml and the password files are not in it" in output
        assert ("pg_dump --format=custom" in output) is (kind == "postgres")
        assert "--force replaces it" in site.monitor("backup", file, code=1)
        made = site.json("backup", file, "--force")
        assert (made["file"], made["rows"]["entries"]) == (file, 2)
        site.monitor("deliver")
        assert len(site.smtp_server.received) == 1

        output = site.monitor("restore", file)
        assert f"The database is that of {file} (entries: 2, mails: 1)." in output
        assert "What was there before is kept: " in output
        assert "What was mailed later may come again" in output
        assert "1 mail of the backup had not been sent. It may have been since, so it is held:" in output
        assert '"monitor outbox --release ID" sends one' in output
        site.monitor("once", code=0)
        assert len(site.smtp_server.received) == 1, "nothing goes by itself"
        (mail,) = site.json("outbox")
        assert (mail["status"], mail["next_attempt_at"]) == ("held", None)
        assert 'Held until released: 1. "--release ID" sends one' in site.monitor("outbox")
        (mail,) = site.json("outbox", "--release", "all")
        assert mail["status"] == "waiting"
        assert "Held until released" not in site.monitor("outbox")
        site.monitor("deliver")
        assert len(site.smtp_server.received) == 2


def test_mails_that_a_restore_holds_are_released_or_cancelled_by_number_or_all(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        site.write(('"reader@example.org"', '"reader@example.org", "bo@example.org", "cy@example.org"'))
        site.monitor("poll", "--all")
        site.monitor("digest", "--now")
        site.monitor("backup", str(tmp_path / "b.db"))
        restored = site.json("restore", str(tmp_path / "b.db"))
        assert [mail["mail"] for mail in restored["held"]] == [1, 2, 3]
        assert restored["kept"].startswith(str(tmp_path / "monitor.db.before-restore-"))
        assert restored["migrated"] is False
        statuses = {mail["mail"]: mail["status"] for mail in site.json("outbox", "--release", "2")}
        assert statuses == {1: "held", 2: "waiting", 3: "held"}
        assert "mail 2 is not held until it is released." in site.monitor("outbox", "--release", "2", code=1)
        assert "--release x: the number of a mail is expected" in site.monitor(
            "outbox", "--release", "x", code=1
        )
        statuses = {mail["mail"]: mail["status"] for mail in site.json("outbox", "--cancel", "all")}
        assert statuses == {1: "cancelled", 2: "waiting", 3: "cancelled"}
        site.json("outbox", "--cancel", "2")
        assert "mail 9 does not wait" in site.monitor("outbox", "--cancel", "9", code=1)


def test_a_backup_works_by_a_file_that_is_refused_otherwise(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        install(site, "sqlite:///monitor.db")
        site.write(("[[rules]]", "[[rulez]]"))
        site.monitor("status", code=2)
        assert "checked (entries: 1," in site.monitor("backup", str(tmp_path / "b.db"))


def test_a_service_that_runs_is_backed_up_but_not_restored(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site, running_service(site.config) as service:
        wait_for_event(service, "delivered")
        file = str(tmp_path / "b.db")
        assert site.json("backup", file)["rows"]["services"] == 1
        assert "a service runs on it, process " in site.monitor("restore", file, code=1)
        assert "a service runs on it, process " in site.monitor(
            "store", "copy", f"sqlite:///{tmp_path}/monitor.db", f"sqlite:///{tmp_path}/copy.db", code=1
        )
        assert not (tmp_path / "copy.db").exists()


def test_a_site_moves_to_postgresql_and_back(tmp_path: Path, postgres: Postgres) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规", "大模型降价")) as site:
        install(site, "sqlite:///monitor.db")
        name = postgres.create()
        first, second = f"sqlite:///{tmp_path}/monitor.db", postgres.url(name)
        secret = second.replace("postgres:@", "postgres:hunter2@")
        output = site.monitor("store", "copy", first, secret)
        assert "hunter2" not in output
        assert "Copied and compared, every row." in output
        assert "is not empty" in site.monitor("store", "copy", first, second, code=1)
        site.write(store=second)
        site.monitor("once")
        assert len(site.smtp_server.received) == 1, "the mail that waited has gone, and nothing else"
        third = f"sqlite:///{tmp_path}/third.db"
        assert json.loads(site.monitor("store", "copy", second, third, "--json"))["rows"]["entries"] == 2
        site.write(store=third)
        site.monitor("once")
        assert len(site.smtp_server.received) == 1
        postgres.drop(name)


def test_the_answers_are_chinese_where_the_reader_is(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        install(site, "sqlite:///monitor.db")
        file = str(tmp_path / "b.db")
        assert "已通过检查，共 1 个条目" in site.monitor("--lang", "zh", "backup", file)
        output = site.monitor("--lang", "zh", "restore", file)
        assert "备份里有 1 封邮件当时还没有发送，之后可能已经发过，所以先暂扣：" in output
        assert ["邮件", "收件人", "时段"] in [line.split() for line in output.splitlines()]
        assert "已存在" in site.monitor("--lang", "zh", "backup", file, code=1)
