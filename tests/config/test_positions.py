import pytest

from monitor.config.positions import lines_of

TEXT = '''# a comment with [brackets]
[fetch]
timeout = "30s"  # [x]

[[rules]]
name = "a"
any = [
  "]",  # one
  "[[rules]]",
]
none = ["x"]
[[rules]]
"name" = "b"
text = """
[[rules]]
name = "not a key"
"""
all = ["y"]
'''


@pytest.mark.parametrize(
    ("table", "index", "key", "line"),
    [
        ("fetch", 0, "", 2),
        ("fetch", 0, "timeout", 3),
        ("rules", 0, "any", 7),
        ("rules", 0, "none", 11),
        ("rules", 1, "", 12),
        ("rules", 1, "name", 13),
        ("rules", 1, "text", 14),
        ("rules", 1, "all", 18),
    ],
)
def test_a_key_is_found_on_its_line(table: str, index: int, key: str, line: int) -> None:
    assert lines_of(TEXT).find(table, index, key) == line


def test_a_key_that_is_missing_is_looked_for_at_its_table() -> None:
    assert lines_of(TEXT).find("rules", 1, "feeds") == 12
    assert lines_of(TEXT).find("smtp", 0, "host") is None


def test_single_quoted_multi_line_strings_hide_their_lines_too() -> None:
    assert lines_of("a = '''x\n[b]\n'''\n[c]\n").find("c") == 4
    assert lines_of("a = '''x''' \n[c]\n").find("c") == 2
    assert lines_of("[a]\nb = { c = [1, 2] }\nd = 1\n").find("a", 0, "d") == 3
