"""Commands that do due work once: poll, digest, deliver, once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from monitor.cli.moments import Times, times_of
from monitor.cli.options import subscriptions_named
from monitor.cli.outbox_list import limit_in_words
from monitor.cli.terminal import (
    answer,
    complain,
    complain_each,
    count,
    progress,
    say,
    say_held_back,
    table,
)
from monitor.config.options import Feed, Subscription
from monitor.config.values import in_words
from monitor.digests.due import next_slot
from monitor.editing.feeds import feed_named
from monitor.errors import DigestError, MonitorError
from monitor.jobs.compose import Composed, HourFull, NothingNew, SlotTaken
from monitor.jobs.deliver import Attempted
from monitor.jobs.poll import Polled, PollFailed, Unchanged
from monitor.loaded import LoadedConfig, load_complete
from monitor.mail.policy import tried_at
from monitor.masking import mask
from monitor.model.mail import Delivery, DeliveryStatus, LimitReached, RelayState
from monitor.queries.answers.status import MailLimit, OutboxMail
from monitor.queries.answers.work import (
    AttemptAnswer,
    ComposedAnswer,
    ComposeFailedAnswer,
    DigestAnswer,
    NoDigestAnswer,
    NotDueAnswer,
    PollAnswer,
    PolledAnswer,
    PollFailedAnswer,
    RoundAnswer,
    UnchangedAnswer,
)
from monitor.service.clock import clock
from monitor.service.due_work import ComposeFailed, DueWork, NotDue, Outcome, Work
from monitor.service.runtime import open_runtime
from monitor.store import entries
from monitor.texts import joined, listed, sentence

NOT_FORGOTTEN = timedelta(days=30)  # entries held back that are older are nobody's news
_NAMED = 20  # unsent mails that a command names
_STATUSES = {
    DeliveryStatus.WAITING: sentence("waiting"),
    DeliveryStatus.SENDING: sentence("sending"),
    DeliveryStatus.UNCERTAIN: sentence("uncertain"),
    DeliveryStatus.SENT: sentence("sent"),
    DeliveryStatus.FAILED: sentence("failed"),
    DeliveryStatus.EXPIRED: sentence("expired"),
    DeliveryStatus.HELD: sentence("held"),
    DeliveryStatus.CANCELLED: sentence("cancelled"),
}


@dataclass(slots=True)
class _Answers:
    """The answers to the outcomes reported so far, in the order in which they came."""

    polls: list[PollAnswer] = field(default_factory=list)
    digests: list[DigestAnswer] = field(default_factory=list)
    attempts: list[AttemptAnswer] = field(default_factory=list)
    unsent: Sequence[Delivery] = ()  # mails that wait or are held, at the end
    spared: RelayState | None = None  # the mail server, while it takes no mail and is not tried
    reached: LimitReached | None = None  # the limit that keeps mails from it
    held_back: int = 0  # entries too old to be mailed, at the end; counted where a digest has nothing new
    step: Callable[[], object] = lambda: None  # called for each poll and attempt

    async def look_at_outbox(self, due_work: DueWork) -> None:
        """Note what is left to be sent, and why."""
        self.unsent, self.spared = await due_work.unsent(), await due_work.spared()
        self.reached = await due_work.limit_reached()

    def add(self, outcome: Outcome) -> None:
        match outcome:
            case Polled() | Unchanged() | PollFailed():
                self.polls.append(_poll_answer(outcome))
                self.step()
            case Composed() | NothingNew() | SlotTaken() | HourFull() | NotDue() | ComposeFailed():
                self.digests.append(_digest_answer(outcome))
                if isinstance(outcome, Composed) and outcome.template_error:
                    complain(outcome.template_error)
            case Attempted():
                self.attempts += _attempt_answers(outcome)
                self.step()
            case _:
                pass

    def in_order_of(self, loaded: LoadedConfig) -> "_Answers":
        """Return them with the polls in the order of the file, whichever feed answered first."""
        places = {feed.name: place for place, feed in enumerate(loaded.config.feeds)}
        polls = sorted(self.polls, key=lambda poll: places[poll.feed])
        digests = [
            replace(digest, held_back=self.held_back) if isinstance(digest, NoDigestAnswer) else digest
            for digest in self.digests
        ]
        return replace(self, polls=polls, digests=digests)

    @property
    def nothing_new(self) -> bool:
        """Whether a digest was asked for that has nothing new."""
        return any(
            isinstance(digest, NoDigestAnswer) and digest.outcome == "nothing new" for digest in self.digests
        )


class _Tasks:
    """Start work in tasks and keep the first error, to be raised at the end. A failed template is an outcome."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def start(self, name: str, work: Work) -> asyncio.Task[None]:
        return asyncio.create_task(self._keep_error(work), name=name)

    async def _keep_error(self, work: Work) -> None:
        try:
            await work()
        except DigestError:
            pass
        except Exception as error:
            self.error = self.error or error


