"""The checklist that every mail has to pass, row by row, with tools that know nothing of this program."""

import base64
import random
import re
import unicodedata
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, sync_playwright

from monitor.digests.room import LARGEST
from monitor.digests.wrap import columns
from monitor.mail.message import make_mail
from monitor.model.mail import Rendered
from tests.edges.test_browser import CHROMIUM
from tests.golden.mails import HOSTILE, LOCALES, NAMES, READERS, Golden, digest_of, golden_mails, goldens
from tests.golden.tools import AXE, node, perl, spam_scores, without
from tests.make import NOW

ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id", "List-Unsubscribe")
# Gmail, Outlook or Yahoo drop or mangle these (the public caniemail tables); those that do something are worse.
DENIED = (
    "script style link form input button svg video audio iframe frame object embed base picture img header footer"
    " main section article nav meta"
)

HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u00ad\u2060\u3164\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)


def test_goldens_are_as_many_as_they_should_be() -> None:
    names = [golden.name for golden in golden_mails()]
    assert len(names) == len(set(names)) >= 5 * len(LOCALES)


@pytest.fixture(params=golden_mails(), ids=lambda golden: golden.name)
def golden(request: pytest.FixtureRequest) -> Golden:
    assert isinstance(request.param, Golden)
    return request.param


def head(raw: bytes) -> bytes:
    return raw.partition(b"\r\n\r\n")[0]


def raw_header(raw: bytes, name: str) -> bytes:
    """Return the value of the one header of this name, folded as it is."""
    headers = re.split(rb"\r\n(?![ \t])", head(raw))
    (value,) = [header for header in headers if header.startswith(name.encode() + b": ")]
    return value.partition(b": ")[2]


