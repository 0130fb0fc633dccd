"""Hand a mail from the outbox over, and record how it went: sent, put off, refused, or given up and owed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from monitor.config.options import OutboxOptions
from monitor.errors import MonitorError, SchemaError, SendCause, SendError, SendKind, StoreError
from monitor.jobs import Clock, Jitter
from monitor.jobs.choose import why_declined
from monitor.jobs.give_up import (
    GivenUp,
    give_up,
    rest,
    tell_limit_reached,
    tell_refused_content,
    tell_relay_down,
    tell_relay_up,
)
from monitor.jobs.suppress import SUPPRESSED, accept_address, refuse_address
from monitor.mail import Send, go_on
from monitor.mail.policy import (
    after_limit,
    after_relay_failure,
    after_relay_success,
    last_tries,
    next_attempt,
    next_uncertain_attempt,
    pause_of_last_tries,
)
from monitor.mail.replies import Step
from monitor.mail.rewrite import text_alone, with_sender
from monitor.model.mail import (
    NO_LIMITS,
    AttemptOutcome,
    Delivery,
    DeliveryStatus,
    Limits,
    RelayState,
    Route,
)
from monitor.model.suppressions import SuppressedBy
from monitor.store import attempts, outbox, relays
from monitor.store.database import Connection, Database
from monitor.texts import sentence

_TAKEN = sentence("another worker has taken this mail")
_CANCELLED = sentence("the mail was cancelled meanwhile")
_SOON = timedelta(minutes=1)
_RECORD_AGAIN = 0.5  # seconds between tries to record an outcome while the database is away
_RECORD_WHEN_STOPPED = 2.0  # seconds for it while the service stops


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """What mails go out by under one configuration: a Send for each open route, and the mail server."""

    sends: Mapping[Route, Send]
    server: str = ""  # host:port; "" while [smtp] host is empty
    settings: str = ""  # a hash of [smtp], password and certificates
    sender: str = ""  # [smtp] sender
    content_hash: str = ""  # of config.toml
    limits: Limits = NO_LIMITS  # of the mail server
    close: Callable[[], Awaitable[None]] = go_on  # takes leave of the mail server, where there is one


@dataclass(slots=True)
class InHand:
    """The mails that this process is sending: nobody but the process itself decides what becomes of them."""

    tasks: dict[int, "asyncio.Task[object] | None"] = field(default_factory=dict)  # by the mail's number
    past_dot: set[int] = field(default_factory=set)  # the server may have these

    def tasks_past_dot(self) -> set["asyncio.Task[object]"]:
        """Return the tasks that wait for the reply to a whole mail."""
        return {task for number in self.past_dot if (task := self.tasks.get(number))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt, and the status it left the mail in."""

    delivery: Delivery  # as it was claimed
    status: DeliveryStatus
    reply: str  # the server's last words, or what went wrong
    next_attempt_at: datetime | None = None
    relay: bool = False  # the server takes no mail at all just now
    given_up: tuple[GivenUp, ...] = ()  # this mail, or others that have been tried long enough


class _OvertakenError(MonitorError):
    """Before the dot the claim was lost: the lease ran out and another worker has the mail, or it was cancelled."""


class _DeclinedError(MonitorError):
    """The recipient does not want the mail any more; its words say why."""


async def deliver(
    *,
    transport: Transport,
    db: Database,
    clock: Clock,
    options: OutboxOptions,
    jitter: Jitter,
    in_hand: InHand,
) -> Attempted | None:
    """Claim the mail that has been due the longest, send its bytes, record the outcome; None when none is due.

    The claim, and the mark before the dot, are committed before the server hears of them: whatever kills this, the
    row tells what may have happened (RFC 1047). Cancelled, it records that too. Raises StoreError where the mail
    cannot be claimed; an outcome is recorded however long the database is away.
    """
    token, now = uuid4().hex, clock()
    claimed = await db.write(_claim, transport, now, lease_until=now + options.lease, token=token)
    if claimed is None:
        return None
    delivery, number = claimed
    attempt = _Attempt(delivery, number, token, transport, db=db, clock=clock, options=options, jitter=jitter)
    in_hand.tasks[delivery.id] = asyncio.current_task()
    try:
        with attempt.heartbeat():
            return await attempt.play(in_hand.past_dot)
    finally:
        in_hand.past_dot.discard(delivery.id)
        del in_hand.tasks[delivery.id]


async def recover(
    *, db: Database, now: datetime, options: OutboxOptions, in_hand: InHand
) -> list[tuple[int, DeliveryStatus]]:
    """Release the mails whose worker's lease ran out; return the number and new status of each. Raises StoreError."""
    return await db.write(_recover, now, options, tuple(in_hand.tasks))