def poll(path: Path, *, names: Sequence[str], every: bool, json: bool) -> int:
    """Visit the feeds that are due, those of `names`, or all with `every`; return 1 when one failed.

    Raises MonitorError for a feed that is not in the file, or paused.
    """
    loaded = load_complete(path)
    times = times_of(loaded.config, clock())
    only = [_polled_feed(name, loaded) for name in names]
    every = every or bool(only)

    async def work(due_work: DueWork, answers: _Answers) -> None:
        claimed = await due_work.claim_feeds(due_only=not every, by_hand=True, only=only)
        if every:
            for feed, until in await due_work.feeds_at_rest():
                if only and feed not in only:
                    continue
                complain(
                    sentence(
                        "{feed}: not asked: its server wants to be left alone until {time}.",
                        feed=feed.name,
                        time=times.at(until),
                    )
                )
        with progress(sentence("polling"), len(claimed)) as answers.step:
            await due_work.poll_claimed(claimed, apart=not every)

    answers = _run(loaded, work)
    if json:
        answer(answers.polls)
    else:
        _show_polls(answers.polls, loaded, times)
        times.say_zone()
    return _exit_code(answers)


def _polled_feed(name: str, loaded: LoadedConfig) -> Feed:
    feed = feed_named(name, loaded.config.feeds)
    if not feed.enabled:
        raise MonitorError(sentence('"{name}" is paused: monitor feeds resume "{name}"', name=feed.name))
    return feed


def digest(path: Path, *, only: str | None, now: bool, json: bool) -> int:
    """Compose the digests that are due, or with `now` all that have something to tell; return 1 when one failed."""
    loaded = load_complete(path)

    async def work(due_work: DueWork, _: _Answers) -> None:
        await due_work.compose_for(subscriptions_named(loaded.config, only, path.name), now=now)

    answers = _run(loaded, work)
    if json:
        answer(answers.digests)
    else:
        times = times_of(loaded.config, clock())
        _show_digests(answers.digests, times)
        if answers.held_back:
            say_held_back(answers.held_back, in_words(NOT_FORGOTTEN), loaded.config.feeds)
        times.say_zone()
    return _exit_code(answers)


def deliver(path: Path, *, now: bool, json: bool) -> int:
    """Hand over the mails that are due; return 1 when one was not sent. `now` spares no mail server that failed."""

    async def work(due_work: DueWork, answers: _Answers) -> None:
        with progress(sentence("delivering"), await due_work.count_unsent()) as answers.step:
            await due_work.deliver_all(now=now)
        await answers.look_at_outbox(due_work)

    loaded = load_complete(path)
    answers = _run(loaded, work)
    if json:
        answer(answers.attempts)
    else:
        times = times_of(loaded.config, clock())
        _show_attempts(answers, times)
        times.say_zone()
    return _exit_code(answers)


def once(path: Path, *, now: bool, json: bool) -> int:
    """Do one round of all due work; with `now` every digest is composed. Return 1 when something failed."""

    async def work(due_work: DueWork, answers: _Answers) -> None:
        await due_work.round(now=now)
        await answers.look_at_outbox(due_work)

    loaded = load_complete(path)
    answers = _run(loaded, work)
    if json:
        answer(
            RoundAnswer(
                polled=tuple(answers.polls),
                composed=tuple(answers.digests),
                delivered=tuple(answers.attempts),
                unsent=tuple(
                    OutboxMail.of(delivery, answers.spared, answers.reached) for delivery in answers.unsent
                ),
            )
        )
    else:
        times = times_of(loaded.config, clock())
        told = _show_polls(answers.polls, loaded, times)
        _show_digests(answers.digests, times)
        if answers.held_back and not told:
            say_held_back(answers.held_back, in_words(NOT_FORGOTTEN), loaded.config.feeds)
        _show_attempts(answers, times)
        times.say_zone()
    return _exit_code(answers)


