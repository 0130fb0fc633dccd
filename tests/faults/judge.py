"""Judge what was asked of the servers, what was logged, and what stands in the mails."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from itertools import pairwise

from monitor.demo.smtp_server import ReceivedMail
from tests.faults.fault import BACKOFF, MAX_BACKOFF, Played, Record

POLITE, READ, CLEAN, ON_TIME = "asked politely", "read as promised", "mails clean", "on time"
COLUMNS = (POLITE, READ, CLEAN, ON_TIME)
MISSING = "not mailed"
SETTLED = 15.0  # seconds after the start: hundreds of feeds are due at once, and all they bring is new
LATE = 2.0  # seconds that a good feed may be polled after its time

_TOKEN = re.compile(r"q(\d{3})e(\d+)z")
_CLOCKS_DIFFER = 0.15  # seconds between our clock and the service's: it reads its own after the answer
_LONGEST_VALIDATOR = 1024
_WANTED = {"user-agent": "feed-monitor/", "accept": "application/rss+xml", "accept-encoding": "gzip"}
_UNWANTED = (
    "cookie",
    "cookie2",
    "referer",
    "cache-control",
    "pragma",
    "authorization",
    "origin",
    "range",
    "if-range",
)
_MAIL_HEADERS = {
    *(
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    ),
    *(
        "list-id",
        "list-unsubscribe",
        "list-help",
        "feedback-id",
        "auto-submitted",
        "precedence",
        "content-language",
        "reply-to",
        "sender",
    ),
    *("x-auto-response-suppress", "in-reply-to", "references"),
}
_LINK = r"(https?://[^\s]+|mailto:operator@example\.org(\?subject=unsubscribe[^\s]*)?)$"  # how to leave, too
_FORBIDDEN_TAGS = {
    "script",
    "img",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "svg",
    "math",
    "base",
    "link",
    "plaintext",
    "textarea",
}
_HIDES = ("FORBIDDEN", "SECRET_FILE")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe]")


@dataclass(slots=True)
class Verdict:
    """What is wrong with one fault's play, by column."""

    played: Played
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def judge(
    played: Sequence[Played],
    mails: Sequence[ReceivedMail],
    recipients: Sequence[str],
    *,
    began: float,
    seconds: float,
) -> tuple[list[Verdict], list[str]]:
    """Return a verdict for each fault, and what is wrong with mails that no fault can be named for.

    The play began at `began`, in monotonic seconds, and took `seconds`.
    """
    read = [_read(mail, recipients) for mail in mails]
    seen: dict[int, Counter[int]] = defaultdict(Counter)  # by fault: its entries, by the mails that hold them
    for content in read:
        for place, number in content.tokens:
            seen[place][number] += 1
    verdicts = []
    for place, each in enumerate(played):
        each.mails = sum(any(holder == place for holder, _ in content.tokens) for content in read)
        verdict = Verdict(each)
        verdict.wrong[POLITE] = list(_asked(each))
        verdict.wrong[READ] = [
            *_delivered(each, seen[place], [c.text for c in read]),
            *each.fault.check(each),
        ]
        if each.fault.kind == "neighbours":
            verdict.wrong[ON_TIME] = list(_late(each, began, seconds))
        verdicts.append(verdict)
    others = []
    for content in read:
        for of, complaint in content.wrong:
            if of is None or of >= len(verdicts):
                others.append(complaint)
            else:
                verdicts[of].wrong[CLEAN].append(complaint)
    return verdicts, others


# --- requests -------------------------------------------------------------------------------------


def _asked(played: Played) -> Iterator[str]:
    for record in played.records:
        yield from _request(record)
    own = [record for record in played.records if record.path == played.fault.path]
    if played.fault.is_conditional:
        yield from _conditional(own, is_whole=played.fault.is_whole)
    if played.fault.pauses:
        yield from _paused(played, own)


