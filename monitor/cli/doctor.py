"""The command that examines an installation, from config.toml to the mail server: doctor."""

import asyncio
from pathlib import Path

from monitor.cli.terminal import answer, progress, say
from monitor.digests.wrap import columns, wrap
from monitor.mail.stages import INTERNET, PATIENT, Network, StageDeadlines
from monitor.queries.answers.health import DoctorAnswer, DoctorFinding, Health
from monitor.queries.doctor import examine, feeds_of
from monitor.service.clock import clock
from monitor.texts import listed, sentence, shown

_WIDTH = 79  # columns of a line
_STATES = {
    Health.GOOD: (sentence("good"), "green"),
    Health.WARNING: (sentence("warning"), "yellow"),
    Health.FAILED: (sentence("failed"), "red"),
}
_STATE_WIDTH = 9  # columns


def doctor(
    path: Path, *, json: bool, network: Network = INTERNET, deadlines: StageDeadlines = PATIENT
) -> int:
    """Examine an installation and print what is found, with what to do; return 1 when something failed."""
    findings = asyncio.run(_examine(path, network, deadlines, quiet=json))
    failed = [finding for finding in findings if finding.state is Health.FAILED]
    if json:
        answer(DoctorAnswer(ok=not failed, findings=tuple(findings)))
        return int(bool(failed))
    say("")
    if failed:
        parts = listed(dict.fromkeys(finding.part for finding in failed))
        say(wrap(shown(sentence("Needs to be put right: {parts}.", parts=parts)), _WIDTH), "red")
    elif any(finding.state is Health.WARNING for finding in findings):
        say(sentence("Nothing failed; look at the warnings."))
    else:
        say(sentence("All is well."), "green")
    return int(bool(failed))


async def _examine(
    path: Path, network: Network, deadlines: StageDeadlines, *, quiet: bool
) -> list[DoctorFinding]:
    findings = []
    with progress(shown(sentence("asking the feeds")), feeds_of(path)) as asked:
        async for finding in examine(path, now=clock(), asked=asked, network=network, deadlines=deadlines):
            findings.append(finding)
            if not quiet:
                _show(finding)
    return findings


def _show(finding: DoctorFinding) -> None:
    state, style = _STATES[finding.state]
    label = shown(state)
    what = shown(sentence("{part}: {what}", part=finding.part, what=finding.what))
    then = shown(sentence("What to do: {cure}", cure=finding.next)) if finding.next else ""
    lines = [line for text in (what, then) if text for line in wrap(text, _WIDTH - _STATE_WIDTH).split("\n")]
    first, *rest = lines
    say(f"{label}{' ' * (_STATE_WIDTH - columns(label))}{first}", style)
    for line in rest:
        say(f"{' ' * _STATE_WIDTH}{line}")
