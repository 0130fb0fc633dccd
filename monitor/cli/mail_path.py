"""The command that sends a test mail, and shows each stage of its way: send-test."""

import asyncio
import secrets
from contextlib import aclosing
from pathlib import Path

from monitor.cli.moments import zone_of
from monitor.cli.terminal import answer, complain, say
from monitor.config.checked import CheckedConfig, check_options
from monitor.config.reading import read_file
from monitor.digests.wrap import columns, wrap
from monitor.errors import SendError
from monitor.mail.diagnosis import Diagnosis, diagnose
from monitor.mail.maildir import maildir_sender
from monitor.mail.stages import (
    INTERNET,
    PATIENT,
    Fault,
    Network,
    Stage,
    StageDeadlines,
    StageReport,
    stage_name,
    walk,
)
from monitor.mail.trial import trial_mail
from monitor.model.mail import Mail
from monitor.queries.answers.config import transport_of
from monitor.queries.answers.health import SendTestAnswer, StageAnswer
from monitor.queries.mail_path import MailPath, mail_path_of
from monitor.service.clock import clock
from monitor.texts import SHOWN_IN, sentence, shown

_NAME_WIDTH = 10  # columns of a stage's name
_WIDTH = 79  # columns of a line


def send_test(
    path: Path,
    *,
    to: str | None,
    json: bool,
    network: Network = INTERNET,
    deadlines: StageDeadlines = PATIENT,
) -> int:
    """Send a test mail, past the outbox, and print each stage of its way; return 0 when it was taken, else 1.

    Raises ConfigError.
    """
    checked = check_options(path, read_file(path))
    config = checked.config
    way = mail_path_of(config, folder=checked.folder, file=path.name, to=to)
    mail = trial_mail(
        sender=config.smtp.sender,
        to=way.to,
        server=config.smtp.server,
        now=clock(),
        unique=secrets.token_hex(16),
        locale=SHOWN_IN.get(),
        zone=zone_of(config),
    )
    if checked.maildir:
        return _store(checked, checked.maildir, mail, json=json)
    reports = asyncio.run(_send(way, mail, network, deadlines, quiet=json))
    failure = reports[-1].failure
    diagnosis = diagnose(failure, way.account, clock()) if failure else None
    if json:
        answer(_answer(checked, way, mail, reports, diagnosis))
    elif diagnosis:
        show_diagnosis(diagnosis)
    else:
        say("")
        line = sentence(
            "{server} took the test mail for {to}. Look into the inbox, and into the spam folder.",
            server=config.smtp.server,
            to=mail.to,
        )
        say(wrap(shown(line), _WIDTH), "green")
    return int(diagnosis is not None)


async def _send(
    way: MailPath, mail: Mail, network: Network, deadlines: StageDeadlines, *, quiet: bool
) -> list[StageReport]:
    reports = []
    if not quiet:
        _show_start(way, mail)
    async with aclosing(walk(way.smtp, way.password, mail, network=network, deadlines=deadlines)) as walked:
        async for report in walked:
            reports.append(report)
            if not quiet:
                _show_stage(report)
    return reports


def _show_start(way: MailPath, mail: Mail) -> None:
    sender, to, server, provider = mail.sender, mail.to, way.smtp.server, way.account.host
    if provider:
        values = {"sender": sender, "to": to, "provider": provider.name, "server": server}
        line = sentence("A test mail from {sender} to {to}, by {provider} ({server}):", **values)
    else:
        line = sentence(
            "A test mail from {sender} to {to}, by {server}:", sender=sender, to=to, server=server
        )
    say(wrap(shown(line), _WIDTH))


def _show_stage(report: StageReport) -> None:
    name = shown(stage_name(report.stage))
    name += " " * (_NAME_WIDTH - columns(name))
    said = report.said
    if report.failure:
        said = sentence("failed: {reply}", reply=report.failure.reply) if report.said else sentence("failed")
    lines = wrap(shown(said), _WIDTH - _NAME_WIDTH - 10).split("\n")
    indent = "\n" + " " * (_NAME_WIDTH + 10)
    say(f"{name}{report.seconds:6.2f} s  {indent.join(lines)}", "red" if report.failure else "")


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """Print why a mail cannot be sent, and what to do, in lines of 79 columns."""
    say("")
    complain(wrap(shown(diagnosis.cause), _WIDTH))
    complain(wrap(shown(sentence("What to do: {cure}", cure=diagnosis.cure)), _WIDTH))


def _answer(
    checked: CheckedConfig,
    way: MailPath,
    mail: Mail,
    reports: list[StageReport],
    diagnosis: Diagnosis | None,
) -> SendTestAnswer:
    failure, provider = reports[-1].failure, way.account.host
    is_lost = failure and failure.stage is Stage.DOT and failure.fault is not Fault.REPLY
    return SendTestAnswer(
        ok=failure is None,
        outcome="uncertain" if is_lost else "refused" if failure else "taken",
        sender=mail.sender,
        to=mail.to,
        mail=transport_of(checked),
        provider=provider.name if provider else "",
        stages=tuple(map(StageAnswer.of, reports)),
        cause=diagnosis.cause if diagnosis else "",
        cure=diagnosis.cure if diagnosis else "",
    )


def _store(checked: CheckedConfig, maildir: Path, mail: Mail, *, json: bool) -> int:
    """Put the test mail where digests go without a mail server; return 1 when that cannot be."""

    async def nothing() -> None:
        return None

    async def deliver() -> None:
        await maildir_sender(maildir)(mail, nothing)

    try:
        asyncio.run(deliver())
    except SendError as error:
        complain(error.text)
        return 1
    if json:
        answer(
            SendTestAnswer(
                ok=True,
                outcome="stored",
                sender=mail.sender,
                to=mail.to,
                mail=transport_of(checked),
                provider="",
            )
        )
    else:
        say(
            sentence(
                "The test mail was put into {maildir}: [smtp] host is empty, so mails stay on this machine.",
                maildir=maildir,
            )
        )
        say(sentence("To have them sent, write your provider's server into [smtp] host."))
    return 0