def is_anything_due(tx: Connection, transport: Transport, now: datetime) -> bool:
    """Return whether there is a mail to recover, or one to send by a route that is open at `now`."""
    return outbox.anything_due(tx, now, _open_routes(tx, transport, now))


def room_soon(tx: Connection, transport: Transport, now: datetime) -> datetime | None:
    """Return when the next of the mails that are due may go, where only the limit for a minute keeps them at `now`."""
    reached = outbox.limit_reached(tx, transport.server, transport.limits, now)
    if reached is None or reached.until > now + _SOON or not _takes_mails(tx, transport, now):
        return None
    return reached.until if outbox.anything_to_claim(tx, now, [Route.SMTP]) else None


def _claim(
    tx: Connection, transport: Transport, now: datetime, *, lease_until: datetime, token: str
) -> tuple[Delivery, int] | None:
    """Claim a mail; return it with the number of the attempt that begins."""
    routes = _open_routes(tx, transport, now)
    while True:
        delivery = outbox.claim(
            tx, now, lease_until=lease_until, token=token, routes=routes, server=transport.server
        )
        if delivery is None or not (
            why := why_declined(tx, delivery.subscription_key, delivery.mail.to, now)
        ):
            break
        # Queued a moment after he left, or in the server's hands then: it would be refused before RCPT.
        _cancel(tx, delivery, token, why, now)
    if delivery is None:
        return None
    by_smtp = delivery.route is Route.SMTP
    number = attempts.begin(tx, delivery.id, now, server=transport.server if by_smtp else "")
    if not by_smtp or delivery.reached_dot:
        return delivery, number
    # Nobody has this mail yet: it goes out from the address that is right now.
    mail = with_sender(delivery.mail, transport.sender)
    if mail is not delivery.mail:
        outbox.rewrite(tx, delivery.id, mail)
    return replace(delivery, mail=mail), number


def _cancel(tx: Connection, delivery: Delivery, token: str, why: str, now: datetime) -> None:
    status = DeliveryStatus.CANCELLED
    outbox.finish(tx, delivery.id, token, status=status, next_attempt_at=None, reply=why, now=now)


def _open_routes(tx: Connection, transport: Transport, now: datetime) -> Collection[Route]:
    """Return the routes that may be taken now."""
    others: list[Route] = [route for route in transport.sends if route is not Route.SMTP]
    # Asked in the transaction that claims the mail: two workers never share the last place.
    if (
        Route.SMTP in transport.sends
        and _takes_mails(tx, transport, now)
        and outbox.limit_reached(tx, transport.server, transport.limits, now) is None
    ):
        return [*others, Route.SMTP]
    return others


def _takes_mails(tx: Connection, transport: Transport, now: datetime) -> bool:
    """Return whether the mail server may be tried: one that failed, or is new, gets one mail at a time."""
    probe_at = _relay_state(tx, transport, now).next_probe_at
    return probe_at is None or (probe_at <= now and not outbox.anything_sending(tx, transport.server, now))


def _relay_state(tx: Connection, transport: Transport, now: datetime) -> RelayState:
    state = relays.state(tx, transport.server)
    if state is None or state.settings != transport.settings:
        return RelayState(server=transport.server, settings=transport.settings, next_probe_at=now)
    return state