def _run(loaded: LoadedConfig, work: Callable[[DueWork, _Answers], Awaitable[None]]) -> _Answers:
    """Do some due work with the database and runtime of a configuration, and return the answers to its outcomes."""
    answers, tasks = _Answers(), _Tasks()

    async def run() -> None:
        async with open_runtime(loaded, registered=complain_each) as (runtime, db, clocks):
            due_work = DueWork(
                loaded,
                runtime,
                db,
                start=tasks.start,
                report=answers.add,
                clock=clocks.settled,
                wall_clock=clocks.wall,
            )
            await work(due_work, answers)
            if answers.nothing_new:
                since = clocks.settled() - NOT_FORGOTTEN
                answers.held_back = await db.read(entries.count_held_back, published_since=since)

    asyncio.run(run())
    if tasks.error:
        raise tasks.error
    return answers.in_order_of(loaded)


def _exit_code(answers: _Answers) -> int:
    failed = any(isinstance(poll, PollFailedAnswer) for poll in answers.polls)
    failed |= any(isinstance(digest, ComposeFailedAnswer) for digest in answers.digests)
    failed |= bool(answers.unsent) and answers.spared is not None
    return int(failed or any(attempt.status is not DeliveryStatus.SENT for attempt in answers.attempts))


# --- polls --------------------------------------------------------------------------------------


def _poll_answer(outcome: Polled | Unchanged | PollFailed) -> PollAnswer:
    name, url, next_poll_at = outcome.feed.name, mask(outcome.feed.url), outcome.next_poll_at
    match outcome:
        case Polled():
            return PolledAnswer(
                feed=name,
                url=url,
                entries=outcome.entries,
                new=outcome.new,
                matched=outcome.matched,
                retitled=outcome.retitled,
                held_back=outcome.held_back,
                next_poll_at=next_poll_at,
            )
        case PollFailed():
            return PollFailedAnswer(
                feed=name,
                url=url,
                error=outcome.error.text,
                failures=outcome.failures,
                next_poll_at=None if outcome.stopped else next_poll_at,
            )
        case Unchanged():
            return UnchangedAnswer(feed=name, url=url, next_poll_at=next_poll_at)


def _show_polls(polls: Sequence[PollAnswer], loaded: LoadedConfig, times: Times) -> bool:
    """Show a row for each feed with new entries and a line for each failure; count the others.

    Return whether entries were too old to be mailed, and it was said what can be done.
    """
    if not polls:
        say(sentence('No feed is due. "monitor poll --all" asks all of them.'))
        return False
    polled = [poll for poll in polls if isinstance(poll, PolledAnswer)]
    failed = [poll for poll in polls if isinstance(poll, PollFailedAnswer)]
    if rows := [poll for poll in polled if poll.new or poll.held_back or len(polls) == 1]:
        columns = (sentence("entries"), sentence("new"), sentence("matched"), sentence("held back"))
        table(
            *(sentence("feed"), *columns),
            rows=[(poll.feed, poll.entries, poll.new, poll.matched, poll.held_back) for poll in rows],
            right=columns,
        )
    for poll in failed:
        values = {"feed": poll.feed, "error": poll.error, "time": times.at(poll.next_poll_at)}
        if poll.next_poll_at:
            complain(sentence("{feed}: {error}. Next try: {time}.", **values))
        else:
            complain(sentence("{feed}: {error}. It is not tried again.", **values))
    if kept := sum(poll.held_back for poll in polled):
        held_back_by = {poll.feed for poll in polled if poll.held_back}
        feeds = [feed for feed in loaded.config.feeds if feed.name in held_back_by]
        say_held_back(kept, in_words(NOT_FORGOTTEN), feeds)
    unchanged = len(polls) - len(polled) - len(failed)
    say(
        sentence(
            "{feeds}: {read} read, {unchanged} unchanged, {failed} failed.",
            feeds=count(len(polls), "feed"),
            read=len(polled),
            unchanged=unchanged,
            failed=len(failed),
        )
    )
    return bool(kept)


# --- digests ------------------------------------------------------------------------------------


def _digest_answer(
    outcome: Composed | NothingNew | SlotTaken | HourFull | NotDue | ComposeFailed,
) -> DigestAnswer:
    subscription: Subscription = outcome.subscription
    match outcome:
        case Composed():
            return ComposedAnswer(
                subscription=subscription.name,
                slot=outcome.slot.name,
                entries=outcome.entries,
                left=outcome.left,
                subject=outcome.subject,
                to=tuple(dict.fromkeys(mail.to for mail in outcome.mails)),
            )
        case NothingNew():
            return NoDigestAnswer(subscription=subscription.name, outcome="nothing new", held_back=0)
        case SlotTaken():
            return NoDigestAnswer(
                subscription=subscription.name, outcome="taken by another worker", held_back=0
            )
        case HourFull():
            return NotDueAnswer(subscription=subscription.name, next=outcome.until)
        case NotDue():
            return NotDueAnswer(subscription=subscription.name, next=next_slot(subscription, clock()))
        case ComposeFailed():
            return ComposeFailedAnswer(subscription=subscription.name, error=outcome.error.text)


