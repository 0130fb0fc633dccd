"""The service as its operator meets it: a process, a file to edit, signals, a log."""

import asyncio
import base64
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.demo.running import running
from monitor.errors import ConfigError
from monitor.mail.replies import Step
from monitor.service.service import run
from monitor.store import subscriptions
from monitor.store.database import open_database
from monitor.store.schema import VERSION_TABLE
from tests import make
from tests.command import unmeasured_environ
from tests.site import Site, let_troubles_stand, open_site, wait_for_event


@pytest.fixture
def titles() -> list[str]:
    return ["AI新规", "天气转凉"]


@pytest.fixture
def site(tmp_path: Path, titles: list[str]) -> Iterator[Site]:
    with open_site(tmp_path, lambda: make.rss(*titles)) as site:
        yield site


def test_news_becomes_a_mail_and_later_news_another(site: Site, titles: list[str]) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        titles.insert(0, "大模型降价")
        wait_for_event(service, "delivered")
    first, second = site.smtp_server.received
    assert first.raw != second.raw
    assert first.recipients == ("reader@example.org",)


def test_an_edit_is_taken_up_and_named(site: Site, titles: list[str]) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        site.write(('"AI", "大模型"', '"AI", "大模型", "雪", "雨"'))
        wait_for_event(service, "config-changed", seconds=2, change="rule 人工智能: +2 words")
        titles.insert(0, "雨停了")
        assert "雨停了" in wait_for_event(service, "composed")["subject"]


def test_what_an_edit_makes_odd_is_told_once(site: Site) -> None:
    site.write(('"AI", "大模型"', '"AI", "ＡＩ", "大模型"'))
    with site.service() as service:
        assert wait_for_event(service, "rules-odd")["findings"] == 1
        wait_for_event(service, "delivered")
        site.write(('"AI", "大模型"', '"AI", "ＡＩ", "大模型", "雨"'))
        finding = wait_for_event(service, "rule-odd", finding='"雨" one Chinese character alone')["finding"]
        lines = site.config.read_text("utf-8").split("\n")
        line = next(number for number, line in enumerate(lines, start=1) if '"雨"' in line)
        assert f"config.toml, line {line}," in finding
        site.write(('"AI", "大模型"', '"AI", "ＡＩ", "大模型", "雨", "天气"'))
        wait_for_event(service, "config-changed", change="+1 word")
        site.write(('"AI", "大模型"', '"AI", "ＡＩ", "大模型", "天气", "ai芯片"'))
        assert "ai芯片" in wait_for_event(service, "rule-odd")["finding"]


