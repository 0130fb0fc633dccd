"""Digests through a Postfix, and back through a Dovecot: with TLS and login, greylisted, refused, returned."""

import asyncio
import json
import os
import re
import shlex
import shutil
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.config.options import Config, SmtpOptions
from monitor.errors import SendCause
from monitor.jobs.deliver import Attempted, Transport
from monitor.jobs.draft import DigestContext
from monitor.mail.smtp import smtp_sender
from monitor.model.mail import Delivery, DeliveryStatus, Mail
from monitor.model.recipients import Contact
from monitor.model.suppressions import SuppressedBy
from monitor.store import outbox, suppressions
from monitor.store.database import Database, open_database
from tests import make
from tests.command import run_command
from tests.fakes import FakeClock
from tests.jobs.desk import Desk
from tests.kept import make_file
from tests.peers.mail_server import DOMAIN, GONE, PASSWORD, PIPED, USER, MailServer, running_mail_server
from tests.web.test_readers import ONE_CLICK, PUBLIC, open_site

pytestmark = [
    pytest.mark.outside,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("kind", ["sqlite"], indirect=True),
]
NEWS = {
    make.NOW.date(): ("开源大模型降价三成", "DeepSeek 发布新的大模型"),
    (make.NOW + timedelta(days=1)).date(): ("中学课本收入大模型一章", "医院请大模型读片子"),
}
ANN, BO, CY = (f"{name}@{DOMAIN}" for name in ("ann", "bo", "cy"))


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with running_mail_server() as running:
        yield running


@pytest.fixture
def empty(server: MailServer) -> MailServer:
    server.empty()
    return server


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db=db, clock=FakeClock())


async def compose(desk: Desk, *to: str) -> None:
    """Queue a digest for these recipients."""
    desk.subscription = make.subscription(to=to)
    titles = NEWS[desk.clock().date()]
    desk.web.serves(desk.feeds[0], make.rss(*titles), etag=f'"{titles}"')
    await desk.poll()
    await desk.compose()


async def deliver(desk: Desk, server: MailServer, port: str, password: str = PASSWORD) -> list[Attempted]:
    """Hand over what is due, by one of the server's ports."""
    options = SmtpOptions(
        host="127.0.0.1",
        port=server.ports[port],
        security="implicit" if port == "implicit" else "starttls",
        username=USER,
        sender=USER,
        ca_file=server.ca_file,
    )
    sender = smtp_sender(options, password)
    desk.send = sender
    attempts = []
    try:
        while attempt := await desk.deliver():
            attempts.append(attempt)
    finally:
        await sender.close()
    return attempts


async def sent(desk: Desk) -> dict[str, Mail]:
    """Return the mails that were sent, by their recipients."""
    rows = await desk.db.read(outbox.listing, status=DeliveryStatus.SENT, limit=100)
    return {row.mail.to: row.mail for row in rows}


async def rows(desk: Desk) -> list[Delivery]:
    return await desk.db.read(outbox.listing, status=None, limit=100)


async def assert_arrived(desk: Desk, server: MailServer, *to: str) -> None:
    """Compare what is in these recipients' mailboxes, byte for byte, with what was sent: once each."""
    mails = await sent(desk)
    assert set(mails) == set(to)
    server.idle()
    for address in to:
        (arrived,) = server.mails(address.partition("@")[0], 1)
        # Postfix puts headers of its own before ours: Return-Path, X-Original-To, Delivered-To, Received.
        assert arrived.endswith(mails[address].raw)
        assert mails[address].message_id.encode() in arrived


@pytest.mark.parametrize("port", ["starttls", "implicit", "seven_bit"])
async def test_a_digest_arrives_once_and_byte_for_byte(desk: Desk, empty: MailServer, port: str) -> None:
    await compose(desk, ANN, BO, CY)
    assert {attempt.status for attempt in await deliver(desk, empty, port)} == {DeliveryStatus.SENT}
    await assert_arrived(desk, empty, ANN, BO, CY)


