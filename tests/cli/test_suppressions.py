"""`monitor suppressions` and `monitor bounce`, on both databases."""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from monitor.mail.bounces import MOST_BYTES
from monitor.model.suppressions import SuppressedBy, Suppression
from monitor.store import digests, outbox, recipients, subscriptions, suppressions
from monitor.store.database import Connection, open_database
from tests import make
from tests.command import run_command
from tests.mail.bounce_mails import ANN, group, plain, report
from tests.make import NOW

T = TypeVar("T")
Run = Callable[..., str]
CONFIG = """
[store]
url = "{url}"
[[feeds]]
name = "f"
url = "https://feed.example.org/"
[[rules]]
name = "r"
any = ["x"]
[[subscriptions]]
name = "日报"
to = ["Ann@example.org"]
at = ["08:00"]
[[subscriptions]]
name = "周报"
to = ["Ann@example.org"]
at = ["08:00"]
"""


@pytest.fixture
def run(db_url: str, tmp_path: Path) -> Run:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(url=db_url), "utf-8")

    def command(*arguments: str, code: int = 0, stdin: bytes = b"") -> str:
        result = run_command("--config", str(file), "--lang", "en", *arguments, stdin=stdin)
        assert result.code == code, result.output
        return result.output

    return command


def in_database(url: str, work: Callable[[Connection], T]) -> T:
    async def use() -> T:
        db = open_database(url)
        try:
            return await db.write(work)
        finally:
            await db.close()

    return asyncio.run(use())


def registered(tx: Connection) -> None:
    for name in ("日报", "周报"):
        subscriptions.sync(tx, ["日报", "周报"], NOW)
        recipients.sync(tx, name, ["Ann@example.org"], NOW)


def queued(tx: Connection, *, is_sent: bool = False) -> int:
    """Queue the mail of <1@example.org>; with `is_sent`, let a server have taken it."""
    registered(tx)
    digest = digests.insert(tx, "日报", make.slot(), NOW, 1, "r1")
    assert digest is not None
    number = outbox.insert(tx, digest, make.mail("Ann@example.org"), now=NOW, expires_at=NOW)
    if is_sent:
        claimed = outbox.claim(tx, NOW, lease_until=NOW, token="t")
        assert claimed
        assert outbox.mark_dot(tx, number, "t")
    return number


# --- the list ---------------------------------------------------------------------------------------


def test_an_address_is_suppressed_listed_and_mailed_again(run: Run, db_url: str) -> None:
    in_database(db_url, queued)
    assert run("suppressions", "list") == "No address is suppressed.\n"
    added = run("suppressions", "add", "Ann Lee <ANN@example.org>", "--reason", "asked by phone")
    assert added == "Nothing goes to ann@example.org any more.\n1 mail that was queued is cancelled.\n"
    listed = run("suppressions", "list")
    assert "ann@example.org" in listed
    assert "all" in listed
    assert "the operator" in listed
    assert "asked by phone" in listed
    assert run("suppressions", "remove", "ann@EXAMPLE.org") == "ann@example.org is mailed again.\n"
    assert run("suppressions", "list") == "No address is suppressed.\n"


def test_one_subscription_can_be_meant(run: Run, db_url: str) -> None:
    in_database(db_url, queued)
    assert run("suppressions", "add", ANN, "--subscription", "周报") == (
        "Nothing of 周报 goes to ann@example.org any more.\n"
    )
    (listed,) = json.loads(run("suppressions", "list", "--json"))
    assert (listed["address"], listed["subscription"], listed["by"]) == (ANN, "周报", "operator")
    assert "suppressed for other subscriptions" in run(
        "suppressions", "remove", ANN, "--subscription", "日报", code=1
    )
    assert json.loads(run("suppressions", "remove", ANN, "--subscription", "周报", "--json")) == [listed]


def test_programs_are_answered(run: Run, db_url: str) -> None:
    in_database(db_url, queued)
    answer: dict[str, Any] = json.loads(run("suppressions", "add", ANN, "--subscription", "日报", "--json"))
    assert answer["cancelled"] == 1
    assert answer["suppression"] == {
        "address": ANN,
        "subscription": "日报",
        "at": answer["suppression"]["at"],
        "by": "operator",
        "reason": "",
        "until_edit": False,
    }