def _request(record: Record) -> Iterator[str]:
    if not record.line.startswith("GET "):
        yield f"request line {record.line[:40]!r}"
    names = [name.lower() for name, _ in record.headers]
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        yield f"headers twice: {doubled}"
    if unwanted := [name for name in names if name in _UNWANTED]:
        yield f"sent {unwanted}"
    for name, part in _WANTED.items():
        if part not in (record.header(name) or ""):
            yield f"{name}: {record.header(name)}"
    if "#" in record.path:
        yield "sent a fragment"


def _conditional(own: Sequence[Record], *, is_whole: bool) -> Iterator[str]:
    etag = last_modified = ""
    for number, record in enumerate(own, 1):
        for name, expected in (("If-None-Match", etag), ("If-Modified-Since", last_modified)):
            if (record.header(name) or "") != expected:
                yield f"request {number}: {name} is {str(record.header(name))[:40]!r}, not {expected[:40]!r}"
        if not is_whole:
            continue
        if record.is_good and record.status == 200:
            etag, last_modified = _usable(record.etag), _usable(record.last_modified)
        elif record.is_good:
            etag = _usable(record.etag) or etag
            last_modified = _usable(record.last_modified) or last_modified


def _usable(value: str) -> str:
    return value if len(value) <= _LONGEST_VALIDATOR and value.isascii() and value.isprintable() else ""


def _paused(played: Played, own: Sequence[Record]) -> Iterator[str]:
    """Yield the requests that came too soon: before the interval or the server's wish, or before growing pauses."""
    outcomes = [event for event in played.events if event["event"] in ("polled", "poll-failed")]
    failures = 0
    for number, (earlier, later) in enumerate(pairwise(own), 2):
        since = [event for event in outcomes if earlier.at <= float(str(event["logged_at"])) <= later.at]
        gap = later.at - earlier.at
        if not since and not failures:
            yield f"request {number} came {gap:.1f} s after the one before, in the same poll"
            continue
        # Of a failure that repeats the log tells once in ten minutes: without an event it was one more.
        failures = 0 if since and since[-1]["event"] == "polled" else failures + 1
        wait = min(BACKOFF * 2 ** (failures - 1), MAX_BACKOFF) if failures else played.fault.every
        wait = max(wait, earlier.pause) - _CLOCKS_DIFFER
        if gap < wait:
            yield f"request {number} came after {gap:.1f} s, not {wait:.1f} s"


def _late(played: Played, began: float, seconds: float) -> Iterator[str]:
    late = [late for at, late in polls_late(played) if at > began + SETTLED]
    if max(late, default=0.0) > LATE:
        yield f"polled {max(late):.1f} s after its time"
    if len(late) < (seconds - SETTLED) / (played.fault.every * 1.1 + LATE) - 2:
        yield f"polled {len(late)} times in {seconds - SETTLED:.0f} s"


def polls_late(played: Played) -> list[tuple[float, float]]:
    """Return each poll's instant, in monotonic seconds, and by how many seconds it came after its interval.

    The interval's jitter, a tenth, counts as late.
    """
    pairs = pairwise(played.records)
    return [(later.at, later.at - earlier.ended_at - played.fault.every) for earlier, later in pairs]


# --- entries --------------------------------------------------------------------------------------


def _delivered(played: Played, seen: Counter[int], texts: Sequence[str]) -> Iterator[str]:
    fault = played.fault
    missing = sorted(fault.delivers - seen.keys())
    if missing:
        yield f"{MISSING}: entries {missing[:9]}"
    if strange := sorted(seen.keys() - fault.delivers - fault.may_deliver):
        yield f"mailed, and should not be: entries {strange[:9]}"
    if twice := {number: count for number, count in seen.items() if count > 1}:
        yield f"mailed more than once: {dict(list(twice.items())[:5])}"
    failed = sum(event["event"] == "poll-failed" for event in played.events)
    if fault.fails is True and not failed:
        yield "no poll failed"
    if fault.fails is False and failed:
        errors = {str(event["error"])[:90] for event in played.events if event["event"] == "poll-failed"}
        yield f"{failed} polls failed: {sorted(errors)}"
    if not any(event["event"] in ("polled", "poll-failed") for event in played.events):
        yield "never polled"
    for text in fault.shows:
        if not any(text in shown for shown in texts):
            yield f"no mail shows {text!r}"


