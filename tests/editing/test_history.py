from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.assets import DEFAULT_CONFIG
from monitor.config.positions import only, rule_part
from monitor.editing.history import plan_undo, with_rule_part
from monitor.errors import MonitorError
from monitor.model.rules import RulesetVersion

TEXT = """\
# mine
[store]
url = "postgresql+psycopg://me:secret@localhost/news"
# url = "sqlite:///a.db"

# ---- what is looked for ----
[[rules]]  # the first
name = "a"
any = [
  "[store]",  # a word like any other
]

# and more
[aliases]
b = ["c"]

# ---- who gets it ----
[[subscriptions]]
name = "s"

# password = "secret"

[[rules]]
name = "d"
when = \"\"\"
[smtp]
\"\"\"
"""

PART = """\
# ---- what is looked for ----
[[rules]]  # the first
name = "a"
any = [
  "[store]",  # a word like any other
]

# and more
[aliases]
b = ["c"]

[[rules]]
name = "d"
when = \"\"\"
[smtp]
\"\"\"
"""


def test_the_rules_are_taken_with_their_comments_and_nothing_else() -> None:
    assert rule_part(TEXT) == PART


def test_rules_are_put_where_rules_begin_and_the_rest_stays() -> None:
    changed = with_rule_part(TEXT, '[[rules]]\nname = "x"\n')
    assert with_rule_part(TEXT, '[[rules]]\nname = "x"') == changed
    assert changed == (
        '# mine\n[store]\nurl = "postgresql+psycopg://me:secret@localhost/news"\n# url = "sqlite:///a.db"\n\n'
        '[[rules]]\nname = "x"\n\n'
        '# ---- who gets it ----\n[[subscriptions]]\nname = "s"\n\n# password = "secret"\n'
    )


@pytest.mark.parametrize("text", [DEFAULT_CONFIG.read_text("utf-8"), TEXT[: TEXT.index("# password")]])
def test_rules_put_back_where_they_were_change_nothing(text: str) -> None:
    assert with_rule_part(text, rule_part(text)) == text
    other = '[matching]\nignore = []\n\n[aliases]\nx = ["y"]\n\n[[rules]]\nname = "x"\n'
    assert with_rule_part(with_rule_part(text, other), rule_part(text)) == text


@pytest.mark.parametrize(
    ("text", "end"), [("", ""), ("[web]\n", "[web]\n\n"), ("[web]", "[web]\n\n"), ("[web]\n\n", "[web]\n\n")]
)
def test_a_file_without_rules_gets_them_at_its_end(text: str, end: str) -> None:
    assert rule_part(text) == ""
    assert with_rule_part(text, PART) == end + PART


def test_line_ends_of_windows_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    assert rule_part(text) == PART.replace("\n", "\r\n")


def test_one_table_of_a_broken_file_can_be_read() -> None:
    assert 'url = "postgresql' in only(TEXT.replace('name = "a"', "name = = a"), "store")


def test_an_unclosed_bracket_in_a_rule_does_not_swallow_the_tables_behind_it() -> None:
    broken = TEXT.replace('  "[store]",  # a word like any other\n]', '  "[store]",')
    changed = with_rule_part(broken, '[[rules]]\nname = "x"\n')
    assert '# ---- who gets it ----\n[[subscriptions]]\nname = "s"\n' in changed
    assert '"[store]",' not in changed


def test_rules_that_the_file_has_already_are_not_put_back(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TEXT, "utf-8")
    target = RulesetVersion(version=3, at=datetime(2026, 11, 24, tzinfo=UTC), fingerprint="f", text=PART)
    with pytest.raises(MonitorError, match="has the rules of version 3 already"):
        plan_undo(file, target)