def test_mistakes_are_named_with_what_is_meant(run: Run) -> None:
    assert "a mail address is expected" in run("suppressions", "add", "ann", code=1)
    assert "日报" in run("suppressions", "add", ANN, "--subscription", "日", code=2)
    run("suppressions", "add", "anna@example.org")
    refused = run("suppressions", "remove", ANN, code=1)
    assert 'ann@example.org is not suppressed. Did you mean "anna@example.org"?' in refused


def test_a_mail_to_a_suppressed_address_is_not_retried(run: Run, db_url: str) -> None:
    number = in_database(db_url, queued)
    run("suppressions", "add", ANN)
    refused = run("outbox", "--retry", str(number), code=1)
    assert "its recipient is suppressed" in refused


# --- import and export ------------------------------------------------------------------------------


def test_what_is_exported_can_be_imported_and_twice_changes_nothing(
    run: Run, db_url: str, tmp_path: Path
) -> None:
    def fill(tx: Connection) -> None:
        registered(tx)
        for address, by, subscription, reason in (
            (ANN, SuppressedBy.SERVER, "日报", '550 说“不”, "no"\nnever'),
            ("bo@example.org", SuppressedBy.BOUNCE, "", "=HYPERLINK(1)"),
            ("cy@example.org", SuppressedBy.OPERATOR, "", ""),
        ):
            listed = Suppression(address=address, subscription=subscription, at=NOW, by=by, reason=reason)
            suppressions.put(tx, listed)

    in_database(db_url, fill)
    before = run("suppressions", "list", "--json")
    exported = run("suppressions", "export")
    assert exported.startswith("address,reason,date,by,subscription")
    assert "'=HYPERLINK" in exported, "a spreadsheet computes nothing that a server said"
    file = tmp_path / "list.csv"
    file.write_bytes(b"\xef\xbb\xbf" + exported.encode())
    assert run("suppressions", "import", str(file)) == (
        "Suppressed: 0 addresses. Known already, and left as they were: 3.\n"
    )
    for address in (ANN, "bo@example.org", "cy@example.org"):
        run("suppressions", "remove", address)
    answer = json.loads(run("suppressions", "import", str(file), "--json"))
    assert answer == {"new": 3, "known": 0, "cancelled": 0}
    assert run("suppressions", "list", "--json") == before