def _show_digests(digests: Sequence[DigestAnswer], times: Times) -> None:
    for digest in digests:
        match digest:
            case ComposedAnswer():
                say(_composed(digest))
            case ComposeFailedAnswer():
                complain(joined("", (digest.subscription, ": ", digest.error)))
            case NotDueAnswer(next=None):
                say(
                    sentence(
                        "{subscription}: not due yet. --now does not wait.", subscription=digest.subscription
                    )
                )
            case NotDueAnswer():
                values = {"subscription": digest.subscription, "time": times.at(digest.next)}
                say(sentence("{subscription}: not due before {time}. --now does not wait.", **values))
            case NoDigestAnswer(outcome="nothing new"):
                say(sentence("{subscription}: nothing new, no mail.", subscription=digest.subscription))
            case NoDigestAnswer():
                say(
                    sentence(
                        "{subscription}: taken by another worker, no mail.", subscription=digest.subscription
                    )
                )


def _composed(digest: ComposedAnswer) -> str:
    values = {
        "subscription": digest.subscription,
        "entries": count(digest.entries, "entry"),
        "to": listed(digest.to),
        "left": digest.left,
        "subject": digest.subject,
    }
    if digest.left:
        return sentence(
            "{subscription}: {entries} for {to}, {left} left to the next digest: {subject}", **values
        )
    return sentence("{subscription}: {entries} for {to}: {subject}", **values)


# --- mails --------------------------------------------------------------------------------------


def _attempt_answers(outcome: Attempted) -> list[AttemptAnswer]:
    """Return the answer to an attempt, and one for each other mail that was given up with it."""
    attempt = AttemptAnswer(
        mail=outcome.delivery.id,
        to=outcome.delivery.mail.to,
        status=outcome.status,
        reply=outcome.reply,
        next_attempt_at=outcome.next_attempt_at,
    )
    others = [given_up for given_up in outcome.given_up if given_up.delivery.id != outcome.delivery.id]
    return [
        attempt,
        *(
            AttemptAnswer(
                mail=given_up.delivery.id,
                to=given_up.delivery.mail.to,
                status=DeliveryStatus.EXPIRED,
                reply=given_up.reply,
                next_attempt_at=None,
            )
            for given_up in others
        ),
    ]


def _show_attempts(answers: _Answers, times: Times) -> None:
    attempts = answers.attempts
    if not attempts and not answers.unsent:
        say(sentence("Nothing waits to be sent."))
    for attempt in attempts:
        values = {
            "number": attempt.mail,
            "to": attempt.to,
            "status": _STATUSES[attempt.status],
            "reply": attempt.reply,
            "time": times.at(attempt.next_attempt_at),
        }
        if attempt.status is DeliveryStatus.SENT:
            say(sentence("mail {number} to {to}: sent ({reply})", **values))
        elif attempt.next_attempt_at:
            complain(sentence("mail {number} to {to}: {status}: {reply}. Next try: {time}.", **values))
        else:
            complain(sentence("mail {number} to {to}: {status}: {reply}.", **values))
    attempted = {attempt.mail for attempt in attempts}
    others = [delivery for delivery in answers.unsent if delivery.id not in attempted]
    for delivery in others[:_NAMED]:
        complain(_unsent(delivery, answers, times))
    if len(others) > _NAMED:
        complain(sentence('and {number} more: "monitor outbox" lists them.', number=len(others) - _NAMED))
    limit = MailLimit.of(answers.reached)
    if limit and any(delivery.status is DeliveryStatus.WAITING for delivery in answers.unsent):
        say(limit_in_words(limit, times.at(limit.until)))


def _unsent(delivery: Delivery, answers: _Answers, times: Times) -> str:
    values = {
        "number": delivery.id,
        "to": delivery.mail.to,
        "status": _STATUSES[delivery.status],
        "time": times.at(tried_at(delivery, answers.spared, answers.reached)),
    }
    if delivery.next_attempt_at:
        line = sentence("mail {number} to {to}: {status}, next try: {time}", **values)
    else:
        line = sentence("mail {number} to {to}: {status}", **values)
    return sentence("{line}: {reply}", line=line, reply=delivery.last_reply) if delivery.last_reply else line
