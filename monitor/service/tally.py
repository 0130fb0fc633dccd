"""Count the outcomes of due work since the service started, for its figures."""

from collections import Counter
from dataclasses import dataclass, field

from monitor.jobs.compose import Composed
from monitor.jobs.deliver import Attempted
from monitor.jobs.poll import Polled, PollFailed, Unchanged
from monitor.service.due_work import Outcome


@dataclass(slots=True, kw_only=True)
class Tally:
    """How often what happened; the counts only grow."""

    polls: Counter[str] = field(default_factory=Counter)  # by outcome: polled, unchanged, failed
    mails: Counter[str] = field(default_factory=Counter)  # attempts, by the status that they led to
    reloads: Counter[str] = field(default_factory=Counter)  # of config.toml, by outcome: changed, refused
    entries: int = 0  # new ones
    matches: int = 0  # new entries that a rule wants
    digests: int = 0

    def count(self, outcome: Outcome) -> None:
        """Count an outcome of due work; those that no figure tells of are left out."""
        match outcome:
            case PollFailed():
                self.polls["failed"] += 1
            case Unchanged():
                self.polls["unchanged"] += 1
            case Polled():
                self.polls["polled"] += 1
                self.entries += outcome.new
                self.matches += outcome.matched
            case Composed():
                self.digests += 1
            case Attempted():
                self.mails[outcome.status.value] += 1
            case _:
                pass
