import base64
import random
import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest

from monitor.mail.message import MailingList, make_mail, new_message_id
from monitor.model.mail import Mail, Rendered
from monitor.model.recipients import Contact
from tests.make import NOW

SENDER = "AI 日报 <digest@example.org>"
ENCODED_WORD = re.compile(rb"=\?[^? ]+\?[bBqQ]\?[^? ]*\?=")


def mail(subject: str = "开源大模型 等 4 条 · AI 日报", **differ: Any) -> Mail:
    rendered = Rendered(
        subject=subject,
        text=differ.pop("text", "第一条\nhttps://news.example.org/1/\n"),
        html=differ.pop("html", "<p>第一条</p>\n"),
    )
    values: dict[str, Any] = {
        "sender": SENDER,
        "to": "reader@example.org",
        "message_id": "<1@example.org>",
        "date": NOW,
        "mailing_list": MailingList(key="AI 日报", name="AI 日报"),
        **differ,
    }
    return make_mail(rendered, **values)


def read(mail: Mail) -> EmailMessage:
    message = message_from_bytes(mail.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def subject_of(mail: Mail) -> str:
    """The subject as Python's newer parser decodes it; the parser is not asked about the other headers."""
    lines = mail.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    start = next(number for number, line in enumerate(lines) if line.startswith("Subject:"))
    after = next(number for number, line in enumerate(lines) if number > start and line[0] != " ")
    name, source = policy.default.header_source_parse([f"{line}\r\n" for line in lines[start:after]])
    return str(policy.default.header_fetch_parse(name, source))


def decoded(mail: Mail, name: str) -> str:
    """A header as Python's older parser decodes it: the newer one puts spaces into a name of several words."""
    unfolded = mail.raw.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode().split("\r\n")
    (value,) = [line.removeprefix(f"{name}: ") for line in unfolded if line.startswith(f"{name}: ")]
    return str(make_header(decode_header(value)))


def parts(mail: Mail) -> list[str]:
    return [
        part.get_content().replace("\r\n", "\n")
        for part in read(mail).iter_parts()
        if isinstance(part, EmailMessage)
    ]


def header_lines(mail: Mail) -> list[bytes]:
    return mail.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


def body_lines(mail: Mail) -> list[bytes]:
    return mail.raw.partition(b"\r\n\r\n")[2].split(b"\r\n")


def assert_well_formed(mail: Mail) -> None:
    """RFC 5322 2.1.1 and RFC 2047 2: line ends, line lengths, lengths of encoded-words."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", mail.raw)
    assert all(len(line) <= 998 for line in mail.raw.split(b"\r\n"))
    for line in header_lines(mail):
        assert all(len(word) <= 75 for word in ENCODED_WORD.findall(line))
        assert len(line) <= 76 or not ENCODED_WORD.search(line)
        assert not re.search(rb"\?==\?", line)  # two words must not touch


def test_a_mail_has_each_of_its_headers_once() -> None:
    names = [line.split(b":")[0] for line in header_lines(mail()) if not line.startswith(b" ")]
    assert names == [
        b"From",
        b"To",
        b"Subject",
        b"Date",
        b"Message-ID",
        b"List-Id",
        b"Feedback-ID",
        b"Auto-Submitted",
        b"Precedence",
        b"X-Auto-Response-Suppress",
        b"MIME-Version",
        b"Content-Type",
    ]


def test_headers_come_back_as_they_were_given() -> None:
    message = read(mail())
    assert message["From"].addresses[0].display_name == "AI 日报"
    assert message["From"].addresses[0].addr_spec == "digest@example.org"
    assert message["To"].addresses[0].addr_spec == "reader@example.org"
    assert message["Subject"] == "开源大模型 等 4 条 · AI 日报"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<1@example.org>"
    assert message["Auto-Submitted"] == "auto-generated"


def test_the_envelope_has_addresses_without_names() -> None:
    sent = mail(to="“读者” 王 <reader@example.org>")
    assert (sent.sender, sent.to) == ("digest@example.org", "reader@example.org")
    assert read(sent)["To"].addresses[0].display_name == "“读者” 王"


def test_the_same_mail_is_the_same_bytes() -> None:
    assert mail() == mail()


def test_two_recipients_differ_in_to_and_message_id_only() -> None:
    first, second = mail(), mail(to="other@example.org", message_id="<2@example.org>")
    differing = {
        line.split(b":")[0]
        for line, other in zip(header_lines(first), header_lines(second), strict=True)
        if line != other
    }
    assert differing == {b"To", b"Message-ID", b' boundary="=_' + header_lines(first)[-1][13:]}
    assert parts(first) == parts(second)


def test_the_text_comes_first_and_the_html_last() -> None:
    message = read(mail())
    assert message.get_content_type() == "multipart/alternative"
    both = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    assert [part.get_content_type() for part in both] == ["text/plain", "text/html"]
    assert [part.get_content_charset() for part in both] == ["utf-8", "utf-8"]
    assert [part["Content-Transfer-Encoding"] for part in both] == ["base64", "base64"]


def test_the_parts_decode_to_what_was_rendered() -> None:
    text = ".\nFrom here\n\n结尾 🙂\n" + "长" * 5000 + "\n"
    sent = mail(text=text, html=f"<p>{text}</p>")
    assert parts(sent) == [text, f"<p>{text}</p>"]
    assert all(len(line) <= 76 for line in body_lines(sent))
    assert_well_formed(sent)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_end_of_a_part_is_crlf(line_end: str) -> None:
    sent = mail(text=f"a{line_end}b{line_end}")
    encoded = sent.raw.split(b"\r\n\r\n")[2].partition(b"--")[0]
    assert base64.b64decode(encoded) == b"a\r\nb\r\n"


def test_a_lone_surrogate_in_a_part_does_not_raise() -> None:
    assert parts(mail(text="a\ud83d\n"))[0] == "a?\n"


def test_the_boundary_stands_in_no_part_and_ends_the_mail() -> None:
    sent = mail()
    boundary = read(sent).get_boundary()
    assert boundary is not None
    assert sent.raw.endswith(f"--{boundary}--\r\n".encode())
    assert sent.raw.count(boundary.encode()) == 4


@pytest.mark.parametrize(
    "subject",
    [
        "1 new match",
        "a" * 70,
        "a" * 200,
        "word " * 40 + "end",
        "x" * 60 + " " + "y" * 74,
        "two  spaces",
        "=?utf-8?q?=0D=0ABcc:_x?=",
        "AI 芯片 and chips, again 芯片",
        "  空格  在  中间",
        "开源大模型的重心正在转移" * 8,
        "e\u0301" * 60,
        "👩‍👩‍👧" * 20,
        "👍🏽" * 30,
        "🇨🇳🇩🇪" * 20,
        "a" + "\u0301" * 200,
        "𠮷野家𠮷",
        "Ünïcode",
    ],
)
def test_a_subject_comes_back_exactly(subject: str) -> None:
    sent = mail(subject)
    assert read(sent)["Subject"] == subject.strip()
    assert_well_formed(sent)


def test_a_subject_in_ascii_stays_as_it_is_up_to_76_octets_of_its_line() -> None:
    fits = "a" * 33 + " " + "b" * 33
    assert f"Subject: {fits}".encode() in header_lines(mail(fits))
    assert {b"Subject: " + b"a" * 33, b" " + b"b" * 34} <= set(header_lines(mail(fits + "b")))


def test_a_folded_line_of_a_subject_takes_76_octets_with_its_space() -> None:
    second = "b" * 37 + " " + "c" * 37
    assert f" {second}".encode() in header_lines(mail("a" * 60 + " " + second))
    assert {b" " + b"b" * 37, b" " + b"c" * 38} <= set(header_lines(mail("a" * 60 + " " + second + "c")))


def test_a_word_too_long_for_a_line_is_encoded() -> None:
    assert b"Subject: " + b"a" * 67 in header_lines(mail("a" * 67))
    for subject in ("a" * 68, "a " + "b" * 76):
        lines = header_lines(mail(subject))
        assert any(line.startswith(b"Subject: =?utf-8?b?") for line in lines)
        assert all(len(line) <= 76 for line in lines)
    assert b" " + b"b" * 75 in header_lines(mail("a " + "b" * 75))


@pytest.mark.untraced
def test_two_thousand_random_subjects_come_back_exactly() -> None:
    chance = random.Random(2047)
    pieces = [
        "AI",
        "芯片",
        " ",
        "  ",
        "，",
        "“",
        "大模型",
        "=?",
        "?=",
        "_",
        "é",
        "🙂",
        "👩‍👩‍👧",
        "H20",
        "·",
        "a" * 30,
        "\u3000",
    ]
    wrong = []
    for _ in range(2000):
        subject = "".join(chance.choices(pieces, k=chance.randint(1, 40))).strip() or "空"
        sent = mail(subject, sender=f"{subject} <digest@example.org>")
        assert_well_formed(sent)
        back = (
            subject_of(sent),
            decoded(sent, "Subject"),
            decoded(mail(sender=f"N{subject}号 <a@b.example>"), "From"),
        )
        if back != (subject, subject, f"N{subject}号 <a@b.example>"):
            wrong.append(back)
    assert wrong == []


def test_no_character_is_torn_between_two_encoded_words() -> None:
    for cluster in ("芯", "e\u0301", "👩‍👩‍👧", "🇨🇳", "👍🏽", "✈️", "1️⃣", "नि", "กำ", "한"):
        for line in header_lines(mail("x" + cluster * 40)):
            for word in ENCODED_WORD.findall(line):
                text = base64.b64decode(word.split(b"?")[3]).decode()
                assert text.lstrip("x").replace(cluster, "") in ("", "AI 日报")


@pytest.mark.parametrize(
    "poison",
    [
        "\r\nBcc: x@example.org",
        "\n",
        "\x00",
        "\x1b[31m",
        "\u2028",
        "\u2029",
        "\x85",
        "\ud83d",
        "\u202e",
        "\u2066",
        "\u200b",
        "\u3164",
    ],
)
@pytest.mark.parametrize("place", ["{}标题", "标{}题", "Title{}", "a{}b"])
def test_what_a_hostile_feed_puts_into_a_title_never_reaches_a_header(poison: str, place: str) -> None:
    text = place.format(poison)
    sent = mail(text, sender=f"{text} <digest@example.org>", mailing_list=MailingList(key=text, name=text))
    assert_well_formed(sent)
    message = read(sent)
    assert message["Bcc"] is None
    assert len(message.keys()) == 12
    for name in ("Subject", "From", "List-Id"):
        assert not re.search(
            "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u200b\u3164\u202a-\u202e\u2066-\u2069]",
            str(message[name]),
        )
    assert message["From"].addresses[0].addr_spec == "digest@example.org"


def test_a_subject_of_nothing_is_an_empty_header() -> None:
    assert b"Subject:" in header_lines(mail("\r\n"))


def test_a_name_of_plain_words_is_written_as_it_is_up_to_the_end_of_its_line() -> None:
    for length in range(50, 85):
        name = ("abcdefgh " * 10)[:length].strip()
        sent = mail(sender=f"{name} <digest@example.org>")
        (first, *_) = (line for line in header_lines(sent) if line.startswith(b"From:"))
        assert len(first) <= 76
        assert (b"=?" in first) is (len("From: ") + len(name) >= 76), name


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("digest@example.org", ""),
        ("Daily News <digest@example.org>", "Daily News"),
        ("News, daily <digest@example.org>", "News, daily"),
        ('"News, daily" <digest@example.org>', "News, daily"),
        ('"The \\"Daily\\"" <digest@example.org>', 'The "Daily"'),
        ("日报（每日） <digest@example.org>", "日报（每日）"),
        ("=?utf-8?q?x?= <digest@example.org>", "=?utf-8?q?x?="),
        (
            "The Daily Letter of the Society for Long Names and Much Longer Ones Still <digest@example.org>",
            None,
        ),
        ("很长的名字" * 12 + " <digest@example.org>", None),
    ],
)
def test_a_display_name_stays_one_mailbox(sender: str, name: str | None) -> None:
    sent = mail(sender=sender)
    (address,) = read(sent)["From"].addresses
    assert address.addr_spec == sent.sender == "digest@example.org"
    assert address.display_name == name or name is None
    assert decoded(sent, "From").endswith("<digest@example.org>")
    assert name or sender.startswith(decoded(sent, "From").rpartition(" <")[0])
    assert_well_formed(sent)


def test_nothing_is_encoded_around_an_address() -> None:
    lines = [line for line in header_lines(mail()) if line.startswith((b"From:", b"List-Id:"))]
    assert all(line.endswith(b"example.org>") for line in lines)
    assert b"AI" not in lines[0]


def test_a_domain_in_another_script_goes_as_a_labels() -> None:
    sent = mail(sender="日报 <digest@例子.测试>", to="读者 <reader@bücher.example>")
    assert (sent.sender, sent.to) == ("digest@xn--fsqu00a.xn--0zwm56d", "reader@xn--bcher-kva.example")
    assert b"xn--0zwm56d>" in sent.raw
    assert sent.raw.isascii()
    assert new_message_id("日报 <digest@例子.测试>", "1") == "<1@xn--fsqu00a.xn--0zwm56d>"


def test_a_local_part_in_another_script_travels_as_utf8() -> None:
    assert "To: <读者@example.org>".encode() in mail(to="读者@example.org").raw


def list_id(name: str) -> str:
    match = re.search(
        r"<([^>]+)>$", str(read(mail(mailing_list=MailingList(key=name, name=name)))["List-Id"])
    )
    assert match
    return match[1]


def test_a_list_is_known_by_the_same_id_in_every_mail() -> None:
    ids = {str(read(mail(subject, date=NOW + timedelta(days=1)))["List-Id"]) for subject in ("一", "二")}
    assert len(ids) == 1
    assert re.fullmatch(r"ai-[0-9a-f]{8}\.example\.org", list_id("AI 日报"))


def test_a_list_with_a_latin_name_is_called_by_it() -> None:
    assert list_id("weekly-ai") == "weekly-ai.example.org"


def test_different_lists_have_different_ids() -> None:
    names = [
        "AI 日报",
        "AI 周报",
        "日报",
        "周报",
        "weekly",
        "Weekly",
        "weekly!",
        "a" * 60,
        "a" * 61,
        "a" * 40,
    ]
    ids = [list_id(name) for name in names]
    assert len(set(ids)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+\.example\.org", list_id) for list_id in ids)


def test_a_message_id_has_the_unique_token_and_the_senders_domain() -> None:
    assert new_message_id(SENDER, "ab12.3-c_d") == "<ab12.3-c_d@example.org>"


@pytest.mark.parametrize(
    "unique", ["", "日报", "a b", "a@b", "reader@example.org", "x>\r\nBcc: y", "a" * 300, ".a", "\ud83d"]
)
def test_a_token_that_may_not_stand_in_a_message_id_is_hashed(unique: str) -> None:
    made: Callable[[], str] = lambda: new_message_id(SENDER, unique)  # noqa: E731  # twice the same call
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", made())
    assert made() == made()


LINK = "https://news.example.org/u/" + "x" * 54
CONTACT = Contact(
    public_url="https://news.example.org",
    reply_to="编辑部 <editor@example.org>",
    answers="editor@example.org",
)


def list_headers(**differ: Any) -> dict[str, str]:
    """Return the headers of a mail of a list as they stand in it, unfolded."""
    sent = mail(**{"mailing_list": MailingList(key="AI 日报", name="AI 日报", contact=CONTACT), **differ})
    head = sent.raw.partition(b"\r\n\r\n")[0].decode().replace("\r\n ", " ")
    return dict(line.split(": ", 1) for line in head.split("\r\n"))


def test_a_mail_with_a_link_can_be_left_by_one_click() -> None:
    headers = list_headers(link=LINK)
    assert headers["List-Unsubscribe"] == f"<{LINK}>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("path", ["", "/" + "p" * 73])
def test_the_link_stands_raw_on_one_line(path: str) -> None:
    link = f"https://news.example.org{path}/u/" + "x" * 54
    line = next(line for line in mail(**with_list(link)).raw.split(b"\r\n") if b"List-Unsubscribe:" in line)
    assert line == f"List-Unsubscribe: <{link}>".encode()
    assert len(line) < 900


def with_list(link: str = "", contact: Contact = CONTACT, key: str = "AI 日报") -> dict[str, Any]:
    return {"mailing_list": MailingList(key=key, name="AI 日报", contact=contact), "link": link}


def test_by_plain_http_there_is_no_one_click() -> None:
    headers = list_headers(link="http://127.0.0.1:8080/u/x")
    assert headers["List-Unsubscribe"] == "<http://127.0.0.1:8080/u/x>"
    assert "List-Unsubscribe-Post" not in headers


def test_without_pages_a_mail_is_left_by_a_mail() -> None:
    headers = list_headers()
    mailto = "<mailto:editor@example.org?subject=unsubscribe%20AI%20%E6%97%A5%E6%8A%A5>"
    assert headers["List-Unsubscribe"] == mailto
    assert "List-Unsubscribe-Post" not in headers
    assert headers["List-Help"] == mailto.replace("unsubscribe", "help")


def test_replies_go_where_they_are_answered() -> None:
    assert read(mail(**with_list()))["Reply-To"] == "编辑部 <editor@example.org>"
    without = Contact(answers="editor@example.org")
    assert "Reply-To" not in list_headers(**with_list(contact=without))


def test_gmail_is_told_which_list_complaints_are_about() -> None:
    feedback = list_headers()["Feedback-ID"]
    *_, sender = feedback.split(":")
    assert feedback.count(":") == 3
    assert 5 <= len(sender) <= 15
    assert feedback.isascii()


def test_a_notice_is_of_no_list() -> None:
    headers = list_headers(mailing_list=None)
    assert not [name for name in headers if name.startswith("List-") or name in ("Reply-To", "Feedback-ID")]


def test_the_id_of_a_list_is_made_of_its_key_whatever_its_name_is() -> None:
    ids = {
        list_headers(mailing_list=MailingList(key="ai", name=name))["List-Id"].rpartition(" ")[2]
        for name in ("AI 日报", "晨报", "AI")
    }
    assert ids == {"<ai.example.org>"}


def test_no_two_keys_share_an_id() -> None:
    hashed = list_id("AI 日报").partition(".")[0]
    keys = [
        "ai", "AI", "Ai", "a i", "a-i", "a--i", "-ai", "ai #2", "日报", "周报", hashed, hashed.upper(),
        "deadbeef", "x" * 40, "x" * 41, "x" * 42,
    ]  # fmt: skip
    assert len({list_id(key) for key in keys}) == len(keys)


def test_two_recipients_get_mails_that_differ_in_address_id_and_link_alone() -> None:
    shared = with_list()
    one = mail(**{**shared, "link": LINK})
    two = mail(
        **{
            **shared,
            "link": LINK.replace("x" * 54, "y" * 54),
            "to": "other@example.org",
            "message_id": "<2@example.org>",
        }
    )
    assert one.raw != two.raw

    def neutral(raw: bytes) -> bytes:
        for part in (b"x" * 54, b"y" * 54, b"reader@", b"other@", b"<1@", b"<2@"):
            raw = raw.replace(part, b"-")
        return re.sub(rb"=_[0-9a-f]{32}", b"=_", raw)

    assert neutral(one.raw) == neutral(two.raw)