def message(golden: Golden) -> EmailMessage:
    read = message_from_bytes(golden.mail.raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


# --- 1 to 4: the bytes --------------------------------------------------------------------------


def test_the_headers_are_there_once_and_no_line_is_too_long(golden: Golden) -> None:
    raw = golden.mail.raw
    names = [line.split(b":")[0].decode() for line in head(raw).split(b"\r\n") if line[:1] not in b" \t"]
    assert all(names.count(name) == 1 for name in ONCE)
    assert not {"Bcc", "Return-Path", "Sender"}.intersection(names)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert len(raw) <= 250_000
    for line in head(raw).split(b"\r\n"):
        assert len(line) <= 78 or b"<https:" in line or b"<mailto:" in line
        assert all(len(word) <= 75 for word in re.findall(rb"=\?[^? ]+\?[bq]\?[^? ]*\?=", line))


def test_the_parts_are_the_text_first_and_what_was_rendered(golden: Golden) -> None:
    read = message(golden)
    parts = list(read.iter_parts())
    assert read.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part in parts:
        assert (part["Content-Transfer-Encoding"], part.get_content_charset()) == ("base64", "utf-8")
    body = golden.mail.raw.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_the_list_headers_are_not_encoded(golden: Golden) -> None:
    raw = golden.mail.raw
    assert raw_header(raw, "List-Unsubscribe").startswith(b"<https://")
    assert raw_header(raw, "List-Unsubscribe-Post") == b"List-Unsubscribe=One-Click"
    assert raw_header(raw, "Auto-Submitted") == b"auto-generated"
    assert re.search(rb"<[a-z0-9.-]+>$", raw_header(raw, "List-Id"))


# --- 2: three parsers ---------------------------------------------------------------------------

_WORDS = (
    *("大模型", "AI", "GPT-4o", "“引用”", "用", " ", "  ", "👩\u200d👩\u200d👧", "e\u0301", "，"),
    *("=?utf-8?q?x?=", "_", "?", "H20", "ß", "한국", "·", "\u00a0"),
)


def subjects() -> Iterator[str]:
    """Random subjects as a template might make them: of one line, no space at the ends."""
    chance = random.Random(16)  # the same ones each time
    for _ in range(2000):
        words = (chance.choice(_WORDS) + chance.choice(("", " ")) for _ in range(chance.randint(1, 40)))
        yield " ".join("".join(words).split(" ")).strip() or "x"


def of_python(value: bytes) -> str:
    return str(make_header(decode_header(value.replace(b"\r\n", b"").decode())))


def test_subjects_come_back_in_python_perl_and_node() -> None:
    wanted = [*subjects(), *(golden.rendered.subject for golden in golden_mails())]
    mails = [
        make_mail(
            Rendered(subject=subject, text="x\n", html=""),
            sender="AI 日报，“晨间” <digest@example.org>",
            to=READERS[1],
            message_id="<1@example.org>",
            date=NOW,
        ).raw
        for subject in wanted
    ]
    raws = [raw_header(raw, "Subject") for raw in mails]
    by_node = node({"mail": base64.b64encode(raw).decode()} for raw in mails)
    read = {
        "python": list(map(of_python, raws)),
        "perl": perl(raws),
        "node": [answer["subject"] for answer in by_node],
    }
    bad = {parser: sum(a != b for a, b in zip(wanted, got, strict=True)) for parser, got in read.items()}
    assert bad == {"python": 0, "perl": 0, "node": 0}
    for answer in by_node:
        assert answer["from"] == [{"address": "digest@example.org", "name": "AI 日报，“晨间”"}]
        assert answer["to"] == [{"address": "second@example.org", "name": "另一位读者"}]


def test_what_node_reads_of_a_mail_is_what_was_rendered() -> None:
    mails = golden_mails()
    reads = node({"mail": base64.b64encode(golden.mail.raw).decode()} for golden in mails)
    for golden, read in zip(mails, reads, strict=True):
        assert read["subject"] == golden.rendered.subject
        assert read["html"].replace("\r\n", "\n") == golden.parts[1]
        assert read["text"].strip() == golden.parts[0].strip()


# --- 5: the text --------------------------------------------------------------------------------


def test_the_text_is_narrow_and_says_what_the_html_says(golden: Golden) -> None:
    text, html = golden.parts
    page = BeautifulSoup(html, "lxml")
    lines = text.split("\n")
    assert all(columns(line) <= 80 for line in lines if not line.startswith(("http", "mailto:")))
    assert not [line for line in lines if line != line.rstrip()]
    assert not re.search(r"&(?:amp|lt|gt|quot|nbsp|#\d+);", text)
    links = [str(link["href"]) for link in page.find_all("a", href=True)]
    addresses = [line for line in lines if re.match(r"https?://(?!very-long)", line)]
    assert addresses == [link for link in links if link.startswith("http")]
    at = 0
    joined = re.sub(r"\s+", "", text)
    for heading in page.find_all("h3"):
        title = re.sub(r"[\s\u2060]+", "", heading.get_text())
        assert title in joined[at:]
        at = joined.index(title, at)


def test_no_line_of_the_text_begins_with_a_separator(golden: Golden) -> None:
    assert not [line for line in golden.parts[0].split("\n") if line.startswith(("·", "・"))]


# --- 6 and 7: the HTML --------------------------------------------------------------------------


def test_the_html_is_valid() -> None:
    mails = golden_mails()
    found = dict(
        zip((golden.name for golden in mails), node({"html": each.parts[1]} for each in mails), strict=True)
    )
    assert {name: findings for name, findings in found.items() if findings} == {}


def test_the_html_does_nothing_hides_nothing_and_fits(golden: Golden) -> None:
    html = golden.parts[1]
    page = BeautifulSoup(html, "lxml")
    assert len(html.encode()) <= LARGEST
    assert page.body
    assert page.body.find_all(DENIED.split()) == []
    assert not [name for tag in page.find_all(True) for name in tag.attrs if name.startswith("on")]
    for tag in page.body.find_all(style=True):
        assert not re.search(r"display|opacity|visibility|position|url\(|expression", str(tag["style"]))
    assert not re.search(r"font-size:\s*(?:\d|10|11)px", html)
    links = [str(link["href"]) for link in page.find_all("a", href=True)]
    assert all(re.match(r"https?://[^/@\s]+(?:/|$)|mailto:", link) for link in links)
    assert not [link for link in links if "127.0.0.1" in link]
    assert f"https://digest.example.org/u/{'0' * 54}" in links, "the way out stands before Gmail's cut"


def test_a_hostile_title_is_shown_as_text_or_not_at_all(golden: Golden) -> None:
    seen = golden.parts[0] + golden.rendered.subject
    assert not HIDDEN.search(seen)
    if golden.name.startswith("hostile"):
        assert HOSTILE[0] in golden.parts[0]
        assert not unicodedata.category(golden.rendered.subject[0]).startswith("C")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        without("chromium", "apt-get install chromium")
    if not AXE.exists():
        without("axe-core", "make golden-tools")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", LOCALES)
def test_axe_finds_nothing(browser: Browser, locale: str, scheme: str) -> None:
    """Landmarks aside: mail programs drop what makes them, and bring their own."""
    found: dict[str, Any] = {}
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for golden in golden_mails():
        if golden.locale != locale or golden.name.startswith("500"):
            continue
        page.set_content(golden.parts[1])
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, golden.name
        page.add_script_tag(path=str(AXE))
        run = "axe.run({rules: {region: {enabled: false}, 'landmark-one-main': {enabled: false}}})"
        violations = page.evaluate(
            f"{run}.then(r => r.violations.map(v => [v.id, v.impact, v.nodes[0].html]))"
        )
        if violations:
            found[golden.name] = violations
    page.close()
    assert found == {}


# --- 8: two readers -----------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
def test_two_readers_mails_differ_in_address_message_id_and_their_link_only(locale: str) -> None:
    first, second = goldens(digest_of(8, locale), f"8-{locale}")
    own = [f"/u/{number * 54}" for number in "01"]
    for one, other in zip(first.parts, second.parts, strict=True):
        assert one != other
        assert one.replace(own[0], own[1]) == other
    lines = [set(head(golden.mail.raw).split(b"\r\n")) for golden in (first, second)]
    names = {line.split(b":")[0].decode() for line in lines[0] ^ lines[1] if line[:1] != b" "}
    assert names == {"To", "Message-ID", "List-Unsubscribe"}


# --- 9: a spam filter ---------------------------------------------------------------------------


def test_spamassassin_thinks_well_of_every_mail(tmp_path: Path) -> None:
    mails = golden_mails()
    scores = spam_scores([golden.mail.raw for golden in mails], tmp_path)
    too_high = {
        golden.name: said
        for golden, (score, said) in zip(mails, scores, strict=True)
        if score > (1.5 if golden.name.startswith("1-") else 0.5)
    }
    assert too_high == {}


def test_no_subject_shouts(golden: Golden) -> None:
    letters = re.sub("[^A-Za-z]", "", golden.rendered.subject)
    assert not letters.isupper() or " " not in golden.rendered.subject
    assert NAMES[golden.locale].replace(" ", "") in re.sub(r"\s", "", golden.rendered.subject)
