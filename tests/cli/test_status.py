"""`monitor status` and `monitor outbox`, on an installation on loopback."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.mail.replies import Step
from monitor.model.feeds import FailureKind
from monitor.model.services import RunningService
from monitor.store import feeds, outbox, services
from monitor.store.database import Database, open_database
from tests import make
from tests.command import run_command, unmeasured_environ
from tests.site import Site, open_site, wait_for_event

HOUR = timedelta(hours=1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path, lambda: make.rss("AI新规")) as site:
        yield site


def stored(site: Site, work: object) -> None:
    """Do some work with the database of an installation."""

    async def run() -> None:
        db = open_database(f"sqlite:///{site.folder / 'monitor.db'}")
        await work(db)  # type: ignore[operator]
        await db.close()

    asyncio.run(run())


def beat(site: Site, *, ago: timedelta, ended: bool = False) -> None:
    async def work(db: Database) -> None:
        at = datetime.now(UTC) - ago
        service = RunningService(
            id="1", host="web1", pid=7, version="1.0", started_at=at - HOUR, beat_at=at, content_hash=""
        )
        await db.write(services.beat, service)
        if ended:
            await db.write(services.end, "1", at)

    stored(site, work)


def fail(site: Site, **differ: object) -> None:
    async def work(db: Database) -> None:
        (state,) = await db.read(feeds.states)
        values = {"failures": 3, "last_error": "HTTP 404", "failed_by": FailureKind.ANSWER, **differ}
        await db.write(feeds.save, replace(state, **values))  # type: ignore[arg-type]

    stored(site, work)


def test_where_all_is_well_status_says_so_with_what_comes_next(site: Site) -> None:
    site.write(('every = "0s"', 'at = ["08:00"]\ntimezone = "Asia/Shanghai"'))
    site.monitor("once")
    output = site.monitor("status")
    assert output.startswith("All is well.\n")
    assert 'service: not running (running "monitor once" by cron does its work, too)' in output
    assert "rules: version 1, in force since today" in output
    assert "mail: by 127.0.0.1:" in output
    assert "outbox: 0 waiting" in output
    assert "next digest: AI 日报, to" in output
    assert "next visit to a feed: " in output
    assert "times: those of Asia/Shanghai" in output


def test_every_command_tells_times_in_the_zone_of_the_first_subscription_and_names_it(site: Site) -> None:
    site.write(('every = "0s"', 'at = ["08:00"]\ntimezone = "Asia/Shanghai"'))
    zone = "times: those of Asia/Shanghai\n"
    output = site.monitor("once")
    assert "AI 日报: not due before to" in output
    assert " 08:00." in output
    assert output.endswith(zone)
    site.monitor("digest", "--now")
    site.monitor("deliver")
    for command in ("feeds list", "feeds test 示例", "rules history", "outbox"):
        output = site.monitor(*command.split())
        assert zone in output, command
        assert output.count(zone) == 1, command
    assert "T" not in site.monitor("outbox").partition("\n")[2].partition("times")[0], (
        "no bare name of a slot"
    )


def test_status_keeps_its_zone_while_the_file_is_refused(site: Site) -> None:
    text = site.write(('every = "0s"', 'at = ["08:00"]\ntimezone = "America/New_York"'))
    site.monitor("once")
    for broken in (text + "[oops]\n", text.replace('at = ["08:00"]', 'at = ["8 o clock"]')):
        site.config.write_text(broken, encoding="utf-8")
        assert "times: those of America/New_York\n" in site.monitor("status", code=2)


def test_the_outbox_is_one_line_of_status(site: Site) -> None:
    site.monitor("poll")
    site.monitor("digest", "--now")
    lines = [line for line in site.monitor("status").splitlines() if line.startswith("outbox")]
    assert lines[0].startswith("outbox: 1 waiting; the oldest has waited since today")
    assert len(lines) == 1


def test_a_running_service_is_named_and_one_that_was_stopped_says_so(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "polled")
        assert "service: runs since today" in site.monitor("status")
        answer = site.json("status")["service"]
        assert answer["state"] == "running"
        assert answer["pid"] > 0
    assert "service: stopped today" in site.monitor("status")
    assert site.json("status")["service"]["state"] == "stopped"


def test_a_killed_service_wants_a_person(site: Site) -> None:
    site.monitor("once")
    beat(site, ago=timedelta(seconds=61))
    output = site.monitor("status", code=1)
    assert output.startswith("One problem needs your attention.\n")
    assert "The service does not run any more, and nobody has stopped it." in output
    assert "What to do: Start it:" in output
    assert "service: ended unexpectedly (not stopped properly); last heartbeat today" in output
    assert site.json("status", code=1)["troubles"][0]["stops"] is True


def test_a_service_that_was_killed_on_this_machine_is_missed_at_once(site: Site) -> None:
    with site.service() as service:
        wait_for_event(service, "polled")
        service.send_signal(signal.SIGKILL)
        service.ended()
    assert "nobody has stopped it" in site.monitor("status", code=1)
    assert site.json("status", code=1)["service"]["ended"] is None
    assert site.json("service", "alive", code=1)["alive"] is False
    assert "MB" in site.monitor("store", "compact"), "nothing runs on it"


def test_a_service_that_was_killed_long_ago_is_not_missed_where_cron_does_its_work(site: Site) -> None:
    site.monitor("once")
    beat(site, ago=25 * HOUR)
    site.monitor("once")
    assert "service: not running" in site.monitor("status")


def test_a_feed_that_fails_makes_the_exit_code_1_though_nobody_is_needed(site: Site) -> None:
    site.monitor("once")
    fail(site, failures=1, failing_since=datetime.now(UTC))
    output = site.monitor("status", code=1)
    assert "Nothing to do. One feed failed at its last visit; it is tried again automatically." in output
    assert "HTTP 404 (once, today" in output


def test_feeds_that_are_dead_or_quiet_are_told_with_the_reason(site: Site) -> None:
    site.monitor("once")
    now = datetime.now(UTC)
    fail(site, failing_since=now - 30 * HOUR, failing_for=30 * HOUR)
    output = site.monitor("status", code=1)
    assert "dead" in output
    assert "HTTP 404 (3 times, since " in output
    assert output.startswith("One problem needs your attention."), "it is the only feed"
    assert site.json("status", code=1)["feeds"][0]["state"] == "dead"
    fail(site, failures=0, changed_at=now - 900 * HOUR, visited=now)
    assert site.monitor("status").startswith("All is well."), "too little is known of how it publishes"
    fail(site, failures=1, stopped=True)
    assert site.monitor("status", code=1).startswith(
        "Some feeds need your attention; the reasons are listed below."
    )


def test_a_feed_that_was_not_visited_yet_is_not_called_well(site: Site) -> None:
    site.monitor("deliver")
    assert site.monitor("status").startswith("Nothing to do, but some feeds have not been visited yet.")


def test_several_things_are_counted(site: Site) -> None:
    site.monitor("once")
    beat(site, ago=HOUR)
    fail(site)
    assert "2 problems need your attention." in site.monitor("status", code=1)


def test_a_subscription_in_another_zone_has_its_times_named(site: Site) -> None:
    site.config.write_text(
        site.write(('every = "0s"', 'at = ["08:00"]\ntimezone = "Asia/Shanghai"'))
        + '[[subscriptions]]\nname = "B"\nto = ["b@example.org"]\nat = ["09:00"]\ntimezone = "Europe/Berlin"\n',
        encoding="utf-8",
    )
    site.monitor("poll")
    output = site.monitor("status")
    assert "09:00 (Europe/Berlin)" in output
    assert output.count("(Europe/Berlin)") == 1
    assert "(Asia/Shanghai)" not in output


def test_status_speaks_the_readers_language(site: Site) -> None:
    site.monitor("once")
    beat(site, ago=HOUR)
    output = site.monitor("--lang", "zh", "status", code=1)
    assert output.startswith("有 1 个问题需要你处理。\n")
    assert "怎么办：请启动它" in output
    assert "最近成功" in output
    answer = site.json("--lang", "zh", "status", code=1)
    assert answer["troubles"][0]["happened"].startswith("The service")


def test_a_refused_sender_is_told_by_name_and_the_attempt_that_is_not_counted_is_shown(
    tmp_path: Path,
) -> None:
    def script(step: Step, _address: str) -> str | None:
        return "553 Mail from must equal authorized user" if step is Step.MAIL else None

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=script) as site:
        site.monitor("once", code=1)
        (trouble,) = site.json("status", code=1)["troubles"]
        assert (trouble["kind"], trouble["stops"]) == ("sender refused", True)
        assert "邮件服务器拒绝这个发件人" in site.monitor("--lang", "zh", "status", code=1)
        output = site.monitor("outbox")
        assert re.search(r"waiting +1\+  ", output)
        assert '"+" at the attempts: at others the mail server refused every mail' in output


def test_mails_that_were_given_up_count_until_they_are_marked_as_seen(tmp_path: Path) -> None:
    answers = ["550 5.1.1 no such user"]

    def script(_step: object, address: str) -> str | None:
        return answers.pop() if answers and address.startswith("reader") else None

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=script) as site:
        site.monitor("once", code=1)
        (row,) = site.json("outbox")
        assert row["seen"] is False
        answer = site.json("status", code=1)
        assert answer["unseen"] == 1
        assert [trouble["kind"] for trouble in answer["troubles"]] == ["address refused", "mail given up"]
        assert '"monitor outbox --seen all" says that you know' in site.monitor("status", code=1)
        assert "mail 99 was not given up" in site.monitor("outbox", "--seen", "99", code=1)
        assert "failed, seen" in site.monitor("outbox", "--seen", str(row["mail"]))
        answer = site.json("status", code=1)
        assert (answer["unseen"], [each["kind"] for each in answer["troubles"]]) == (0, ["address refused"])
        site.monitor("outbox", "--seen", "all")
        assert "nothing was changed" in site.monitor("outbox", "--seen", "all")
        assert "No mail is held until it is released" in site.monitor("outbox", "--release", "all")
        assert site.json("outbox")[0]["seen"] is True
        site.monitor("outbox", "--retry", str(row["mail"]))
        assert site.json("outbox")[0]["seen"] is False, "as new"


@pytest.mark.parametrize("option", ["--seen", "--release", "--cancel", "--retry"])
def test_no_mail_has_a_number_that_is_too_long(site: Site, option: str) -> None:
    site.monitor("poll")
    for number in ("9" * 26, "9" * 5000):
        output = site.monitor("outbox", option, number, code=1)
        assert output == f"monitor: {option} {'9' * 18}…: no mail has this number\n"
    assert "mail 999999999999999999 " in site.monitor("outbox", option, "9" * 18, code=1)
    if option == "--retry":
        assert "--retry all: the number of a mail is expected\n" in site.monitor(
            "outbox", option, "all", code=1
        )


def test_a_mail_is_seen_by_its_number_or_all_are(site: Site) -> None:
    site.monitor("poll")
    assert '--seen x: the number of a mail is expected, or "all"' in site.monitor(
        "outbox", "--seen", "x", code=1
    )


def test_watch_without_a_terminal_shows_it_once(site: Site) -> None:
    site.monitor("once")
    assert site.monitor("status", "--watch").startswith("All is well.\n")
    assert "not together with --json" in site.monitor("status", "--watch", "--json", code=2)


@pytest.mark.outside
def test_watch_draws_again_until_ctrl_c(site: Site) -> None:
    site.monitor("once")
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "monitor", "--config", str(site.config), "status", "--watch"]
    environ = unmeasured_environ() | {"TERM": "xterm", "LANG": "C.UTF-8"}
    with subprocess.Popen(command, stdin=secondary, stdout=secondary, stderr=secondary, env=environ) as watch:
        os.close(secondary)
        shown, end = b"", time.monotonic() + 20
        while shown.count(b"All is well.") < 2 and time.monotonic() < end:
            shown += os.read(primary, 65536)
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 0
    os.close(primary)
    assert shown.count(b"All is well.") >= 2


def test_where_the_database_is_absent_status_says_what_to_do(tmp_path: Path, site: Site) -> None:
    (tmp_path / "monitor.db").unlink()
    result = run_command("--config", str(site.config), "status")
    assert result.code == 1
    assert "monitor once" in result.stderr


def test_a_refused_login_is_told_at_once_with_when_its_mails_are_really_tried_again(tmp_path: Path) -> None:
    def script(step: Step, _address: str) -> str | None:
        return "553 Mail from must equal authorized user" if step is Step.MAIL else None

    with open_site(tmp_path, lambda: make.rss("AI新规"), script=script) as site:
        site.write(('retry = ["1s"]', 'retry = ["2h"]'))
        site.monitor("once", code=1)
        assert site.monitor("status", code=1).startswith("One problem needs your attention.\n")
        output = site.monitor("outbox")
        assert "took no mail at the one try, today " in output
        assert "refused the sender (553 Mail from must equal authorized user)" in output
        assert "拒绝了发件人（553 Mail from" in site.monitor("--lang", "zh", "outbox")
        (row,) = site.json("outbox")
        assert datetime.fromisoformat(row["next_attempt_at"]) > datetime.now(UTC) + HOUR
        for command in ("once", "deliver"):
            assert "waiting, next try: t" in site.monitor(command, code=1), "the server still refuses"


def test_a_wrong_password_is_told_at_the_first_try(tmp_path: Path) -> None:
    with open_site(tmp_path, lambda: make.rss("AI新规"), username="me", password="right") as site:
        (tmp_path / "password").write_text("wrong\n")
        login = 'security = "starttls"\nusername = "me"\npassword_file = "password"'
        site.write(('security = "starttls"', login), ('retry = ["1s"]', 'retry = ["2h"]'))
        site.monitor("once", code=1)
        output = site.monitor("status", code=1)
        assert "The mail server refuses the login; no mail leaves." in output
        assert output.count("app password") == 1, "what to do is said once"
        assert "拒绝了登录（535" in site.monitor("--lang", "zh", "status", code=1)
        (tmp_path / "password").write_text("right\n")
        assert "took no mail" not in site.monitor("outbox"), "it is tried at once with another password"
        site.monitor("deliver")
        assert site.monitor("status").startswith("All is well.")


def test_mails_that_wait_for_a_limit_are_no_failure_and_say_until_when(site: Site) -> None:
    site.write(
        ('"reader@example.org"', '"one@example.org", "two@example.org", "three@example.org"'),
        ('security = "starttls"', 'security = "starttls"\nper_day = 2'),
    )
    sentence = "outbox: the limit for 24 hours (2) is reached; the next mail goes at about tomorrow"
    assert sentence in site.monitor("once")
    assert len(site.smtp_server.received) == 2
    assert sentence in site.monitor("outbox")
    assert sentence in site.monitor("status")
    assert "发件箱：已达到每日上限 2 封（任意 24 小时），约明天" in site.monitor("--lang", "zh", "status")
    limit = site.json("status")["limit"]
    assert (limit["most"], limit["per"]) == (2, "day")
    [waits] = [mail for mail in site.json("outbox") if mail["status"] == "waiting"]
    assert waits["next_attempt_at"] == limit["until"]
    site.write()
    assert site.json("status")["limit"] is None, "another server's limit, or none at all"


def test_a_limit_that_keeps_no_mail_is_not_told(site: Site) -> None:
    site.write(('security = "starttls"', 'security = "starttls"\nper_minute = 1'))
    site.monitor("once")
    assert site.json("status")["limit"] is None
    assert "limit" not in site.monitor("outbox")


def test_mails_beyond_the_limit_of_a_minute_are_told_to_go_soon(site: Site) -> None:
    site.write(
        ('"reader@example.org"', '"one@example.org", "two@example.org"'),
        ('security = "starttls"', 'security = "starttls"\nper_minute = 1'),
    )
    site.monitor("poll")
    site.monitor("digest", "--now")

    async def send_one(db: Database) -> None:
        now = datetime.now(UTC)
        server = f"127.0.0.1:{site.smtp_server.port}"
        claimed = await db.write(outbox.claim, now, lease_until=now, token="t", server=server)
        assert claimed

    stored(site, send_one)
    assert "outbox: the limit for a minute (1) is reached; the next mails go within a minute" in site.monitor(
        "outbox"
    )
    assert site.json("status")["limit"]["per"] == "minute"