def test_one_of_the_ports_knows_only_seven_bits(server: MailServer, db: Database) -> None:
    extensions = {}
    for port in ("starttls", "seven_bit"):
        with smtplib.SMTP("127.0.0.1", server.ports[port]) as client:
            client.starttls(context=ssl.create_default_context(cafile=server.ca_file))
            client.ehlo()
            extensions[port] = set(client.esmtp_features)
    assert {"8bitmime", "pipelining", "size"} <= extensions["starttls"] - extensions["seven_bit"]
    assert "auth" in extensions["seven_bit"]


async def test_one_recipient_of_three_who_is_refused_stops_nobody_else(desk: Desk, empty: MailServer) -> None:
    await compose(desk, ANN, f"nobody@{DOMAIN}", CY)
    statuses = {each.delivery.mail.to: each.status for each in await deliver(desk, empty, "starttls")}
    assert statuses == {
        ANN: DeliveryStatus.SENT,
        f"nobody@{DOMAIN}": DeliveryStatus.FAILED,
        CY: DeliveryStatus.SENT,
    }
    refused = next(row for row in await rows(desk) if row.status is DeliveryStatus.FAILED)
    assert refused.cause is SendCause.ADDRESS
    assert "550 5.1.1" in refused.last_reply
    await assert_arrived(desk, empty, ANN, CY)


async def test_a_greylisted_digest_arrives_when_it_comes_again(desk: Desk, empty: MailServer) -> None:
    empty.now = desk.clock
    await compose(desk, ANN, BO)
    attempts = await deliver(desk, empty, "greylisting")
    assert {attempt.status for attempt in attempts} == {DeliveryStatus.WAITING}
    assert all("450 4.2.0" in attempt.reply for attempt in attempts)
    assert await sent(desk) == {}
    while len(await sent(desk)) < 2:
        desk.clock.forward(minutes=1)
        await deliver(desk, empty, "greylisting")
    assert max(row.attempts for row in await rows(desk)) <= 4
    await assert_arrived(desk, empty, ANN, BO)


async def test_a_wrong_password_loses_nothing(desk: Desk, empty: MailServer) -> None:
    await compose(desk, ANN)
    (attempt,) = await deliver(desk, empty, "starttls", password="wrong")
    assert attempt.relay
    assert "535 5.7.8" in attempt.reply
    desk.clock.forward(hours=1)
    await deliver(desk, empty, "starttls")
    await assert_arrived(desk, empty, ANN)


class DeskWithPages(Desk):
    """A desk whose digests lead to pages on which their readers choose."""

    @property
    def context(self) -> DigestContext:
        return replace(super().context, contact=Contact(public_url=PUBLIC, answers=USER))


async def test_who_unsubscribes_by_the_link_in_his_mail_gets_no_other_one(
    db: Database, empty: MailServer
) -> None:
    desk = DeskWithPages(db=db, clock=FakeClock())
    await compose(desk, ANN, BO)
    await deliver(desk, empty, "starttls")
    (arrived,) = empty.mails("ann", 1)
    # As it arrived: raw, on one line, with the header that says how (RFC 8058).
    link = re.search(rb"(?m)^List-Unsubscribe: <https://news\.example\.org(/u/[^>\s]+)>", arrived)
    assert link
    assert re.search(rb"(?m)^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$", arrived)
    desk.clock.forward(days=1)
    await compose(desk, ANN, BO)
    config = Config(rules=(make.rule(),), subscriptions=(desk.subscription,))
    async with open_site(db, config=config) as site:
        answer = await site.ask(link[1].decode(), "POST", data=ONE_CLICK)
    assert answer.status == 200
    assert [each.delivery.mail.to for each in await deliver(desk, empty, "starttls")] == [BO]
    assert len(empty.mails("bo", 2)) == 2
    empty.idle()
    assert empty.mails("ann", 1) == [arrived]


