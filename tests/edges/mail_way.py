"""Walk the way to a mail server on loopback that bears a provider's name, and tell what was diagnosed."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme

from monitor.config.conversion import convert_table
from monitor.config.options import SmtpOptions
from monitor.mail.diagnosis import Account, PasswordShape, diagnose
from monitor.mail.stages import Fault, Network, Stage, StageDeadlines, StageReport, walk
from monitor.mail.trial import trial_mail
from monitor.texts import in_language
from tests.edges.scripted import SOON, Scripted

NOW = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
CODE = "abcdefghijklmnop"  # a password in the shape of QQ's authorisation code
PUBLIC = "203.0.113.7"  # RFC 5737: leads nowhere
SHORT = StageDeadlines(connect=SOON, reply=SOON, dot=SOON)
LONG = StageDeadlines(connect=20, reply=20, dot=20)


@dataclass(frozen=True, slots=True)
class Walked:
    """How far a test mail came, and why no further."""

    reports: tuple[StageReport, ...]
    cause: str
    cure: str
    cause_zh: str
    cure_zh: str

    @property
    def stages(self) -> list[Stage]:
        """The stages that were walked, a failed one included."""
        return [report.stage for report in self.reports]

    @property
    def failed(self) -> tuple[Stage, Fault] | None:
        """The stage that failed, and how."""
        failure = self.reports[-1].failure
        return (failure.stage, failure.fault) if failure else None


def leading_to(port: int, addresses: Sequence[str] = (PUBLIC,)) -> Network:
    """Return a network in which every name has these addresses, and each address leads to a port on loopback."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    async def dial(_address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)

    return Network(resolve=resolve, dial=dial)


def smtp_options(**differ: object) -> SmtpOptions:
    """Return [smtp] for an account at QQ, with other values where they are given."""
    values: dict[str, Any] = {
        "host": "smtp.qq.com",
        "port": 465,
        "security": "implicit",
        "username": "me@qq.com",
        "sender": "AI 日报 <me@qq.com>",
        **differ,
    }
    table, mistakes = convert_table(SmtpOptions, values)
    assert table, mistakes
    return table


async def walk_to(
    server: Scripted | Network,
    *,
    password: str = CODE,
    to: str = "reader@example.org",
    now: datetime = NOW,
    last: Stage = Stage.DOT,
    deadlines: StageDeadlines = LONG,
    **smtp: Any,
) -> Walked:
    """Send a test mail by a server, which bears the name in `smtp`, and return how that went."""
    options = smtp_options(**smtp)
    network = leading_to(server.port) if isinstance(server, Scripted) else server
    mail = trial_mail(
        sender=options.sender, to=to, server=options.server, now=now, unique="1", locale="en", zone="UTC"
    )
    reports = []
    async with aclosing(
        walk(options, password, mail, last=last, network=network, deadlines=deadlines)
    ) as way:
        async for report in way:
            assert password not in f"{report}"
            reports.append(report)
    if not (failure := reports[-1].failure):
        return Walked(tuple(reports), "", "", "", "")
    place = "/etc/monitor/smtp_password"
    account = Account(smtp=options, to=to, shape=PasswordShape.of(password), place=place)
    diagnosis = diagnose(failure, account, now)
    cause, cure = diagnosis.cause, diagnosis.cure
    chinese = [in_language(text, "zh-Hans") for text in (cause, cure)]
    assert password not in "".join((cause, cure, *chinese))
    return Walked(tuple(reports), str(cause), str(cure), *chinese)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority for the certificates of servers on loopback, which bear any name."""

    authority: trustme.CA
    file: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Authority":
        """Make one and write its certificate into a folder."""
        authority, file = trustme.CA(), folder / "authority.pem"
        authority.cert_pem.write_to_path(file)
        return cls(authority, file)

    def server(
        self, *names: str, not_before: datetime | None = None, not_after: datetime | None = None
    ) -> ssl.SSLContext:
        """Return the side of a server with a certificate for these names."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made = self.authority.issue_cert(*names, not_before=not_before, not_after=not_after)
        made.configure_cert(context)
        return context
