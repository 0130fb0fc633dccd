"""`monitor recipients`, and what check and status say of who has left; on both databases."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.store.database import open_database
from tests.command import run_command
from tests.store.test_compaction import SQLITE

CONFIG = """
[store]
url = "{url}"
[[feeds]]
name = "示例"
url = "https://feed.example.org/rss"
[[rules]]
name = "人工智能"
any = ["AI"]
[[subscriptions]]
name = "AI 日报"
to = ["Ann Lee <ann@example.org>", "bob@example.org"]
at = ["08:00"]
[[subscriptions]]
name = "周报"
to = ["ann@example.org"]
at = ["09:00"]
"""


@pytest.fixture
def config(db_url: str, tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(url=db_url), "utf-8")

    async def make() -> None:
        await open_database(db_url).close()

    asyncio.run(make())
    return file


def run(config: Path, *arguments: str, code: int = 0) -> str:
    result = run_command("--config", str(config), *arguments)
    assert result.code == code, result.output
    return result.output


def listed(config: Path, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    rows = json.loads(run(config, "recipients", "list", "--json", *arguments))
    return {(row["subscription"], row["address"]): row for row in rows}


def test_who_receives_what_is_listed_with_what_they_chose(config: Path) -> None:
    run(config, "recipients", "unsubscribe", "ANN@example.org", "--subscription", "AI 日报")
    run(config, "recipients", "pause", "bob@example.org", "--days", "3")
    rows = listed(config)
    assert [row["state"] for row in rows.values()] == ["unsubscribed", "paused", "subscribed"]
    assert rows["AI 日报", "ann@example.org"]["changed_by"] == "operator"
    output = run(config, "recipients", "list")
    assert "paused until" in output
    assert "by the operator" in output
    assert list(listed(config, "--subscription", "周报")) == [("周报", "ann@example.org")]


def test_without_a_subscription_all_of_the_recipient_are_meant(config: Path) -> None:
    output = run(config, "recipients", "unsubscribe", "ann@example.org")
    assert "ann@example.org is unsubscribed from AI 日报." in output
    assert "ann@example.org is unsubscribed from 周报." in output
    output = run(config, "recipients", "resubscribe", "ann@example.org", "--subscription", "周报")
    assert output.startswith("ann@example.org gets 周报 from the next digest on.")
    assert [row["state"] for row in listed(config).values()] == ["unsubscribed", "subscribed", "subscribed"]


def test_the_end_of_a_pause_brings_nobody_back_who_has_left(config: Path) -> None:
    run(config, "recipients", "unsubscribe", "bob@example.org")
    output = run(config, "recipients", "resume", "bob@example.org")
    assert 'bob@example.org has unsubscribed, so nothing is sent: "monitor recipients resubscribe' in output
    (changed,) = json.loads(run(config, "recipients", "pause", "bob@example.org", "--json"))
    assert changed["recipient"]["state"] == "unsubscribed"
    assert changed["cancelled"] == []


def test_a_choice_outlives_that_the_file_has_the_recipient(config: Path) -> None:
    run(config, "recipients", "unsubscribe", "bob@example.org")
    whole = config.read_text("utf-8")
    config.write_text(whole.replace(', "bob@example.org"', ""), "utf-8")
    assert listed(config)["AI 日报", "bob@example.org"]["state"] == "unsubscribed"
    output = run(config, "recipients", "resubscribe", "bob@example.org")
    assert "bob@example.org is not in the file, so nothing is sent" in output
    assert listed(config)["AI 日报", "bob@example.org"]["state"] == "left"
    run(config, "recipients", "unsubscribe", "bob@example.org")
    config.write_text(whole.replace("bob@", "Bob@"), "utf-8")
    assert listed(config)["AI 日报", "Bob@example.org"]["state"] == "unsubscribed"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["pause", "bob@example.org", "--days", "366"], "a pause is of 1 to 365 days, not of 366."),
        (
            ["pause", "bib@example.org"],
            'bib@example.org receives nothing that could be changed. Did you mean "bob@',
        ),
        (["resume", "bob"], 'a mail address is expected, as in "you@example.org"'),
        (["list", "--subscription", "AI"], 'there is no subscription named "AI". Did you mean "AI 日报"?'),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(config: Path, arguments: list[str], complaint: str) -> None:
    result = run_command("--config", str(config), "recipients", *arguments)
    assert result.code in (1, 2)
    assert complaint in result.output
    assert {row["changed"] for row in listed(config).values()} == {None}


def test_each_new_key_counts_on(config: Path) -> None:
    assert "by key 2 from the next mail on" in run(config, "recipients", "new-key")
    assert json.loads(run(config, "recipients", "new-key", "--json")) == {"version": 3}


@SQLITE
def test_check_names_who_has_left_and_a_link_that_leads_nowhere(config: Path) -> None:
    assert "has unsubscribed" not in run(config, "check")
    run(config, "recipients", "unsubscribe", "bob@example.org")
    config.write_text(
        config.read_text("utf-8") + '[web]\npublic_url = "https://news.example.org/"\n', "utf-8"
    )
    output = run(config, "check")
    assert "bob@example.org has unsubscribed from AI 日报: nothing is sent there." in output
    assert "while enabled = false nothing answers there. Write enabled = true." in output
    assert json.loads(run(config, "check", "--json"))["unsubscribed"] == ["bob@example.org"]
    assert "while enabled = false nothing answers there" in run(config, "recipients", "list")


@SQLITE
def test_check_does_not_mind_a_database_that_cannot_be_read(config: Path, tmp_path: Path) -> None:
    (tmp_path / "monitor.db").write_bytes(b"no database" * 1000)
    assert "is good" in run(config, "check")


def test_status_names_who_has_left_and_who_pauses(config: Path) -> None:
    run(config, "recipients", "unsubscribe", "ann@example.org", "--subscription", "AI 日报")
    run(config, "recipients", "pause", "bob@example.org")
    result = run_command("--config", str(config), "status")
    assert "unsubscribed from AI 日报: ann@example.org" in result.output
    assert "AI 日报 is paused by: bob@example.org" in result.output
    first, second = json.loads(run_command("--config", str(config), "status", "--json").output)[
        "subscriptions"
    ]
    assert (first["unsubscribed"], first["paused"]) == (["ann@example.org"], ["bob@example.org"])
    assert (second["unsubscribed"], second["paused"]) == ([], [])


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("http://news.example.org", '"public_url" begins with http://'),
        ("https://news.example.org/?a=1", "the address of a host"),
        ("https://ann:secret@news.example.org", "the address of a host"),
        ("https://news.example.org/ä", "the address of a host"),
        ("https://" + "n" * 100, "of at most 100 characters"),
        ("news.example.org", "an http or https address is expected"),
    ],
)
def test_a_public_url_that_readers_could_not_trust_is_refused(
    config: Path, written: str, complaint: str
) -> None:
    config.write_text(
        config.read_text("utf-8") + f'[web]\nenabled = true\npublic_url = "{written}"\n', "utf-8"
    )
    output = run(config, "check", code=2)
    assert complaint in output
    assert "secret" not in output


@pytest.mark.parametrize(
    "written", ["", "https://news.example.org/letters/", "http://127.0.0.1:8080", "http://[::1]"]
)
def test_a_public_url_of_https_or_this_machine_is_good(config: Path, written: str) -> None:
    config.write_text(
        config.read_text("utf-8") + f'[web]\nenabled = true\npublic_url = "{written}"\n', "utf-8"
    )
    run(config, "check")