def test_a_list_needs_no_more_than_addresses(run: Run, db_url: str, tmp_path: Path) -> None:
    in_database(db_url, queued)
    file = tmp_path / "list.csv"
    file.write_text("ann@example.org\n\nBo <bo@example.org>,moved,2026-11-01\nBO@example.org\n", "utf-8")
    assert run("suppressions", "import", str(file)) == (
        "Suppressed: 2 addresses. Known already, and left as they were: 1.\n"
        "1 mail that was queued is cancelled.\n"
    )
    ann, bo = json.loads(run("suppressions", "list", "--json"))
    assert (ann["by"], ann["subscription"]) == ("import", None)
    assert (bo["reason"], datetime.fromisoformat(bo["at"])) == ("moved", datetime(2026, 11, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nobody", "a mail address is expected"),
        ("bo@example.org,,gestern", 'date "gestern" is not one like'),
        ("bo@example.org,,0001-01-01T00:00:00+14:00", 'date "0001-01-01T00:00:00+14:00" is not one like'),
        ("bo@example.org,,2999-01-01", 'date "2999-01-01" is still to come'),
        ("bo@example.org,,,nobody", 'by "nobody" is none of: server, bounce, operator, import'),
        ("bo@example.org,,,,none", 'there is no subscription named "none"'),
        ("bo@example.org,1,2026-11-01,import,,x", "6 columns, where 5 are expected"),
        ('bo@example.org,"x', "no CSV (unexpected end of data)"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(run: Run, tmp_path: Path, line: str, why: str) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"address,reason,date,by,subscription\nann@example.org\n{line}\n", "utf-8")
    refused = run("suppressions", "import", str(file), code=1)
    assert f"line 3: {why}" in refused
    assert "Nothing was imported" in refused
    assert run("suppressions", "list") == "No address is suppressed.\n"


def test_a_line_that_ends_before_its_address_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("reason,address\nmoved\n", "utf-8")
    assert "line 2: a mail address is expected" in run("suppressions", "import", str(file), code=1)


def test_many_bad_lines_are_counted(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("nobody\n" * 25, "utf-8")
    refused = run("suppressions", "import", str(file), code=1)
    assert refused.count("a mail address is expected") == 20
    assert "… and 5 lines more" in refused


def test_an_unknown_column_and_what_is_no_text_are_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("address,code\nann@example.org,550\n", "utf-8")
    assert 'line 1: there is no column "code"' in run("suppressions", "import", str(file), code=1)
    file.write_bytes(b"\xff\xff\xff")
    assert "is no text in UTF-8" in run("suppressions", "import", str(file), code=1)
    assert "cannot be read" in run("suppressions", "import", str(tmp_path / "none.csv"), code=1)


@pytest.mark.untraced
def test_a_hundred_thousand_lines_are_imported_at_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    lines = (f"reader{number}@example.org,moved,2026-11-01,operator\n" for number in range(100_000))
    file.write_text("address,reason,date,by\n" + "".join(lines), "utf-8")
    assert json.loads(run("suppressions", "import", str(file), "--json"))["new"] == 100_000
    assert run("suppressions", "export").count("\n") == 100_001


# --- bounces ----------------------------------------------------------------------------------------


@pytest.fixture
def bounce(tmp_path: Path) -> Callable[[bytes], str]:
    def write(raw: bytes) -> str:
        file = tmp_path / "bounce.eml"
        file.write_bytes(raw)
        return str(file)

    return write


def test_a_bounce_is_counted_and_once_only(run: Run, db_url: str, bounce: Callable[[bytes], str]) -> None:
    in_database(db_url, lambda tx: queued(tx, is_sent=True))
    file = bounce(report(group("5.2.1", "smtp; 550 5.2.1 disabled")))
    assert run("bounce", file) == (
        "Ann@example.org has refused a digest of 日报; after 3 in a row it gets no more of them. 550 5.2.1 disabled\n"
    )
    assert "known already" in run("bounce", file)
    assert json.loads(run("bounce", file, "--json")) == {
        "outcome": "before",
        "mail": 1,
        "address": "Ann@example.org",
        "subscription": "日报",
        "fault": "refused",
        "status": "5.2.1",
        "reply": "550 5.2.1 disabled",
        "refusals": 0,
    }
    assert "bounced" in run("outbox")


def test_an_address_that_does_not_exist_is_listed_with_the_servers_words(
    run: Run, db_url: str, bounce: Callable[[bytes], str]
) -> None:
    in_database(db_url, lambda tx: queued(tx, is_sent=True))
    assert "does not exist: nothing goes there any more" in run("bounce", bounce(report()))
    (listed,) = json.loads(run("suppressions", "list", "--json"))
    assert (listed["address"], listed["by"], listed["subscription"]) == (ANN, "bounce", None)
    assert "User unknown" in listed["reason"]
    assert "a bounce" in run("suppressions", "list")


def test_what_is_about_no_mail_of_ours_is_said_and_nothing_is_done(
    run: Run, db_url: str, bounce: Callable[[bytes], str]
) -> None:
    in_database(db_url, registered)
    said = run("bounce", bounce(report()), code=1)
    assert "This bounce returns no mail that was sent from here to such an address" in said
    unknown = json.loads(run("bounce", bounce(report()), "--json", code=1))
    assert (unknown["outcome"], unknown["mail"]) == ("unknown", None)
    assert "is no bounce" in run("bounce", bounce(b"Subject: hello\n\nhello\n"), code=1)
    assert "larger than 10 MB" in run("bounce", bounce(b"x" * (MOST_BYTES + 1)), code=1)
    assert "cannot be read" in run("bounce", "/nowhere", code=1)
    assert "returns no mail" in run("bounce", code=1, stdin=report())
    assert run("suppressions", "list") == "No address is suppressed.\n"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (report(group("4.4.1", "")), "it is not final"),
        (report(group(action="relayed")), "nothing failed"),
        (plain(f"{ANN}\n554 DT:SPM 163 smtp1"), "the address is not to blame"),
    ],
)
def test_why_nothing_is_counted_is_said(
    run: Run, db_url: str, bounce: Callable[[bytes], str], raw: bytes, why: str
) -> None:
    in_database(db_url, lambda tx: queued(tx, is_sent=True))
    assert f"nothing is counted, {why}" in run("bounce", bounce(raw))


def test_while_the_database_is_away_a_mail_server_is_asked_to_bring_the_bounce_again(
    tmp_path: Path, bounce: Callable[[bytes], str]
) -> None:
    file = tmp_path / "config.toml"
    (tmp_path / "file").touch()
    file.write_text(CONFIG.format(url=f"sqlite:///{tmp_path}/file/monitor.db"), "utf-8")
    result = run_command("--config", str(file), "bounce", bounce(report()))
    assert result.code == os.EX_TEMPFAIL, result.output
    assert "monitor.db" in result.stderr
