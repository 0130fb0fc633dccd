"""Declare the answers about what stops mails: send-test, doctor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from monitor.mail.stages import Stage, StageReport
from monitor.queries.answers.config import MaildirTransport, SmtpTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class StageAnswer:
    """One stage on the way to the mail server."""

    stage: Stage  # which
    ok: bool  # false: it failed, and nothing was tried behind it
    seconds: float  # how long it took
    said: str  # what there is to tell, such as the server's reply

    @classmethod
    def of(cls, report: StageReport) -> StageAnswer:
        """Return a stage that was walked."""
        return cls(
            stage=report.stage,
            ok=report.failure is None,
            seconds=round(report.seconds, 3),
            said=report.failure.reply if report.failure else report.said,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTestAnswer:
    """How a test mail went."""

    ok: bool  # true: the server took it, or it stands in the Maildir
    outcome: Literal["taken", "refused", "uncertain", "stored"]  # uncertain: the reply to it was lost
    sender: str  # its sender
    to: str  # its recipient
    mail: MaildirTransport | SmtpTransport  # how it left
    provider: str  # whose mail server it is, "" where that is not known
    stages: tuple[StageAnswer, ...] = ()  # in their order, up to one that failed
    cause: str = ""  # why it failed, "" where it did not
    cure: str = ""  # what to do about it


class Health(Enum):
    """How a part of an installation is."""

    GOOD = "good"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorFinding:
    """What the doctor found about one part."""

    state: Health  # good, warning or failed
    part: str  # which: configuration, permissions, database, disk, clock, templates, mail, or a feed's name
    what: str  # what there is to tell
    next: str = ""  # what to do; "" where there is nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorAnswer:
    """What the doctor found."""

    ok: bool  # false: something failed
    findings: tuple[DoctorFinding, ...]  # configuration first, mail last