class _Attempt:
    """One try to send one claimed mail."""

    def __init__(
        self,
        delivery: Delivery,
        number: int,
        token: str,
        transport: Transport,
        *,
        db: Database,
        clock: Clock,
        options: OutboxOptions,
        jitter: Jitter,
    ) -> None:
        self._delivery, self._number = delivery, number  # which attempt of the mail this is
        self._token, self._transport = token, transport
        self._db, self._clock, self._options, self._jitter = db, clock, options, jitter

    async def play(self, past_dot: set[int]) -> Attempted:
        """Send the mail and record the outcome. `past_dot` gets its number once the server may have it."""
        delivery = self._delivery

        async def before_rcpt() -> None:
            await self._db.read(self._require_wanted, self._clock())

        async def before_dot() -> None:
            await self._db.write(self._mark_dot, self._clock())
            past_dot.add(delivery.id)

        result: str | SendError
        try:
            result = await self._transport.sends[delivery.route](delivery.mail, before_dot, before_rcpt)
        except _OvertakenError:
            return await self._db.write(self._taken_away, self._clock())
        except _DeclinedError as error:
            return await self._db.write(self._declined, error.text, self._clock())
        except SendError as error:
            result = error
        except asyncio.CancelledError:
            await self._record_when_stopped(is_past_dot=delivery.id in past_dot)
            raise
        return await self._record(result)

    @contextlib.contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Renew the lease while a slow server takes its time, so that nobody else sends the same mail meanwhile."""
        lease, hearts = self._options.lease, list[asyncio.Task[None]]()
        pause = lease.total_seconds() / 3

        async def beat() -> None:
            while True:
                # A beat that is lost costs nothing: the mark before the dot asks again whose mail it is.
                with contextlib.suppress(StoreError):
                    until = self._clock() + lease
                    await self._db.write(outbox.renew, self._delivery.id, self._token, lease_until=until)
                await asyncio.sleep(pause)

        # Most mails are gone before the first beat: a task for each takes as long as half of SMTP.
        loop = asyncio.get_running_loop()
        timer = loop.call_later(pause, lambda: hearts.append(loop.create_task(beat())))
        try:
            yield
        finally:
            timer.cancel()
            for heart in hearts:
                heart.cancel()

    async def _record(self, result: str | SendError) -> Attempted:
        """Record the outcome, however long the database is away: a mail that was sent would be sent twice."""
        while True:
            try:
                return await self._db.write(self._finish, result, self._clock(), self._jitter())
            except SchemaError:  # the database is gone, or not ours any more: the service stops
                raise
            except StoreError:
                await asyncio.sleep(_RECORD_AGAIN)

    async def _record_when_stopped(self, *, is_past_dot: bool) -> None:
        # Where this fails, the lease runs out and the row says the same.
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_RECORD_WHEN_STOPPED):
                await self._db.write(self._interrupted, self._clock(), is_past_dot)

    def _overtaken(self) -> Attempted:
        return Attempted(delivery=self._delivery, status=DeliveryStatus.WAITING, reply=_TAKEN)

    # --- within one transaction -------------------------------------------------------------------

    def _require_wanted(self, tx: Connection, now: datetime) -> None:
        """Raise where the mail must not go out any more."""
        if not outbox.is_claimed(tx, self._delivery.id, self._token):
            raise _OvertakenError
        self._refuse_declined(tx, now)

    def _refuse_declined(self, tx: Connection, now: datetime) -> None:
        delivery = self._delivery
        if why := why_declined(tx, delivery.subscription_key, delivery.mail.to, now):
            raise _DeclinedError(why)

    def _mark_dot(self, tx: Connection, now: datetime) -> None:
        # The mark first: whoever cancels the mail meanwhile waits for this transaction, and then leaves it alone.
        if not outbox.mark_dot(tx, self._delivery.id, self._token):
            raise _OvertakenError
        self._refuse_declined(tx, now)

    def _taken_away(self, tx: Connection, now: datetime) -> Attempted:
        """Record that the attempt ends here; return what became of a mail whose claim was lost."""
        is_cancelled = outbox.status_of(tx, self._delivery.id) is DeliveryStatus.CANCELLED
        self._end(tx, AttemptOutcome.INTERRUPTED, _CANCELLED if is_cancelled else _TAKEN, now)
        if not is_cancelled:
            return self._overtaken()
        reply = outbox.by_number(tx, self._delivery.id).last_reply
        return Attempted(delivery=self._delivery, status=DeliveryStatus.CANCELLED, reply=reply)

    def _declined(self, tx: Connection, why: str, now: datetime) -> Attempted:
        self._end(tx, AttemptOutcome.INTERRUPTED, why, now)
        _cancel(tx, self._delivery, self._token, why, now)
        return Attempted(delivery=self._delivery, status=DeliveryStatus.CANCELLED, reply=why)

    def _finish(self, tx: Connection, result: str | SendError, now: datetime, jitter: float) -> Attempted:
        if isinstance(result, str):
            return self._sent(tx, result, now)
        self._end(
            tx, AttemptOutcome(result.kind.value), result.fact, now, code=result.code, stage=result.stage
        )
        match result.kind:
            case SendKind.LATER:
                attempted = self._put_off(tx, result, now, jitter)
            case SendKind.RELAY:
                return self._relay_failed(tx, result, now)
            case SendKind.REFUSED:
                attempted = self._refused(tx, result, now)
            case _:  # UNCERTAIN
                return self._uncertain(tx, result, now)
        if result.code is not None:  # the server spoke about this mail: it takes mails again
            self._relay_works(tx, now)
        return attempted

    def _sent(self, tx: Connection, reply: str, now: datetime) -> Attempted:
        delivery = self._delivery
        code = int(reply[:3]) if reply[:3].isascii() and reply[:3].isdecimal() else None
        self._end(tx, AttemptOutcome.SENT, reply, now, code=code)
        self._store(tx, DeliveryStatus.SENT, reply, now)
        if delivery.route is Route.SMTP:
            self._relay_works(tx, now)
        accept_address(tx, delivery, now)
        return Attempted(delivery=delivery, status=DeliveryStatus.SENT, reply=reply)

    def _put_off(self, tx: Connection, error: SendError, now: datetime, jitter: float) -> Attempted:
        delivery, options = self._delivery, self._options
        retry_at = next_attempt(delivery.attempts, schedule=options.retry, now=now, jitter=jitter)
        if is_old := delivery.expires_at <= now:
            retry_at = min(retry_at, now + pause_of_last_tries(options.expire))
        if not self._store(tx, DeliveryStatus.WAITING, error.text, now, next_attempt_at=retry_at):
            return self._overtaken()
        given_up = self._expire(tx, now) if is_old else ()
        outbox.failed_when_old(tx, now, pause=retry_at - now, only=delivery.id)
        return self._attempted(DeliveryStatus.WAITING, error, retry_at, given_up)

    def _relay_failed(self, tx: Connection, error: SendError, now: datetime) -> Attempted:
        delivery, options = self._delivery, self._options
        # The mail's attempts are not counted: it has done nothing to deserve it.
        attempts = delivery.attempts - 1
        if not self._store(
            tx,
            DeliveryStatus.WAITING,
            error.text,
            now,
            next_attempt_at=now,
            cause=error.cause,
            attempts=attempts,
        ):
            return self._overtaken()
        state = _relay_state(tx, self._transport, now)
        given_up: tuple[GivenUp, ...] = ()
        # Mails that were under way when the first of them failed say nothing new.
        if state.next_probe_at is None or state.next_probe_at <= now:
            if error.window:
                state = self._limit_reached(tx, state, error, error.window, now)
                attempted = self._attempted(DeliveryStatus.WAITING, error, state.next_probe_at, ())
                return replace(attempted, relay=True)
            longest = pause_of_last_tries(options.expire) if delivery.expires_at <= now else timedelta.max
            state = after_relay_failure(
                state, error.cause, error.fact, first_pause=options.retry[0], now=now, most=longest
            )
            relays.save(tx, state)
            tell_relay_down(tx, state, error, now)
            given_up = self._expire(tx, now)
            assert state.next_probe_at
            outbox.failed_when_old(tx, now, pause=state.next_probe_at - now)
        attempted = self._attempted(DeliveryStatus.WAITING, error, state.next_probe_at, given_up)
        return replace(attempted, relay=True)

    def _limit_reached(
        self, tx: Connection, state: RelayState, error: SendError, window: timedelta, now: datetime
    ) -> RelayState:
        """Leave the server alone until its limit is over. To wait for that is no failure: no mail grows older by it."""
        first = outbox.first_attempt(tx, state.server, since=now - window, until=now)
        state = after_limit(state, error.fact, window=window, first_attempt=first, now=now)
        relays.save(tx, state)
        tell_limit_reached(tx, state, now)
        return state

    def _refused(self, tx: Connection, error: SendError, now: datetime) -> Attempted:
        delivery, cause = self._delivery, error.cause
        text = text_alone(delivery.mail) if cause is SendCause.CONTENT else None
        if text:
            if not self._store(tx, DeliveryStatus.WAITING, error.text, now, next_attempt_at=now, cause=cause):
                return self._overtaken()
            outbox.rewrite(tx, delivery.id, text)
            tell_refused_content(tx, delivery, error.text, now)
            return self._attempted(DeliveryStatus.WAITING, error, now, ())
        if not self._store(tx, DeliveryStatus.FAILED, error.text, now, cause=cause):
            return self._overtaken()
        given_up = give_up(tx, delivery, cause, error.text, now)
        if cause is SendCause.ADDRESS:
            content_hash = self._transport.content_hash
            refuse_address(tx, delivery, error.text, now, by=SuppressedBy.SERVER, content_hash=content_hash)
        return self._attempted(DeliveryStatus.FAILED, error, None, (given_up,))

    def _uncertain(self, tx: Connection, error: SendError, now: datetime) -> Attempted:
        delivery = self._delivery
        return self._store_uncertain(
            tx, error, now, uncertain=delivery.uncertain + 1, interrupted=delivery.interrupted
        )

    def _store_uncertain(
        self, tx: Connection, error: SendError, now: datetime, *, uncertain: int, interrupted: int
    ) -> Attempted:
        retry_at = _next_uncertain(
            uncertain, interrupted, self._delivery.expires_at, options=self._options, now=now
        )
        if not self._store(
            tx,
            DeliveryStatus.UNCERTAIN,
            error.text,
            now,
            next_attempt_at=retry_at,
            uncertain=uncertain,
            interrupted=interrupted,
        ):
            return self._overtaken()
        if retry_at is None:
            rest(tx, self._delivery, error.text, now)
        return self._attempted(DeliveryStatus.UNCERTAIN, error, retry_at, ())

    def _interrupted(self, tx: Connection, now: datetime, is_past_dot: bool) -> None:
        delivery = self._delivery
        reply = sentence("the service was stopped while this mail was being sent")
        stage = Step.DOT.value if is_past_dot else ""
        self._end(tx, AttemptOutcome.INTERRUPTED, reply, now, stage=stage)
        if is_past_dot:
            error = SendError(reply, SendKind.UNCERTAIN)
            self._store_uncertain(
                tx, error, now, uncertain=delivery.uncertain, interrupted=delivery.interrupted + 1
            )
        else:
            attempts = delivery.attempts - 1
            self._store(tx, DeliveryStatus.WAITING, reply, now, next_attempt_at=now, attempts=attempts)

    def _relay_works(self, tx: Connection, now: datetime) -> None:
        state = _relay_state(tx, self._transport, now)
        if state.next_probe_at is not None:
            relays.save(tx, after_relay_success(state))
            tell_relay_up(tx, state, now)

    def _expire(self, tx: Connection, now: datetime) -> tuple[GivenUp, ...]:
        """Give up the mails that are too old and have been tried long enough since."""
        tried = outbox.tried_long_enough(tx, now, last_tries(self._options.expire))
        outbox.expire(tx, [delivery.id for delivery in tried])
        return tuple(give_up(tx, delivery, delivery.cause, delivery.last_reply, now) for delivery in tried)

    def _end(
        self,
        tx: Connection,
        outcome: AttemptOutcome,
        reply: str,
        now: datetime,
        *,
        code: int | None = None,
        stage: str = "",
    ) -> None:
        mail = self._delivery.id
        attempts.end(tx, mail, self._number, now, outcome=outcome, reply=reply, code=code, stage=stage)

    def _store(
        self,
        tx: Connection,
        status: DeliveryStatus,
        reply: str,
        now: datetime,
        *,
        next_attempt_at: datetime | None = None,
        cause: SendCause = SendCause.NONE,
        attempts: int | None = None,
        uncertain: int | None = None,
        interrupted: int | None = None,
    ) -> bool:
        return outbox.finish(
            tx,
            self._delivery.id,
            self._token,
            status=status,
            next_attempt_at=next_attempt_at,
            reply=reply,
            now=now,
            cause=cause,
            attempts=attempts,
            uncertain=uncertain,
            interrupted=interrupted,
        )

    def _attempted(
        self,
        status: DeliveryStatus,
        error: SendError,
        next_attempt_at: datetime | None,
        given_up: tuple[GivenUp, ...],
    ) -> Attempted:
        if (
            any(mail.delivery.id == self._delivery.id for mail in given_up)
            and status is DeliveryStatus.WAITING
        ):
            status, next_attempt_at = DeliveryStatus.EXPIRED, None
        return Attempted(
            delivery=self._delivery,
            status=status,
            reply=error.text,
            next_attempt_at=next_attempt_at,
            given_up=given_up,
        )


def _next_uncertain(
    uncertain: int, interrupted: int, expires_at: datetime, *, options: OutboxOptions, now: datetime
) -> datetime | None:
    if expires_at <= now:
        return None
    return next_uncertain_attempt(uncertain, interrupted, pause=options.uncertain_after, now=now)


def _recover(
    tx: Connection, now: datetime, options: OutboxOptions, sending_here: Collection[int]
) -> list[tuple[int, DeliveryStatus]]:
    next_uncertain = partial(next_uncertain_attempt, pause=options.uncertain_after, now=now)
    recovered = outbox.recover(tx, now, sending_here=sending_here, next_uncertain=next_uncertain)
    for status, stage in ((DeliveryStatus.WAITING, ""), (DeliveryStatus.UNCERTAIN, Step.DOT.value)):
        attempts.interrupt(tx, [number for number, each in recovered if each is status], now, stage=stage)
    for delivery in outbox.resting(tx, [number for number, _ in recovered]):
        rest(tx, delivery, delivery.last_reply, now)
    outbox.hold_unwanted(tx, now)
    # Those that were past their dot when that was decided, and were refused.
    outbox.cancel_suppressed(tx, SUPPRESSED, now)
    return recovered
