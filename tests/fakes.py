"""A clock, a web and a mailbox that do what a test has set."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from monitor.config.options import Feed
from monitor.errors import FeedError, SendCause, SendError, SendKind
from monitor.feeds.body import Body
from monitor.feeds.fetch import Fetched, NotModified
from monitor.mail import BeforeDot, BeforeRcpt, go_on
from monitor.model.feeds import Validators
from monitor.model.mail import Mail
from tests.make import NOW


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


class FakeWeb:
    """Serves each feed the answers set for it, and keeps the validators of each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Validators]] = []
        # Made at each request: a poll lets go of the body that it is given.
        self._answers: dict[str, deque[Callable[[], Fetched | NotModified | FeedError]]] = {}

    def serves(
        self,
        feed: Feed,
        *answers: bytes | FeedError | None,
        etag: str = '"1"',
        moved_to: str = "",
        date: datetime | None = None,
    ) -> None:
        """Set a feed's answers: bytes are a document, None is a 304, an error is raised; the last answer stays.

        They come from `moved_to`, where permanent redirects lead there.
        """
        self._answers[feed.url] = deque(
            partial(self._answer, feed, answer, etag, moved_to, date) for answer in answers
        )

    def _answer(
        self, feed: Feed, answer: bytes | FeedError | None, etag: str, moved_to: str, date: datetime | None
    ) -> Fetched | NotModified | FeedError:
        if isinstance(answer, FeedError):
            return answer
        validators, url, moved = Validators(etag=etag), moved_to or feed.url, bool(moved_to)
        if answer is None:
            return NotModified(validators=validators, url=url, moved_permanently=moved, max_age=None)
        body = Body(answer)
        return Fetched(
            body=body,
            content_type="application/rss+xml; charset=utf-8",
            validators=validators,
            url=url,
            moved_permanently=moved,
            max_age=None,
            date=date,
            release=body.close,
        )

    async def fetch(self, feed: Feed, validators: Validators) -> Fetched | NotModified:
        self.requests.append((feed.url, validators))
        answers = self._answers[feed.url]
        answer = (answers.popleft() if len(answers) > 1 else answers[0])()
        if isinstance(answer, FeedError):
            raise answer
        return answer


class FakeMailbox:
    """Takes mails, or fails with the errors set for the next ones."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self._next: deque[SendError] = deque()

    def refuses(
        self,
        kind: SendKind,
        *,
        times: int = 1,
        cause: SendCause | None = None,
        code: int | None = None,
        lasting: bool = False,
        window: timedelta | None = None,
    ) -> None:
        error = self.error(kind, cause=cause, code=code, lasting=lasting, window=window)
        self._next.extend(error for _ in range(times))

    def takes_all(self) -> None:
        """Take the next mails after all."""
        self._next.clear()

    def error(
        self,
        kind: SendKind,
        *,
        cause: SendCause | None = None,
        code: int | None = None,
        lasting: bool = False,
        window: timedelta | None = None,
    ) -> SendError:
        text = f"a {kind.value} answer"
        return SendError(text, kind, cause=cause, code=code, lasting=lasting, window=window)

    async def send(self, mail: Mail, before_dot: BeforeDot, before_rcpt: BeforeRcpt = go_on) -> str:
        await before_rcpt()
        error = self._next.popleft() if self._next else None
        if error is None or error.kind is SendKind.UNCERTAIN:
            await before_dot()
            self.mails.append(mail)  # with an uncertain answer, the mail has arrived all the same
        if error:
            raise error
        return "250 ok"

    @property
    def recipients(self) -> list[str]:
        return [mail.to for mail in self.mails]
