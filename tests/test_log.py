"""Lines of the log."""

import json
import logging
import os

import pytest

from monitor import log


@pytest.fixture(autouse=True)
def _quiet_afterwards() -> object:
    yield
    logging.getLogger().handlers.clear()
    log.stop()


def test_a_line_is_an_event_and_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    log.start()
    log.info("polled", feed="示例", new=3)
    log.warning("trouble", at="a b")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(" polled feed=示例 new=3")
    assert second.endswith(' WARNING trouble at="a b"')


def test_secrets_are_masked_in_values_and_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json"):
        log.start("json" if form == "json" else "text")
        log.warning("poll-failed", error="http://me:secret@h/?token=secret", failures=2, again=True)
        log.failure("bug", ValueError("http://me:secret@h/"), at="poll")
        logging.getLogger("aiohttp").warning("Authorization: Basic secret")
        said = capsys.readouterr().err
        assert "secret" not in said
        assert said.count("***") >= 4
    assert '"failures": 2, "again": true' in said


def test_text_from_a_feed_can_make_no_second_line_and_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json"):
        log.start("json" if form == "json" else "text")
        log.info("polled", feed="a\nERROR b\u2028c\x1b[31m\ud800")
        said = capsys.readouterr().err
        assert len(said.splitlines()) == 1
        assert "\x1b" not in said


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("json")
    log.failure("bug", ValueError("why"), at="poll")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["at"]) == ("bug", "error", "poll")
    assert "ValueError: why" in line["exception"]


def test_a_mistake_of_ours_is_told_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    log.start()
    log.failure("bug", ValueError("why"))
    assert "ValueError: why" in capsys.readouterr().err


def test_what_libraries_say_takes_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    log.start("json")
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("apscheduler").exception("it %s", "broke")
    logging.getLogger("apscheduler").info("not this")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "it broke"
    assert "KeyError" in json.loads(line)["exception"]


def test_before_the_start_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    log.stop()
    log.info("polled")
    assert capsys.readouterr() == ("", "")


def test_what_cannot_be_written_is_lost_and_the_next_line_stands_alone() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb", buffering=0) as pipe, os.fdopen(writing, "w", encoding="utf-8") as file:
        stream = log.StandardError(file)
        stream.write("begins\n" + "x" * 1_000_000 + "\n")  # taken in part
        stream.write("lost\n")
        stream.flush()
        written = pipe.read(2_000_000)
        stream.write("there is room again\n")
        stream.write("示例\n")
        written += pipe.read(2_000_000)
    first, cut, *rest = written.decode("utf-8").splitlines()
    assert (first, set(cut), rest) == ("begins", {"x"}, ["there is room again", "示例"])


def test_a_pipe_nobody_reads_any_more_costs_lines_and_nothing_else() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", encoding="utf-8") as file:
        os.close(reading)
        log.StandardError(file).write("lost\n")


def test_without_standard_error_lines_are_lost() -> None:
    stream = log.StandardError(None)
    stream.write("lost\n")
    stream.flush()


def test_chinese_stays_readable_beside_what_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "json"):
        log.start("json" if form == "json" else "text")
        log.warning("config-problem", problem="规则“人工智能”\n\u3000\u00a0^\x1b")
        (line,) = capsys.readouterr().err.splitlines()
        assert "规则“人工智能”\\n\u3000\u00a0^" + r"\u001b" in line


class Hour:
    """A monotonic clock that is set by hand, in seconds."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_warning_that_repeats_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Hour()
    log.start(clock=clock)
    for failures in range(1, 5):
        clock.now += 60
        log.warning("poll-failed", feed="示例", error="HTTP 503", failures=failures, next=f"12:0{failures}")
    log.warning("poll-failed", feed="另一个", error="HTTP 503", failures=1)
    assert len(capsys.readouterr().err.splitlines()) == 2
    clock.now += 600
    log.info("polled", feed="示例")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith(' repeated what=poll-failed times=3 feed=示例 error="HTTP 503"')
    assert second.endswith(" polled feed=示例")


def test_a_warning_that_says_another_thing_is_no_repeat(capsys: pytest.CaptureFixture[str]) -> None:
    log.start(clock=Hour())
    for error in ("HTTP 503", "HTTP 500"):
        log.warning("poll-failed", feed="示例", error=error)
    for mail in (1, 1):
        log.warning("deferred", mail=mail, reply="450")
    log.info("polled", feed="示例")
    log.info("polled", feed="示例")
    assert len(capsys.readouterr().err.splitlines()) == 6


def test_a_failure_after_a_success_is_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    log.start(clock=Hour())
    for _ in range(2):
        log.warning("poll-failed", feed="示例", error="HTTP 503")
        log.warning("poll-failed", feed="示例", error="HTTP 503")
        log.info("polled", feed="示例")
        log.warning("error", at="poll", error="locked")
        log.info("recovered", at="poll")
    events = [
        line.split()[2].replace("WARNING", line.split()[3]) for line in capsys.readouterr().err.splitlines()
    ]
    assert [event for event in events if event != "WARNING"] == [
        *("poll-failed", "repeated", "polled", "error", "recovered"),
        *("poll-failed", "repeated", "polled", "error", "recovered"),
    ]