# --- mails ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Content:
    """One mail, read: the entries whose titles can be seen in both parts, and what is wrong."""

    tokens: set[tuple[int, int]]
    text: str
    wrong: list[tuple[int | None, str]]


def _read(mail: ReceivedMail, recipients: Sequence[str]) -> _Content:
    message = message_from_bytes(mail.raw, policy=policy.default)
    plain, html = _part(message, "plain"), _part(message, "html")
    page = _Page()
    page.feed(html)
    page.close()
    seen = "".join(page.seen)
    tokens = {
        (int(place), int(number)) for place, number in set(_TOKEN.findall(plain)) & set(_TOKEN.findall(seen))
    }
    one_sided = set(_TOKEN.findall(plain)) ^ set(_TOKEN.findall(seen))
    wrong: list[tuple[int | None, str]] = [(None, text) for text in _envelope(mail, message, recipients)]
    wrong += [
        (int(place), f"entry {number} is seen in one part of a mail only") for place, number in one_sided
    ]
    wrong += [(_place_in(text), f"in the HTML: {text[:80]}") for text in page.wrong]
    for name, shown in (("text", plain), ("HTML", seen), ("subject", str(message["Subject"]))):
        for found in _CONTROLS.finditer(shown):
            wrong.append((_place_at(shown, found.start()), f"{found.group()!r} in the {name}"))
        for forbidden in _HIDES:
            if forbidden in shown:
                wrong.append((_place_at(shown, shown.index(forbidden)), f"{forbidden!r} in the {name}"))
    return _Content(tokens, " ".join(f"{message['Subject']} {plain} {html}".split()), wrong)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""


def _envelope(mail: ReceivedMail, message: EmailMessage, recipients: Sequence[str]) -> Iterator[str]:
    head = mail.raw.partition(b"\r\n\r\n")[0]
    names = [
        line.partition(b":")[0].decode("latin-1").lower()
        for line in head.split(b"\r\n")
        if line[:1] not in (b" ", b"\t")
    ]
    if strange := [name for name in names if name not in _MAIL_HEADERS]:
        yield f"headers {strange}"
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        yield f"headers twice: {doubled}"
    if re.search(rb"[^\r]\n|\r[^\n]", mail.raw):
        yield "a bare CR or LF"
    if max(map(len, mail.raw.split(b"\r\n"))) > 998:
        yield "a line of more than 998 bytes"
    to = [address.addr_spec for address in message["To"].addresses]
    if len(mail.recipients) != 1 or to != list(mail.recipients) or mail.recipients[0] not in recipients:
        yield f"sent to {mail.recipients}, addressed to {to}"
    parts = [part.get_content_type() for part in message.walk()]
    if parts not in (["multipart/alternative", "text/plain", "text/html"], ["text/plain"]):
        yield f"parts {parts}"


class _Page(HTMLParser):
    """Read the HTML part as a mail program does: what can be seen, and what should not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.wrong: list[str] = []
        self._hidden = 0  # inside <head>

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "head":
            self._hidden += 1
        shown = f"<{tag} {attributes}>"
        if tag in _FORBIDDEN_TAGS or (tag == "style" and not self._hidden):
            self.wrong.append(shown)
        for name, value in attributes:
            if name.startswith("on") or (
                name in ("href", "src", "action") and not re.match(_LINK, value or "")
            ):
                self.wrong.append(shown)
            if name == "style" and re.search(r"display\s*:\s*none|url\(|expression|@import", value or ""):
                self.wrong.append(shown)
        if tag == "meta" and any(name == "http-equiv" for name, _ in attributes):
            self.wrong.append(shown)

    def handle_endtag(self, tag: str) -> None:
        if tag == "head":
            self._hidden -= 1

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.seen.append(data)


def _place_at(text: str, at: int) -> int | None:
    """Return the fault whose token stands last before a place."""
    before = _TOKEN.findall(text[: at + 20])
    return int(before[-1][0]) if before else None


def _place_in(shown: str) -> int | None:
    found = _TOKEN.search(shown)
    return int(found[1]) if found else None
