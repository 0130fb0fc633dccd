"""`monitor demo`, as somebody who has just installed it sees it."""

from email import message_from_bytes, policy
from pathlib import Path

from tests import make
from tests.command import run_command


def demo(folder: Path, *arguments: str, code: int = 0) -> str:
    result = run_command("demo", *arguments, folder=folder, environ={"HOME": str(folder)})
    assert result.code == code, f"exit {result.code}: {result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def test_the_bundled_feed_ends_as_a_digest_that_says_why(tmp_path: Path) -> None:
    output = demo(tmp_path)
    assert "nothing to tell, so no mail" in output, "the first visit brings nothing"
    assert "Why each entry is in it" in output
    mail = message_from_bytes((tmp_path / "demo" / "digest.eml").read_bytes(), policy=policy.default)
    text = (tmp_path / "demo" / "digest.txt").read_text("utf-8")
    assert (tmp_path / "demo" / "digest.html").stat().st_size > 1000
    assert "DeepSeek" in text
    assert [line for line in text.splitlines() if f"│ {line}" not in output] == [], "no line is broken again"
    assert "Airbnb" not in text
    assert mail["To"] == "reader@example.org"
    assert "\x1b" not in output


def test_another_feed_can_be_tried(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(make.rss("大模型降价", "天气转凉", hours_old=9000))
    output = demo(tmp_path, "--feed", "feed.xml", "--out", "mine")
    assert "大模型降价" in output
    assert (tmp_path / "mine" / "digest.html").exists()


def test_a_feed_without_a_match_makes_no_mail(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(make.rss("天气转凉"))
    assert "no mail" in demo(tmp_path, "--feed", "feed.xml")
    assert not (tmp_path / "demo").exists()


def test_what_is_no_feed_is_named(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_text("<html><body>log in</body></html>")
    assert "web page" in demo(tmp_path, "--feed", "feed.xml", code=1)
    assert "cannot be read" in demo(tmp_path, "--feed", "missing.xml", code=1)