def test_an_edit_by_rename_is_taken_up(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        text = site.config.read_text("utf-8").replace('"大模型"', '"大模型", "雨"')
        (site.folder / "new.toml").write_text(text, "utf-8")
        (site.folder / "new.toml").rename(site.config)
        wait_for_event(service, "config-changed", seconds=2, change="+1 word")


def test_an_edit_by_a_swapped_link_is_taken_up(site: Site) -> None:
    versions = {}
    for version, words in (("v1", '"大模型"'), ("v2", '"大模型", "雨"')):
        (site.folder / version).mkdir()
        versions[version] = site.write(('"大模型"', words))
        (site.folder / version / "config.toml").write_text(versions[version], "utf-8")
    (site.folder / "data").symlink_to("v1")
    site.config.unlink()
    site.config.symlink_to("data/config.toml")
    with site.service() as service:
        wait_for_event(service, "delivered")
        (site.folder / "next").symlink_to("v2")
        (site.folder / "next").rename(site.folder / "data")
        wait_for_event(service, "config-changed", seconds=2, change="+1 word")


def test_a_broken_edit_is_told_once_and_the_old_rules_hold(site: Site, titles: list[str]) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        text = site.config.read_text("utf-8")
        site.config.write_text(text.replace("[[rules]]", "[[rules"), "utf-8")
        wait_for_event(service, "config-refused", seconds=2)
        assert "TOML" in wait_for_event(service, "config-problem")["problem"]
        titles.insert(0, "大模型降价")
        events = []
        while (event := service.next_event(20)) and event["event"] != "delivered":
            events.append(event["event"])
        assert event, "the old rules went on"
        assert "config-refused" not in events
        site.config.write_text(text, "utf-8")
        wait_for_event(service, "config-restored", seconds=2)


def test_an_edit_does_not_wait_for_polls_under_way(tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow() -> bytes:
        asked.set()
        answer.wait(20)
        return make.rss("AI新规")

    with open_site(tmp_path, slow) as site, site.service() as service:
        assert asked.wait(20)
        for words in ('"AI", "大模型", "雨"', '"AI", "大模型", "雨", "雪"'):
            site.write(('"AI", "大模型"', words))
            wait_for_event(service, "config-changed", seconds=4, change="+1 word")
        answer.set()
        wait_for_event(service, "delivered")


def test_an_edit_breaks_off_polls_that_it_concerns(tmp_path: Path) -> None:
    asked, answer = threading.Semaphore(0), threading.Event()

    def slow() -> bytes:
        asked.release()
        answer.wait(20)
        return make.rss("AI新规")

    with open_site(tmp_path, slow) as site, site.service() as service:
        assert asked.acquire(timeout=20)
        site.write(('timeout = "5s"', 'timeout = "4s"'))
        wait_for_event(service, "config-changed", seconds=4, change="[fetch] timeout")
        assert asked.acquire(timeout=4), "asked anew, while the first answer is still awaited"
        answer.set()
        wait_for_event(service, "delivered")


def test_a_corrected_password_file_is_taken_up_by_itself(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong\n")
    login = {"username": "me", "password": "secret"}
    with open_site(tmp_path, lambda: make.rss("AI新规"), **login) as site:
        with_login = 'security = "starttls"\nusername = "me"\npassword_file = "password"'
        site.write(('security = "starttls"', with_login), ('retry = ["1s"]', 'retry = ["1h"]'))
        with site.service() as service:
            wait_for_event(service, "deferred")
            (tmp_path / "password").unlink()
            (tmp_path / "password").write_text("secret\n")
            wait_for_event(service, "config-changed", seconds=4, change="the content of its password")
            wait_for_event(service, "delivered", seconds=5)


def test_a_restart_is_not_asked_for_when_the_url_of_the_database_is_put_back(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        site.write(store="sqlite:///other.db")
        wait_for_event(service, "restart-needed", seconds=4)
        wait_for_event(service, "config-changed", change="[store] url")
        site.write()
        events = []
        while (event := service.next_event(10)) and event["event"] != "config-changed":
            events.append(event["event"])
        assert "restart-needed" not in events


def test_an_emptied_file_is_refused_and_the_service_goes_on(site: Site, titles: list[str]) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        text = site.config.read_text("utf-8")
        for torn in ("", text.partition("[[subscriptions]]")[0]):
            site.config.write_text(torn, "utf-8")
            assert "cut off" in wait_for_event(service, "config-problem")["problem"]
        titles.insert(0, "大模型降价")
        wait_for_event(service, "delivered")
        site.config.write_text(text, "utf-8")
        wait_for_event(service, "config-restored", seconds=3)
    assert len(site.smtp_server.received) == 2
    assert not (site.folder / "Maildir").exists()


def test_an_edit_that_drops_most_rules_waits_unless_a_signal_confirms_it(site: Site) -> None:
    rules = "".join(f'[[rules]]\nname = "{name}"\nany = ["{name}"]\n' for name in ("芯片", "机器人"))
    many = site.write(("[[subscriptions]]", f"{rules}[[subscriptions]]"))
    with site.service() as service:
        wait_for_event(service, "delivered")
        site.write()
        assert "1 of 3 rules are left" in wait_for_event(service, "config-waits", seconds=3)["losses"]
        site.config.write_text(many, "utf-8")
        wait_for_event(service, "config-restored", seconds=3)
        site.write()
        wait_for_event(service, "config-waits", seconds=3)
        service.send_signal(signal.SIGHUP)
        wait_for_event(service, "config-changed", seconds=3, change="rule 芯片: gone")


def test_a_file_that_is_refused_at_the_start_is_read_again(site: Site) -> None:
    text = site.config.read_text("utf-8")
    site.config.write_text(text.partition("[[subscriptions]]")[0], "utf-8")
    with site.service() as service:
        assert "cut off" in wait_for_event(service, "config-problem")["problem"]
        site.config.write_text(text, "utf-8")
        wait_for_event(service, "started")


def test_a_file_that_stays_refused_ends_the_start(site: Site) -> None:
    site.config.write_text("", "utf-8")
    with pytest.raises(ConfigError, match="cut off"):
        asyncio.run(run(site.config, patience=0))


def test_what_is_urgent_goes_out_at_once_and_the_rest_waits_for_its_time(
    site: Site, titles: list[str]
) -> None:
    in_half_a_day = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(hours=12)
    urgent = '[[rules]]\nname = "出口管制"\nany = ["禁令"]\npace = "at once"\n[[subscriptions]]'
    site.write(("[[subscriptions]]", urgent), ('every = "0s"', f'at = ["{in_half_a_day:%H:%M}"]'))
    with site.service() as service:
        wait_for_event(service, "polled", matched=1)
        for number, title in enumerate(("芯片禁令生效", "禁令扩大"), start=1):
            titles.insert(0, title)
            composed = wait_for_event(service, "composed", entries=1)
            assert composed["slot"].startswith("at once:")
            assert title in composed["subject"]
            wait_for_event(service, "delivered")
            assert len(site.smtp_server.received) == number
    (later,) = site.json("digest", "--now")
    assert later["entries"] == 1
    assert "AI新规" in later["subject"], "what went out at once is not repeated"


def test_a_refused_edit_that_is_corrected_soon_is_told_to_nobody(site: Site) -> None:
    text = site.write(("[[feeds]]", '[operator]\nto = ["operator@example.org"]\n[[feeds]]'))
    with site.service() as service:
        wait_for_event(service, "delivered")
        site.config.write_text(text[: len(text) // 2], encoding="utf-8")
        wait_for_event(service, "config-refused")
        site.config.write_text(text, encoding="utf-8")
        wait_for_event(service, "config-restored")
        site.config.write_text(text.replace('"AI"', '"AI", "芯片"'), encoding="utf-8")
        events = []
        while (event := service.next_event(20)) and event["event"] != "config-changed":
            events.append(event["event"])
    assert event
    assert "operator-told" not in events
    assert {recipient for mail in site.smtp_server.received for recipient in mail.recipients} == {
        "reader@example.org"
    }


def test_a_signal_reloads(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        service.send_signal(signal.SIGHUP)
        wait_for_event(service, "config-changed", seconds=2, change="no effective change")


def test_told_to_stop_it_stops_with_0(site: Site) -> None:
    with running(site.config) as service:  # as an operator starts it, not forked
        wait_for_event(service, "delivered")
        assert service.stop() == 0


def test_a_mail_in_transit_ends_before_the_service_does(tmp_path: Path) -> None:
    at_dot, go_on = threading.Event(), threading.Event()

    def slow(step: Step, _address: str) -> None:
        if step is Step.DOT:
            at_dot.set()
            go_on.wait(20)

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=slow) as site:
        with site.service() as service:
            assert at_dot.wait(30)
            service.send_signal(signal.SIGTERM)
            wait_for_event(service, "stopping")
            go_on.set()
            wait_for_event(service, "delivered")
            assert service.ended() == 0
        (row,) = site.json("outbox")
        assert row["status"] == "sent"


def test_two_services_on_one_database_mail_nothing_twice(site: Site, titles: list[str]) -> None:
    with site.service() as first, site.service() as second:
        wait_for_event(first, "started")
        wait_for_event(second, "started")
        for number in range(5):
            titles.insert(0, f"AI 第{number}条")
            site.smtp_server.wait(number + 1, 30)
        assert first.stop() == second.stop() == 0
    raws = [mail.raw for mail in site.smtp_server.received]
    assert len(set(raws)) == len(raws)
    listed = site.json("outbox")
    assert {row["status"] for row in listed} == {"sent"}
    assert len(listed) == len(raws)


def test_a_second_service_on_the_same_machine_says_so_and_works(site: Site) -> None:
    with site.service() as first:
        wait_for_event(first, "polled")
        with site.service() as second:
            event = wait_for_event(second, "another-service")
            assert (event["level"], event["pid"]) == ("warning", site.json("status")["service"]["pid"])
            wait_for_event(second, "polled")
        first.send_signal(signal.SIGKILL)
        first.ended()
    with site.service() as third:
        assert wait_for_event(third, "started")
        while (later := third.next_event(20)) is not None and later["event"] != "polled":
            assert later["event"] != "another-service", "it was killed"


def test_an_older_service_that_still_runs_stops_when_a_newer_one_has_migrated(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        database = sqlite3.connect(site.folder / "monitor.db", timeout=20)
        with database:
            assert database.execute("SELECT pid FROM services").fetchall(), "it says that it runs"
            database.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        database.close()
        while service.next_event(30) is not None:
            pass
        assert service.stop() == 1


def test_a_service_that_stops_says_so_in_the_database(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        assert service.stop() == 0
    database = sqlite3.connect(site.folder / "monitor.db", timeout=20)
    ((ended_at,),) = database.execute("SELECT ended_at FROM services").fetchall()
    assert ended_at is not None
    database.close()


def test_without_a_mail_server_digests_go_into_a_maildir(site: Site) -> None:
    site.write(('host = "127.0.0.1"', 'host = ""'), (f'ca_file = "{site.smtp_server.ca_file}"', ""))
    with site.service() as service:
        assert "Maildir" in wait_for_event(service, "started")["mail"]
        wait_for_event(service, "delivered")
    (mail,) = (site.folder / "Maildir" / "new").iterdir()
    assert mail.read_bytes().startswith(b"From: ")
    assert site.json("status")["mail"] == {"mode": "maildir", "path": str(site.folder / "Maildir")}


def test_a_slot_missed_while_the_service_was_off_is_sent_once_and_late(site: Site) -> None:
    asyncio.run(_register_subscription(site, datetime.now(UTC) - timedelta(days=2)))
    an_hour_ago = datetime.now(ZoneInfo("Asia/Shanghai")) - timedelta(hours=1)
    site.monitor("poll", "--all")
    site.write(('every = "0s"', f'at = ["{an_hour_ago:%H:%M}"]'))
    with site.service() as service:
        composed = wait_for_event(service, "composed")
        wait_for_event(service, "delivered")
    assert composed["slot"] == f"at:{an_hour_ago:%Y-%m-%dT%H:%M}"
    with site.service() as service:
        wait_for_event(service, "polled")
        wait_for_event(service, "polled")
    assert len(site.json("outbox")) == len(site.smtp_server.received) == 1


async def _register_subscription(site: Site, at: datetime) -> None:
    db = open_database(f"sqlite:///{site.folder / 'monitor.db'}")
    await db.write(subscriptions.sync, ["AI 日报"], at)
    await db.close()


def test_the_log_is_json_when_asked(site: Site) -> None:
    with site.service() as service:
        line = wait_for_event(service, "polled")
    assert (line["feed"], line["new"], line["matched"], line["level"]) == ("示例", 2, 1, "info")


def test_a_password_is_never_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "correct horse battery"
    monkeypatch.setenv("MONITOR_SMTP__PASSWORD", wrong)
    login = {"username": "me", "password": "another"}
    with open_site(tmp_path, lambda: make.rss("AI新规"), **login) as site:
        site.write(('security = "starttls"', 'security = "starttls"\nusername = "me"'))
        with site.service() as service:
            refused = wait_for_event(service, "deferred")
        assert "login" in refused["reply"]
        output = str(refused) + site.monitor("outbox") + site.monitor("config")
    secrets = {
        wrong,
        base64.b64encode(wrong.encode()).decode(),
        base64.b64encode(f"\0me\0{wrong}".encode()).decode(),
    }
    assert [secret for secret in secrets if secret in output] == []
    assert [secret for secret in secrets if secret.encode() in (tmp_path / "monitor.db").read_bytes()] == []


def test_the_secrets_of_a_feeds_address_are_never_told(site: Site) -> None:
    url = site.feed_server.url
    secret_url = url.replace("http://", "http://me:sesame@") + "?token=sesame"
    operator = '[operator]\nto = ["operator@example.org"]\n[[feeds]]'
    text = site.write(("[[feeds]]", operator), (url, secret_url))
    commands = ("config", "config --json", "poll --all", "poll --all --json", "status --json", "check")
    told = [site.monitor(*command.split()) for command in commands]
    assert "***" in told[0]
    with site.service() as service:
        wait_for_event(service, "delivered")
        site.config.write_text(text.replace('sesame"', "sesame"), "utf-8")
        told.append(str(wait_for_event(service, "config-problem")))
        let_troubles_stand(f"sqlite:///{site.folder}/monitor.db")
        wait_for_event(service, "delivered", to="o***")
        told.append(str(site.json("status", code=2)) + site.monitor("check", code=2))
    told += [
        base64.b64decode(mail.raw.partition(b"\r\n\r\n")[2]).decode("utf-8", "replace")
        for mail in site.smtp_server.received
        if mail.recipients == ("operator@example.org",)
    ]
    assert "token=***" in told[-1]
    assert [text for text in told if "sesame" in text] == []


def test_the_right_password_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_SMTP__PASSWORD", "secret")
    with open_site(tmp_path, lambda: make.rss("AI新规"), username="me", password="secret") as site:
        site.write(('security = "starttls"', 'security = "starttls"\nusername = "me"'))
        assert [attempt["status"] for attempt in site.json("once")["delivered"]] == ["sent"]


def test_a_template_that_fails_is_named_and_the_digest_goes_out_by_ours(site: Site) -> None:
    (site.folder / "mine").mkdir()
    (site.folder / "mine" / "digest.subject.j2").write_text("{{ nothing_of_this_name }}", "utf-8")
    site.write(("[smtp]", '[digests]\ntemplates = "mine"\n[smtp]'))
    with site.service() as service:
        trouble = wait_for_event(service, "template-failed")
        assert "digest.subject.j2" in trouble["error"]
        wait_for_event(service, "delivered")


def test_a_mail_server_that_is_busy_gets_the_mail_later(tmp_path: Path) -> None:
    answers = ["421 4.3.2 come back later"]
    with open_site(
        tmp_path,
        lambda: make.rss("AI新规"),
        script=lambda _step, _address: answers.pop() if answers else None,
    ) as site:
        with site.service() as service:
            assert "come back later" in wait_for_event(service, "deferred")["reply"]
            wait_for_event(service, "delivered")
        assert len(site.smtp_server.received) == 1


def test_a_mail_that_has_become_too_old_is_given_up_and_named(tmp_path: Path) -> None:
    with open_site(
        tmp_path, lambda: make.rss("AI新规"), script=lambda _step, _address: "451 4.7.1 greylisted"
    ) as site:
        site.write(("[outbox]", '[outbox]\nexpire = "4s"'))
        with site.service() as service:
            expired = wait_for_event(service, "expired")
        assert "greylisted" in expired["reply"]
        assert expired["owed"] == 1
        assert "reader@example.org" not in str(expired), "addresses are masked in the log"
        assert site.json("status", code=1)["outbox"]["expired"] == 1


def test_a_feed_that_fails_is_named_and_the_others_go_on(site: Site) -> None:
    failing_feed = '[[feeds]]\nname = "坏的"\nurl = "http://127.0.0.1:9/rss"\nevery = "1s"\n[[rules]]'
    site.write(("[[rules]]", failing_feed))
    with site.service() as service:
        assert "坏的" in wait_for_event(service, "poll-failed")["feed"]
        wait_for_event(service, "delivered")


def test_an_edit_that_stays_refused_is_told_to_the_operator_and_its_end_too(site: Site) -> None:
    operator = '[operator]\nto = ["operator@example.org"]\n[[feeds]]'
    text = site.write(("[[feeds]]", operator))
    with site.service() as service:
        wait_for_event(service, "delivered")
        site.config.write_text(text.replace("any =", "ayn ="), encoding="utf-8")
        wait_for_event(service, "config-refused")
        let_troubles_stand(f"sqlite:///{site.folder}/monitor.db")
        assert wait_for_event(service, "operator-told")["about"] == "config refused"
        wait_for_event(service, "delivered", to="o***")
        site.config.write_text("# a line above\n" + text.replace("any =", "ayn ="), encoding="utf-8")
        wait_for_event(service, "config-refused")
        status = site.json("status", code=2)
        site.config.write_text(text.replace('"AI"', '"AI", "芯片"'), encoding="utf-8")
        wait_for_event(service, "config-changed", change="+1 word")
        wait_for_event(service, "operator-told", about="config refused")
        wait_for_event(service, "delivered", to="o***")
    assert status["config"]["rules"]["version"] == 1
    notices = [mail for mail in site.smtp_server.received if mail.recipients == ("operator@example.org",)]
    refused, over = [message_from_bytes(mail.raw, policy=policy.default) for mail in notices]
    assert refused["Subject"].startswith("feed-monitor: An edit of config.toml is refused")
    assert 'Did you mean "any"?' in refused.get_content()
    assert "Rules version 1, of " in refused.get_content()
    assert over["Subject"].startswith("feed-monitor: over: An edit of config.toml is refused")
    versions = site.json("rules", "history")
    assert [(version["version"], version["changes"]) for version in versions] == [
        (2, ["rule 人工智能: +1 word"]),
        (1, ["the first version kept"]),
    ]
    assert [version["digests"] for version in versions] == [0, 1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_log_on_a_full_disk_stops_nothing(site: Site, titles: list[str]) -> None:
    command = [sys.executable, "-m", "monitor", "--config", str(site.config), "run"]
    with (
        Path("/dev/full").open("wb") as full,
        subprocess.Popen(command, stderr=full, env=unmeasured_environ()) as service,
    ):
        site.smtp_server.wait(1, 30)
        titles.insert(0, "大模型降价")
        site.smtp_server.wait(2, 30)
        service.send_signal(signal.SIGTERM)
        assert service.wait(20) == 0


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_is_deleted_or_replaced_stops_the_service_with_a_code_of_its_own(
    site: Site, titles: list[str], replaced: bool
) -> None:
    with site.service() as service:
        wait_for_event(service, "delivered")
        if replaced:
            (site.folder / "monitor.db").rename(site.folder / "old.db")
            shutil.copy(site.folder / "old.db", site.folder / "monitor.db")
        else:
            for path in site.folder.glob("monitor.db*"):
                path.unlink()
        titles.insert(0, "大模型降价")
        end = wait_for_event(service, "said", text="was deleted or replaced")
        assert service.ended() == 3
    assert "start again" in end["text"]
    assert len(site.smtp_server.received) == 1


def test_that_a_database_was_lost_is_told_at_the_next_start(site: Site, titles: list[str]) -> None:
    site.write(("[[feeds]]", '[operator]\nto = ["operator@example.org"]\n[[feeds]]'))
    with site.service() as service:
        wait_for_event(service, "delivered")
        for path in site.folder.glob("monitor.db*"):
            path.unlink()
        titles.insert(0, "大模型降价")
        wait_for_event(service, "said", text="was deleted or replaced")
    assert (site.folder / "monitor.db-gone.txt").exists()
    with site.service() as service:
        let_troubles_stand(f"sqlite:///{site.folder}/monitor.db")
        wait_for_event(service, "operator-told", about="database replaced")
        wait_for_event(service, "delivered", to="o***")
    assert not (site.folder / "monitor.db-gone.txt").exists()
    (mail,) = [mail for mail in site.smtp_server.received if mail.recipients == ("operator@example.org",)]
    text = message_from_bytes(mail.raw, policy=policy.default).get_content()
    assert "was deleted or replaced while it was open" in text


def test_while_the_server_takes_no_mail_status_says_so_and_one_summary_follows(tmp_path: Path) -> None:
    refusing = threading.Event()
    refusing.set()

    def script(_step: Step, _address: str) -> str | None:
        return "421 4.3.2 not now" if refusing.is_set() else None

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=script) as site:
        site.write(("[[feeds]]", '[operator]\nto = ["operator@example.org"]\n[[feeds]]'))
        with site.service() as service:
            wait_for_event(service, "deferred")
            wait_for_event(service, "deferred")
            (trouble,) = site.json("status", code=1)["troubles"]
            refusing.clear()
            wait_for_event(service, "delivered", to="r***")
            assert wait_for_event(service, "operator-told")["about"] == "relay down"
            wait_for_event(service, "delivered", to="o***")
        assert (trouble["kind"], trouble["count"]) == ("relay down", 1)
        assert "not now" in trouble["details"][0]
        (mail,) = [mail for mail in site.smtp_server.received if mail.recipients == ("operator@example.org",)]
        summary = message_from_bytes(mail.raw, policy=policy.default)
        assert summary["Subject"] == "feed-monitor: over: The mail server takes no mail"
        assert site.json("status")["troubles"] == []