async def test_a_digest_that_postfix_returns_later_suppresses_the_address(
    desk: Desk, empty: MailServer, db_url: str, tmp_path: Path
) -> None:
    await compose(desk, ANN, GONE)
    assert {attempt.status for attempt in await deliver(desk, empty, "starttls")} == {DeliveryStatus.SENT}
    (bounce,) = empty.mails("digest", 1)
    assert re.search(rb"(?m)^Action: failed\r?$", bounce)
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\nurl = "{db_url}"\n', "utf-8")
    (tmp_path / "bounce.eml").write_bytes(bounce)

    async def take() -> dict[str, object]:
        words = ("--config", str(config), "bounce", str(tmp_path / "bounce.eml"), "--json")
        result = await asyncio.to_thread(run_command, *words)  # it has an event loop of its own
        assert result.code == 0, result.output
        answer: dict[str, object] = json.loads(result.stdout)
        return answer

    taken = await take()
    assert (taken["outcome"], taken["address"], taken["status"]) == ("suppressed", GONE, "5.1.1")
    assert (await take())["outcome"] == "before"
    # The next digest goes to the others.
    desk.clock.forward(days=1)
    await compose(desk, ANN, GONE)
    assert [each.delivery.mail.to for each in await deliver(desk, empty, "starttls")] == [ANN]
    assert len(empty.mails("ann", 2)) == 2
    empty.idle()
    assert len(empty.mails("digest", 1)) == 1, "nothing more came back"


class DeskWithPipe(Desk):
    """A desk whose mails come back to an address that gives them to `monitor bounce`."""

    @property
    def transport(self) -> Transport:
        return replace(super().transport, sender=PIPED)


@pytest.fixture
def db_of_nobody(kind: str, server: MailServer) -> Iterator[str]:
    """The URL of a database in a directory of the user who runs what Postfix pipes bounces to."""
    assert kind == "sqlite"
    folder = server.folder / "monitor"
    folder.mkdir()
    make_file(folder / "monitor.db")
    for path in (folder, folder / "monitor.db"):
        shutil.chown(path, "nobody")
    yield f"sqlite:///{folder}/monitor.db"
    shutil.rmtree(folder)


def python_of_nobody(packages: str) -> str:
    """Return a Python of this version that everybody may run, with these packages: root's own may be in its home."""
    for python in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        test = subprocess.run(
            ["/bin/sh", "-c", f"exec {shlex.quote(python)} -c 'import monitor, sqlalchemy'"],
            env={"PATH": os.defpath, "PYTHONPATH": packages},
            user="nobody",
            extra_groups=[],
            cwd="/",
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if test.returncode == 0:
            return python
    pytest.skip("no Python that everybody may run has our packages here")


async def test_postfix_gives_what_it_returns_to_the_command_by_itself(
    empty: MailServer, db_of_nobody: str
) -> None:
    config = empty.folder / "monitor" / "config.toml"
    config.write_text(f'[store]\nurl = "{db_of_nobody}"\n', "utf-8")
    packages = os.pathsep.join(
        [str(Path(__file__).parents[2]), *(path for path in sys.path if "-packages" in path)]
    )
    command = [python_of_nobody(packages), "-m", "monitor", "--config", str(config), "bounce"]
    empty.pipe_to(*command, PYTHONPATH=packages, PYTHONDONTWRITEBYTECODE="1")
    db = open_database(db_of_nobody)
    try:
        desk = DeskWithPipe(db=db, clock=FakeClock())
        await compose(desk, GONE)
        for path in (empty.folder / "monitor").glob("monitor.db*"):
            shutil.chown(path, "nobody")
        await deliver(desk, empty, "starttls")
        empty.idle()
        (suppression,) = await db.read(suppressions.listing)
    finally:
        await db.close()
    assert (suppression.address, suppression.by) == (GONE, SuppressedBy.BOUNCE)
    assert "unknown user" in suppression.reason
