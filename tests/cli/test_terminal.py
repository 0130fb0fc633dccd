import pytest

from monitor.cli.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("甲\x1b[31m乙", "甲\\x1b[31m乙"),
        ("Chat\u200bGPT\u2060\u00ad", "ChatGPT"),
        ("\u202e倒\u2066", "倒"),
        ("\u3164\u115f", ""),
        ("👩\u200d👧 一家", "👩\u200d👧 一家"),
        ("AI\u00a0日报", "AI\u00a0日报"),
        ("甲\u3000乙\n丙", "甲\u3000乙\n丙"),
    ],
)
def test_a_terminal_is_shown_what_can_be_seen_and_obeys_nothing(text: str, shown: str) -> None:
    assert printable(text) == shown
